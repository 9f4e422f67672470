//! Tests of a session from the dial until it is ready.

use super::*;
use crate::realtime::openai::session::orders::MOST_PENDING_ORDERS;

#[test]
fn nothing_is_sent_before_the_session_exists_and_then_the_update_alone() {
    let mut desk = Desk::dialling();
    let greeting = desk.order(request(ResponsePurpose::Greeting, None));
    let text = desk.order(ModelOrder::AddText { role: TextRole::System, text: "facts".to_owned() });
    let opened = desk.on(SessionEvent::Opened);
    assert!(greeting.sent.is_empty() && text.sent.is_empty() && opened.sent.is_empty());
    assert!(!desk.session.is_ready());

    let created = desk.hear(json!({"type": "session.created", "session": {"id": "sess_1"}}));
    let types: Vec<_> = created.sent.iter().map(|event| event["type"].clone()).collect();
    assert_eq!(types, ["session.update"]);
    assert!(!desk.session.is_ready());

    desk.now += Duration::from_millis(300);
    let updated = desk.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
    assert!(desk.session.is_ready());
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
            let mut desk = Desk::updating();
            let mut audio = json!({"input": {}, "output": {}});
            audio[direction] = json!({"format": format});
            let seen = desk.hear(json!({"type": "session.updated", "session": {"audio": audio}}));
            assert_eq!(class(&seen), (!taken).then_some(LossClass::Fatal), "{direction} {format}");
            assert_eq!(desk.session.is_ready(), taken);
        }
    }
}

#[test]
fn a_refused_update_is_a_configuration_bug() {
    let mut desk = Desk::updating();
    let seen = desk.error("unknown_parameter", "Unknown parameter: 'session.x'", Some("configure-1"));
    assert_eq!(class(&seen), Some(LossClass::Fatal));
    assert!(seen.lost.expect("a loss").reason.contains("unknown_parameter"));
    assert_eq!(desk.session.deadline(), None, "nothing follows");
    assert!(desk.hear(json!({"type": "session.updated", "session": {}})).reports.is_empty());
}

#[test]
fn a_servers_own_trouble_with_the_update_is_worth_another_try() {
    let mut desk = Desk::updating();
    let seen = desk.hear(json!({"type": "error", "error": {"type": "server_error", "code": null,
        "message": "oops", "event_id": "configure-1"}}));
    assert_eq!(class(&seen), Some(LossClass::Retryable));
}

#[test]
fn each_phase_has_its_deadline() {
    let mut desk = Desk::dialling();
    assert_eq!(desk.session.deadline(), None);
    desk.on(SessionEvent::Opened);
    let opened = desk.now;
    let seen = desk.pass(Timer::CreatedLate);
    assert_eq!((class(&seen), desk.now - opened), (Some(LossClass::Retryable), Duration::from_secs(10)));

    let mut desk = Desk::updating();
    let seen = desk.pass(Timer::UpdatedLate);
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
        let mut desk = Desk::opened();
        let mut lost = desk.hear(json!({"type": "error", "error": {"type": kind, "code": code, "message": "m"}})).lost;
        if lost.is_none() {
            lost = desk.on(SessionEvent::Closed { code: Some(number), reason }).lost;
        }
        assert_eq!(lost.expect("a loss").class, expected, "{code}");
    }
}

#[test]
fn a_failed_dial_is_a_loss_with_its_own_class() {
    let mut desk = Desk::dialling();
    let seen = desk.on(SessionEvent::DialFailed(loss_of_status(404)));
    assert_eq!(class(&seen), Some(LossClass::Fatal));
}

#[test]
fn orders_before_the_session_is_ready_are_bounded() {
    let mut desk = Desk::dialling();
    for _ in 0..MOST_PENDING_ORDERS {
        assert!(desk.order(ModelOrder::CancelResponse).reports.is_empty());
    }
    assert!(matches!(desk.order(ModelOrder::CancelResponse).reports[..], [ModelReport::Complained { .. }]));
}
