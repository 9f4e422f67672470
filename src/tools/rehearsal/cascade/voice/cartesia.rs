//! Cartesia's Sonic: contexts whose messages repeat all fields. Pure.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};

use super::speaker::{Speaker, Timeline, Word};
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket};
use crate::tools::rehearsal::cascade::query::{Query, format};
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};
use crate::tools::rehearsal::schema::Rule::{Any, Bool, Int, Object, Text, Word as OneOf};
use crate::tools::rehearsal::schema::{self, Rule, clearable, may, must};
use crate::tools::rehearsal::speech::Language;

/// A socket.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Cartesia {
    pace: Pace,
    misbehaviour: Rc<Misbehaviour>,
    memory: Memory,
    open: BTreeMap<String, Context>,
    next_tag: u64,
}

#[derive(Debug)]
struct Context {
    tag: u64,
    /// The fields that every message repeats.
    fields: Value,
    speaker: Speaker,
    timeline: Timeline,
    is_complete: bool,
}

/// Opens a socket.
///
/// # Errors
/// The address does not name a version.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let version = visit.headers.get("cartesia-version").and_then(|value| value.to_str().ok());
    let known = Query::new(visit.query, &[], &["cartesia_version", "api_key", "access_token"]);
    let version = match &known {
        Ok(query) => version.or(Some(query.text("cartesia_version")).filter(|text| !text.is_empty())),
        Err(problem) => return Err(Refusal::new(400, problem.as_str())),
    };
    if version.is_none_or(|version| version.len() != 10) {
        return Err(Refusal::new(400, "Cartesia-Version: expected a date"));
    }
    let cartesia = Cartesia::new(Pace::of(visit.options), Rc::clone(&visit.misbehaviour), visit.memory.clone());
    Ok(Socket::open(cartesia, None, IDLE, visit))
}

impl Cartesia {
    fn new(pace: Pace, misbehaviour: Rc<Misbehaviour>, memory: Memory) -> Self {
        Self { pace, misbehaviour, memory, open: BTreeMap::new(), next_tag: 1 }
    }

    fn handle(&mut self, id: &str, message: &Value, link: &mut Link) -> Result<(), String> {
        if message["cancel"] == true {
            self.cancel(id, link);
            return Ok(());
        }
        schema::check(message, &MESSAGE, "").map_err(|fault| fault.message)?;
        let fields = repeated(message);
        // A context whose end was sent begins anew.
        self.open.retain(|_, context| !context.is_complete || link.has(context.tag));
        if let Some(context) = self.open.get(id) {
            if context.fields != fields {
                return Err("all fields except transcript, continue and flush must be equal in a context".to_owned());
            }
            if context.is_complete {
                return Err("the context is complete".to_owned());
            }
        } else {
            let context = self.context(fields)?;
            self.open.insert(id.to_owned(), context);
        }
        let text = message["transcript"].as_str().unwrap_or_default();
        self.say(id, text, message["continue"] == true, message["add_timestamps"] == true, link);
        Ok(())
    }

    fn context(&mut self, fields: Value) -> Result<Context, String> {
        let output = &fields["output_format"];
        let (encoding, rate) = (output["encoding"].as_str().unwrap_or_default(), output["sample_rate"].as_u64());
        let format = format(encoding, rate.unwrap_or_default())
            .ok_or_else(|| format!("output_format: {output} is not supported"))?;
        let language = fields["language"].as_str().map(|code| Language::of(Some(code), ""));
        let speaker = Speaker::at(format, language, self.pace, &self.misbehaviour, &self.memory);
        self.next_tag += 1;
        Ok(Context { tag: self.next_tag - 1, fields, speaker, timeline: Timeline::default(), is_complete: false })
    }

    fn say(&mut self, id: &str, text: &str, goes_on: bool, has_times: bool, link: &mut Link) {
        let Some(context) = self.open.get_mut(id) else { return };
        let (tag, now) = (context.tag, link.ms());
        // The end that follows a pause is taken back.
        link.forget(tag | PAUSE, 0);
        if !text.trim().is_empty() {
            let (pieces, words) = context.speaker.say(text, now, &mut context.timeline);
            if has_times && let Some(piece) = pieces.first() {
                link.send_at(piece.at_ms, tag, Message::Text(timestamps(id, &words)));
            }
            for piece in pieces {
                let data = base64_simd::STANDARD.encode_to_string(&piece.audio);
                let chunk = json!({
                    "type": "chunk", "context_id": id, "data": data, "done": false, "status_code": 206, "step_time": 1.0,
                });
                link.send_at(piece.at_ms, tag, Message::Text(chunk));
            }
        }
        let end = Speaker::end_ms(&context.timeline, now);
        let done = json!({"type": "done", "context_id": id, "done": true, "status_code": 200});
        if goes_on {
            // The clock of the pause is that of the audio.
            let pause = end + context.timeline.said_ms as u64 + PAUSE_MS;
            link.send_at(pause, tag | PAUSE, Message::Text(done));
        } else {
            context.is_complete = true;
            link.send_at(end, tag, Message::Text(done));
        }
    }

    /// Stops what has not begun. What is being made still comes.
    fn cancel(&mut self, id: &str, link: &mut Link) {
        if let Some(context) = self.open.remove(id) {
            link.forget(context.tag, context.speaker.on_their_way());
            link.forget(context.tag | PAUSE, 0);
        }
    }
}

/// The fields that are equal in all messages of a context.
fn repeated(message: &Value) -> Value {
    let mut fields = message.clone();
    if let Some(object) = fields.as_object_mut() {
        object.retain(|name, _| !["transcript", "continue", "flush", "context_id"].contains(&name.as_str()));
    }
    fields
}

fn timestamps(id: &str, words: &[Word]) -> Value {
    let texts: Vec<&str> = words.iter().map(|(word, _, _)| word.as_str()).collect();
    let starts: Vec<f64> = words.iter().map(|(_, start, _)| *start).collect();
    let ends: Vec<f64> = words.iter().map(|(_, _, end)| *end).collect();
    json!({
        "type": "timestamps", "context_id": id, "done": false, "status_code": 206,
        "word_timestamps": {"words": texts, "start": starts, "end": ends},
    })
}

impl Engine for Cartesia {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        link.touch();
        let id = message["context_id"].as_str().unwrap_or_default();
        let handled =
            if id.is_empty() { Err("context_id is missing".to_owned()) } else { self.handle(id, &message, link) };
        if let Err(problem) = handled {
            link.send(json!({
                "type": "error", "context_id": id, "done": true, "status_code": 400, "title": "Bad request",
                "message": problem, "error_code": "invalid_request",
            }));
        }
    }

    fn hear_binary(&mut self, _: &[u8], link: &mut Link) {
        link.close(1003, "expected a text message");
    }
}

const TEXT: Rule = Text(usize::MAX);
const MESSAGE: Rule = Object(&[
    must("model_id", TEXT),
    must("transcript", TEXT),
    may("continue", Bool),
    may("flush", Bool),
    must("context_id", TEXT),
    must("voice", Object(&[must("mode", OneOf(&["id"])), must("id", TEXT)])),
    clearable("language", TEXT),
    must(
        "output_format",
        Object(&[
            must("container", OneOf(&["raw"])),
            must("encoding", OneOf(&["pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw"])),
            must("sample_rate", Int(8_000, 48_000)),
        ]),
    ),
    may("add_timestamps", Bool),
    may("add_phoneme_timestamps", Bool),
    may("use_normalized_timestamps", Bool),
    may("max_buffer_delay_ms", Int(0, 5_000)),
    clearable("generation_config", Any),
    clearable("pronunciation_dict_id", TEXT),
]);
/// The tag of the end that follows a pause, beside that of its context.
const PAUSE: u64 = 1 << 40;
/// A context ends so long after its audio if nothing more is said.
const PAUSE_MS: u64 = 1_000;
const IDLE: Idle = Idle { after: Duration::from_secs(300), code: 1000, reason: "idle" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::server::RehearsalOptions;

    fn client(rehearse: &str) -> Client<Cartesia> {
        let misbehaviour = Misbehaviour::default().with(rehearse).unwrap();
        let pace = Pace::of(&RehearsalOptions::default());
        Client::new(Cartesia::new(pace, Rc::new(misbehaviour), Memory::default()), IDLE, rehearse)
    }

    fn message(id: &str, text: &str, goes_on: bool) -> Value {
        json!({
            "model_id": "sonic", "transcript": text, "continue": goes_on, "context_id": id,
            "voice": {"mode": "id", "id": "asha"}, "language": "en", "add_timestamps": true, "max_buffer_delay_ms": 0,
            "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8_000},
        })
    }

    fn kinds(out: &[Value]) -> Vec<&str> {
        let mut kinds: Vec<&str> = out.iter().filter_map(|it| it["type"].as_str()).collect();
        kinds.dedup();
        kinds
    }

    #[test]
    fn times_count_from_the_beginning_of_the_context() {
        let mut client = client("");
        client.text(&message("a", "Alright. ", true));
        client.text(&message("a", "Thank you, goodbye. ", true));
        client.text(&message("a", "", false));
        let out = told(&client.wait(500));
        assert_eq!(kinds(&out), ["timestamps", "chunk", "timestamps", "chunk", "done"]);
        let times: Vec<&Value> =
            out.iter().filter(|it| it["type"] == "timestamps").map(|it| &it["word_timestamps"]).collect();
        assert_eq!(times[1]["words"], json!(["Thank", "you,", "goodbye."]));
        assert!(times[1]["start"][0].as_f64() > times[0]["end"][0].as_f64());
    }

    #[test]
    fn a_cancel_stops_what_has_not_begun() {
        let mut client = client("speed_percent:100,late_deltas:2");
        client.text(&message("a", "Hello, this is Switchboard. ", true));
        client.wait(300);
        assert_eq!(kinds(&told(&client.text(&json!({"context_id": "a", "cancel": true})))), ["chunk"]);
        assert!(client.wait(10_000).is_empty());
    }

    #[test]
    fn a_context_that_says_nothing_more_ends_by_itself() {
        let mut client = client("");
        client.text(&message("a", "Alright. ", true));
        assert_eq!(kinds(&told(&client.wait(4_000))), ["timestamps", "chunk", "done"]);
    }

    #[test]
    fn fields_that_change_and_fields_that_are_missing_are_refused() {
        let mut client = client("");
        client.text(&message("a", "Alright. ", true));
        let mut other = message("a", "Yes. ", true);
        other["language"] = json!("hi");
        assert_eq!(told(&client.text(&other))[0]["status_code"], 400);
        let mut other = message("b", "Yes. ", true);
        other["speaker"] = json!("x");
        assert_eq!(told(&client.text(&other))[0]["type"], "error");
        assert_eq!(told(&client.text(&json!({"transcript": "x"})))[0]["type"], "error");
    }
}
