//! Warnings, handles, losses, and the end that the call orders.

use super::*;

/// Trap: a connection lasts ten minutes, and the server warns before it closes.
#[test]
fn a_warning_is_passed_on_with_the_time_that_is_left() {
    let mut harness = Harness::ready();
    assert_eq!(harness.hear(json!({"goAway": {"timeLeft": "50s"}})).ends_in, Some(Duration::from_secs(50)));
    assert_eq!(harness.hear(json!({"goAway": {}})).ends_in, Some(Duration::ZERO));
    let mut waiting = Harness::with(|_, _| {});
    waiting.prepare();
    assert!(waiting.hear(json!({"goAway": {"timeLeft": "50s"}})).ends_in.is_some(), "also while it stands by");
}

/// Trap: a handle is only as good as its moment.
#[test]
fn a_handle_is_passed_on_only_if_the_session_can_be_resumed_from_it() {
    let mut harness = Harness::ready();
    let update = |resumable: bool| json!({"sessionResumptionUpdate": {"newHandle": "h", "resumable": resumable}});
    assert_eq!(harness.hear(update(true)).handle.as_deref(), Some("h"));
    assert_eq!(harness.hear(update(false)).handle, None);
}

#[test]
fn a_lost_socket_is_worth_another_try_and_nothing_follows() {
    let mut harness = Harness::ready();
    let seen = harness.on(SessionEvent::Broken("it broke"));
    assert_eq!(seen.lost.expect("lost").class, LossClass::Retryable);
    assert!(harness.audio(20).audio.is_empty());
    let mut harness = Harness::ready();
    let seen = harness.on(SessionEvent::Closed { code: Some(1008), reason: "BidiGenerateContent session expired" });
    assert_eq!(seen.lost.expect("lost").class, LossClass::Expired);
    let loss = ModelLoss { class: LossClass::Fatal, reason: "no key".to_owned() };
    assert_eq!(Harness::with(|_, _| {}).on(SessionEvent::DialFailed(loss.clone())).lost, Some(loss));
}

/// Trap: a handle that failed is not used again, so a resumed session must prove itself.
#[test]
fn a_resumed_session_has_proved_itself_once_it_has_answered() {
    let resumption = Some(ResumptionHandle(crate::ids::Private::new("h".to_owned())));
    let mut harness = Harness::beginning(Opening { number: 2, continues: true, resumption, caller: None }, |_, _| {});
    harness.make_ready(Handoff::default());
    assert_eq!(harness.session.stage(), Stage::Resumed);
    harness.audio(20);
    harness.turn_complete();
    assert_eq!(harness.session.stage(), Stage::Running);
}

#[test]
fn an_order_to_close_is_obeyed_at_once_if_nothing_is_missing() {
    assert!(Harness::with(|_, _| {}).order(ModelOrder::Close).closed);
    let mut harness = Harness::ready();
    harness.audio(20);
    let seen = harness.order(ModelOrder::Close);
    assert!(seen.closed && seen.sent.is_empty());
    assert!(harness.audio(20).audio.is_empty());
}

#[test]
fn a_closing_session_waits_for_the_callers_last_words() {
    let mut harness = Harness::ready();
    harness.frame(20);
    harness.caller("Bye");
    let seen = harness.order(ModelOrder::Close);
    assert_eq!(seen.one(), &json!({"realtimeInput": {"audioStreamEnd": true}}));
    assert!(!seen.closed);
    assert!(harness.audio(20).audio.is_empty() && harness.speak(ResponsePurpose::Notice, None).sent.is_empty());
    harness.caller(" bye");
    let seen = harness.content(json!({"inputTranscription": {"text": ".", "finished": true}}));
    assert_eq!((seen.caller_said().as_deref(), seen.closed), (Some("Bye bye."), true));
    for end in [SessionEvent::DeadlinePassed, SessionEvent::Broken("gone")] {
        let mut harness = Harness::ready();
        harness.caller("Bye");
        harness.order(ModelOrder::Close);
        harness.wait(2_000);
        let seen = harness.on(end);
        assert_eq!((seen.caller_said().as_deref(), seen.closed), (Some("Bye"), true));
    }
}
