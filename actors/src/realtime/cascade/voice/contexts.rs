//! ElevenLabs: one context for each answer, in either of two dialects. Pure.
//!
//! At most five contexts may be open, and a closed one still says what it holds, so audio is told
//! apart by the context's name. Times are relative to the audio of the message that brings them.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use url::Url;

use super::timing::{Script, Timing};
use super::{Spoken, ToVoice, VoicePlan, time_of_ms};
use crate::carrier::Encoding;
use crate::frame::Frame;
use crate::realtime::cascade::address::{short, socket};
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::fields::Fields;

/// The dialect of a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Of the models of the second generation: the voice stands in the address.
    Speech,
    /// Of later models: each context registers its voice.
    Dialogue,
}

/// The address of a socket.
pub(super) fn url(plan: &VoicePlan, dialect: Dialect) -> Url {
    let mut url = match dialect {
        Dialect::Speech => socket(&plan.url, &format!("/v1/text-to-speech/{}/multi-stream-input", plan.voice)),
        Dialect::Dialogue => socket(&plan.url, "/v1/text-to-dialogue/multi-stream-input"),
    };
    let encoding = match plan.format.encoding {
        Encoding::MuLaw => "ulaw",
        Encoding::ALaw => "alaw",
        Encoding::Pcm16 => "pcm",
    };
    let mut query = url.query_pairs_mut();
    query
        .append_pair("model_id", &plan.model)
        .append_pair("output_format", &format!("{encoding}_{}", plan.format.rate_hz))
        .append_pair("sync_alignment", "true")
        .append_pair("language_code", short(&plan.language));
    if dialect == Dialect::Speech {
        query.append_pair("auto_mode", "true").append_pair("inactivity_timeout", "180");
    }
    drop(query);
    url
}

/// A socket.
#[derive(Debug)]
pub struct Contexts {
    dialect: Dialect,
    voice: String,
    /// The contexts that the server may still speak in, by utterance.
    open: BTreeMap<u64, Context>,
    /// What has to wait for a free context, in order.
    held: VecDeque<Held>,
    /// When something was sent last.
    sent: Instant,
    /// Whether the context that keeps the socket is registered.
    is_kept: bool,
}

#[derive(Debug, Default)]
struct Context {
    /// Whether its audio is dropped.
    is_cancelled: bool,
    script: Script,
    /// The length of the audio before the next message's.
    base_ms: f64,
    /// A word that is not complete yet, with its times.
    word: Option<(String, f64, f64)>,
}

#[derive(Debug)]
enum Held {
    Say(u64, String),
    End(u64),
}

impl Contexts {
    /// A socket that was opened at `now`.
    pub(super) fn new(plan: &VoicePlan, dialect: Dialect, now: Instant) -> Self {
        let voice = plan.voice.clone();
        Self { dialect, voice, open: BTreeMap::new(), held: VecDeque::new(), sent: now, is_kept: false }
    }

    pub(super) fn say(&mut self, utterance: u64, text: &str, now: Instant, out: &mut Vec<ToVoice>) {
        let is_new = !self.open.contains_key(&utterance);
        if is_new {
            if self.open.len() >= self.most_open() {
                if self.held.len() < MOST_HELD {
                    self.held.push_back(Held::Say(utterance, text.to_owned()));
                }
                return;
            }
            self.open.insert(utterance, Context::default());
            self.send(&self.beginning(&name(utterance)), now, out);
        }
        // Texts are joined as they are: without the space two words become one.
        let spaced = format!("{text} ");
        let id = name(utterance);
        let message = match self.dialect {
            Dialect::Speech => json!({ "text": spaced, "context_id": id }),
            Dialect::Dialogue => {
                let input = json!({ "text": spaced, "voice_id": self.voice, "new_turn": is_new });
                json!({ "context_id": id, "inputs": [input] })
            }
        };
        self.send(&message, now, out);
        if is_new || self.dialect == Dialect::Dialogue {
            self.send(&json!({ "context_id": id, "flush": true }), now, out);
        }
        if let Some(context) = self.open.get_mut(&utterance) {
            context.script.add(text);
        }
    }

    pub(super) fn end(&mut self, utterance: u64, now: Instant, out: &mut Vec<ToVoice>) {
        if self.held.iter().any(|held| matches!(held, Held::Say(number, _) if *number == utterance)) {
            return self.held.push_back(Held::End(utterance));
        }
        if self.open.contains_key(&utterance) {
            let id = name(utterance);
            self.send(&json!({ "context_id": id, "flush": true }), now, out);
            self.send(&json!({ "context_id": id, "close_context": true }), now, out);
        }
    }

    pub(super) fn cancel(&mut self, utterance: u64, now: Instant, out: &mut Vec<ToVoice>) {
        self.held.retain(|held| !matches!(held, Held::Say(number, _) | Held::End(number) if *number == utterance));
        if let Some(context) = self.open.get_mut(&utterance)
            && !std::mem::replace(&mut context.is_cancelled, true)
        {
            self.send(&json!({ "context_id": name(utterance), "close_context": true }), now, out);
        }
    }

    pub(super) fn hear_text(&mut self, text: &str, now: Instant, out: &mut Vec<Spoken>, to: &mut Vec<ToVoice>) {
        let Ok(fields) = Fields::read(text) else { return };
        if let Some(error) = fields.filled("error") {
            let message = fields.words("message").unwrap_or_default();
            return out.push(Spoken::Failed(Failure::of_words(Part::Voice, &error, &message)));
        }
        let id = fields.filled("contextId").or_else(|| fields.filled("context_id"));
        let utterance = id.and_then(|id| id.strip_prefix(PREFIX)?.parse::<u64>().ok());
        let Some(utterance) = utterance else { return };
        let Some(context) = self.open.get_mut(&utterance) else { return };
        if !context.is_cancelled {
            if let Some(audio) = fields.filled("audio").and_then(|audio| Frame::of_base64(&audio).ok()) {
                out.push(Spoken::Audio { utterance, audio });
            }
            let timings = context.timings(&fields.object("alignment"));
            if !timings.is_empty() {
                out.push(Spoken::Timings { utterance, timings });
            }
        }
        // The end of a turn within a context is none of the context.
        let is = |name| fields.text(name).as_deref() == Some("true");
        if is("isFinal") || is("is_final") {
            let timings: Vec<Timing> = context.last_word().into_iter().collect();
            let is_cancelled = context.is_cancelled;
            self.open.remove(&utterance);
            if !is_cancelled {
                if !timings.is_empty() {
                    out.push(Spoken::Timings { utterance, timings });
                }
                out.push(Spoken::Ended { utterance });
            }
            for held in std::mem::take(&mut self.held) {
                match held {
                    Held::Say(utterance, text) => self.say(utterance, &text, now, to),
                    Held::End(utterance) => self.end(utterance, now, to),
                }
            }
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.sent
            + match self.dialect {
                Dialect::Speech => KEEP_ALIVE,
                Dialect::Dialogue => KEEP_DIALOGUE_ALIVE,
            }
    }

    pub(super) fn deadline_passed(&mut self, now: Instant, out: &mut Vec<ToVoice>) {
        if self.deadline() > now {
            return;
        }
        // Only a context that was begun keeps the socket, and one that gets no text costs nothing.
        if !std::mem::replace(&mut self.is_kept, true) {
            self.send(&self.beginning(KEEPER), now, out);
        } else if self.dialect == Dialect::Speech {
            self.send(&json!({ "text": "", "context_id": KEEPER }), now, out);
        } else {
            self.send(&json!({ "context_id": KEEPER, "keep_alive": true }), now, out);
        }
    }

    fn beginning(&self, id: &str) -> Value {
        match self.dialect {
            Dialect::Speech => json!({ "text": " ", "context_id": id }),
            Dialect::Dialogue => json!({ "context_id": id, "voices": [self.voice] }),
        }
    }

    const fn most_open(&self) -> usize {
        MOST_OPEN - self.is_kept as usize
    }

    fn send(&mut self, message: &Value, now: Instant, out: &mut Vec<ToVoice>) {
        self.sent = now;
        out.push(ToVoice::Text(message.to_string()));
    }
}

impl Context {
    /// The words that are complete with this message.
    fn timings(&mut self, alignment: &Fields<'_>) -> Vec<Timing> {
        let read = |names: [&str; 2]| {
            let list = names.iter().map(|name| alignment.list(name)).find(|list| !list.is_empty()).unwrap_or_default();
            list.into_iter().filter_map(crate::realtime::fields::text)
        };
        let number = |text: std::borrow::Cow<'_, str>| text.parse::<f64>().ok().filter(|ms| ms.is_finite());
        let starts = read(["charStartTimesMs", "char_start_times_ms"]).map(number);
        let durations = read(["charDurationsMs", "char_durations_ms"]).map(number);
        let mut timings = Vec::new();
        let mut last = 0.0_f64;
        for ((char, start), duration) in read(["chars", "chars"]).zip(starts).zip(durations) {
            let (Some(start), Some(duration)) = (start, duration) else { continue };
            last = last.max(start + duration);
            let (from, to) = (self.base_ms + start, self.base_ms + start + duration);
            if char.trim().is_empty() {
                timings.extend(self.last_word());
            } else {
                let word = self.word.get_or_insert_with(|| (String::new(), from, to));
                word.0.push_str(&char);
                word.2 = to;
            }
        }
        self.base_ms += last;
        timings
    }

    fn last_word(&mut self) -> Option<Timing> {
        let (word, start, end) = self.word.take()?;
        let bytes = self.script.place(&word)?;
        Some(Timing { bytes, start: time_of_ms(start), end: time_of_ms(end) })
    }
}

fn name(utterance: u64) -> String {
    format!("{PREFIX}{utterance}")
}

const PREFIX: char = 'u';
const KEEPER: &str = "keep";
/// The most contexts of a socket. One more closes it.
const MOST_OPEN: usize = 5;
const MOST_HELD: usize = 64;
/// The engine closes a socket after 180 s, and one of the other dialect after 20 s.
const KEEP_ALIVE: Duration = Duration::from_secs(60);
const KEEP_DIALOGUE_ALIVE: Duration = Duration::from_secs(12);

#[cfg(test)]
mod tests {
    use super::super::testing::{audio, plan, sent};
    use super::*;
    use crate::clock;

    struct Rig(Contexts, Vec<ToVoice>, Instant);

    impl Rig {
        fn new(dialect: Dialect) -> Self {
            let now = clock::now();
            Self(Contexts::new(&plan("https://api.elevenlabs.io"), dialect, now), Vec::new(), now)
        }

        fn say(&mut self, utterance: u64, text: &str) -> Vec<Value> {
            self.0.say(utterance, text, self.2, &mut self.1);
            sent(&mut self.1)
        }

        fn hear(&mut self, text: &str) -> Vec<Spoken> {
            let mut out = Vec::new();
            self.0.hear_text(text, self.2, &mut out, &mut self.1);
            out
        }
    }

    fn ended(utterance: u64) -> Spoken {
        Spoken::Ended { utterance }
    }

    #[test]
    fn an_answer_is_a_context_and_each_text_ends_with_a_space() {
        let address = url(&plan("https://api.elevenlabs.io"), Dialect::Speech);
        let expected =
            "wss://api.elevenlabs.io/v1/text-to-speech/asha/multi-stream-input?model_id=small&output_format=ulaw_8000";
        assert!(address.as_str().starts_with(expected), "{address}");
        let mut rig = Rig::new(Dialect::Speech);
        assert_eq!(
            rig.say(1, "Hello."),
            [
                json!({"text":" ","context_id":"u1"}),
                json!({"text":"Hello. ","context_id":"u1"}),
                json!({"context_id":"u1","flush":true}),
            ]
        );
        assert_eq!(rig.say(1, "Bye."), [json!({"text":"Bye. ","context_id":"u1"})]);
        rig.0.end(1, rig.2, &mut rig.1);
        assert_eq!(
            sent(&mut rig.1),
            [json!({"context_id":"u1","flush":true}), json!({"context_id":"u1","close_context":true}),]
        );
        assert_eq!(rig.hear(r#"{"audio":"AQI=","isFinal":null,"contextId":"u1"}"#), [audio(1, &[1, 2])]);
        assert_eq!(rig.hear(r#"{"contextId":"u1","isFinal":true}"#), [ended(1)]);
    }

    #[test]
    fn the_other_dialect_registers_the_voice_and_ends_with_is_final_alone() {
        let address = url(&plan("https://api.elevenlabs.io"), Dialect::Dialogue);
        assert!(
            address.as_str().contains("/v1/text-to-dialogue/multi-stream-input?") && !address.as_str().contains("asha")
        );
        let mut rig = Rig::new(Dialect::Dialogue);
        assert_eq!(
            rig.say(1, "नमस्ते।"),
            [
                json!({"context_id":"u1","voices":["asha"]}),
                json!({"context_id":"u1","inputs":[{"text":"नमस्ते। ","voice_id":"asha","new_turn":true}]}),
                json!({"context_id":"u1","flush":true}),
            ]
        );
        let spoken = rig.hear(r#"{"context_id":"u1","audio":"AQI=","alignment":{"chars":["न"],"char_start_times_ms":[0],"char_durations_ms":[90]}}"#);
        assert_eq!(spoken, [audio(1, &[1, 2])]);
        assert_eq!(rig.hear(r#"{"context_id":"u1","is_final_audio_for_turn":true}"#), []);
        assert_eq!(rig.hear(r#"{"context_id":"u1","is_final":true}"#).last(), Some(&ended(1)));
    }

    #[test]
    fn a_cancelled_context_is_closed_and_what_it_still_says_is_dropped() {
        let mut rig = Rig::new(Dialect::Speech);
        rig.say(1, "Hello.");
        rig.0.cancel(1, rig.2, &mut rig.1);
        rig.0.cancel(1, rig.2, &mut rig.1);
        assert_eq!(sent(&mut rig.1), [json!({"context_id":"u1","close_context":true})]);
        rig.say(2, "Yes?");
        assert_eq!(rig.hear(r#"{"audio":"AQI=","contextId":"u1"}"#), []);
        assert_eq!(rig.hear(r#"{"contextId":"u1","isFinal":true}"#), []);
        assert_eq!(rig.hear(r#"{"audio":"AQI=","contextId":"u2"}"#), [audio(2, &[1, 2])]);
        assert_eq!(rig.hear(r#"{"audio":"AQI=","contextId":"other"}"#), []);
    }

    #[test]
    fn a_sixth_context_waits() {
        let mut rig = Rig::new(Dialect::Speech);
        for utterance in 1..=5 {
            assert_eq!(rig.say(utterance, "Hi.").len(), 3);
            rig.0.cancel(utterance, rig.2, &mut rig.1);
            rig.1.clear();
        }
        assert_eq!(rig.say(6, "Yes."), [] as [Value; 0]);
        rig.0.end(6, rig.2, &mut rig.1);
        assert_eq!(sent(&mut rig.1), [] as [Value; 0]);
        rig.hear(r#"{"contextId":"u3","isFinal":true}"#);
        assert_eq!(sent(&mut rig.1).len(), 5);
    }

    #[test]
    fn times_are_relative_to_the_audio_of_their_message_and_words_may_be_split() {
        let mut rig = Rig::new(Dialect::Speech);
        rig.say(1, "Hi all.");
        let spoken = rig.hear(
            r#"{"contextId":"u1","alignment":{"chars":[" ","H","i"," ","a"],"charStartTimesMs":[0,0,70,120,180],"charDurationsMs":[0,70,50,60,60]},
                "normalizedAlignment":{"chars":["x"],"charStartTimesMs":[0],"charDurationsMs":[1]}}"#,
        );
        let ms = Duration::from_millis;
        let timing = |bytes, start, end| Spoken::Timings {
            utterance: 1,
            timings: vec![Timing { bytes, start: ms(start), end: ms(end) }],
        };
        assert_eq!(spoken, [timing(0..2, 0, 120)]);
        let spoken = rig.hear(
            r#"{"contextId":"u1","audio":null,"alignment":{"chars":["l","l","."],"charStartTimesMs":[0,40,80],"charDurationsMs":[40,40,20]}}"#,
        );
        assert_eq!(spoken, []);
        assert_eq!(rig.hear(r#"{"contextId":"u1","isFinal":true}"#), [timing(3..7, 180, 340), ended(1)]);
    }

    #[test]
    fn an_idle_socket_is_kept_by_a_context_of_its_own() {
        for (dialect, again) in [
            (Dialect::Speech, json!({"text":"","context_id":"keep"})),
            (Dialect::Dialogue, json!({"context_id":"keep","keep_alive":true})),
        ] {
            let mut rig = Rig::new(dialect);
            rig.0.deadline_passed(rig.2, &mut rig.1);
            assert_eq!(sent(&mut rig.1), [] as [Value; 0]);
            let due = rig.0.deadline();
            rig.0.deadline_passed(due, &mut rig.1);
            let due = rig.0.deadline();
            rig.0.deadline_passed(due, &mut rig.1);
            assert_eq!(sent(&mut rig.1)[1], again);
            assert_eq!(rig.0.most_open(), 4);
        }
    }

    #[test]
    fn an_error_is_the_end() {
        let mut rig = Rig::new(Dialect::Speech);
        let spoken = rig.hear(r#"{"message":"x","error":"quota_exceeded","code":1008}"#);
        assert!(matches!(&spoken[..], [Spoken::Failed(_)]));
    }
}
