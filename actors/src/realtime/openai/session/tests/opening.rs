//! Tests of a session from the dial until it is ready.

use super::*;
use crate::realtime::openai::session::orders::MOST_PENDING_ORDERS;

#[test]
fn nothing_is_sent_before_the_session_exists_and_then_the_update_alone() {
    let mut harness = Harness::dialling();
    let greeting = harness.order(request(ResponsePurpose::Greeting, None));
    let text = harness.order(ModelOrder::AddText { role: TextRole::System, text: "facts".to_owned() });
    let opened = harness.on(SessionEvent::Opened);
    assert!(greeting.sent.is_empty() && text.sent.is_empty() && opened.sent.is_empty());
    assert!(!harness.session.is_ready());

    let created = harness.hear(json!({"type": "session.created", "session": {"id": "sess_1"}}));
    let types: Vec<_> = created.sent.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["session.update"]);
    assert!(!harness.session.is_ready());

    harness.now += Duration::from_millis(300);
    let updated = harness.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
    assert!(harness.session.is_ready());
    let ready = ModelReport::Ready { session: "sess_1".to_owned(), setup: Duration::from_millis(300) };
    assert_eq!(updated.reports, [ready]);
    let types: Vec<_> = updated.sent.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["response.create", "conversation.item.create"], "held orders, in their order");
}

#[test]
fn a_format_that_is_not_ours_ends_the_session_for_good() {
    for (format, taken) in [
        (json!({"type": "audio/pcm", "rate": 24000}), true),
        (json!({"type": "audio/pcm"}), true),
        (json!({"type": "audio/pcmu"}), false),
        (json!({"type": "audio/pcm", "rate": 16000}), false),
    ] {
        for direction in ["input", "output"] {
            let mut harness = Harness::updating();
            let mut audio = json!({"input": {}, "output": {}});
            audio[direction] = json!({"format": format});
            let seen = harness.hear(json!({"type": "session.updated", "session": {"audio": audio}}));
            assert_eq!(class(&seen), (!taken).then_some(LossClass::Fatal), "{direction} {format}");
            assert_eq!(harness.session.is_ready(), taken);
        }
    }
}

#[test]
fn a_refused_update_is_a_configuration_bug() {
    let mut harness = Harness::updating();
    let seen = harness.error("unknown_parameter", "Unknown parameter: 'session.x'", Some("configure-1"));
    assert_eq!(class(&seen), Some(LossClass::Fatal));
    assert!(seen.lost.expect("a loss").reason.contains("unknown_parameter"));
    assert_eq!(harness.session.deadline(), None, "nothing follows");
    assert!(harness.hear(json!({"type": "session.updated", "session": {}})).reports.is_empty());
}

#[test]
fn a_servers_own_trouble_with_the_update_is_worth_another_try() {
    let mut harness = Harness::updating();
    let seen = harness.hear(json!({"type": "error", "error": {"type": "server_error", "code": null,
        "message": "oops", "event_id": "configure-1"}}));
    assert_eq!(class(&seen), Some(LossClass::Retryable));
}

#[test]
fn each_phase_has_its_deadline() {
    let mut harness = Harness::dialling();
    assert_eq!(harness.session.deadline(), None);
    harness.on(SessionEvent::Opened);
    let opened = harness.now;
    let seen = harness.pass(Timer::CreatedLate);
    assert_eq!((class(&seen), harness.now - opened), (Some(LossClass::Retryable), Duration::from_secs(10)));

    let mut harness = Harness::updating();
    let seen = harness.pass(Timer::UpdatedLate);
    assert_eq!(class(&seen), Some(LossClass::Retryable));
}

#[test]
fn an_error_and_a_close_instead_of_a_session_are_classified() {
    let cases = [
        ("invalid_request_error", "invalid_api_key", 3000, "invalid_request_error.invalid_api_key", LossClass::Fatal),
        ("invalid_request_error", "model_not_found", 4004, "invalid_request_error.model_not_found", LossClass::Fatal),
        ("insufficient_quota", "credit_balance_exhausted", 1013, "", LossClass::Fatal),
        ("invalid_request_error", "something_new", 1005, "", LossClass::Fatal),
        ("server_error", "overloaded", 1013, "", LossClass::Retryable),
    ];
    for (kind, code, number, reason, expected) in cases {
        let mut harness = Harness::opened();
        let mut lost =
            harness.hear(json!({"type": "error", "error": {"type": kind, "code": code, "message": "m"}})).lost;
        if lost.is_none() {
            lost = harness.on(SessionEvent::Closed { code: Some(number), reason }).lost;
        }
        assert_eq!(lost.expect("a loss").class, expected, "{code}");
    }
}

#[test]
fn a_failed_dial_is_a_loss_with_its_own_class() {
    let mut harness = Harness::dialling();
    let seen = harness.on(SessionEvent::DialFailed(loss_of_status(404)));
    assert_eq!(class(&seen), Some(LossClass::Fatal));
}

#[test]
fn orders_before_the_session_is_ready_are_bounded() {
    let mut harness = Harness::dialling();
    for _ in 0..MOST_PENDING_ORDERS {
        assert!(harness.order(ModelOrder::CancelResponse).reports.is_empty());
    }
    assert!(matches!(harness.order(ModelOrder::CancelResponse).reports[..], [ModelReport::Complained { .. }]));
}
