//! Tool calls.

use super::*;

fn calls(ids: &[&str]) -> Value {
    let calls: Vec<Value> = ids.iter().map(|id| json!({"id": id, "name": "check", "args": {"at": 8}})).collect();
    json!({"toolCall": {"functionCalls": calls}})
}

fn answer(id: &str, output: &str, speak: bool) -> ModelOrder {
    ModelOrder::AnswerTool { call: ToolCallId::new(id), output: output.to_owned(), speak }
}

fn response(seen: &Seen) -> Value {
    seen.one()["toolResponse"]["functionResponses"][0].clone()
}

#[test]
fn a_call_is_reported_once_and_its_result_is_answered() {
    let mut harness = Harness::ready();
    harness.caller("Is a table free?");
    let seen = harness.hear(calls(&["c1"]));
    assert_eq!(seen.names(), ["SpeechStopped", "ResponseStarted", "ToolCalled"]);
    let Some(ModelReport::ToolCalled(call)) = seen.reports.last() else { panic!("{seen:?}") };
    assert_eq!((call.name.as_str(), call.arguments.as_str()), ("check", r#"{"at":8}"#));
    assert!(harness.hear(calls(&["c1"])).reports.is_empty());
    assert_eq!(harness.turn_complete().names(), ["ResponseFinished"], "an answer follows the result");
    let seen = harness.order(answer("c1", r#"{"free":true}"#, true));
    assert_eq!(
        response(&seen),
        json!({"id": "c1", "name": "check", "response": {"output": {"free": true}}, "scheduling": "WHEN_IDLE"})
    );
    assert!(harness.session.carry_over().answer);
    assert_eq!(harness.audio(20).names(), ["ResponseStarted", "FirstAudio"]);
    assert!(!harness.session.carry_over().answer);
}

/// Trap: two answers after a tool, when a reminder comes beside the model's own.
#[test]
fn a_result_without_an_answer_is_asked_about_only_after_the_time_out() {
    let mut harness = Harness::ready();
    harness.hear(calls(&["c1"]));
    harness.turn_complete();
    assert_eq!(harness.order(answer("c1", "free", true)).sent.len(), 1);
    let begun = harness.now;
    assert_eq!(harness.pass(Timer::TurnUnanswered).text().0, "[Answer the caller now.]");
    assert_eq!(harness.now - begun, Duration::from_secs(6));
}

#[test]
fn results_of_one_response_lead_to_one_answer() {
    let mut harness = Harness::ready();
    harness.hear(calls(&["c1", "c2"]));
    harness.turn_complete();
    assert_eq!(response(&harness.order(answer("c1", "free", true)))["scheduling"], "SILENT");
    assert_eq!(response(&harness.order(answer("c2", "full", false)))["scheduling"], "WHEN_IDLE");
    let mut harness = Harness::ready();
    harness.hear(calls(&["c1", "c2"]));
    harness.turn_complete();
    harness.order(answer("c1", "free", true));
    let seen = harness.pass(Timer::SiblingsLate);
    assert_eq!(seen.text().0, "[Tell the caller about the result now.]");
}

#[test]
fn a_result_that_is_not_to_be_spoken_about_is_silent() {
    let mut harness = Harness::ready();
    harness.hear(calls(&["c1"]));
    harness.turn_complete();
    assert_eq!(response(&harness.order(answer("c1", "", false)))["scheduling"], "SILENT");
    assert!(harness.session.asking_deadline().is_none() && !harness.session.carry_over().answer);
}

/// Trap: a call may be taken back when the caller interrupts.
#[test]
fn a_call_that_was_taken_back_is_not_answered() {
    let mut harness = Harness::ready();
    harness.hear(calls(&["c1", "c2"]));
    harness.content(json!({"interrupted": true}));
    harness.hear(json!({"toolCallCancellation": {"ids": ["c1", "unknown"]}}));
    harness.turn_complete();
    let seen = harness.order(answer("c1", "free", true));
    assert!(seen.sent.is_empty());
    assert_eq!(seen.names(), ["NothingOwed"]);
    assert_eq!(response(&harness.order(answer("c2", "full", true)))["id"], "c2");
    let seen = harness.order(answer("c3", "full", false));
    assert_eq!(seen.names(), ["Complained"], "nobody has made that call");
}

#[test]
fn a_result_does_not_wait_for_a_call_that_was_taken_back() {
    let mut harness = Harness::ready();
    harness.hear(calls(&["c1", "c2"]));
    harness.turn_complete();
    harness.order(answer("c1", "free", true));
    let seen = harness.hear(json!({"toolCallCancellation": {"ids": ["c2"]}}));
    assert_eq!(seen.text().0, "[Tell the caller about the result now.]");
}

/// Trap: a blocking model knows no scheduling, and another server gives no ids.
#[test]
fn each_server_gets_the_fields_that_it_knows() {
    let mut harness = Harness::of("gemini-3.1-flash-live-preview");
    harness.hear(calls(&["c1"]));
    let seen = harness.order(answer("c1", "free", true));
    assert_eq!(response(&seen), json!({"id": "c1", "name": "check", "response": {"output": "free"}}));
    let mut harness = Harness::ready();
    let seen = harness.hear(json!({"toolCall": {"functionCalls": [{"name": "check"}, {"name": "check"}]}}));
    let ids: Vec<&str> = seen
        .reports
        .iter()
        .filter_map(|report| if let ModelReport::ToolCalled(call) = report { Some(call.id.as_str()) } else { None })
        .collect();
    assert_eq!(ids, ["call_1_1", "call_1_2"]);
    assert_eq!(response(&harness.order(answer("call_1_1", "free", false))).get("id"), None);
}

#[test]
fn a_call_of_a_response_that_is_not_heard_is_answered_by_us() {
    let mut harness = Harness::ready();
    harness.audio(20);
    harness.order(ModelOrder::CancelResponse);
    let seen = harness.hear(calls(&["c1"]));
    assert!(seen.reports.is_empty());
    assert_eq!(response(&seen)["response"]["retryable"], false);
}

#[test]
fn a_call_of_another_session_is_answered_in_words() {
    let mut harness = Harness::with(|_, _| {});
    let open_calls = vec![ToolCallId::new("old1"), ToolCallId::new("old2")];
    harness.make_ready(Handoff { open_calls, ..Handoff::default() });
    let seen = harness.order(answer("old1", "free", false));
    assert_eq!(seen.text(), ("[The result of the tool that was called before: free]".to_owned(), false));
    let (text, answered) = harness.order(answer("old2", "full", true)).text();
    assert!(answered && text.contains("full") && text.contains("Tell the caller"), "{text}");
}

#[test]
fn a_model_that_waits_for_its_tool_is_not_taken_for_stalled() {
    let mut harness = Harness::of("gemini-3.1-flash-live-preview");
    harness.hear(calls(&["c1"]));
    assert_eq!(harness.session.run_deadline(), None);
    harness.order(answer("c1", "free", true));
    assert!(harness.session.run_deadline().is_some());
}
