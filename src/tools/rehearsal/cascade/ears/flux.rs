//! Deepgram's Flux: the engine finds the turns. Pure.
//!
//! The clock is the audio: a turn is left hanging if audio stops in the middle of it.

use serde_json::{Value, json};

use super::caller::{Caller, Ended, Heard, timed};
use super::listen::{refusal, seconds};
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket, UNTAGGED};
use crate::tools::rehearsal::cascade::query::Query;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Ids;
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};
use crate::tools::rehearsal::speech::Language;

/// A stream.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Flux {
    request: String,
    caller: Caller,
    /// Whether an end of turn is announced before it is certain.
    is_eager: bool,
    /// Silence that ends a turn, and the time that its words take.
    end_ms: u64,
    words_after_ms: u64,
    turn: Option<Turn>,
    turns: u64,
    sequence: u64,
}

/// A turn that runs.
#[derive(Debug, Default)]
struct Turn {
    from_ms: u64,
    /// Whether its beginning was told, which takes a word.
    is_told: bool,
    /// The words of earlier stretches, and of the one that runs.
    before: String,
    words: String,
    /// When the silence began that may end it.
    silent_since_ms: Option<u64>,
    /// The audio at the last update.
    updated_ms: u64,
}

/// Opens a stream.
///
/// # Errors
/// The address asks for something that does not exist or does not fit together.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let request = Ids::new(visit.seed).next("dg");
    let refused = |message: String| refusal("INVALID_QUERY_PARAMETER", &message, &request);
    let query = Query::new(visit.query, &["model", "encoding", "sample_rate"], &KNOWN).map_err(refused)?;
    let format = query.audio().map_err(refused)?;
    let model = query.text("model");
    if !model.starts_with("flux-") {
        return Err(refused(format!("model '{model}' finds no turns")));
    }
    let hint = query.text("language_hint");
    if !hint.is_empty() && !model.ends_with("-multi") {
        return Err(refused("language_hint requires a multilingual model".to_owned()));
    }
    let least = query.number("eot_threshold", 0.7, &(0.5..=1.0)).map_err(refused)?;
    let is_eager = !query.text("eager_eot_threshold").is_empty();
    query.number("eager_eot_threshold", 0.3, &(0.3..=0.9_f64.min(least))).map_err(refused)?;
    query.number("eot_timeout_ms", 5_000, &(500..=60_000)).map_err(refused)?;
    let words_after = visit.misbehaviour.transcripts_after_ms.unwrap_or_default();
    let language = Language::of(Some(if hint.is_empty() { "en" } else { hint }), "");
    let connected = json!({"type": "Connected", "request_id": request, "sequence_id": 0});
    let flux = Flux::new(request, Caller::new(format, language, STRETCH_MS, visit.memory), is_eager, words_after);
    Ok(Socket::open(flux, Some(connected), IDLE, visit))
}

impl Flux {
    fn new(request: String, caller: Caller, is_eager: bool, words_after_ms: u64) -> Self {
        Self { request, caller, is_eager, end_ms: END_MS, words_after_ms, turn: None, turns: 0, sequence: 0 }
    }

    fn heard(&mut self, heard: Heard, link: &mut Link) {
        let has_words = !Misbehaviour::on(link.misbehaviour().no_transcripts);
        match heard {
            Heard::Began { at_ms } => {
                let turn = self.turn.get_or_insert_with(|| Turn { from_ms: at_ms, ..Turn::default() });
                if turn.silent_since_ms.take().is_some() && self.is_eager {
                    self.tell("TurnResumed", link);
                }
            }
            Heard::Word { text, .. } if has_words => {
                let Some(turn) = &mut self.turn else { return };
                turn.words = text;
                if !std::mem::replace(&mut turn.is_told, true) {
                    self.tell("StartOfTurn", link);
                }
            }
            Heard::Ended(ended) => self.stretch_ended(&ended, link),
            Heard::Word { .. } => {}
        }
    }

    /// The caller is silent. The turn may be over.
    fn stretch_ended(&mut self, ended: &Ended, link: &mut Link) {
        let Some(turn) = &mut self.turn else { return };
        turn.words.clone_from(&ended.text);
        turn.silent_since_ms = Some(ended.to_ms.saturating_sub(u64::from(STRETCH_MS)));
        if !std::mem::replace(&mut turn.is_told, true) {
            self.tell("StartOfTurn", link);
        }
        if self.is_eager {
            self.tell("EagerEndOfTurn", link);
        }
        if let Some(turn) = &mut self.turn {
            let words = std::mem::take(&mut turn.words);
            turn.before = format!("{} {words}", turn.before).trim_start().to_owned();
        }
    }

    /// Lets the audio's clock go on.
    fn advance(&mut self, link: &mut Link) {
        let ms = self.caller.ms();
        let Some(turn) = &mut self.turn else { return };
        if turn.silent_since_ms.is_some_and(|since| since + self.end_ms <= ms) {
            self.end_turn("model", link);
        } else if turn.is_told && turn.updated_ms + UPDATE_EVERY_MS <= ms {
            self.tell("Update", link);
        }
    }

    fn end_turn(&mut self, trigger: &str, link: &mut Link) {
        let Some(turn) = &self.turn else { return };
        if turn.is_told && !Misbehaviour::on(link.misbehaviour().no_transcripts) {
            let mut message = self.info("EndOfTurn");
            message["trigger"] = trigger.into();
            link.send_at(link.ms() + self.words_after_ms, UNTAGGED, Message::Text(message));
        }
        self.turn = None;
        self.turns += 1;
    }

    fn tell(&mut self, event: &str, link: &mut Link) {
        let message = self.info(event);
        if let Some(turn) = &mut self.turn {
            turn.updated_ms = self.caller.ms();
        }
        if !Misbehaviour::on(link.misbehaviour().no_transcripts) {
            link.send(message);
        }
    }

    /// What is known of the turn that runs: always all of it.
    fn info(&mut self, event: &str) -> Value {
        let nothing = Turn::default();
        let turn = self.turn.as_ref().unwrap_or(&nothing);
        let text = format!("{} {}", turn.before, turn.words).trim().to_owned();
        let ms = self.caller.ms();
        let word = |(word, start, end): (&str, f64, f64)| json!({"word": word, "confidence": 0.98, "start": start, "end": end});
        let words: Vec<Value> = timed(&text, turn.from_ms, ms).into_iter().map(word).collect();
        self.sequence += 1;
        json!({
            "type": "TurnInfo", "request_id": self.request, "sequence_id": self.sequence, "event": event,
            "turn_index": self.turns, "audio_window_start": seconds(turn.from_ms), "audio_window_end": seconds(ms),
            "transcript": text, "words": words,
            "end_of_turn_confidence": if event.ends_with("EndOfTurn") { 0.8 } else { 0.05 },
        })
    }
}

impl Engine for Flux {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        self.sequence += 1;
        let (request, sequence) = (&self.request, self.sequence);
        match message["type"].as_str() {
            Some("ForceEndTurn") => {
                if let Some(ended) = self.caller.finish() {
                    self.stretch_ended(&ended, link);
                }
                self.end_turn("manual", link);
            }
            Some("Configure") => {
                let thresholds = &message["thresholds"];
                link.send(json!({
                    "type": "ConfigureSuccess", "request_id": request, "sequence_id": sequence, "thresholds": thresholds,
                    "keyterms": message["keyterms"],
                }));
            }
            Some("CloseStream") => link.close_at(link.ms() + self.words_after_ms, 1000, ""),
            _ => {
                let description = format!("unknown message: {}", message["type"]);
                link.send(json!({
                    "type": "Error", "sequence_id": sequence, "code": "INVALID_MESSAGE", "description": description,
                }));
                link.close(1008, "DATA-0000 unknown message");
            }
        }
    }

    fn hear_binary(&mut self, bytes: &[u8], link: &mut Link) {
        if bytes.is_empty() || bytes.starts_with(b"RIFF") {
            return link.close(1008, "DATA-0000 expected raw audio");
        }
        link.touch();
        for heard in self.caller.hear(bytes) {
            self.heard(heard, link);
        }
        self.advance(link);
    }
}

/// Silence that ends a stretch of a turn.
const STRETCH_MS: u32 = 240;
/// Silence that ends a turn.
const END_MS: u64 = 500;
/// The audio between two updates.
const UPDATE_EVERY_MS: u64 = 250;
const IDLE: Idle =
    Idle { after: std::time::Duration::from_secs(60), code: 1011, reason: "NET-0001 no audio data came in time" };
const KNOWN: [&str; 10] = [
    "eot_threshold",
    "eager_eot_threshold",
    "eot_timeout_ms",
    "keyterm",
    "language_hint",
    "numerals",
    "profanity_filter",
    "redact",
    "tag",
    "mip_opt_out",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::memory::Memory;
    use crate::tools::rehearsal::sound::Format;

    fn client(is_eager: bool) -> Client<Flux> {
        let caller = Caller::new(Format::MuLaw, Language::of(None, ""), STRETCH_MS, &Memory::default());
        Client::new(Flux::new("r".to_owned(), caller, is_eager, 0), IDLE, "")
    }

    /// Events and transcripts of some seconds: silence, speech, a pause, speech, silence.
    fn spoken(client: &mut Client<Flux>, pause_ms: u64) -> Vec<(String, String)> {
        let mut out = Vec::new();
        for (ms, byte) in [(1_000, 0xFF), (1_000, 0x20), (pause_ms, 0xFF), (1_000, 0x20), (1_000, 0xFF)] {
            out.extend(client.speak(ms, byte, Client::binary));
        }
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = told(&out).into_iter().map(|info| (text(&info["event"]), text(&info["transcript"])));
        told.filter(|(event, _)| event != "Update").collect()
    }

    #[test]
    fn each_event_has_all_words_of_the_turn() {
        let events = spoken(&mut client(true), 400);
        let names: Vec<&str> = events.iter().map(|(event, _)| event.as_str()).collect();
        assert_eq!(names, ["StartOfTurn", "EagerEndOfTurn", "TurnResumed", "EagerEndOfTurn", "EndOfTurn"]);
        assert_eq!(events[0].1, "[caller");
        assert_eq!(events[1].1, events[2].1);
        assert!(events[3].1.starts_with(&events[1].1) && events[3].1.len() > events[1].1.len());
        assert_eq!(events[3].1, events[4].1);
    }

    #[test]
    fn a_pause_ends_a_turn_only_if_it_is_long() {
        let names = |pause| spoken(&mut client(false), pause).into_iter().map(|(event, _)| event).collect::<Vec<_>>();
        assert_eq!(names(400), ["StartOfTurn", "EndOfTurn"]);
        assert_eq!(names(900), ["StartOfTurn", "EndOfTurn", "StartOfTurn", "EndOfTurn"]);
    }

    #[test]
    fn a_turn_is_left_hanging_without_audio_until_it_is_ended_by_force() {
        let mut client = client(false);
        client.speak(1_000, 0xFF, Client::binary);
        assert!(!client.speak(1_000, 0x20, Client::binary).is_empty());
        assert!(client.wait(20_000).is_empty());
        client.text(&json!({"type": "ForceEndTurn"}));
        let out = told(&client.wait(1));
        assert_eq!((&out[0]["event"], &out[0]["trigger"]), (&json!("EndOfTurn"), &json!("manual")));
        assert_eq!(told(&client.text(&json!({"type": "KeepAlive"})))[1]["close"], 1008);
    }
}
