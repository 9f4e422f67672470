use serde_json::json;

use super::*;

#[test]
fn the_same_incident_is_counted_and_another_one_is_kept_beside_it() {
    let mut incidents = Incidents::default();
    for at in [3, 1, 2] {
        incidents.met(ms(at), Incident::new(IncidentKind::AnswerEmpty, "nothing to hear"));
    }
    incidents.met(ms(4), Incident::new(IncidentKind::AnswerEmpty, "again nothing"));
    assert_eq!(
        serde_json::to_value(incidents.in_order()).expect("JSON"),
        json!([
            { "at_ms": 1, "kind": "answer_empty", "detail": "nothing to hear", "times": 3 },
            { "at_ms": 4, "kind": "answer_empty", "detail": "again nothing", "times": 1 },
        ])
    );
}

#[test]
fn what_is_kept_is_bounded_in_number_and_length() {
    let mut incidents = Incidents::default();
    for number in 0..MOST + 5 {
        let detail = format!("{number:03}{}", "ä".repeat(LONGEST_DETAIL));
        incidents.met(ms(number as u64), Incident::new(IncidentKind::Disk, detail));
    }
    assert_eq!((incidents.seen().len(), incidents.omitted()), (MOST, 5));
    assert!(incidents.seen().iter().all(|seen| seen.detail.len() <= LONGEST_DETAIL + '…'.len_utf8()));
}

#[test]
fn the_word_of_a_kind_is_what_is_written() {
    for kind in IncidentKind::ALL {
        assert_eq!(serde_json::to_value(kind).expect("JSON"), kind.word());
    }
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
