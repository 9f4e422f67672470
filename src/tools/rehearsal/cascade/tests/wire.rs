//! A client's machine and an engine, joined without a network.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderMap;
use switchboard_actors::realtime::cascade::ears::{Ears, EarsKind, EarsPlan, Heard, ToEars};
use switchboard_actors::realtime::cascade::voice::{Spoken, Timing, ToVoice, Voice, VoiceKind, VoicePlan};
use url::Url;

use crate::tools::rehearsal::cascade::seat::ENGINES;
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Out;
use crate::tools::rehearsal::protocol::{ServerSession, Visit};
use crate::tools::rehearsal::server::RehearsalOptions;

/// Opens the engine at an address.
fn open(url: &Url, rehearse: &str, now: Instant) -> Box<dyn ServerSession> {
    let options = RehearsalOptions::default();
    let query: HashMap<String, String> = url.query_pairs().into_owned().collect();
    let visit = Visit {
        path: url.path(),
        query: &query,
        headers: &HeaderMap::new(),
        options: &options,
        memory: &Memory::default(),
        misbehaviour: Rc::new(Misbehaviour::default().with(rehearse).unwrap()),
        seed: 1,
        epoch_s: 0,
        now,
    };
    (ENGINES.open)(&visit).unwrap_or_else(|refusal| panic!("{url}: {refusal:?}"))
}

/// Ears that listen.
pub(super) struct Listening {
    pub(super) ears: Ears,
    pub(super) heard: Vec<Heard>,
    pub(super) closed: Option<u16>,
    server: Box<dyn ServerSession>,
    now: Instant,
}

impl Listening {
    pub(super) fn open(kind: EarsKind, plan: &EarsPlan, rehearse: &str) -> Self {
        let now = Instant::now();
        let server = open(&kind.url(plan), rehearse, now);
        Self { ears: kind.open(plan, now), heard: Vec::new(), closed: None, server, now }
    }

    /// The caller is heard for a time.
    pub(super) fn hear(&mut self, ms: u64, byte: u8) {
        let frame: Vec<u8> = (0..160).map(|n| if n % 20 < 10 { byte } else { byte | 0x80 }).collect();
        for _ in 0..ms / 20 {
            let mut to = Vec::new();
            self.ears.hear_caller(&frame, self.now, &mut to);
            self.send(to);
            self.wait(20);
        }
    }

    /// Time passes without any audio.
    pub(super) fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.now < until && self.closed.is_none() {
            let mut to = Vec::new();
            self.ears.deadline_passed(self.now, &mut to);
            self.send(to);
            self.now += Duration::from_millis(10);
            self.server.tick(self.now);
            self.receive();
        }
    }

    fn send(&mut self, to: Vec<ToEars>) {
        for message in to {
            match message {
                ToEars::Text(text) | ToEars::AudioText(text) => self.server.hear_text(&text, self.now),
                ToEars::Audio(audio) => self.server.hear_binary(&audio, self.now),
            }
        }
        self.receive();
    }

    fn receive(&mut self) {
        while let Some(out) = self.server.next_out() {
            match out {
                Out::Event(text) => self.ears.hear_server(&text, &mut self.heard),
                Out::Close { code, .. } => self.closed = Some(code),
                Out::Binary(_) | Out::Audio(_) | Out::Ping | Out::Drop => panic!("{out:?}"),
            }
        }
    }
}

/// A voice that speaks.
pub(super) struct Speaking {
    pub(super) voice: Voice,
    pub(super) spoken: Vec<Spoken>,
    pub(super) closed: Option<u16>,
    server: Box<dyn ServerSession>,
    now: Instant,
    url: Url,
    rehearse: String,
}

impl Speaking {
    pub(super) fn open(kind: VoiceKind, plan: &VoicePlan, rehearse: &str) -> Self {
        let (now, url) = (Instant::now(), kind.url(plan));
        let (server, voice) = (open(&url, rehearse, now), kind.open(plan, now));
        Self { voice, spoken: Vec::new(), closed: None, server, now, url, rehearse: rehearse.to_owned() }
    }

    pub(super) fn say(&mut self, utterance: u64, text: &str) {
        let mut to = Vec::new();
        self.voice.say(utterance, text, self.now, &mut to);
        self.send(to);
    }

    pub(super) fn end(&mut self, utterance: u64) {
        let mut to = Vec::new();
        self.voice.end(utterance, self.now, &mut to);
        self.send(to);
    }

    pub(super) fn cancel(&mut self, utterance: u64) {
        let mut to = Vec::new();
        self.voice.cancel(utterance, self.now, &mut to);
        self.send(to);
    }

    pub(super) fn wait(&mut self, ms: u64) {
        let until = self.now + Duration::from_millis(ms);
        while self.now < until && self.closed.is_none() {
            let mut to = Vec::new();
            self.voice.deadline_passed(self.now, &mut to);
            self.send(to);
            self.now += Duration::from_millis(10);
            self.server.tick(self.now);
            self.receive();
        }
    }

    /// The audio of an utterance, in bytes.
    pub(super) fn bytes_of(&self, number: u64) -> usize {
        let length = |spoken: &Spoken| {
            let Spoken::Audio { utterance, audio } = spoken else { return None };
            (*utterance == number).then_some(audio.len())
        };
        self.spoken.iter().filter_map(length).sum()
    }

    /// The words of an utterance.
    pub(super) fn timings_of(&self, number: u64) -> Vec<Timing> {
        let timings = |spoken: &Spoken| {
            let Spoken::Timings { utterance, timings } = spoken else { return None };
            (*utterance == number).then(|| timings.clone())
        };
        self.spoken.iter().filter_map(timings).flatten().collect()
    }

    fn send(&mut self, to: Vec<ToVoice>) {
        for message in to {
            match message {
                ToVoice::Text(text) => self.server.hear_text(&text, self.now),
                ToVoice::Reopen => self.reopen(),
            }
        }
        self.receive();
    }

    /// Another socket takes the place of one that cannot be stopped.
    fn reopen(&mut self) {
        self.server = open(&self.url, &self.rehearse, self.now);
        if let Voice::Sarvam(voice) = &mut self.voice {
            let mut to = Vec::new();
            voice.reopened(self.now, &mut to);
            self.send(to);
        }
    }

    fn receive(&mut self) {
        let mut to = Vec::new();
        while let Some(out) = self.server.next_out() {
            match out {
                Out::Event(text) => self.voice.hear_text(&text, self.now, &mut self.spoken, &mut to),
                Out::Audio(audio) => self.voice.hear_binary(&audio, &mut self.spoken),
                Out::Close { code, .. } => self.closed = Some(code),
                Out::Binary(_) | Out::Ping | Out::Drop => panic!("{out:?}"),
            }
        }
        if !to.is_empty() {
            self.send(to);
        }
    }
}
