use super::*;

#[test]
fn an_amount_is_read_as_it_was_written() {
    for amount in [0, 1, 21_242_400, 1_000_000_007] {
        let amount = Usd::from_billionths(amount);
        let text = serde_json::to_string(&amount).expect("a number");
        assert_eq!(serde_json::from_str::<Usd>(&text).expect("a number"), amount);
    }
}
