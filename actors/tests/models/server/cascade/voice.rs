//! Voices: one with a socket that says when each word is said, as Cartesia's, and one that takes a
//! request for each piece and says nothing of it, as `/v1/audio/speech`.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use switchboard_actors::realtime::named::{LinkName, RequestId};

use super::{Base, FromLink, ms, request_name, socket_name};
use crate::server::{base64, length_ms};

/// The voice.
#[derive(Debug, Default)]
pub(crate) struct Speaker {
    /// The contexts that are not over.
    contexts: BTreeMap<String, Context>,
    /// The answer that was said last by requests: its place among all that was said, and when the
    /// last of its audio comes.
    asked: Option<(usize, Instant)>,
}

/// An answer.
#[derive(Debug)]
struct Context {
    /// Its place among all that was said.
    place: usize,
    /// Its audio so far, in ms.
    length: u64,
    /// When the next audio is made.
    next: Instant,
    /// Whether all of its text has come.
    is_whole: bool,
}

impl Speaker {
    /// The socket is gone, and all contexts with it.
    pub(crate) fn gone(&mut self) {
        self.contexts.clear();
    }

    pub(crate) fn hear(&mut self, text: &str, base: &mut Base, now: Instant) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        let id = message["context_id"].as_str().unwrap_or_default().to_owned();
        if message["cancel"] == true {
            return self.cancel(&id, base, now);
        }
        let fields = ["model_id", "voice", "language", "output_format", "continue", "transcript"];
        let missing: Vec<_> = fields.iter().filter(|field| message[**field].is_null()).collect();
        if id.is_empty() || !missing.is_empty() {
            base.is_wrong(format!("a voice's message without {missing:?}"));
        }
        let words = message["transcript"].as_str().unwrap_or_default();
        if !words.is_empty() {
            if !words.ends_with(' ') {
                base.is_wrong(format!("the next piece melts with {words:?}"));
            }
            self.say(&id, words.trim(), base, now);
        }
        if message["continue"] == false {
            match self.contexts.get_mut(&id) {
                Some(context) => {
                    context.is_whole = true;
                    let done = json!({"type": "done", "context_id": id, "done": true, "status_code": 200});
                    let at = context.next.max(now);
                    send(base, at, &id, &done);
                }
                None => base.is_wrong(format!("the end of {id:?}, which has not begun")),
            }
        }
    }

    /// Makes the audio of a piece, five times faster than it is heard.
    fn say(&mut self, id: &str, words: &str, base: &mut Base, now: Instant) {
        let length = length_ms(words);
        let context = match self.contexts.get_mut(id) {
            Some(context) => {
                base.goes_on_saying(context.place, words);
                context
            }
            None => {
                let place = base.begins_to_say(words);
                let context = Context { place, length: 0, next: now + ms(100), is_whole: false };
                self.contexts.entry(id.to_owned()).or_insert(context)
            }
        };
        if context.is_whole {
            base.is_wrong(format!("{id:?} was ended before"));
        }
        context.next = context.next.max(now + ms(40));
        send(base, context.next, id, &timestamps(id, words, context.length));
        let mut left = length;
        while left > 0 {
            let piece = left.min(200);
            let audio = base64(&base.voice(piece));
            let chunk = json!({"type": "chunk", "context_id": id, "data": audio, "done": false, "status_code": 206});
            send(base, context.next, id, &chunk);
            context.next += ms(piece / 5);
            left -= piece;
        }
        context.length += length;
    }

    /// What is not made yet is not made. What is being made still comes.
    fn cancel(&mut self, id: &str, base: &mut Base, now: Instant) {
        if self.contexts.remove(id).is_none() {
            return base.is_wrong(format!("a cancel of {id:?}, which is over"));
        }
        base.take_back(&of(id));
        for after in [10, 60] {
            let audio = base64(&base.voice(100));
            let chunk = json!({"type": "chunk", "context_id": id, "data": audio, "done": false, "status_code": 206});
            send(base, now + ms(after), id, &chunk);
        }
    }

    /// A piece is asked for by a request.
    pub(crate) fn asked(&mut self, id: RequestId, body: &Value, base: &mut Base, now: Instant) {
        let words = body["input"].as_str().unwrap_or_default();
        if words.trim().is_empty() || body["response_format"] != "pcm" {
            base.is_wrong(format!("a request for a voice: {body}"));
        }
        // Requests that follow each other at once are one answer.
        let place = match self.asked {
            Some((place, until)) if now < until + ms(5) => {
                base.goes_on_saying(place, words);
                place
            }
            _ => base.begins_to_say(words),
        };
        let mut at = now + ms(100);
        base.comes(at, FromLink::Head(id, 200, "audio/pcm"), request_name(id));
        let mut left = length_ms(words);
        while left > 0 {
            let piece = left.min(200);
            // A sample may be split between two pieces.
            let audio = base.voice(piece);
            let (first, second) = audio.split_at(audio.len() / 2 - 1);
            for part in [first, second] {
                base.comes(at, FromLink::Bytes(id, part.to_vec()), request_name(id));
            }
            at += ms(piece / 5);
            left -= piece;
        }
        base.comes(at, FromLink::End(id), request_name(id));
        self.asked = Some((place, at));
    }
}

/// The words of a piece with their times, in seconds from the beginning of the context.
fn timestamps(id: &str, words: &str, from_ms: u64) -> Value {
    let (mut starts, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
    let seconds = |letters: usize| from_ms as f64 / 1000.0 + letters as f64 / 15.0;
    for word in words.split(' ') {
        starts.push(seconds(at));
        at += word.chars().count();
        ends.push(seconds(at));
        at += 1;
    }
    let words: Vec<&str> = words.split(' ').collect();
    json!({"type": "timestamps", "context_id": id, "done": false, "status_code": 206,
        "word_timestamps": {"words": words, "start": starts, "end": ends}})
}

fn send(base: &mut Base, at: Instant, context: &str, message: &Value) {
    base.comes(at, FromLink::Text(LinkName::Voice, message.to_string()), of(context));
}

fn of(context: &str) -> String {
    format!("{} {context};", socket_name(LinkName::Voice))
}
