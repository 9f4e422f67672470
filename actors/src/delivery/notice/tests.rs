use serde_json::json;

use super::*;
use crate::delivery::testing::summary;

#[test]
fn a_notice_has_one_id_by_whichever_path_it_is_found() {
    let summary = summary();
    let made = Notice::of_call(Kind::CallEnded, &summary, summary.started_at, Some(Ending::Transferred));
    let record = json!({"id": summary.id, "call_id": "CA1", "ending": {"reason": "transferred", "by": "agent"}});
    let found = Notice::of_record(&record, &files());
    let ids: Vec<_> = found.iter().map(|notice| notice.id.as_str()).collect();
    assert_eq!(found.len(), 4);
    assert!(ids.contains(&made.id.as_str()), "{ids:?} have {}", made.id);
    assert!(found.iter().all(|notice| is_id(&notice.id)));
    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), 4);
}

#[test]
fn a_record_without_our_id_is_named_by_its_file() {
    let found = Notice::of_record(&json!({"call_id": "U1"}), &files());
    assert_eq!(found[2].id, "evt_call_u1_1_transcript-json_transcript");
    assert!(is_id(&found[2].id));
}

#[test]
fn an_id_is_a_harmless_file_name() {
    for bad in ["../evt_a", "evt_a/b", "evt_a.b", "a", "", "evt_A"] {
        assert!(!is_id(bad), "{bad}");
    }
}

#[test]
fn a_notice_survives_its_file() {
    let summary = summary();
    let made = Notice::of_call(Kind::CallStarted, &summary, summary.started_at, None);
    let text = serde_json::to_string(&made).expect("JSON");
    assert_eq!(serde_json::from_str::<Notice>(&text).expect("a notice"), made);
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).expect("a word"), kind.name());
    }
}

fn files() -> RecordFiles {
    RecordFiles { transcript: "call_U1_1_transcript.json".to_owned(), queue: "call_U1_1_queue.json".to_owned() }
}
