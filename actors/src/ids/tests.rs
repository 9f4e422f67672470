use super::*;

#[test]
fn a_private_value_never_prints_itself() {
    let number = Private::new("+15550100001".to_owned());
    assert_eq!(format!("{number} {number:?}"), "[private] [private]");
    assert_eq!(number.expose(), "+15550100001");
}

#[test]
fn no_two_stream_tokens_are_alike() {
    let (one, other) = (StreamToken::random().into_inner(), StreamToken::random().into_inner());
    assert_ne!(one, other);
    assert!(one.expose().len() == 32 && one.expose().bytes().all(|byte| byte.is_ascii_hexdigit()));
}

#[test]
fn a_carriers_id_cannot_write_a_line_of_the_log() {
    let tag = CallTag::new(CallId::random(), &CarrierCallId::new("CA1\n[ERROR] call=\"x\" \u{202e}\u{1b}[2J"));
    assert_eq!(tag.carrier_call(), "CA1_[ERROR]_call__x___\u{5f}[2J");
    assert_eq!(logged(&"9".repeat(500)).len(), LONGEST_LOGGED);
    assert_eq!(logged("v3:a-b_c.d@10.0.0.1"), "v3:a-b_c.d@10.0.0.1", "what carriers use stays as it is");
}

#[test]
fn a_call_id_reads_what_it_prints() {
    let id = CallId::random();
    assert_eq!(CallId::parse(&id.to_string()), Some(id));
    assert_eq!(CallId::parse("CA0001"), None);
}
