use super::*;
use crate::realtime::plan::Transcription;

#[test]
fn a_change_names_what_changes_and_nothing_else() {
    let mut harness = Harness::ready();
    let hindi =
        Transcription { model: "whisper-1".to_owned(), language: Some("hi".to_owned()), ..Transcription::default() };
    let declared = json!({"type": "function", "name": "end_call", "description": "", "parameters": {}});
    let cases = [
        (change(Some("Speak Hindi."), None, None), json!({"type": "realtime", "instructions": "Speak Hindi."})),
        (
            change(None, Some(Some(hindi)), None),
            json!({"type": "realtime",
                "audio": {"input": {"transcription": {"model": "whisper-1", "language": "hi"}}}}),
        ),
        (change(None, Some(None), None), json!({"type": "realtime", "audio": {"input": {"transcription": null}}})),
        (change(None, None, Some(vec![tool("end_call")])), json!({"type": "realtime", "tools": [declared]})),
    ];
    for (place, (order, session)) in cases.into_iter().enumerate() {
        let event_id = format!("configure-{}", place + 2);
        let sent = harness.order(order).sent;
        assert_eq!(sent, [json!({"type": "session.update", "event_id": event_id, "session": session})]);
    }
    assert!(harness.order(change(None, None, None)).sent.is_empty(), "nothing changes");
}

#[test]
fn a_change_before_the_session_is_ready_waits_for_it() {
    let mut harness = Harness::updating();
    assert!(harness.order(change(Some("Speak Hindi."), None, None)).sent.is_empty());
    let ready = harness.hear(json!({"type": "session.updated", "session": {}}));
    assert_eq!(ready.sent[0]["session"], json!({"type": "realtime", "instructions": "Speak Hindi."}));
}

#[test]
fn a_request_is_spoken_under_the_instructions_sent_before_it() {
    let mut harness = Harness::ready();
    harness.order(change(Some("Speak Hindi."), None, None));
    harness.order(change(None, Some(None), None));
    assert_eq!(said_under(&mut harness), "Speak Hindi.\n\nGreet.");
    harness.hear(json!({"type": "session.updated", "session": {}}));
    harness.hear(json!({"type": "session.updated", "session": {}}));
    assert_eq!(said_under(&mut harness), "Speak Hindi.\n\nGreet.");
}

#[test]
fn a_refused_change_is_reported_reverted_and_survived() {
    let mut harness = Harness::ready();
    harness.order(change(Some("Speak Hindi."), Some(None), None));
    harness.order(change(Some("Speak French."), None, None));
    let refused = harness.error("invalid_value", "too long", Some("configure-3"));
    assert_eq!(
        refused.reports,
        [ModelReport::Complained { code: "invalid_value".to_owned(), message: "too long".to_owned() }]
    );
    assert!(refused.lost.is_none() && harness.session.is_ready());
    assert_eq!(said_under(&mut harness), "Speak Hindi.\n\nGreet.");
    assert!(!harness.session.settings.transcribes());
    harness.error("invalid_value", "no such model", Some("configure-2"));
    assert_eq!(said_under(&mut harness), "Be brief.\n\nGreet.");
    harness.hear(json!({"type": "session.updated", "session": {}}));
    assert_eq!(said_under(&mut harness), "Be brief.\n\nGreet.");
}

#[test]
fn changes_to_a_server_that_never_answers_are_bounded() {
    let mut harness = Harness::ready();
    for number in 0..100 {
        harness.order(change(Some(&format!("Number {number}.")), None, None));
    }
    assert_eq!(said_under(&mut harness), "Number 99.\n\nGreet.");
    for number in 90..102 {
        harness.error("invalid_value", "no", Some(&format!("configure-{number}")));
    }
    assert_eq!(said_under(&mut harness), "Number 91.\n\nGreet.", "the last that counts as taken");
}

fn change(
    instructions: Option<&str>,
    transcription: Option<Option<Transcription>>,
    tools: Option<Vec<ToolSpec>>,
) -> ModelOrder {
    ModelOrder::Configure {
        backend: None,
        language: None,
        instructions: instructions.map(str::to_owned),
        transcription,
        tools,
    }
}

/// The instructions of a response that is requested now.
fn said_under(harness: &mut Harness) -> String {
    let asked = harness.order(request(ResponsePurpose::Greeting, Some("Greet.")));
    let response = &asked.sent[0]["response"];
    let number = response["metadata"]["wish"].as_str().expect("a request").to_owned();
    let created = json!({"id": format!("r{number}"), "status": "completed", "metadata": {"wish": number}});
    harness.hear(json!({"type": "response.created", "response": created}));
    harness.audio(&format!("r{number}"), &format!("i{number}"), 960);
    harness.hear(json!({"type": "response.done", "response": created}));
    response["instructions"].as_str().expect("instructions").to_owned()
}
