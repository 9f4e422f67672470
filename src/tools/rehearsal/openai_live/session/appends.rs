//! What the client tells the model: orders, facts, things to say, and clips.

use serde_json::{Value, json};

use super::super::hearing::{Fragment, GRID_MS, on_grid};
use super::super::settings::tokens;
use super::super::voice::Utterance;
use super::{Due, Session};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::script::{Saying, Tools, Voice, asked_words, called_for, mentions_goodbye};
use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::Line;

impl Session {
    /// Handles an appended text. Its acknowledgement says that it has its place on the timeline, and
    /// not that it was said.
    pub(super) fn append_text(&mut self, event: &Value) -> Result<(), Fault> {
        let content = event["content"].as_str().unwrap_or_default();
        let delegation = event["delegation_id"].as_str();
        let invalid = |message: &str, path: &str| Err(Fault::request("invalid_value", message).at(path));
        if content.trim().is_empty() {
            return invalid("The content is blank.", "content");
        }
        if tokens(content) > MOST_TOKENS {
            return invalid("The content has more than 500 tokens.", "content");
        }
        if self.clip.is_some() {
            return Err(Fault::request("invalid_event", "Nothing can be appended while a fixture plays."));
        }
        if let Some(id) = delegation
            && !self.delegated.iter().any(|open| open == id)
        {
            return invalid("There is no such delegation to the client.", "delegation_id");
        }
        let now = self.hearing.ms();
        let placed = now + self.misbehaviour.appended_after_ms.unwrap_or_else(|| 600 + self.events.draw(361));
        let kind = match event["type"].as_str() {
            Some("session.commentary.append") => {
                self.comment(content, delegation, now);
                "session.commentary.appended"
            }
            Some("session.thinking.append") => {
                self.tell(content);
                "session.thinking.appended"
            }
            _ => {
                self.instruct(content, now, placed);
                "session.instructions.appended"
            }
        };
        self.agenda.add(placed, Due::Appended(kind, event["event_id"].as_str().map(str::to_owned)));
        Ok(())
    }

    pub(super) fn appended(&mut self, kind: &str, about: Option<&str>, at: u64) {
        let start_ms = on_grid(at);
        self.events.send(kind, about, json!({"start_ms": start_ms, "end_ms": start_ms + GRID_MS}));
        if Misbehaviour::on(self.misbehaviour.phantom_words) {
            let text = " thank you for watching".to_owned();
            self.agenda.add(at + 400, Due::Words(Fragment { text, start_ms, end_ms: start_ms + GRID_MS }));
        }
    }

    /// Plays a clip of the client. The model falls silent and hears nothing meanwhile.
    pub(super) fn play(&mut self, audio: &str, about: Option<&str>) -> Result<(), Fault> {
        let invalid = |message: &str| Err(Fault::request("invalid_audio", message).at("audio"));
        let Ok(bytes) = base64_simd::STANDARD.decode_to_vec(audio) else {
            return invalid("Expected audio in base64.");
        };
        if bytes.is_empty() || bytes.len() % 2 != 0 || bytes.starts_with(b"RIFF") {
            return invalid("Expected whole samples of PCM at 24 kHz without a header.");
        }
        if bytes.len() > LONGEST_CLIP_MS * Format::Pcm24k.bytes_per_ms() {
            return invalid("A fixture has at most 30 seconds.");
        }
        if self.clip.is_some() {
            return Err(Fault::request("invalid_event", "A fixture is already active."));
        }
        let sound = Sound { format: Format::Pcm24k, bytes: bytes.into() }.in_format(self.settings.format());
        self.fall_silent();
        self.clip = Some(about.map(str::to_owned));
        self.events.send("session.output_audio.fixture.playing", about, json!({}));
        self.voice.say(Utterance { text: String::new(), sound, clip: true });
        Ok(())
    }

    /// Something is to be said: as the answer of a delegation, or by itself.
    fn comment(&mut self, content: &str, delegation: Option<&str>, now: u64) {
        self.forget_acknowledgements();
        if let Some(id) = delegation {
            self.delegated.retain(|open| open != id);
            let voice = Voice { words: Some(content), ..self.spoken(None) };
            return self.plan(vec![voice.line(Line::Alright)], now + COMMENTED_AFTER_MS);
        }
        let sayings = self.scripted(content);
        self.plan(sayings, now + COMMENTED_AFTER_MS);
    }

    /// Something is to be known.
    fn tell(&mut self, content: &str) {
        self.forget_acknowledgements();
        self.told.push(content.to_owned());
        if self.told.len() > MOST_TOLD {
            self.told.remove(0);
        }
    }

    /// Something is ordered. Only some orders are to say something, and they take longer.
    fn instruct(&mut self, content: &str, now: u64, placed: u64) {
        self.settings.instructed(content);
        let first = content.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
        match first.to_lowercase().as_str() {
            "stop" => {
                // What is ordered after this is said.
                self.agenda.retain(|due| !matches!(due, Due::Say(_)));
                self.agenda.add(placed, Due::Stop);
            }
            "speak" | "say" | "greet" | "begin" => {
                let sayings = self.scripted(content);
                self.plan(sayings, now + INSTRUCTED_AFTER_MS);
            }
            _ => {}
        }
    }

    /// What the model says, or lets the backend do, when it is told to speak by `content`.
    fn scripted(&mut self, content: &str) -> Vec<Saying> {
        let told = std::mem::take(&mut self.told);
        // The order to listen afterwards belongs to no words that are asked for.
        let content = content.trim_end().trim_end_matches(AFTERWARDS);
        let voice = self.spoken(asked_words(content));
        let tools = Tools::of(self.settings.backend());
        let texts = told.iter().rev().map(String::as_str).chain([content]);
        if let Some(called) = texts.into_iter().find_map(|text| called_for(text, &tools, voice)) {
            return called;
        }
        if content.contains("answer what they said") && self.unanswered.is_some() {
            return self.unanswered.take().map(|turn| self.repeated(&turn)).into_iter().collect();
        }
        let line = match self.said {
            _ if mentions_goodbye(content) => Line::Goodbye,
            (0, _) => Line::Greeting,
            _ => Line::Alright,
        };
        vec![voice.line(line)]
    }

    /// Says `sayings` at a time, or delegates if they call tools.
    pub(super) fn plan(&mut self, sayings: Vec<Saying>, at: u64) {
        if sayings.iter().any(|saying| matches!(saying, Saying::Call { .. })) {
            return self.agenda.add(at, Due::Delegate(sayings));
        }
        for saying in sayings {
            let Saying::Speak { text, sound } = saying else { continue };
            self.agenda.add(at, Due::Say(Utterance { text, sound, clip: false }));
        }
    }

    /// How lines are spoken, with these words if there are some.
    pub(super) fn spoken<'a>(&self, words: Option<&'a str>) -> Voice<'a> {
        Voice { words, language: self.settings.language(), format: self.settings.format() }
    }

    fn forget_acknowledgements(&mut self) {
        self.agenda.retain(|due| !matches!(due, Due::Acknowledge(_)));
    }
}

/// How orders to speak end.
const AFTERWARDS: &str = "Then stop and listen.";
/// Maximum number of tokens of an appended text.
const MOST_TOKENS: usize = 500;
/// The time from a comment to its first sound, in session time.
const COMMENTED_AFTER_MS: u64 = 850;
/// The same for an instruction.
const INSTRUCTED_AFTER_MS: u64 = 2_000;
/// Texts that the model remembers.
const MOST_TOLD: usize = 8;
/// Maximum length of a clip.
const LONGEST_CLIP_MS: usize = 30_000;
