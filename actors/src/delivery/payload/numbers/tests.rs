use serde_json::{Value, json};

use super::*;

#[test]
fn numbers_are_written_as_javascript_writes_them() {
    for (number, expected) in [
        (0.0, "0"),
        (-0.0, "0"),
        (12.0, "12"),
        (-3.0, "-3"),
        (0.0504, "0.0504"),
        (0.1, "0.1"),
        (1e-5, "0.00001"),
        (1.5e-6, "0.0000015"),
        (1e-7, "1e-7"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
    ] {
        let written = write(&json!({"cost_usd": number})).expect("JSON");
        assert_eq!(String::from_utf8_lossy(&written), format!("{{\"cost_usd\":{expected}}}"));
        let again: Value = serde_json::from_slice(&written).expect("JSON");
        assert_eq!(again["cost_usd"].as_f64().map(f64::abs), Some(f64::abs(number)));
    }
    assert_eq!(
        write(&json!([1, 18_446_744_073_709_551_615_u64, "é\n"])).expect("JSON"),
        "[1,18446744073709551615,\"é\\n\"]".as_bytes()
    );
}
