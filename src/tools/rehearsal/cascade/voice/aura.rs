//! Deepgram's Aura: one utterance after the other, without names. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::speaker::{Speaker, Timeline};
use crate::tools::rehearsal::cascade::ears::listen::refusal;
use crate::tools::rehearsal::cascade::link::{Engine, Idle, Link, Message, Socket};
use crate::tools::rehearsal::cascade::query::Query;
use crate::tools::rehearsal::outgoing::Ids;
use crate::tools::rehearsal::protocol::{Refusal, ServerSession, Visit};

/// A socket.
#[derive(Debug)]
pub(in crate::tools::rehearsal::cascade) struct Aura {
    speaker: Speaker,
    timeline: Timeline,
    /// Text that waits for a flush.
    buffer: String,
    /// When the flushes of the last minute were.
    flushes: VecDeque<u64>,
    sequence: u64,
}

/// Opens a socket.
///
/// # Errors
/// The address asks for something that does not exist.
pub(in crate::tools::rehearsal::cascade) fn open(visit: &Visit<'_>) -> Result<Box<dyn ServerSession>, Refusal> {
    let request = Ids::new(visit.seed).next("dg");
    let refused = |message: String| refusal("INVALID_QUERY_PARAMETER", &message, &request);
    let query = Query::new(visit.query, &["model", "encoding", "sample_rate"], &["speed", "mip_opt_out", "tag"]);
    let query = query.map_err(refused)?;
    let format = query.audio().map_err(refused)?;
    let aura = Aura::new(Speaker::new(format, None, visit));
    let metadata = json!({
        "type": "Metadata", "request_id": request, "model_name": query.text("model"), "model_version": "rehearsed",
    });
    Ok(Socket::open(aura, Some(metadata), IDLE, visit))
}

impl Aura {
    fn new(speaker: Speaker) -> Self {
        Self { speaker, timeline: Timeline::default(), buffer: String::new(), flushes: VecDeque::new(), sequence: 0 }
    }

    /// Says what is buffered.
    fn say(&mut self, link: &mut Link) {
        let text = std::mem::take(&mut self.buffer);
        if text.trim().is_empty() {
            return;
        }
        let (pieces, _) = self.speaker.say(&text, link.ms(), &mut self.timeline);
        for piece in pieces {
            link.send_at(piece.at_ms, SPEECH, Message::Audio(piece.audio));
        }
    }

    fn flush(&mut self, link: &mut Link) {
        let now = link.ms();
        while self.flushes.front().is_some_and(|at| at + MINUTE_MS <= now) {
            self.flushes.pop_front();
        }
        if self.flushes.len() >= MOST_FLUSHES {
            let description = "too many Flush messages within 60 s; this one is not done";
            return link.send(json!({"type": "Warning", "code": "DATA-0001", "description": description}));
        }
        self.flushes.push_back(now);
        self.say(link);
        let flushed = json!({"type": "Flushed", "sequence_id": self.next()});
        link.send_at(Speaker::end_ms(&self.timeline, now), SPEECH, Message::Text(flushed));
        self.timeline.said_ms = 0.0;
    }

    /// Stops what was not sent. What is on its way still comes before the answer.
    fn clear(&mut self, link: &mut Link) {
        self.buffer.clear();
        link.forget(SPEECH, self.speaker.on_their_way());
        self.timeline.stop(link.ms());
        let cleared = json!({"type": "Cleared", "sequence_id": self.next()});
        link.send(cleared);
    }

    fn next(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }
}

impl Engine for Aura {
    fn hear_text(&mut self, text: &str, link: &mut Link) {
        let message: Value = serde_json::from_str(text).unwrap_or_default();
        link.touch();
        match (message["type"].as_str(), message["text"].as_str()) {
            (Some("Speak"), Some(text)) if text.chars().count() > LONGEST_TEXT => {
                link.close(1009, "BIG-0001 the text has more than 2000 characters");
            }
            (Some("Speak"), Some(text)) => {
                self.buffer.push_str(text);
                // A whole sentence is said without being asked for.
                if self.buffer.trim_end().ends_with(['.', '!', '?']) && self.buffer.len() > SENTENCE {
                    self.say(link);
                }
            }
            (Some("Flush"), _) => self.flush(link),
            (Some("Clear"), _) => self.clear(link),
            (Some("Close"), _) => link.close(1000, ""),
            _ => link.close(1008, "DATA-0000 not a valid command"),
        }
    }

    fn hear_binary(&mut self, _: &[u8], link: &mut Link) {
        link.close(1003, "MESSAGE-0000 expected a text message");
    }
}

/// The tag of everything that a `Clear` stops.
const SPEECH: u64 = 1;
const MOST_FLUSHES: usize = 20;
const MINUTE_MS: u64 = 60_000;
const LONGEST_TEXT: usize = 2_000;
/// The least text that is said without being asked for, in bytes.
const SENTENCE: usize = 80;
/// Nothing else ends an idle socket than the end of its hour.
const IDLE: Idle = Idle { after: Duration::from_secs(3_600), code: 1011, reason: "NET-0003 60 minutes are over" };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::rehearsal::cascade::link::testing::{Client, told};
    use crate::tools::rehearsal::cascade::voice::speaker::tests::speaker;

    fn client(rehearse: &str) -> Client<Aura> {
        Client::new(Aura::new(speaker(rehearse)), IDLE, rehearse)
    }

    fn say(client: &mut Client<Aura>, text: &str) -> Vec<Value> {
        let mut out = client.text(&json!({"type": "Speak", "text": text}));
        out.extend(client.text(&json!({"type": "Flush"})));
        told(&out)
    }

    #[test]
    fn flushed_follows_the_last_audio() {
        let mut client = client("");
        assert!(
            client.text(&json!({"type": "Speak", "text": "Alright. "})).is_empty() && client.wait(1_000).is_empty()
        );
        client.text(&json!({"type": "Flush"}));
        let out = told(&client.wait(1_000));
        let (last, audio) = out.split_last().expect("a Flushed");
        assert!(audio.iter().all(|it| it["audio"].is_u64()) && audio.len() > 2);
        assert_eq!(*last, json!({"type": "Flushed", "sequence_id": 0}));
    }

    #[test]
    fn audio_trails_until_cleared_and_none_follows() {
        let mut client = client("late_deltas:3,speed_percent:100");
        say(&mut client, "Hello, this is Switchboard. How can I help you?");
        client.wait(500);
        let out = told(&client.text(&json!({"type": "Clear"})));
        assert_eq!((out.len(), out[3]["type"].as_str()), (4, Some("Cleared")));
        assert!(client.wait(5_000).is_empty());
    }

    #[test]
    fn too_many_flushes_are_not_done() {
        let mut client = client("speed_percent:0");
        for _ in 0..20 {
            assert!(say(&mut client, "Yes. ").is_empty());
        }
        client.wait(100);
        assert_eq!(say(&mut client, "Yes. ")[0]["type"], "Warning");
        assert!(client.wait(100).is_empty(), "silence");
        client.wait(60_000);
        client.text(&json!({"type": "Flush"}));
        assert!(client.wait(100).len() > 1);
    }

    #[test]
    fn what_is_no_command_ends_the_socket() {
        assert_eq!(told(&client("").text(&json!({"type": "Say"})))[0]["close"], 1008);
        assert_eq!(told(&client("").binary(&[0]))[0]["close"], 1003);
        assert_eq!(say(&mut client(""), &"x".repeat(2_001))[0]["close"], 1009);
    }
}
