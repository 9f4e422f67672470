//! The beginning of a session.

use super::*;

/// Trap: nothing may be sent before the configuration is accepted.
#[test]
fn the_setup_is_the_first_message_and_the_only_one_until_it_is_accepted() {
    let mut harness = Harness::with(|_, _| {});
    let seen = harness.on(SessionEvent::Opened);
    assert!(seen.one().get("setup").is_some());
    let mut actions = Vec::new();
    assert!(!harness.session.hear_caller(&[0; 640], harness.now, &mut actions) && actions.is_empty());
    assert!(harness.speak(ResponsePurpose::Greeting, None).sent.is_empty());
    assert!(harness.audio(20).audio.is_empty(), "what comes before has no meaning");
    let seen = harness.hear(json!({"setupComplete": {}}));
    assert!(seen.prepared && seen.sent.is_empty());
    let seen = harness.on(SessionEvent::HandedOver(Handoff::default()));
    assert_eq!(seen.text(), ("[The call has begun. Greet the caller now.]".to_owned(), true));
    let [ModelReport::Ready { session, .. }] = &seen.reports[..] else { panic!("{seen:?}") };
    assert_eq!(session, "session_1");
}

/// Trap: servers send their JSON in binary frames.
#[test]
fn text_and_binary_frames_are_both_read() {
    for binary in [true, false] {
        let mut harness = Harness::with(|_, _| {});
        harness.on(SessionEvent::Opened);
        let text = r#"{"setupComplete":{"sessionId":"s1"}}"#;
        let event = if binary { SessionEvent::Binary(text.as_bytes()) } else { SessionEvent::Text(text) };
        assert!(harness.on(event).prepared);
        let seen = harness.on(SessionEvent::HandedOver(Handoff::default()));
        assert!(matches!(&seen.reports[..], [ModelReport::Ready { session, .. }] if session == "s1"));
    }
}

#[test]
fn a_configuration_that_is_not_accepted_in_time_is_a_loss() {
    let mut harness = Harness::with(|_, _| {});
    assert_eq!(harness.session.deadline(), None, "dialling has its own limit");
    harness.on(SessionEvent::Opened);
    assert_eq!(harness.session.deadline(), Some((harness.now + Duration::from_secs(5), Timer::SetupLate)));
    harness.session.hurry(Duration::from_secs(1));
    let seen = harness.pass(Timer::SetupLate);
    assert_eq!(seen.lost.expect("lost").class, LossClass::Retryable);
    assert!(
        harness.on(SessionEvent::Opened).sent.is_empty() && harness.session.deadline().is_none(),
        "nothing follows"
    );
}

#[test]
fn a_refused_configuration_is_fatal_and_a_refused_handle_is_not() {
    let closed = || SessionEvent::Closed { code: Some(1007), reason: "Request contains an invalid argument." };
    let mut harness = Harness::with(|_, _| {});
    harness.on(SessionEvent::Opened);
    assert_eq!(harness.on(closed()).lost.expect("lost").class, LossClass::Fatal);
    // Trap: a 1007 after a resumption is often a bad handle.
    let resumption = Some(ResumptionHandle(crate::ids::Private::new("h".to_owned())));
    let resumed = Opening { number: 2, continues: true, resumption, caller: None };
    let mut harness = Harness::beginning(resumed, |_, _| {});
    let setup = harness.on(SessionEvent::Opened);
    assert_eq!(setup.one()["setup"]["sessionResumption"], json!({"handle": "h"}));
    assert_eq!(harness.on(closed()).lost.expect("lost").class, LossClass::Retryable);
}

#[test]
fn a_conversation_is_handed_over_as_texts_of_two_roles() {
    use crate::realtime::seed::{Seed, SeedItem};
    let item = |seed| SeedItem { id: "sb_seed_1".to_owned(), seed };
    let items = || {
        vec![
            item(Seed::Text(TextRole::User, "A table?".to_owned())),
            item(Seed::Call { call: ToolCallId::new("c"), name: "check".to_owned(), arguments: "{}".to_owned() }),
            item(Seed::Output { call: ToolCallId::new("c"), output: "free".to_owned() }),
            item(Seed::Text(TextRole::Assistant, "Yes.".to_owned())),
            item(Seed::Text(TextRole::System, "It is noon.".to_owned())),
            item(Seed::CallerAudio(vec![0; 8])),
        ]
    };
    let reported = "A table?|[You have called the tool check with {}.]|[The result of the tool: free]|Yes.|[It is noon.]\
        |[The caller said something that was not understood.]";
    let continues = || Opening { number: 2, continues: true, resumption: None, caller: None };
    // Announced: complete, and no answer is generated for it.
    let mut harness = Harness::beginning(continues(), |_, _| {});
    let handoff = Handoff { items: items(), ..Handoff::default() };
    let seen = harness.make_ready(handoff.clone());
    assert_eq!(seen.text(), (reported.to_owned(), true));
    let roles = seen.one()["clientContent"]["turns"].as_array().expect("turns").iter();
    let roles: Vec<&str> = roles.map(|turn| turn["role"].as_str().expect("a role")).collect();
    assert_eq!(roles, ["user", "user", "user", "model", "user", "user"]);
    // Not announced: no answer is asked for.
    let mut harness = Harness::beginning(continues(), |_, plan| plan.address.model = "gemini-2.5-flash".to_owned());
    assert_eq!(harness.make_ready(handoff.clone()).text(), (reported.to_owned(), false));
    // Announced, and there is nothing: the server would wait.
    let mut harness = Harness::beginning(continues(), |_, _| {});
    assert_eq!(harness.make_ready(Handoff::default()).text(), ("[The call goes on.]".to_owned(), true));
    // Resumed on a model that takes no texts later: they stand before the next request.
    let resumption = Some(ResumptionHandle(crate::ids::Private::new("h".to_owned())));
    let mut harness = Harness::beginning(Opening { resumption, ..continues() }, |_, plan| {
        plan.address.model = "gemini-3.1-flash-live-preview".to_owned();
    });
    assert!(harness.make_ready(handoff).sent.is_empty());
    let seen = harness.speak(ResponsePurpose::Notice, Some("The line was bad."));
    let text = seen.one()["realtimeInput"]["text"].as_str().expect("a text").to_owned();
    assert!(text.starts_with("A table?\n") && text.ends_with("\n[The line was bad.]"), "{text}");
    assert!(text.contains("[You have said: Yes.]"), "{text}");
}

#[test]
fn a_caller_who_was_cut_off_is_answered_unless_they_go_on() {
    let handoff = || Handoff { answer_unless_spoken: true, ..Handoff::default() };
    let mut harness = Harness::with(|_, _| {});
    harness.make_ready(handoff());
    let seen = harness.pass(Timer::HeardOut);
    assert_eq!(seen.text().0, "[Answer the caller now.]");
    let mut harness = Harness::with(|_, _| {});
    harness.make_ready(handoff());
    assert_eq!(harness.caller("And").names(), ["SpeechStarted", "CallerWords"]);
    assert_ne!(harness.session.deadline().map(|(_, timer)| timer), Some(Timer::HeardOut));
}

#[test]
fn what_is_unfinished_is_left_to_the_next_session() {
    use crate::realtime::seed::{CarryOver, Progress};
    let mut harness = Harness::ready();
    assert_eq!(harness.session.carry_over(), CarryOver::default());
    harness.speak(ResponsePurpose::Notice, Some("One."));
    harness.speak(ResponsePurpose::Notice, Some("Two."));
    let left: Vec<_> = harness.session.carry_over().requests.into_iter().filter_map(|it| it.instructions).collect();
    assert_eq!(left, ["One.", "Two."]);
    harness.audio(100);
    let running = harness.session.carry_over().running.expect("it runs");
    assert_eq!(
        (running.progress, running.request.expect("asked").purpose),
        (Progress::Partly, ResponsePurpose::Notice)
    );
    harness.content(json!({"generationComplete": true}));
    assert_eq!(harness.session.carry_over().running.expect("it runs").progress, Progress::Whole);
    harness.content(json!({"interrupted": true}));
    let left = harness.session.carry_over();
    assert!(left.running.is_none() && left.turn_open, "the caller has stopped it");
}

#[test]
fn pings_keep_a_silent_socket_alive_and_a_dead_one_is_noticed() {
    let mut harness = Harness::ready();
    for _ in 0..2 {
        assert_eq!(harness.pass(Timer::Quiet).pings, 1);
    }
    assert_eq!(harness.pass(Timer::Silent).lost.expect("lost").class, LossClass::Retryable);
    let mut harness = Harness::with(|common, _| common.ping_timeout = Duration::from_secs(8));
    assert_eq!(harness.prepare().pings, 1);
    harness.on(SessionEvent::Pong);
    assert_eq!(harness.pass(Timer::Quiet).pings, 1);
    assert!(harness.pass(Timer::Silent).lost.is_some());
    let mut harness = Harness::ready();
    assert_eq!(harness.on(SessionEvent::Ping(Bytes::from_static(b"p"))).pongs, [Bytes::from_static(b"p")]);
}

#[test]
fn a_server_that_is_not_understood_is_given_up_and_a_single_bad_message_is_not() {
    let mut harness = Harness::ready();
    for _ in 0..health::MOST_UNREADABLE {
        assert_eq!(harness.on(SessionEvent::Text("{")).names(), ["Complained"]);
    }
    harness.turn_complete();
    for _ in 0..health::MOST_UNREADABLE {
        assert!(harness.on(SessionEvent::Binary(&[0xff])).lost.is_none());
    }
    assert!(harness.on(SessionEvent::Unintelligible).lost.is_some());
    let mut harness = Harness::ready();
    let bad = || json!({"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm", "data": "!"}}]}});
    for _ in 0..health::MOST_UNREADABLE {
        assert!(harness.content(bad()).lost.is_none());
    }
    assert!(harness.content(bad()).lost.is_some(), "a caller who hears nothing is not helped by other messages");
}

/// Trap: what is played at another rate is noise.
#[test]
fn audio_of_another_rate_ends_the_session() {
    let mut harness = Harness::ready();
    let audio = json!({"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=16000", "data": "AAAA"}}]}});
    let loss = harness.content(audio).lost.expect("lost");
    assert_eq!(loss.class, LossClass::Fatal);
    assert!(loss.reason.contains("16000 Hz"), "{}", loss.reason);
}
