//! Outgoing events and their JSON. Pure.

use std::rc::Rc;

use serde_json::{Value, json};

use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::{Ids, Noise, Out, Outgoing};

/// The outgoing events of one session.
#[derive(Debug)]
pub(super) struct Events {
    outgoing: Outgoing,
    ids: Ids,
    /// Whether errors come without a code, as was seen on the wire.
    null_codes: bool,
    /// Pieces of audio that are held back, if jitter is rehearsed.
    held: Option<Vec<String>>,
}

impl Events {
    /// An empty queue.
    pub(super) fn new(seed: u64, misbehaviour: &Rc<Misbehaviour>) -> Self {
        Self {
            outgoing: Outgoing::new(&NOISE, Rc::clone(misbehaviour)),
            ids: Ids::new(seed),
            null_codes: Misbehaviour::on(misbehaviour.null_codes),
            held: None,
        }
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

    /// Creates an id such as `live_…`.
    pub(super) fn id(&mut self, prefix: &str) -> String {
        self.ids.next(prefix)
    }

    /// Draws a number below `most`.
    pub(super) fn draw(&mut self, most: u64) -> u64 {
        self.ids.draw() % most.max(1)
    }

    /// Sends an event with these `fields`, caused by the client event `about`.
    pub(super) fn send(&mut self, kind: &str, about: Option<&str>, mut fields: Value) {
        fields["type"] = json!(kind);
        fields["event_id"] = json!(self.ids.next("event"));
        if let Some(about) = about {
            fields["client_event_id"] = json!(about);
        }
        self.outgoing.push(fields.to_string());
    }

    /// Refuses the client event `about`.
    pub(super) fn refuse(&mut self, fault: &Fault, about: Option<&str>) {
        let mut error = fault.object("client_event_id", about);
        if self.null_codes {
            error["code"] = Value::Null;
        }
        self.send("error", None, json!({"error": error}));
    }

    /// Sends a piece of audio. It has no id and no time.
    pub(super) fn send_audio(&mut self, audio: &[u8]) {
        let encoder = base64_simd::STANDARD;
        let mut text = String::with_capacity(encoder.encoded_length(audio.len()) + 64);
        text.push_str(r#"{"type":"session.output_audio.delta","delta":""#);
        encoder.encode_append(audio, &mut text);
        text.push_str("\"}");
        match &mut self.held {
            Some(held) => held.push(text),
            None => self.outgoing.push(text),
        }
    }

    /// Holds audio back.
    pub(super) fn hold_audio(&mut self) {
        self.held.get_or_insert_default();
    }

    /// Sends the audio that was held back.
    pub(super) fn release_audio(&mut self) {
        for text in self.held.take().into_iter().flatten() {
            self.outgoing.push(text);
        }
    }

    /// Sends a ping.
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
}

static NOISE: Noise = Noise {
    garbage: r#"{"type":"session.output_audio.delta","delta":"#,
    surprise: r#"{"type":"rehearsal.surprise","event_id":"event_surprise","surprise":{"of":[1,2,3]}}"#,
};
