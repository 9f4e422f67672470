//! Tests of whether the server is alive and readable.

use super::*;
use crate::realtime::openai::session::health::MOST_MALFORMED;

#[test]
fn a_quiet_server_is_asked_twice_before_it_is_taken_for_dead() {
    let mut harness = Harness::ready();
    let heard = harness.now;
    assert_eq!(harness.pass(Timer::Quiet).pings, 1);
    assert_eq!(harness.pass(Timer::Quiet).pings, 1);
    let seen = harness.pass(Timer::Silent);
    assert_eq!((class(&seen), harness.now - heard), (Some(LossClass::Retryable), Duration::from_secs(45)));

    let mut harness = Harness::ready();
    for _ in 0..10 {
        assert_eq!(harness.pass(Timer::Quiet).pings, 1);
        harness.on(SessionEvent::Pong);
    }
}

#[test]
fn a_server_that_has_answered_pings_is_not_waited_for_when_it_stops() {
    let ready = || {
        let mut harness = Harness::in_common(|common| common.ping_timeout = Duration::from_secs(3));
        harness.on(SessionEvent::Opened);
        harness.hear(json!({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}}));
        harness.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
        harness
    };
    let mut harness = ready();
    harness.on(SessionEvent::Pong);
    let heard = harness.now;
    assert_eq!(harness.pass(Timer::Quiet).pings, 1);
    let seen = harness.pass(Timer::Silent);
    assert_eq!((class(&seen), harness.now - heard), (Some(LossClass::Retryable), Duration::from_secs(3)));

    // A server that sends other messages and never answered a ping may not support pings.
    let mut harness = ready();
    harness.now += Duration::from_secs(2);
    harness.hear(json!({"type": "rate_limits.updated", "rate_limits": []}));
    let heard = harness.now;
    while harness.session.deadline().is_some_and(|(_, timer)| timer == Timer::Quiet) {
        harness.pass(Timer::Quiet);
    }
    harness.pass(Timer::Silent);
    assert_eq!(harness.now - heard, Duration::from_secs(45));
}

#[test]
fn a_server_that_is_gone_before_its_first_pong_is_not_waited_for_either() {
    let mut harness = Harness::in_common(|common| common.ping_timeout = Duration::from_secs(3));
    harness.on(SessionEvent::Opened);
    harness.hear(json!({"type": "session.created", "session": {"id": "sess_1", "type": "realtime"}}));
    let seen = harness.hear(json!({"type": "session.updated", "session": {"id": "sess_1"}}));
    assert_eq!(seen.pings, 1, "asked at once");
    let ready = harness.now;
    // A message that was already on its way proves nothing.
    harness.now += Duration::from_millis(200);
    harness.hear(json!({"type": "rate_limits.updated", "rate_limits": []}));
    assert_eq!(harness.pass(Timer::Quiet).pings, 1);
    let seen = harness.pass(Timer::Silent);
    assert_eq!(class(&seen), Some(LossClass::Retryable));
    assert_eq!(harness.now - ready, Duration::from_millis(3_200));
}

#[test]
fn a_ping_is_answered_with_its_own_payload() {
    let payload = Bytes::from_static(b"1234");
    assert_eq!(Harness::opened().on(SessionEvent::Ping(payload.clone())).pongs, [payload]);
}

#[test]
fn garbage_is_reported_and_endless_garbage_ends_the_session() {
    let mut harness = Harness::ready();
    let bad_audio = json!({"type": "response.output_audio.delta", "response_id": "r", "item_id": "i", "delta": "!"});
    assert!(
        matches!(&harness.hear(bad_audio).reports[..], [ModelReport::Complained { code, .. }] if code == "unreadable_event")
    );
    assert!(matches!(harness.on(SessionEvent::Unintelligible).reports[..], [ModelReport::Complained { .. }]));
    let mut lost = None;
    for _ in 0..=MOST_MALFORMED {
        lost = lost.or(harness.on(SessionEvent::Text("garbage")).lost);
    }
    assert_eq!(lost.expect("a loss").class, LossClass::Retryable);
}
