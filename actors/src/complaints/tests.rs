use super::*;

#[test]
fn a_repeated_complaint_is_reported_once_and_then_counted() {
    #[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other way to have one")]
    let now = Instant::now();
    let mut complaints = Complaints::default();
    assert_eq!(complaints.heard("a", now), Telling::First);
    assert_eq!(complaints.heard("b", now), Telling::First);
    for tick in 1..3_000 {
        assert_eq!(complaints.heard("a", now + Duration::from_millis(20 * tick)), Telling::Counted);
    }
    assert_eq!(complaints.heard("a", now + REPORT_EVERY), Telling::Again(3_000));
    assert_eq!(complaints.heard("a", now + REPORT_EVERY), Telling::Counted);
    assert_eq!(complaints.unreported().collect::<Vec<_>>(), [("a".to_owned(), 1)]);
}

#[test]
fn each_code_of_a_complaint_is_reported_a_few_times() {
    #[expect(clippy::disallowed_methods, reason = "any instant will do, and there is no other way to have one")]
    let now = Instant::now();
    let mut complaints = Complaints::default();
    let first = (0..5_000).filter(|number| complaints.heard(&format!("code_{number}"), now) == Telling::First).count();
    assert_eq!((first, complaints.unreported().map(|(_, times)| times).sum::<u64>()), (MOST_KINDS, 5_000 - 8));
}

#[test]
fn quotes_in_a_servers_message_are_redacted() {
    for (said, expected) in [
        ("backend send config: EOF", "backend send config: EOF"),
        (
            "Missing required parameter: 'session.turn_detection.type'.",
            "Missing required parameter: 'session.turn_detection.type'.",
        ),
        ("Invalid value: 'my card is 12'. Try again in 1.2s", "Invalid value: '…'. Try again in 1.2s"),
        ("call +1 (555) 010-0199 or 4111 1111 1111 1111", "call +…"),
        ("got 4111-1111-1111-1111, sorry", "got …, sorry"),
        ("'15550100' isn't what's allowed", "'…' isn't what's allowed"),
        ("mail jo@example.com", "mail …"),
        ("in 350ms (tier 2)", "in 350ms (tier 2)"),
        ("९८७६५४३२१० is odd", "… is odd"),
    ] {
        let shown = redacted(said);
        assert!(shown.starts_with(expected), "{said}: {shown}");
        assert!(!shown.contains("0199") && !shown.contains("4111"), "{shown}");
    }
}
