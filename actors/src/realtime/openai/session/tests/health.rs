//! Tests of whether the server is alive and readable.

use super::*;
use crate::realtime::openai::session::health::MOST_GARBLED;

#[test]
fn a_quiet_server_is_asked_twice_before_it_is_taken_for_dead() {
    let mut desk = Desk::ready();
    let heard = desk.now;
    assert_eq!(desk.pass(Timer::Quiet).pings, 1);
    assert_eq!(desk.pass(Timer::Quiet).pings, 1);
    let seen = desk.pass(Timer::Silent);
    assert_eq!((class(&seen), desk.now - heard), (Some(LossClass::Retryable), Duration::from_secs(45)));

    let mut desk = Desk::ready();
    for _ in 0..10 {
        assert_eq!(desk.pass(Timer::Quiet).pings, 1);
        desk.on(SessionEvent::Pong);
    }
}

#[test]
fn a_server_that_has_answered_pings_is_not_waited_for_when_it_stops() {
    let ready = || {
        let mut desk = Desk::in_common(|common| common.ping_timeout = Duration::from_secs(3));
        desk.on(SessionEvent::Opened);
        desk.hear(json!({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}}));
        desk.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
        desk
    };
    let mut desk = ready();
    desk.on(SessionEvent::Pong);
    let heard = desk.now;
    assert_eq!(desk.pass(Timer::Quiet).pings, 1);
    let seen = desk.pass(Timer::Silent);
    assert_eq!((class(&seen), desk.now - heard), (Some(LossClass::Retryable), Duration::from_secs(3)));

    // A server that sends other messages and never answered a ping may not support pings.
    let mut desk = ready();
    desk.now += Duration::from_secs(2);
    desk.hear(json!({"type": "rate_limits.updated", "rate_limits": []}));
    let heard = desk.now;
    while desk.session.deadline().is_some_and(|(_, timer)| timer == Timer::Quiet) {
        desk.pass(Timer::Quiet);
    }
    desk.pass(Timer::Silent);
    assert_eq!(desk.now - heard, Duration::from_secs(45));
}

#[test]
fn a_server_that_is_gone_before_its_first_pong_is_not_waited_for_either() {
    let mut desk = Desk::in_common(|common| common.ping_timeout = Duration::from_secs(3));
    desk.on(SessionEvent::Opened);
    desk.hear(json!({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}}));
    let seen = desk.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
    assert_eq!(seen.pings, 1, "asked at once");
    let ready = desk.now;
    // A message that was already on its way proves nothing.
    desk.now += Duration::from_millis(200);
    desk.hear(json!({"type": "rate_limits.updated", "rate_limits": []}));
    assert_eq!(desk.pass(Timer::Quiet).pings, 1);
    let seen = desk.pass(Timer::Silent);
    assert_eq!(class(&seen), Some(LossClass::Retryable));
    assert_eq!(desk.now - ready, Duration::from_millis(3_200));
}

#[test]
fn a_ping_is_answered_with_its_own_payload() {
    let payload = Bytes::from_static(b"1234");
    assert_eq!(Desk::opened().on(SessionEvent::Ping(payload.clone())).pongs, [payload]);
}

#[test]
fn garbage_is_told_and_endless_garbage_ends_the_session() {
    let mut desk = Desk::ready();
    let bad_audio = json!({"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "!"});
    assert!(
        matches!(&desk.hear(bad_audio).reports[..], [ModelReport::Complained { code, .. }] if code == "unreadable_event")
    );
    assert!(matches!(desk.on(SessionEvent::Unintelligible).reports[..], [ModelReport::Complained { .. }]));
    let mut lost = None;
    for _ in 0..=MOST_GARBLED {
        lost = lost.or(desk.on(SessionEvent::Text("garbage")).lost);
    }
    assert_eq!(lost.expect("a loss").class, LossClass::Retryable);
}
