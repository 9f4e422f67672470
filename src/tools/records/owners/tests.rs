use serde_json::json;

use super::*;

const ID: &str = "48b7f720-aa86-4a7d-8698-a8643a397676";
const OTHER: &str = "58b7f720-aa86-4a7d-8698-a8643a397676";

#[test]
fn a_call_owns_what_begins_as_its_transcript_does_and_what_bears_its_id() {
    let mut owners = Owners::default();
    let record = json!({ "ucid": "CA1", "call_start_time": 1_760_700_000_000_i64, "recording": "mine.wav" });
    owners.add(0, Some("call_CA1_17_transcript.json"), &record, Some(ID));
    for own in [
        "call_CA1_17_transcript.json",
        "call_CA1_17_queue.json",
        "call_CA1_17.wav",
        ".call_CA1_17_queue.json.tmp",
        "call_CA1_1760700000000_recording.wav",
        "call_CA1_1760700000000_recording_2.wav",
        "call_CA1_1760700000000_recording.mp3",
        "mine.wav",
        &format!("{ID}.wav"),
        &format!("{ID}-2.torn"),
        &format!("evt_{ID}_started.json"),
        &format!(".evt_{ID}_transcript.json.tmp"),
    ] {
        assert_eq!(owners.of(own), [0].into(), "{own}");
    }
    for foreign in [
        "call_CA1_170_queue.json",
        "call_CA1_18_queue.json",
        "call_CA11_17_queue.json",
        "call_CA1_1760700000000_queue.json",
        "call_CA1_17_1760800000000_transcript.json",
        "theirs.wav",
        &format!("{OTHER}.wav"),
        &format!("a{ID}.wav"),
        &format!("evt_{OTHER}_started.json"),
    ] {
        assert_eq!(owners.of(foreign), BTreeSet::new(), "{foreign}");
    }
    assert_eq!(owners.within(&format!(r#"{{"call":"{ID}"}}"#)), [0].into());
}

#[test]
fn an_id_is_believed_where_it_is_of_our_form() {
    assert_eq!(our_id(&ID.to_uppercase()).as_deref(), Some(ID));
    for bad in ["5", "", "..", "00000000-0000-0000-0000-000000000000", &ID.replace('-', ""), &format!("{{{ID}}}")] {
        assert_eq!(our_id(bad), None, "{bad}");
    }
}

#[test]
fn a_recording_name_with_a_path_is_ignored() {
    let names = |record: Value| recordings_of(&record).map(str::to_owned).collect::<Vec<_>>();
    assert!(
        names(json!({ "recording": "../../etc/x.wav", "recordings": ["/etc/x.wav", "a/b.wav", "..", ""] })).is_empty()
    );
    assert!(names(json!({ "recording": "call_CA2_17_transcript.json", "recordings": ["passwd", 5] })).is_empty());
    assert_eq!(names(json!({ "recording": "a.wav", "recordings": ["a.wav", "b.wav"] })), ["a.wav", "b.wav", "a.wav"]);
}

#[test]
fn a_recording_named_by_two_records_belongs_to_the_matching_one() {
    let mut owners = Owners::default();
    let name = "call_CA1_1760700000000_recording.wav";
    let record = |id: &str| json!({ "ucid": id, "call_start_time": 1_760_700_000_000_i64, "recording": name });
    owners.add(0, Some("call_CA1_1760700060000_transcript.json"), &record("CA1"), None);
    owners.add(1, Some("call_CA2_1760700060000_transcript.json"), &record("CA2"), None);
    assert_eq!(owners.of(name), [0].into());
    owners.add(2, Some("call_CA1_1760700060001_transcript.json"), &record("CA1"), None);
    assert_eq!(owners.of(name), [0, 2].into(), "and of both where it bears both's");
}

#[test]
fn a_carriers_id_that_begins_another_owns_nothing_of_it() {
    let mut owners = Owners::default();
    for (number, id) in ["CA1", "CA1_1760700000000", "CA1_1"].into_iter().enumerate() {
        let record = json!({ "ucid": id, "call_start_time": 1_760_700_000_000_i64 });
        owners.add(number, Some(&format!("call_{id}_1760700000000_transcript.json")), &record, None);
    }
    assert_eq!(owners.of("call_CA1_1760700000000_queue.json"), [0].into());
    assert_eq!(owners.of("call_CA1_1760700000000_1760700000000_queue.json"), [1].into());
    assert_eq!(owners.of("call_CA1_1_1760700000000_queue.json"), [2].into());
    assert!(is_of_carrier_id("call_CA1_1760700000000_recording.wav", "CA1"));
    assert!(!is_of_carrier_id("call_CA1_1_1760700000000_recording.wav", "CA1"));
    assert!(!is_of_carrier_id("call_CA1_1760700000000_1760700000000_queue.json", "CA1"));
}
