//! Tests of tool calls and their results.

use super::*;

pub(super) fn call_item(status: &str) -> Value {
    json!({"id": "item_f", "type": "function_call", "status": status, "name": "end_call", "call_id": "call_1",
        "arguments": "{\"reason\":\"done\"}"})
}

#[test]
fn a_repeated_tool_call_is_reported_once() {
    let mut harness = Harness::ready();
    let arguments = json!({"type": "response.function_call_arguments.done", "response_id": "r", "item_id": "item_f",
        "output_index": 0, "call_id": "call_1", "name": "end_call", "arguments": "{\"reason\":\"done\"}"});
    let output = json!({"type": "response.output_item.done", "response_id": "r", "output_index": 0,
        "item": call_item("completed")});
    let done = json!({"type": "response.done", "response": {"id": "r", "status": "completed",
        "output": [call_item("completed")]}});
    let mut calls = Vec::new();
    for event in [arguments, output.clone(), output, done] {
        for report in harness.hear(event).reports {
            if let ModelReport::ToolCalled(call) = report {
                calls.push((call.id.to_string(), call.name, call.arguments));
            }
        }
    }
    assert_eq!(calls, [("call_1".to_owned(), "end_call".to_owned(), "{\"reason\":\"done\"}".to_owned())]);
}

#[test]
fn a_tool_call_without_item_events_is_reported_at_the_end_of_its_response() {
    for output in [json!([call_item("completed")]), json!([]), Value::Null] {
        let mut harness = Harness::ready();
        let early = harness.hear(json!({"type": "response.function_call_arguments.done", "response_id": "r",
            "call_id": "call_1", "name": "end_call", "arguments": "{}"}));
        assert!(early.reports.is_empty());
        let done = harness
            .hear(json!({"type": "response.done", "response": {"id": "r", "status": "completed", "output": output}}));
        assert!(matches!(
            &done.reports[..],
            [ModelReport::ToolCalled(call), ModelReport::ResponseFinished { .. }] if call.id.as_str() == "call_1"
        ));
    }
}

#[test]
fn an_incomplete_tool_call_is_not_reported() {
    let mut harness = Harness::ready();
    let output =
        harness.hear(json!({"type": "response.output_item.done", "response_id": "r", "item": call_item("incomplete")}));
    assert!(output.reports.is_empty());
    let done = harness.hear(json!({"type": "response.done", "response": {"id": "r", "status": "cancelled",
        "status_details": {"type": "cancelled", "reason": "turn_detected"}, "output": [call_item("incomplete")]}}));
    let cancelled = ModelReport::ResponseFinished {
        response: ResponseId::new("r"),
        outcome: ResponseOutcome::Cancelled,
        usage: None,
    };
    assert_eq!(done.reports, [cancelled]);
}

#[test]
fn results_are_sent_at_once_and_spoken_on_after_the_response() {
    let mut harness = Harness::ready();
    harness.hear(json!({"type": "response.created", "response": {"id": "r"}}));
    harness.hear(json!({"type": "response.output_item.done", "response_id": "r", "item": call_item("completed")}));
    let answer = ModelOrder::AnswerTool { call: ToolCallId::new("call_1"), output: "{}".to_owned(), speak: true };
    let answered = harness.order(answer.clone());
    assert_eq!(answered.sent.len(), 1);
    assert_eq!(answered.sent[0]["item"], json!({"type": "function_call_output", "call_id": "call_1", "output": "{}"}));
    let done = harness.hear(json!({"type": "response.done", "response": {"id": "r", "status": "completed"}}));
    assert_eq!(done.sent.len(), 1);
    assert_eq!(done.sent[0]["type"], "response.create");
    assert_eq!(done.sent[0]["response"]["metadata"]["purpose"], "tool_result");

    let again = harness.order(answer);
    assert!(again.sent.is_empty(), "a call is answered once");
    assert!(matches!(&again.reports[..], [ModelReport::Complained { code, .. }] if code == "unknown_tool_call"));
}
