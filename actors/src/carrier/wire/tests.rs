use super::*;

#[test]
fn messages_keep_their_order_and_their_kind() {
    let mut out = Outgoing::default();
    for _ in 0..2 {
        out.text(|text| {
            text.push('a');
            true
        });
        out.text(|_| false);
        out.binary(|bytes| {
            bytes.extend([1, 2]);
            true
        });
        out.text(|text| {
            text.push_str("bc");
            true
        });
        let found: Vec<_> = out.messages().collect();
        assert_eq!(found, [Incoming::Text("a"), Incoming::Binary(&[1, 2]), Incoming::Text("bc")]);
        out.clear();
        assert!(out.is_empty() && out.messages().next().is_none());
    }
}
