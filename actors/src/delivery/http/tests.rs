use super::*;

#[test]
fn a_pause_may_be_seconds_or_a_date() {
    let now = DateTime::parse_from_rfc3339("2026-11-21T06:00:00Z").expect("a time").to_utc();
    for (text, expected) in [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Sat, 21 Nov 2026 06:01:30 GMT", Some(90)),
        ("Sat, 21 Nov 2026 05:00:00 GMT", Some(0)),
        ("soon", None),
        ("-5", None),
        ("", None),
    ] {
        assert_eq!(pause(text, now), expected.map(Duration::from_secs), "{text:?}");
    }
}
