//! Numbers as JavaScript writes them (RFC 8785 §3.2.2.3): a receiver that parses a body and writes it again, to check its signature,
//! gets the same bytes. Pure.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

/// A body.
///
/// # Errors
/// When it cannot be written, which is so for no JSON value.
pub(super) fn write(body: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    body.serialize(&mut Serializer::with_formatter(&mut bytes, Plain))?;
    Ok(bytes)
}

struct Plain;

impl Formatter for Plain {
    fn write_f64<W: Write + ?Sized>(&mut self, writer: &mut W, number: f64) -> io::Result<()> {
        let size = number.abs();
        if number == 0.0 {
            // Of either sign.
            writer.write_all(b"0")
        } else if (1e-6..1e21).contains(&size) {
            write!(writer, "{number}")
        } else if size < 1.0 {
            write!(writer, "{number:e}")
        } else {
            write!(writer, "{}", format!("{number:e}").replace('e', "e+"))
        }
    }

    fn write_f32<W: Write + ?Sized>(&mut self, writer: &mut W, number: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(number))
    }
}

#[cfg(test)]
mod tests {
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
}
