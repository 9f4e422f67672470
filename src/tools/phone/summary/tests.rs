use super::*;

#[test]
fn a_repeated_warning_is_counted_and_different_ones_are_bounded() {
    let mut summary = Summary::default();
    for _ in 0..3 {
        summary.warn(Warning::new(31950, "a binary message"));
    }
    assert_eq!((summary.warnings.len(), summary.warned(31950)), (1, 3));
    for number in 0..200 {
        summary.warn(Warning::new(31951, format!("kind {number}")));
    }
    assert_eq!(summary.warnings.len(), MOST_WARNINGS);
    assert_eq!(summary.warned(31951), 200);
}

#[test]
fn the_text_names_what_a_person_looks_for() {
    let summary = Summary {
        carrier: "testing",
        call_sid: "CA1".into(),
        time_to_first_sound_ms: Some(412),
        heard_seconds: 3.25,
        ended_by: EndedBy::Service,
        ended_how: "stream closed (1000) → Hangup".into(),
        warnings: vec![Warning::new(31951, "not JSON: x")],
        ..Summary::default()
    };
    let text = summary.to_text();
    for expected in ["CA1", "after 412 ms", "3.2 s", "by the service: stream closed (1000) → Hangup", "31951 not JSON"]
    {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}
