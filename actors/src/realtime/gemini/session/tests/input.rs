//! The caller's audio on its way to the server.

use super::*;

fn bytes(seen: &Seen) -> usize {
    let data = |message: &Value| message["realtimeInput"]["audio"]["data"].as_str().map(str::len);
    seen.audio_sent.iter().filter_map(data).map(|length| length / 4 * 3).sum()
}

#[test]
fn audio_flows_at_once_with_automatic_detection() {
    let mut harness = Harness::ready();
    let seen = harness.frame(21);
    assert_eq!((bytes(&seen), seen.audio_sent.len()), (672, 1));
}

/// Trap: a "hello" of the caller stops the greeting, which then begins again.
#[test]
fn the_caller_is_not_heard_until_the_greeting_has_begun() {
    let mut harness = Harness::ready();
    harness.speak(ResponsePurpose::Greeting, None);
    assert_eq!(bytes(&harness.frame(30)), 0);
    harness.audio(2_000);
    assert_eq!((0..25).map(|_| bytes(&harness.frame(20))).sum::<usize>(), 0, "half a second of it");
    assert!(bytes(&harness.frame(21)) > 0);
    let mut harness = Harness::ready();
    harness.speak(ResponsePurpose::Greeting, None);
    assert_eq!((0..150).map(|_| bytes(&harness.frame(20))).sum::<usize>(), 0);
    assert!(bytes(&harness.frame(21)) > 0, "a greeting that does not come is no reason to be deaf");
    let mut harness = Harness::ready();
    harness.speak(ResponsePurpose::Greeting, None);
    harness.audio(20);
    harness.turn_complete();
    assert!(bytes(&harness.frame(21)) > 0, "it was short");
}

/// Trap: audio during a call closes the socket of older models.
#[test]
fn an_older_model_gets_no_audio_while_a_tool_is_called() {
    let mut harness = Harness::of("gemini-2.5-flash-native-audio-preview-12-2025");
    harness.hear(json!({"toolCall": {"functionCalls": [{"id": "c1", "name": "check"}]}}));
    assert_eq!((0..60).map(|_| bytes(&harness.frame(20))).sum::<usize>(), 0);
    harness.order(ModelOrder::AnswerTool { call: ToolCallId::new("c1"), output: String::new(), speak: true });
    let seen = harness.frame(30);
    assert!((16_000..=17_000).contains(&bytes(&seen)), "the newest half second was kept: {}", bytes(&seen));
    assert_eq!(seen.audio_sent.len(), 6, "in pieces of 100 ms");
    let mut harness = Harness::ready();
    harness.hear(json!({"toolCall": {"functionCalls": [{"id": "c1", "name": "check"}]}}));
    assert!(bytes(&harness.frame(21)) > 0, "newer models hear the caller all the same");
}

#[test]
fn a_stream_without_audio_is_ended_and_opens_again_by_itself() {
    let mut harness = Harness::ready();
    harness.frame(20);
    harness.turn_complete();
    assert!(harness.pass(Timer::StreamChecked).sent.is_empty(), "audio has flowed");
    assert_eq!(harness.pass(Timer::StreamChecked).one(), &json!({"realtimeInput": {"audioStreamEnd": true}}));
    assert_ne!(harness.session.deadline().map(|(_, timer)| timer), Some(Timer::StreamChecked));
    harness.frame(20);
    harness.turn_complete();
    assert_eq!(harness.session.deadline().map(|(_, timer)| timer), Some(Timer::StreamChecked));
    let mut vertex = Harness::with(|_, plan| {
        plan.address.endpoint.url = "wss://us-central1-aiplatform.googleapis.com/ws/x".to_owned();
    });
    vertex.make_ready(Handoff::default());
    vertex.frame(20);
    vertex.turn_complete();
    assert_ne!(vertex.session.deadline().map(|(_, timer)| timer), Some(Timer::StreamChecked), "it knows no such field");
}

/// Trap: with manual detection, audio between turns is thrown away.
#[test]
fn with_manual_detection_a_turn_is_sent_with_what_came_just_before() {
    let mut harness = Harness::with(|_, plan| plan.activity = Activity::Manual { interrupts: true });
    harness.make_ready(Handoff::default());
    assert_eq!((0..60).map(|_| bytes(&harness.frame(20))).sum::<usize>(), 0);
    let seen = harness.on(SessionEvent::CallerSpeech { begins: true });
    assert_eq!(seen.one(), &json!({"realtimeInput": {"activityStart": {}}}));
    assert_eq!(seen.names(), ["SpeechStarted"]);
    assert!((16_000..=16_200).contains(&bytes(&seen)), "{}", bytes(&seen));
    assert!(bytes(&harness.frame(21)) > 0);
    assert_eq!(harness.caller("A table.").names(), ["CallerWords"]);
    let seen = harness.on(SessionEvent::CallerSpeech { begins: false });
    assert_eq!(seen.one(), &json!({"realtimeInput": {"activityEnd": {}}}));
    assert_eq!(seen.names(), ["SpeechStopped"]);
    assert_eq!(bytes(&harness.frame(20)), 0);
    assert!(harness.on(SessionEvent::CallerSpeech { begins: false }).sent.is_empty());
    assert!(harness.session.carry_over().answer);
    assert_eq!(harness.pass(Timer::WordsSettled).caller_said().as_deref(), Some("A table."));
    assert!(harness.caller("late").reports.is_empty(), "only our detector begins a turn");
}

#[test]
fn a_caller_who_began_to_speak_before_the_session_was_ready_is_heard() {
    let mut harness = Harness::with(|_, plan| plan.activity = Activity::Manual { interrupts: true });
    harness.prepare();
    assert!(harness.on(SessionEvent::CallerSpeech { begins: true }).sent.is_empty());
    let seen = harness.on(SessionEvent::HandedOver(Handoff::default()));
    assert_eq!(seen.one(), &json!({"realtimeInput": {"activityStart": {}}}));
    assert_eq!(seen.names(), ["Ready", "SpeechStarted"]);
}
