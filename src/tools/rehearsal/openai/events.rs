//! Outgoing events: their ids, their JSON, and the queue to the socket. Pure.

use std::collections::VecDeque;
use std::rc::Rc;

use bytestring::ByteString;
use serde_json::{Map, Value};

use crate::tools::rehearsal::misbehaviour::Misbehaviour;

/// The socket's next action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    /// Send an event.
    Event(ByteString),
    /// Send a ping.
    Ping,
    /// Send a close frame and end the connection.
    Close {
        /// The close code.
        code: u16,
        /// The reason in the close frame.
        reason: String,
    },
    /// Drop the connection without a close frame.
    Drop,
}

/// The outgoing events of one session.
#[derive(Debug)]
pub(super) struct Events {
    queue: VecDeque<Out>,
    ids: Ids,
    sent: u64,
    misbehaviour: Rc<Misbehaviour>,
    /// Set by a rehearsed stall: no more events are sent.
    stalled: bool,
}

impl Events {
    /// An empty queue.
    pub(super) fn new(seed: u64, misbehaviour: Rc<Misbehaviour>) -> Self {
        let stalled = misbehaviour.stall_after_responses == Some(0);
        Self { queue: VecDeque::new(), ids: Ids(seed), sent: 0, misbehaviour, stalled }
    }

    /// Returns the socket's next action.
    pub(super) fn next(&mut self) -> Option<Out> {
        let next = self.queue.pop_front();
        // Frees the memory of a burst.
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
        next
    }

    /// Number of actions that wait for the socket.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Stops sending events.
    pub(super) fn stall(&mut self) {
        self.stalled = true;
    }

    /// Creates an id such as `item_…`: 21 letters and digits after the prefix, within the 32
    /// characters that a client may send back.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        self.ids.next(prefix)
    }

    /// Sends an event. `type` and `event_id` precede its `fields`.
    pub(super) fn send(&mut self, kind: &str, fields: &Value) {
        let empty = Map::new();
        let body = serde_json::to_string(fields.as_object().unwrap_or(&empty)).unwrap_or_else(|_| "{}".to_owned());
        let event_id = self.ids.next("event");
        let mut text = format!(r#"{{"type":"{kind}","event_id":"{event_id}""#);
        if body.len() > 2 {
            text.push(',');
        }
        text.push_str(&body[1..]);
        self.push(text);
    }

    /// Sends a delta. `ids` are the fields that identify its target, as JSON without braces.
    pub(super) fn send_delta(&mut self, kind: &str, ids: &str, delta: &Value) {
        let event_id = self.ids.next("event");
        let obfuscation = self.ids.padding();
        self.push(format!(
            r#"{{"type":"{kind}","event_id":"{event_id}",{ids},"delta":{delta},"obfuscation":"{obfuscation}"}}"#
        ));
    }

    /// Sends a piece of audio, encoded as base64 directly into the event.
    pub(super) fn send_audio(&mut self, ids: &str, audio: &[u8]) {
        let event_id = self.ids.next("event");
        let encoder = base64_simd::STANDARD;
        let mut text = String::with_capacity(encoder.encoded_length(audio.len()) + ids.len() + 128);
        text.push_str(r#"{"type":"response.output_audio.delta","event_id":""#);
        text.push_str(&event_id);
        text.push_str("\",");
        text.push_str(ids);
        text.push_str(r#","delta":""#);
        encoder.encode_append(audio, &mut text);
        text.push_str(r#"","obfuscation":""#);
        text.push_str(self.ids.padding());
        text.push_str("\"}");
        self.push(text);
    }

    /// Sends a ping. A stall does not affect pings.
    pub(super) fn ping(&mut self) {
        self.queue.push_back(Out::Ping);
    }

    /// Closes the connection. No event may follow.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        self.queue.push_back(Out::Close { code, reason: reason.to_owned() });
    }

    /// Drops the connection. Waiting events are not sent.
    pub(super) fn drop_connection(&mut self) {
        self.queue.clear();
        self.queue.push_back(Out::Drop);
    }

    fn push(&mut self, text: String) {
        if self.stalled {
            return;
        }
        self.sent += 1;
        let due = |every: Option<u64>| every.is_some_and(|every| self.sent.is_multiple_of(every.max(1)));
        if due(self.misbehaviour.garbage_every) {
            self.queue.push_back(Out::Event(r#"{"type":"response.output_audio.delta","delta":"#.into()));
        }
        if due(self.misbehaviour.unknown_every) {
            let surprise = r#"{"type":"rehearsal.surprise","event_id":"event_surprise","surprise":{"of":[1,2,3]}}"#;
            self.queue.push_back(Out::Event(surprise.into()));
        }
        self.queue.push_back(Out::Event(text.into()));
    }
}

/// Generates ids from a seed (SplitMix64): unique within a session and different from those of
/// other sessions.
#[derive(Debug)]
struct Ids(u64);

impl Ids {
    fn next(&mut self, prefix: &str) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789Aa";
        let mut id = String::with_capacity(prefix.len() + 22);
        id.push_str(prefix);
        id.push('_');
        for _ in 0..3 {
            let mut number = self.draw();
            for _ in 0..7 {
                id.push(char::from(LETTERS[(number & 63) as usize]));
                number >>= 6;
            }
        }
        id
    }

    /// Padding like that of the real server, which prevents the length of a delta from revealing
    /// the words.
    fn padding(&mut self) -> &'static str {
        const PADDING: &str = "kQ3vXz9bLm2TfR";
        &PADDING[..(self.draw() % PADDING.len() as u64) as usize]
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests;
