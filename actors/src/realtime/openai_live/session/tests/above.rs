//! The session under the layer that owns a call's sessions, which knows no provider.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::now;
use super::rig::LOUD;
use crate::ids::ItemId;
use crate::realtime::conversation::SessionEvent;
use crate::realtime::messages::ModelOrder;
use crate::realtime::openai_live::plan::sample;
use crate::realtime::report::ModelReport;
use crate::realtime::sessions::{LegId, Sessions, SessionsAction, SessionsEvent};

struct Call {
    sessions: Sessions,
    now: std::time::Instant,
    sent: Vec<(LegId, Value)>,
    dialled: Vec<LegId>,
    reported: Vec<String>,
}

impl Call {
    fn new() -> Self {
        let mut plan = sample::plan();
        plan.resilience.patience = Duration::from_secs(20);
        let now = now();
        let sessions = Sessions::new(Arc::new(plan), now).of_caller(Some("hash".to_owned()));
        let mut call = Self { sessions, now, sent: Vec::new(), dialled: Vec::new(), reported: Vec::new() };
        call.on(SessionsEvent::Started);
        call
    }

    fn on(&mut self, event: SessionsEvent<'_>) {
        let mut out = Vec::new();
        self.sessions.handle(event, self.now, &mut out);
        for action in out {
            match action {
                SessionsAction::Consult { question, .. } => {
                    self.on(SessionsEvent::Advised { question, standings: &[], chance: 0.0 });
                }
                SessionsAction::Dial { leg, .. } => self.dialled.push(leg),
                SessionsAction::Send(leg, text) => {
                    self.sent.push((leg, serde_json::from_str(&text).expect("JSON")));
                }
                SessionsAction::Report(ModelReport::Ready { .. }) => self.reported.push("ready".to_owned()),
                SessionsAction::Report(ModelReport::Resumed { .. }) => self.reported.push("resumed".to_owned()),
                SessionsAction::Report(ModelReport::Faltered(_)) => self.reported.push("faltered".to_owned()),
                SessionsAction::Complete(complete) => self.reported.push(format!("{} complete", complete.item)),
                SessionsAction::Learn { .. }
                | SessionsAction::HangUp(_)
                | SessionsAction::SendAudio(..)
                | SessionsAction::Pong(..)
                | SessionsAction::ToLink(..)
                | SessionsAction::Ping(_)
                | SessionsAction::ToAudio(_)
                | SessionsAction::ToWords(_)
                | SessionsAction::Report(_)
                | SessionsAction::AudioDropped { .. }
                | SessionsAction::Clip(_)
                | SessionsAction::End => {}
            }
        }
    }

    fn up(&mut self) -> LegId {
        let leg = *self.dialled.last().expect("a dial");
        self.on(SessionsEvent::Dialled { leg, said: Vec::new(), epoch_s: 0.0 });
        self.server(leg, &json!({"type": "session.started", "session": {"id": "live_x", "expires_at": 7_200}}));
        leg
    }

    fn server(&mut self, leg: LegId, event: &Value) {
        let text = event.to_string();
        self.on(SessionsEvent::Session { leg, event: SessionEvent::Text(&text) });
    }

    /// After a second of silence the model says these words, each for so many ms. A word without
    /// letters is a pause.
    fn says(&mut self, leg: LegId, words: &[(&str, u64)]) {
        self.stream(leg, 1_000, 0xFF);
        let mut at = 1_000;
        for (word, length) in words {
            if word.is_empty() {
                self.stream(leg, *length, 0xFF);
            } else {
                let delta = json!({"type": "session.output_transcript.delta", "delta": word, "start_ms": at,
                    "end_ms": at + length});
                self.server(leg, &delta);
                self.stream(leg, *length, LOUD);
            }
            at += length;
        }
        self.stream(leg, 1_000, 0xFF);
    }

    fn stream(&mut self, leg: LegId, ms: u64, code: u8) {
        for _ in 0..ms / 100 {
            self.now += Duration::from_millis(100);
            let delta = base64_simd::STANDARD.encode_to_string(vec![code; 800]);
            self.server(leg, &json!({"type": "session.output_audio.delta", "delta": delta}));
        }
    }
}

#[test]
fn the_first_session_starts_with_the_caller_and_is_ready_once_it_runs() {
    let mut call = Call::new();
    let leg = call.up();
    let (to, start) = &call.sent[0];
    assert_eq!((*to, &start["type"]), (leg, &json!("session.start")));
    assert_eq!(start["session"]["safety_identifier"], "hash");
    assert_eq!(call.reported, ["ready"]);
}

#[test]
fn what_was_heard_of_uneven_words_follows_their_times() {
    for (heard_ms, expected) in [
        (400, ""),
        (500, "Wait."),
        (700, "Wait."),
        (850, "Wait. one"),
        (1_100, "Wait. one two"),
        (1_550, "Wait. one two"),
        (1_700, "Wait. one two three"),
    ] {
        let mut call = Call::new();
        let leg = call.up();
        call.says(leg, &[("Wait.", 400), ("", 400), (" one", 200), (" two", 200), (" three", 600), (" four", 200)]);
        let item = ItemId::new("live1_a1");
        // The line is silent in most of the pause; 160 ms of it are audio of the item.
        let heard = Duration::from_millis(heard_ms);
        call.on(SessionsEvent::Ordered(ModelOrder::TruncateItem { item, heard }));
        let note = call.sent.last().and_then(|(_, note)| note["content"].as_str()).unwrap_or_default().to_owned();
        let told = note.split(['“', '”']).nth(1).unwrap_or_default();
        assert_eq!(told, expected, "at {heard_ms} ms: {note}");
    }
}

#[test]
fn a_cut_becomes_a_note_and_the_next_session_knows_what_was_heard() {
    let mut call = Call::new();
    let first = call.up();
    call.says(first, &[("One", 500), (" two", 500), (" three", 500), (" four", 500)]);
    assert_eq!(call.reported.last().map(String::as_str), Some("live1_a1 complete"));
    let item = ItemId::new("live1_a1");
    call.on(SessionsEvent::Ordered(ModelOrder::TruncateItem { item, heard: Duration::from_millis(1_100) }));
    let (_, note) = call.sent.last().expect("a note");
    let reported = note["content"].as_str().unwrap_or_default();
    assert_eq!(note["type"], "session.thinking.append");
    assert!(reported.contains("One two") && !reported.contains("four"), "{reported}");

    call.on(SessionsEvent::Session { leg: first, event: SessionEvent::Broken("gone") });
    let second = call.up();
    assert_eq!(call.reported[call.reported.len() - 2..], ["faltered", "resumed"]);
    let starts = call.sent.iter().find(|(leg, event)| *leg == second && event["type"] == "session.start");
    let input = starts.map(|(_, event)| event["session"]["input"].clone()).unwrap_or_default();
    let said = input[0]["content"][0]["text"].as_str().unwrap_or_default();
    assert_eq!(input[0]["role"], "assistant");
    assert!(said.starts_with("One two") && !said.contains("four"), "{said}");
    assert_ne!(first, second);
}
