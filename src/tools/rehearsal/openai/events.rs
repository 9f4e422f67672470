//! Outgoing events and their JSON. Pure.

use std::rc::Rc;

use serde_json::{Map, Value};

use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::{Ids, Noise, Out, Outgoing};

/// The outgoing events of one session.
#[derive(Debug)]
pub(super) struct Events {
    outgoing: Outgoing,
    ids: Ids,
}

impl Events {
    /// An empty queue.
    pub(super) fn new(seed: u64, misbehaviour: Rc<Misbehaviour>) -> Self {
        Self { outgoing: Outgoing::new(&NOISE, misbehaviour), ids: Ids::new(seed) }
    }

    /// Returns the socket's next action.
    pub(super) fn next(&mut self) -> Option<Out> {
        self.outgoing.next()
    }

    /// Number of actions that wait for the socket.
    pub(super) fn waiting(&self) -> usize {
        self.outgoing.waiting()
    }

    /// Stops sending events.
    pub(super) fn stall(&mut self) {
        self.outgoing.stall();
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
        self.outgoing.push(text);
    }

    /// Sends a delta. `ids` are the fields that identify its target, as JSON without braces.
    pub(super) fn send_delta(&mut self, kind: &str, ids: &str, delta: &Value) {
        let event_id = self.ids.next("event");
        let obfuscation = self.padding();
        self.outgoing.push(format!(
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
        text.push_str(self.padding());
        text.push_str("\"}");
        self.outgoing.push(text);
    }

    /// Sends a ping. A stall does not affect pings.
    pub(super) fn ping(&mut self) {
        self.outgoing.ping();
    }

    /// Closes the connection. No event may follow.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        self.outgoing.close(code, reason);
    }

    /// Drops the connection. Waiting events are not sent.
    pub(super) fn drop_connection(&mut self) {
        self.outgoing.drop_connection();
    }

    /// Padding like that of the real server, which prevents the length of a delta from revealing
    /// the words.
    fn padding(&mut self) -> &'static str {
        const PADDING: &str = "kQ3vXz9bLm2TfR";
        &PADDING[..(self.ids.draw() % PADDING.len() as u64) as usize]
    }
}

static NOISE: Noise = Noise {
    garbage: r#"{"type":"response.output_audio.delta","delta":"#,
    surprise: r#"{"type":"rehearsal.surprise","event_id":"event_surprise","surprise":{"of":[1,2,3]}}"#,
};

#[cfg(test)]
mod tests;
