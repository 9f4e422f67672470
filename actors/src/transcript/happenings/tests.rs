use serde_json::json;

use super::*;

#[test]
fn a_late_report_is_placed_by_its_time() {
    let mut happenings = Happenings::default();
    happenings.switched(ms(20), "hi".to_owned(), "ta".to_owned());
    happenings.switched(ms(10), "en".to_owned(), "hi".to_owned());
    happenings.answered(ms(40), "name".to_owned(), json!("B"), "answered".to_owned());
    happenings.answered(ms(30), "name".to_owned(), json!("A"), "unclear".to_owned());
    happenings.timed(TurnLatency { turn: 2, ..TurnLatency::default() });
    happenings.timed(TurnLatency { turn: 1, ..TurnLatency::default() });
    let ordered = happenings.in_order();
    assert_eq!(ordered.switches.iter().map(|switch| &*switch.to).collect::<Vec<_>>(), ["hi", "ta"]);
    assert_eq!(ordered.answers.iter().map(|answer| answer.value.clone()).collect::<Vec<_>>(), ["A", "B"]);
    assert_eq!(ordered.latency.iter().map(|latency| latency.turn).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn the_newest_turns_are_kept() {
    let mut happenings = Happenings::default();
    for turn in 1..=1_000 {
        happenings.timed(TurnLatency { turn, ..TurnLatency::default() });
    }
    assert_eq!((happenings.latency.len(), happenings.latency[0].turn, happenings.omitted), (MOST_TIMED, 801, 0));
}

#[test]
fn what_does_not_fit_is_counted() {
    let mut happenings = Happenings::default();
    for _ in 0..MOST_OF_A_KIND + 3 {
        happenings.transferred(ms(0), "sales".to_owned(), String::new(), "refused".to_owned());
    }
    assert_eq!((happenings.transfers.len(), happenings.omitted), (MOST_OF_A_KIND, 3));
    happenings.answered(ms(0), "k".to_owned(), json!({"a": ["x".repeat(MOST_BYTES)]}), "answered".to_owned());
    assert_eq!((happenings.answers.len(), happenings.omitted), (0, 4));
    happenings.answered(ms(0), "k".to_owned(), json!(true), "answered".to_owned());
    assert_eq!(happenings.answers.len(), 1, "what fits is taken all the same");
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
