//! The carrier's side of the media stream: what it sends, and its strict reader
//! (<https://www.twilio.com/docs/voice/media-streams/websocket-messages>). Pure.
//!
//! `media` is written without a serializer, because the load generator sends a hundred thousand of
//! them a second.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::{Map, Value, json};

use super::code;
use crate::carrier::fake::strict::{binary, exactly, object, object_of, shortened, string};
use crate::carrier::fake::{Calling, Complaint, Echo, Line, Said, Violation, mulaw};
use crate::carrier::twilio::dialect::Which;
use crate::carrier::{Incoming, Outgoing};

/// The carrier's end of one stream; it numbers its messages.
#[derive(Debug)]
pub(super) struct TwilioLine {
    which: Which,
    account: String,
    call: String,
    stream: String,
    sequence: u64,
    chunk: u64,
    /// The mu-law of one message.
    encoded: Vec<u8>,
}

impl TwilioLine {
    /// The end of the stream with this id.
    pub(super) fn new(which: Which, call: &Calling, stream: &str) -> Self {
        Self {
            which,
            account: call.account.clone(),
            call: call.id.clone(),
            stream: stream.to_owned(),
            sequence: 0,
            chunk: 0,
            encoded: Vec::new(),
        }
    }

    fn message(&mut self, event: &str, body: Value, out: &mut Outgoing) {
        self.sequence += 1;
        let mut message = Map::new();
        message.insert("event".into(), event.into());
        message.insert("sequenceNumber".into(), self.sequence.to_string().into());
        message.insert(event.into(), body);
        message.insert("streamSid".into(), self.stream.clone().into());
        say(&Value::Object(message), out);
    }

    /// The warning that the carrier shows its customer; only Twilio's has a code.
    fn complaint(&self, violation: Violation, text: String) -> Complaint {
        Complaint { code: if self.which == Which::Twilio { code(violation) } else { 0 }, text }
    }

    fn understand(&self, text: &str) -> Result<Said, String> {
        let message = object_of(text)?;
        let event = match message.get("event") {
            Some(Value::String(event)) => event.as_str(),
            Some(_) => return Err("`event` is not a string".into()),
            None => return Err("no `event`".into()),
        };
        let expected: &[&str] = match event {
            "media" => &["event", "streamSid", "media"],
            "mark" => &["event", "streamSid", "mark"],
            "clear" => &["event", "streamSid"],
            _ => return Err(format!("unknown event `{event}`")),
        };
        exactly(&message, expected, "")?;
        if string(&message, "streamSid")? != self.stream {
            return Err("`streamSid` is not this stream's".into());
        }
        match event {
            "media" => {
                let body = object(&message, "media")?;
                exactly(body, &["payload"], "media.")?;
                let bytes = STANDARD
                    .decode_to_vec(string(body, "payload")?)
                    .map_err(|error| format!("`media.payload` is not base64 ({error})"))?;
                Ok(Said::Media(bytes.into_iter().map(mulaw::decode).collect()))
            }
            "mark" => {
                let body = object(&message, "mark")?;
                exactly(body, &["name"], "mark.")?;
                Ok(Said::Mark(string(body, "name")?.to_owned()))
            }
            _ => Ok(Said::Clear),
        }
    }
}

impl Line for TwilioLine {
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        say(&json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}), out);
        let start = json!({
            "accountSid": self.account,
            "streamSid": self.stream,
            "callSid": self.call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        });
        self.message("start", start, out);
    }

    fn media(&mut self, samples: &[i16], at: Duration, out: &mut Outgoing) {
        self.sequence += 1;
        self.chunk += 1;
        self.encoded.clear();
        self.encoded.extend(samples.iter().map(|sample| mulaw::encode(*sample)));
        let Self { sequence, chunk, stream, encoded, .. } = self;
        out.text(|text| {
            let (stamp, stream) = (at.as_millis(), Value::from(stream.as_str()));
            let head = r#"{"event":"media","sequenceNumber":""#;
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                r#"{head}{sequence}","media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{stamp}","payload":""#
            );
            STANDARD.encode_append(&encoded[..], text);
            let _ = write!(text, r#""}},"streamSid":{stream}}}"#);
            true
        });
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        self.message("dtmf", json!({"track": "inbound_track", "digit": key.to_string()}), out);
    }

    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        // The echo does not show whether it was played.
        self.message("mark", json!({"name": echo.name}), out);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        let stop = json!({"accountSid": self.account, "callSid": self.call});
        self.message("stop", stop, out);
    }

    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<Said, Complaint> {
        let text = match message {
            Incoming::Text(text) => text,
            Incoming::Binary(bytes) => {
                return Err(self.complaint(Violation::Malformed, binary(bytes)));
            }
        };
        self.understand(text)
            .map_err(|problem| self.complaint(Violation::Invalid, format!("{problem}: {}", shortened(text))))
    }

    fn samples_in(&self, message: Incoming<'_>) -> Option<usize> {
        let Incoming::Text(text) = message else { return None };
        if !text.starts_with(r#"{"event":"media""#) {
            return None;
        }
        let (_, rest) = text.split_once(r#""payload":""#)?;
        let (payload, _) = rest.split_once('"')?;
        Some(payload.len() / 4 * 3 - payload.bytes().rev().take_while(|byte| *byte == b'=').count())
    }
}

fn say(message: &Value, out: &mut Outgoing) {
    out.text(|text| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{message}");
        true
    });
}

#[cfg(test)]
mod tests;
