//! ElevenLabs: contexts, in either of two dialects. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::speaker::{Piece, Speaker, Timeline};
use crate::tools::rehearsal::cascade::ears::scribe::refusal;
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket};
use crate::tools::rehearsal::cascade::query::{Query, format_of};
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};
use crate::tools::rehearsal::speech::Language;

/// A socket.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Contexts {
    /// Whether contexts register their voices, as those of later models do.
    is_dialogue: bool,
    speaker: Speaker,
    has_alignment: bool,
    open: BTreeMap<String, Context>,
    /// The tag of the next context.
    next_tag: u64,
}

#[derive(Debug)]
struct Context {
    tag: u64,
    timeline: Timeline,
    /// Text that waits for a flush.
    buffer: String,
    /// Whether it is closed, so that its end comes when everything is said.
    is_closed: bool,
    voices: Vec<String>,
}

/// Opens a socket.
///
/// # Errors
/// The address asks for something that does not exist or does not fit together.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let is_dialogue = visit.path.contains("text-to-dialogue");
    let refused = |message: String| refusal("invalid_parameters", &message);
    let known = if is_dialogue { &KNOWN[..4] } else { &KNOWN[..] };
    let query = Query::new(visit.query, &["model_id"], known).map_err(refused)?;
    let model = query.text("model_id");
    if !is_dialogue && ["eleven_v3", "eleven_v4"].iter().any(|later| model.starts_with(later)) {
        return Err(refused(format!("model_id: '{model}' is served at another address")));
    }
    let language = query.text("language_code");
    if model.starts_with("eleven_flash_v2") && ["mr", "te", "ml"].contains(&language) {
        return Err(refused(format!("language_code: '{model}' does not speak '{language}'")));
    }
    let word = query.text("output_format");
    let format = format_of(word).ok_or_else(|| refused(format!("output_format: '{word}' is not supported")))?;
    let timeout = query.number("inactivity_timeout", 20, &(1..=180)).map_err(refused)?;
    query.flag("auto_mode").map_err(refused)?;
    let has_alignment = query.flag("sync_alignment").map_err(refused)?;
    let own = (!language.is_empty()).then(|| Language::of(Some(language), ""));
    let contexts = Contexts::new(is_dialogue, Speaker::new(format, own, visit), has_alignment);
    let idle = Idle { after: Duration::from_secs(timeout), code: 1008, reason: "input_timeout_exceeded" };
    Ok(Socket::open(contexts, None, idle, visit))
}

impl Contexts {
    fn new(is_dialogue: bool, speaker: Speaker, has_alignment: bool) -> Self {
        Self { is_dialogue, speaker, has_alignment, open: BTreeMap::new(), next_tag: 1 }
    }

    fn handle(&mut self, message: &Value, link: &mut Link) -> Result<(), &'static str> {
        let id = message["context_id"].as_str().ok_or("context_id is missing")?;
        if !self.open.contains_key(id) {
            return self.begin(id, message, link);
        }
        let is = |name: &str| message[name] == true;
        if !message["voices"].is_null() {
            return Err("the context is registered already");
        }
        if self.is_dialogue {
            self.take_inputs(id, message)?;
        } else if let Some(text) = message["text"].as_str() {
            self.add(id, text);
        } else if !is("flush") && !is("close_context") {
            return Err("text is missing");
        }
        if is("flush") || is("close_context") || self.is_enough(id) {
            self.say(id, is("close_context"), link);
        }
        Ok(())
    }

    /// Begins a context. Its first message says nothing.
    fn begin(&mut self, id: &str, message: &Value, link: &mut Link) -> Result<(), &'static str> {
        let strings =
            |list: &Value| list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect();
        let voices: Vec<String> = strings(&message["voices"]);
        if self.is_dialogue && voices.is_empty() {
            return Err("the first message of a context registers its voices");
        }
        if !self.is_dialogue && message["text"] != " " {
            return Err("the first message of a context has one space for its text");
        }
        self.open.retain(|_, context| !context.is_closed || link.has(context.tag));
        if self.open.len() >= MOST_OPEN {
            return Err(TOO_MANY);
        }
        let tag = self.next_tag;
        self.next_tag += 1;
        let context = Context { tag, timeline: Timeline::default(), buffer: String::new(), is_closed: false, voices };
        self.open.insert(id.to_owned(), context);
        Ok(())
    }

    fn take_inputs(&mut self, id: &str, message: &Value) -> Result<(), &'static str> {
        if message["previous_text"].is_string() || message["text"].is_string() {
            return Err("this address takes inputs, not text");
        }
        for input in message["inputs"].as_array().into_iter().flatten() {
            let text = input["text"].as_str().ok_or("an input has no text")?;
            let voice = input["voice_id"].as_str().unwrap_or_default();
            let context = self.open.get(id);
            if !context.is_some_and(|context| context.voices.iter().any(|own| own == voice)) {
                return Err("voice_id: not among the registered voices");
            }
            self.add(id, text);
        }
        Ok(())
    }

    fn add(&mut self, id: &str, text: &str) {
        if let Some(context) = self.open.get_mut(id).filter(|context| !context.is_closed) {
            context.buffer.push_str(text);
        }
    }

    /// Whether what waits is said without being asked for.
    fn is_enough(&self, id: &str) -> bool {
        let context = self.open.get(id);
        context.is_some_and(|context| context.buffer.chars().count() >= 40 && context.buffer.split(' ').count() > 8)
    }

    /// Says what waits, and after a close the end of the context.
    fn say(&mut self, id: &str, closes: bool, link: &mut Link) {
        let Some(context) = self.open.get_mut(id).filter(|context| !context.is_closed) else { return };
        context.is_closed = closes;
        let text = std::mem::take(&mut context.buffer);
        let (tag, mut timeline) = (context.tag, context.timeline);
        let has_text = !text.trim().is_empty();
        if has_text {
            let (pieces, _) = self.speaker.say(&text, link.ms(), &mut timeline);
            for piece in pieces {
                let message = self.audio(id, &piece);
                link.send_at(piece.at_ms, tag, Message::Text(message));
            }
        }
        let end = Speaker::end_ms(&timeline, link.ms());
        if self.is_dialogue && has_text {
            let turn = json!({"context_id": id, "is_final_audio_for_turn": true});
            link.send_at(end, tag, Message::Text(turn));
        }
        if closes {
            let last = if self.is_dialogue {
                json!({"context_id": id, "is_final": true})
            } else {
                json!({"contextId": id, "isFinal": true})
            };
            link.send_at(end, tag, Message::Text(last));
        }
        if let Some(context) = self.open.get_mut(id) {
            context.timeline = timeline;
        }
    }

    fn audio(&self, id: &str, piece: &Piece) -> Value {
        let audio = base64_simd::STANDARD.encode_to_string(&piece.audio);
        let chars: Vec<String> = piece.characters.iter().map(|(c, _, _)| c.to_string()).collect();
        let starts: Vec<f64> = piece.characters.iter().map(|(_, start, _)| *start).collect();
        let durations: Vec<f64> = piece.characters.iter().map(|(_, _, length)| *length).collect();
        if self.is_dialogue {
            let alignment = json!({"chars": chars, "char_start_times_ms": starts, "char_durations_ms": durations});
            let alignment = if self.has_alignment { alignment } else { Value::Null };
            return json!({"context_id": id, "audio": audio, "alignment": alignment});
        }
        let alignment = json!({"chars": chars, "charStartTimesMs": starts, "charDurationsMs": durations});
        // Indian scripts are written in Latin letters here.
        let latin: Vec<String> = chars.iter().map(|c| if c.is_ascii() { c.clone() } else { "a".to_owned() }).collect();
        let normalized = json!({"chars": latin, "charStartTimesMs": starts, "charDurationsMs": durations});
        let (alignment, normalized) =
            if self.has_alignment { (alignment, normalized) } else { (Value::Null, Value::Null) };
        json!({
            "contextId": id, "audio": audio, "isFinal": null, "alignment": alignment,
            "normalizedAlignment": normalized,
        })
    }
}

impl Engine for Contexts {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        link.touch();
        if message["close_socket"] == true {
            return link.close(1000, "");
        }
        if let Err(problem) = self.handle(&message, link) {
            let error = if problem == TOO_MANY { TOO_MANY } else { "policy_violation" };
            link.send(json!({"message": problem, "error": error, "code": 1008}));
            link.close(1008, problem);
        }
    }

    fn hear_binary(&mut self, _: &[u8], link: &mut Link) {
        link.close(1003, "expected a text message");
    }
}

const MOST_OPEN: usize = 5;
const TOO_MANY: &str = "max_active_conversations";
/// The parameters of both dialects, and those of the first one alone.
const KNOWN: [&str; 10] = [
    "output_format",
    "sync_alignment",
    "language_code",
    "enable_logging",
    "auto_mode",
    "inactivity_timeout",
    "apply_text_normalization",
    "enable_ssml_parsing",
    "seed",
    "optimize_streaming_latency",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::cascade::voice::speaker::tests::speaker;

    const IDLE: Idle = Idle { after: Duration::from_secs(20), code: 1008, reason: "input_timeout_exceeded" };

    fn client(is_dialogue: bool) -> Client<Contexts> {
        Client::new(Contexts::new(is_dialogue, speaker("speed_percent:0"), true), IDLE, "")
    }

    fn send(client: &mut Client<Contexts>, messages: &[Value]) -> Vec<Value> {
        let mut out: Vec<_> = messages.iter().flat_map(|message| client.text(message)).collect();
        out.extend(client.wait(1));
        told(&out)
    }

    #[test]
    fn a_context_says_its_times_from_the_beginning_of_each_piece() {
        let out = send(
            &mut client(false),
            &[
                json!({"text": " ", "context_id": "a"}),
                json!({"text": "Alright. ", "context_id": "a"}),
                json!({"context_id": "a", "flush": true}),
                json!({"context_id": "a", "close_context": true}),
            ],
        );
        let (last, pieces) = out.split_last().expect("an end");
        assert_eq!(*last, json!({"contextId": "a", "isFinal": true}));
        assert!(pieces.len() > 1 && pieces.iter().all(|piece| piece["alignment"]["charStartTimesMs"][0] == 0.0));
        let chars = pieces.iter().flat_map(|piece| piece["alignment"]["chars"].as_array().unwrap());
        assert_eq!(chars.filter_map(Value::as_str).collect::<String>(), "Alright. ");
    }

    #[test]
    fn the_other_dialect_registers_voices_and_ends_once() {
        let mut client = client(true);
        let text = |voice: &str| json!({"context_id": "a", "inputs": [{"text": "Alright. ", "voice_id": voice}]});
        let begin = json!({"context_id": "a", "voices": ["asha"]});
        let out = send(&mut client, &[begin.clone(), text("asha"), json!({"context_id": "a", "close_context": true})]);
        let last: Vec<&Value> = out[out.len() - 2..].iter().collect();
        assert_eq!((&last[0]["is_final_audio_for_turn"], &last[1]["is_final"]), (&json!(true), &json!(true)));
        let mut other = self::client(true);
        assert_eq!(send(&mut other, &[begin.clone(), text("ravi")])[1]["close"], 1008);
        assert_eq!(send(&mut self::client(true), &[begin.clone(), begin])[1]["close"], 1008);
    }

    #[test]
    fn a_sixth_context_and_an_unknown_one_end_the_socket() {
        let begin = |id: &str| json!({"text": " ", "context_id": id});
        let mut full = client(false);
        assert!(send(&mut full, &["a", "b", "c", "d", "e"].map(begin)).is_empty());
        assert_eq!(send(&mut full, &[begin("f")])[0]["error"], "max_active_conversations");
        assert_eq!(send(&mut client(false), &[json!({"context_id": "a", "flush": true})])[1]["close"], 1008);
        let mut idle = client(false);
        assert_eq!(told(&idle.wait(21_000))[0]["reason"], "input_timeout_exceeded");
    }
}
