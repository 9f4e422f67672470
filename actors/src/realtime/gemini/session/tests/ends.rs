//! Warnings, handles, losses, and the end that the call orders.

use super::*;

/// Trap: a connection lasts ten minutes, and the server warns before it closes.
#[test]
fn a_warning_is_passed_on_with_the_time_that_is_left() {
    let mut desk = Desk::ready();
    assert_eq!(desk.hear(json!({"goAway": {"timeLeft": "50s"}})).ends_in, Some(Duration::from_secs(50)));
    assert_eq!(desk.hear(json!({"goAway": {}})).ends_in, Some(Duration::ZERO));
    let mut waiting = Desk::with(|_, _| {});
    waiting.prepare();
    assert!(waiting.hear(json!({"goAway": {"timeLeft": "50s"}})).ends_in.is_some(), "also while it stands by");
}

/// Trap: a handle is only as good as its moment.
#[test]
fn a_handle_is_passed_on_only_if_the_session_can_be_resumed_from_it() {
    let mut desk = Desk::ready();
    let update = |resumable: bool| json!({"sessionResumptionUpdate": {"newHandle": "h", "resumable": resumable}});
    assert_eq!(desk.hear(update(true)).handle.as_deref(), Some("h"));
    assert_eq!(desk.hear(update(false)).handle, None);
}

#[test]
fn a_lost_socket_is_worth_another_try_and_nothing_follows() {
    let mut desk = Desk::ready();
    let seen = desk.on(SessionEvent::Broken("it broke"));
    assert_eq!(seen.lost.expect("lost").class, LossClass::Retryable);
    assert!(desk.audio(20).audio.is_empty());
    let mut desk = Desk::ready();
    let seen = desk.on(SessionEvent::Closed { code: Some(1008), reason: "BidiGenerateContent session expired" });
    assert_eq!(seen.lost.expect("lost").class, LossClass::Expired);
    let loss = ModelLoss { class: LossClass::Fatal, reason: "no key".to_owned() };
    assert_eq!(Desk::with(|_, _| {}).on(SessionEvent::DialFailed(loss.clone())).lost, Some(loss));
}

/// Trap: a handle that failed is not used again, so a resumed session must prove itself.
#[test]
fn a_resumed_session_has_proved_itself_once_it_has_answered() {
    let resumption = Some(ResumptionHandle(crate::ids::Private::new("h".to_owned())));
    let mut desk = Desk::beginning(Opening { number: 2, continues: true, resumption, caller: None }, |_, _| {});
    desk.make_ready(Handoff::default());
    assert_eq!(desk.session.stage(), Stage::Resumed);
    desk.audio(20);
    desk.turn_complete();
    assert_eq!(desk.session.stage(), Stage::Running);
}

#[test]
fn an_order_to_close_is_obeyed_at_once_if_nothing_is_missing() {
    assert!(Desk::with(|_, _| {}).order(ModelOrder::Close).closed);
    let mut desk = Desk::ready();
    desk.audio(20);
    let seen = desk.order(ModelOrder::Close);
    assert!(seen.closed && seen.sent.is_empty());
    assert!(desk.audio(20).audio.is_empty());
}

#[test]
fn a_closing_session_waits_for_the_callers_last_words() {
    let mut desk = Desk::ready();
    desk.frame(20);
    desk.caller("Bye");
    let seen = desk.order(ModelOrder::Close);
    assert_eq!(seen.one(), &json!({"realtimeInput": {"audioStreamEnd": true}}));
    assert!(!seen.closed);
    assert!(desk.audio(20).audio.is_empty() && desk.speak(ResponsePurpose::Notice, None).sent.is_empty());
    desk.caller(" bye");
    let seen = desk.content(json!({"inputTranscription": {"text": ".", "finished": true}}));
    assert_eq!((seen.caller_said().as_deref(), seen.closed), (Some("Bye bye."), true));
    for end in [SessionEvent::DeadlinePassed, SessionEvent::Broken("gone")] {
        let mut desk = Desk::ready();
        desk.caller("Bye");
        desk.order(ModelOrder::Close);
        desk.wait(2_000);
        let seen = desk.on(end);
        assert_eq!((seen.caller_said().as_deref(), seen.closed), (Some("Bye"), true));
    }
}
