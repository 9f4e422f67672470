//! The work behind the voice: tools of the server's model, and delegations to us.

use serde_json::json;

use super::Rig;
use super::rig::{LOUD, SILENT};
use crate::realtime::openai_live::plan::{Delegation, sample};
use crate::realtime::report::LossClass;

#[test]
fn a_fast_tool_is_answered_with_its_result_and_the_model_goes_on() {
    let mut rig = Rig::running();
    rig.tool_call("resp_1", "call_1");
    assert_eq!(rig.reported(), ["calls order_status call_1 {}"]);
    rig.answer_tool("call_1", r#"{"status":"shipped"}"#, true);
    assert_eq!(rig.said(), [r#"response.item.create {"status":"shipped"}"#]);
    rig.completes("resp_1");
    assert_eq!(rig.said(), ["response.create"]);
    assert_eq!(rig.used.1, 320);
    rig.completes("resp_1");
    assert!(rig.said().is_empty(), "once");
    rig.check();
}

#[test]
fn a_slow_tool_is_answered_at_once_and_reported_later() {
    let mut rig = Rig::running();
    rig.tool_call("resp_1", "call_1");
    rig.completes("resp_1");
    rig.line(400, SILENT);
    let said = rig.said();
    assert!(
        said[0].starts_with(r#"response.item.create {"status":"started""#) && said[1] == "response.create",
        "{said:?}"
    );
    rig.line(2_000, SILENT);
    rig.answer_tool("call_1", r#"{"status":"shipped"}"#, true);
    let said = rig.said();
    assert!(said[0].starts_with("commentary.append") && said[0].contains("shipped"), "{said:?}");
    rig.check();
}

#[test]
fn the_summary_of_a_response_holds_no_calls_and_a_repeated_call_is_one_call() {
    let mut rig = Rig::running();
    rig.tool_call("resp_1", "call_1");
    rig.tool_call("resp_1", "call_1");
    assert_eq!(rig.reported(), ["calls order_status call_1 {}"]);
}

#[test]
fn a_silent_result_asks_for_silence() {
    let mut rig = Rig::running();
    rig.tool_call("resp_1", "call_1");
    rig.answer_tool("call_1", r#"{"ok":true}"#, false);
    assert_eq!(rig.said(), [r#"response.item.create {"result":{"ok":true},"say":"nothing"}"#]);
    rig.answer_tool("call_1", "{}", false);
    assert!(rig.reported().contains(&"complains unknown_tool_call".to_owned()));
    rig.check();
}

#[test]
fn the_calls_of_a_failed_response_are_not_answered() {
    let mut rig = Rig::running();
    rig.tool_call("resp_1", "call_1");
    rig.nested(&json!({"type": "response.failed", "response": {"id": "resp_1", "error": {"code": "server_error"}}}));
    rig.line(1_000, SILENT);
    let said = rig.said();
    assert!(said.iter().all(|event| event.starts_with("commentary.append")), "{said:?}");
    rig.model_speaks(500);
    rig.answer_tool("call_1", "shipped", true);
    assert!(rig.said().iter().any(|event| event.contains("shipped")), "what ran is reported all the same");
    rig.check();
}

#[test]
fn a_full_buffer_gets_the_smallest_result() {
    let mut rig = Rig::running();
    rig.tool_call("resp_1", "call_1");
    rig.answer_tool("call_1", &"x".repeat(2_000), true);
    let id = rig.sent[0]["event_id"].clone();
    let full = json!({"type": "invalid_request_error", "code": "response_input_buffer_full", "client_event_id": id});
    rig.said();
    // The server did not take it, so the call is open again.
    rig.oracle
        .server(&json!({"type": "response.event", "event": {"type": "response.failed", "response": {"id": "resp_1"}}}));
    rig.oracle.server(
        &json!({"type": "response.event", "event": {"type": "response.created", "response": {"id": "resp_1"}}}),
    );
    rig.oracle.server(&json!({"type": "response.event", "event": {"type": "response.output_item.done",
        "item": {"type": "function_call", "call_id": "call_1"}}}));
    rig.server(&json!({"type": "error", "error": full}));
    assert_eq!(rig.said(), [r#"response.item.create {"ok":true}"#]);
    rig.completes("resp_1");
    assert_eq!(rig.said(), ["response.create"]);
    rig.check();
}

#[test]
fn a_session_whose_buffers_are_nearly_full_is_replaced_in_a_quiet_moment() {
    let mut rig = Rig::running();
    for number in 0..40 {
        let (response, call) = (format!("resp_{number}"), format!("call_{number}"));
        rig.tool_call(&response, &call);
        rig.answer_tool(&call, &"x".repeat(4_000), true);
        rig.completes(&response);
        if rig.loss.is_some() {
            break;
        }
        rig.line(200, SILENT);
    }
    assert_eq!(rig.loss.as_ref().map(|loss| loss.class), Some(LossClass::Expired));
    rig.check();
}

#[test]
fn a_delegation_to_us_gets_the_callers_words() {
    let mut rig = Rig::running_with(|common, plan| {
        common.tools = vec![sample::tool("ask_backend")];
        plan.delegation = Delegation::Client { tool: Some("ask_backend".to_owned()) };
    });
    rig.line(600, SILENT);
    let from = rig.ms();
    rig.line(800, LOUD);
    rig.server(&json!({"type": "session.delegation.created", "offset_ms": 1, "delegation": {"id": "deleg_1", "target": "client"}}));
    rig.caller_words(" where is", from + 200);
    rig.line(400, SILENT);
    rig.caller_words(" my order", from + 600);
    rig.line(3_000, SILENT);
    let reported = rig.reported();
    let call = r#"calls ask_backend deleg_1 {"request":"where is my order"}"#;
    assert!(reported.contains(&call.to_owned()), "{reported:?}");
    assert!(rig.said()[0].starts_with("thinking.append The work on this has begun."));
    rig.answer_tool("deleg_1", "It has shipped.", true);
    assert_eq!(rig.sent[0]["delegation_id"], "deleg_1");
    assert_eq!(rig.said(), ["commentary.append It has shipped."]);
    rig.check();
}

#[test]
fn a_delegation_without_a_tool_is_not_left_waiting() {
    let mut rig = Rig::running_with(|_, plan| plan.delegation = Delegation::Client { tool: None });
    rig.server(&json!({"type": "session.delegation.created", "delegation": {"id": "deleg_1", "target": "client"}}));
    rig.line(1_000, SILENT);
    assert_eq!(rig.sent[0]["delegation_id"], "deleg_1");
    assert!(rig.said()[0].starts_with("commentary.append No tool is available"));
    rig.check();
}

#[test]
fn the_servers_own_work_is_not_ours() {
    let mut rig = Rig::running();
    let delegation = json!({"id": "deleg_1", "target": "responses", "response_id": "resp_1"});
    rig.server(&json!({"type": "session.delegation.created", "delegation": delegation}));
    rig.line(5_000, SILENT);
    assert!(rig.said().is_empty() && rig.reported().is_empty());
}
