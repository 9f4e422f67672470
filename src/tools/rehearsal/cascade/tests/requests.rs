//! The engines that have no socket.

use std::time::{Duration, Instant};

use serde_json::{Map, json};
use switchboard_actors::carrier::{AudioFormat, Encoding};
use switchboard_actors::realtime::cascade::ears::{EarsKind, EarsPlan, Turn, Upload, UploadEvent};
use switchboard_actors::realtime::cascade::failure::{Class, Head};
use switchboard_actors::realtime::cascade::mind::{
    Ask, ChatPlan, Exchange, Finish, History, LimitKey, MindEvent, NoteRole, Patience, body,
};
use switchboard_actors::realtime::cascade::voice::{Speech, Spoken, VoiceKind, speech_request};
use switchboard_actors::tools::spec::ToolSpec;

use super::{ears, voice};
use crate::tools::rehearsal::cascade::ears::upload;
use crate::tools::rehearsal::cascade::mind;
use crate::tools::rehearsal::cascade::reply::Reply;
use crate::tools::rehearsal::cascade::voice::speech;
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::server::RehearsalOptions;

/// What is rehearsed for a request.
fn rehearsed(rehearse: &str, answer: impl FnOnce(&Misbehaviour) -> Reply) -> (Reply, String) {
    let misbehaviour = Misbehaviour::default().with(rehearse).unwrap();
    let reply = Reply::rehearsed(&misbehaviour).unwrap_or_else(|| answer(&misbehaviour)).spoilt(&misbehaviour);
    let body: Vec<u8> = reply.pieces.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
    let text = String::from_utf8_lossy(&body).into_owned();
    (reply, text)
}

fn head<'a>(reply: &Reply, wait: Option<&'a str>) -> Head<'a> {
    Head { status: reply.status, content_type: reply.content_type, retry_after_ms: wait, ..Head::default() }
}

/// A conversation in which the model is asked for a tool.
fn asked(plan: &ChatPlan, said: &str) -> String {
    let mut history = History::default();
    history.caller("u1", said);
    let find = ToolSpec { name: "find".into(), description: "Finds.".into(), parameters: json!({"type": "object"}) };
    let ask = Ask { instructions: "You speak English.", tools: &[find], ..Ask::default() };
    body(plan, &ask, &mut history).to_string()
}

fn thought(said: &str, rehearse: &str) -> Vec<MindEvent> {
    let plan = ChatPlan {
        model: "small".into(),
        most_tokens: Some(400),
        limit_key: LimitKey::default(),
        temperature: None,
        notes: NoteRole::default(),
        asks_usage: true,
        extra: Map::new(),
    };
    let request = asked(&plan, said);
    let (reply, text) = rehearsed(rehearse, |misbehaviour| mind::answer(request.as_bytes(), misbehaviour, 1, 0));
    let now = Instant::now();
    let (mut exchange, mut out) = (Exchange::new(request.len(), Patience::default(), now), Vec::new());
    let wait = reply.retry_after_ms.map(|ms| ms.to_string());
    exchange.head(&head(&reply, wait.as_deref()), if reply.status == 200 { "" } else { &text }, &mut out);
    for (_, bytes) in &reply.pieces {
        exchange.bytes(bytes, now, &mut out);
    }
    exchange.end(now, &mut out);
    out
}

fn said(events: &[MindEvent]) -> String {
    let words = |event: &MindEvent| if let MindEvent::Said(text) = event { text.clone() } else { String::new() };
    events.iter().map(words).collect()
}

#[test]
fn the_chat_model_repeats_the_callers_words_however_they_are_sent() {
    let words = "मुझे एक टेबल चाहिए।";
    for rehearse in ["", "fragment_bytes:1", "fragment_bytes:7", "bare_ends:1"] {
        let events = thought(words, rehearse);
        assert_eq!(said(&events), words, "{rehearse}");
        let Some(MindEvent::Finished { finish: Finish::Complete, usage, .. }) = events.last() else {
            panic!("{rehearse} {events:?}")
        };
        assert!(format!("{usage:?}").len() > 10);
    }
}

#[test]
fn calls_are_read_however_a_server_writes_them() {
    let order = r#"call tool find with {"what":"tea"}"#;
    for (rehearse, arguments) in [
        ("", r#"{"what":"tea"}"#),
        ("whole_calls:1", r#"{"what":"tea"}"#),
        ("whole_calls:1,bare_ends:1", r#"{"what":"tea"}"#),
        ("empty_arguments:1", "{}"),
        ("fragment_bytes:5", r#"{"what":"tea"}"#),
    ] {
        let events = thought(order, rehearse);
        let Some(MindEvent::Finished { calls, .. }) = events.last() else { panic!("{rehearse} {events:?}") };
        let [call] = &calls[..] else { panic!("{rehearse} {calls:?}") };
        assert_eq!((call.name.as_str(), call.arguments.as_str()), ("find", arguments), "{rehearse}");
    }
}

#[test]
fn a_cut_answer_is_told_as_one_and_a_busy_server_is_waited_for() {
    let events = thought("A table for two, and a chair beside it, please.", "cut_body_bytes:900");
    assert!(matches!(events.last(), Some(MindEvent::Finished { finish: Finish::Cut, .. })), "{events:?}");
    let failed = |rehearse| match &thought("Yes.", rehearse)[..] {
        [MindEvent::Failed(failure)] => failure.class,
        other => panic!("{other:?}"),
    };
    let wait = Some(Duration::from_millis(300));
    assert_eq!(failed("refuse:429,retry_after_ms:300"), Class::Retry { after: wait });
    assert!(matches!(failed("refuse:401"), Class::Fatal(_)));
    assert_eq!(failed("refuse:503"), Class::Next);
    assert_eq!(failed("cut_body_bytes:0"), Class::Retry { after: None });
}

/// The form of a turn of a second.
fn turn(upload: &mut Upload) -> Turn {
    let mut out = Vec::new();
    let frame = |loud: i16| -> Vec<u8> {
        (0..320).flat_map(|n| (if n % 40 < 20 { loud } else { -loud }).to_le_bytes()).collect()
    };
    (0..50).for_each(|_| upload.hear_caller(&frame(0), &mut out));
    upload.speech(true, &mut out);
    (0..50).for_each(|_| upload.hear_caller(&frame(4_000), &mut out));
    upload.speech(false, &mut out);
    match out.pop() {
        Some(UploadEvent::Send(turn)) => turn,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_upload_is_understood_and_its_words_come_back() {
    let format = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };
    let plan = EarsPlan { format, language: "hi-IN".into(), ..ears(EarsKind::Listen) };
    for (rehearse, expected) in [("", "[कॉलर"), ("fail_transcripts:1", ""), ("no_transcripts:1", "")] {
        let mut upload = Upload::new(plan.clone());
        let turn = turn(&mut upload);
        let (reply, text) = rehearsed(rehearse, |misbehaviour| {
            upload::answer(&turn.content_type, &turn.body, misbehaviour, Duration::ZERO, &Memory::default())
        });
        let mut out = Vec::new();
        upload.answered(turn.number, &head(&reply, None), &text, &mut out);
        match (&out[..], expected) {
            ([UploadEvent::Words(words)], expected) if !expected.is_empty() => {
                assert!(words.starts_with(expected), "{words}");
            }
            ([UploadEvent::Failed(_)], "") if rehearse.starts_with("fail") => {}
            ([UploadEvent::Nothing], "") if rehearse.starts_with("no") => {}
            other => panic!("{rehearse} {other:?}"),
        }
    }
}

#[test]
fn a_voice_by_requests_gives_every_sample() {
    let plan = voice(VoiceKind::Aura);
    for response_format in ["pcm", "wav"] {
        let request = speech_request(&plan, "Hello, this is Switchboard.", response_format).body.to_string();
        let whole: Vec<usize> = ["", "fragment_bytes:7", "fragment_bytes:1", "speed_percent:0"]
            .into_iter()
            .map(|rehearse| {
                let pace = Pace::of(&RehearsalOptions::default());
                let (reply, _) = rehearsed(rehearse, |misbehaviour| {
                    speech::answer(request.as_bytes(), misbehaviour, pace, &Memory::default())
                });
                let (now, mut out) = (Instant::now(), Vec::new());
                let mut speech = Speech::new(7, now);
                speech.head(&head(&reply, None), "", now, &mut out);
                reply.pieces.iter().for_each(|(_, bytes)| speech.bytes(bytes, now, &mut out));
                speech.end(&mut out);
                assert_eq!(out.last(), Some(&Spoken::Ended { utterance: 7 }), "{response_format} {rehearse}");
                out.iter().map(|spoken| if let Spoken::Audio { audio, .. } = spoken { audio.len() } else { 0 }).sum()
            })
            .collect();
        assert!(whole[0] > 48_000 && whole.iter().all(|length| *length == whole[0]), "{response_format} {whole:?}");
    }
}
