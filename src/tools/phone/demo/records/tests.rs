use serde_json::json;

use super::*;

fn object(fields: &[&str]) -> Value {
    fields.iter().map(|field| ((*field).to_owned(), Value::Null)).collect()
}

fn good() -> (Value, Value) {
    let (mut transcript, mut queue) = (object(TRANSCRIPT_FIELDS), object(QUEUE_FIELDS));
    transcript["ucid"] = json!("CA1");
    transcript["ending"] = json!({"reason": "caller_hung_up", "by": "caller"});
    transcript["conversation"] =
        json!([{"speaker": "agent", "text": "Hello"}, {"speaker": "caller", "text": "A test drive"}]);
    queue["ucid"] = json!("CA1");
    queue["transcript_file"] = json!("call_CA1_7_transcript.json");
    (transcript, queue)
}

fn check_files(files: &[(&str, String)]) -> Records {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).expect("writable");
    }
    check(dir.path(), "CA1")
}

#[test]
fn a_complete_pair_is_found_among_others() {
    let (transcript, queue) = good();
    let records = check_files(&[
        ("call_CA1_7_transcript.json", transcript.to_string()),
        ("call_CA1_7_queue.json", queue.to_string()),
        ("call_CA2_7_queue.json", "{}".into()),
        ("call_CA1_heard.wav", String::new()),
    ]);
    assert_eq!(records.problems, Vec::<String>::new());
    assert!(records.transcript.is_some() && records.queue.is_some());
}

#[test]
fn whatever_is_missing_is_named() {
    assert_eq!(check_files(&[]).problems, ["no transcript of the call", "no queue file of the call"]);
    let (mut transcript, mut queue) = good();
    transcript["conversation"] = json!([{"speaker": "agent", "text": "Hello"}]);
    transcript.as_object_mut().expect("an object").remove("usage");
    queue["transcript_file"] = json!("another.json");
    let problems = check_files(&[
        ("call_CA1_7_transcript.json", transcript.to_string()),
        ("call_CA1_7_queue.json", queue.to_string()),
        ("call_CA1_8_queue.json", queue.to_string()),
    ])
    .problems
    .join("; ");
    for expected in ["without usage", "the caller says nothing", "2 queue files", "`transcript_file`"] {
        assert!(problems.contains(expected), "{expected} in {problems}");
    }
    let broken = check_files(&[("call_CA1_7_transcript.json", "{".into())]).problems.join("; ");
    assert!(broken.contains("not JSON"), "{broken}");
}
