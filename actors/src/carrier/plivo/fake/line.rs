//! The carriers' side of the audio stream: what they send, and their strict reader
//! (<https://www.plivo.com/docs/voice/concepts/audio-streaming>). Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::{Value, json};

use crate::carrier::fake::strict::{binary, exactly, object, object_of, shortened, string};
use crate::carrier::fake::{Calling, Complaint, Echo, Line, Said, mulaw};
use crate::carrier::plivo::dialect::Which;
use crate::carrier::{Incoming, Outgoing};

/// The carrier's end of one stream; it numbers its messages.
#[derive(Debug)]
pub(super) struct PlivoLine {
    which: Which,
    account: String,
    call: String,
    stream: String,
    sequence: u64,
    /// The mu-law of one message.
    encoded: Vec<u8>,
}

impl PlivoLine {
    /// The end of the stream with this id.
    pub(super) fn new(which: Which, call: &Calling, stream: &str) -> Self {
        Self {
            which,
            account: call.account.clone(),
            call: call.id.clone(),
            stream: stream.to_owned(),
            sequence: 0,
            encoded: Vec::new(),
        }
    }

    /// Writes a message with the stream's id and the next number.
    fn message(&mut self, mut message: Value, out: &mut Outgoing) {
        message["sequenceNumber"] = json!(self.sequence);
        message["streamId"] = json!(self.stream);
        self.sequence += 1;
        say(&message, out);
    }

    fn understand(&self, text: &str) -> Result<Said, String> {
        let message = object_of(text)?;
        let event = string(&message, "event")?;
        let vobiz = self.which == Which::Vobiz;
        let expected: &[&str] = match event {
            "playAudio" if vobiz => &["event", "streamId", "media"],
            "playAudio" => &["event", "media"],
            "checkpoint" => &["event", "streamId", "name"],
            "clearAudio" => &["event", "streamId"],
            "stop" if vobiz => &["event", "streamId"],
            _ => return Err(format!("unknown event `{event}`")),
        };
        exactly(&message, expected, "")?;
        if message.contains_key("streamId") && string(&message, "streamId")? != self.stream {
            return Err("`streamId` is not this stream's".into());
        }
        match event {
            "playAudio" => {
                let body = object(&message, "media")?;
                exactly(body, &["contentType", "sampleRate", "payload"], "media.")?;
                // With another format, the caller would hear nothing, and nobody would be told.
                if string(body, "contentType")? != "audio/x-mulaw" || body["sampleRate"] != json!(8000) {
                    return Err("`media` is not in the stream's format, audio/x-mulaw at 8000 Hz".into());
                }
                let bytes = STANDARD
                    .decode_to_vec(string(body, "payload")?)
                    .map_err(|error| format!("`media.payload` is not base64 ({error})"))?;
                if bytes.is_empty() {
                    return Err("`media.payload` is empty".into());
                }
                Ok(Said::Media(bytes.into_iter().map(mulaw::decode).collect()))
            }
            "checkpoint" => match string(&message, "name")? {
                "" => Err("`name` is empty".into()),
                name => Ok(Said::Mark(name.to_owned())),
            },
            "stop" => Ok(Said::HangUp),
            _ => Ok(Said::Clear),
        }
    }
}

impl Line for PlivoLine {
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        let start = json!({
            "sequenceNumber": 0,
            "event": "start",
            "start": {
                "callId": self.call,
                "streamId": self.stream,
                "accountId": self.account,
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
            },
            "extra_headers": json!(parameters).to_string(),
        });
        self.sequence = 1;
        say(&start, out);
    }

    fn media(&mut self, samples: &[i16], at: Duration, out: &mut Outgoing) {
        self.encoded.clear();
        self.encoded.extend(samples.iter().map(|sample| mulaw::encode(*sample)));
        let Self { sequence, stream, encoded, .. } = self;
        out.text(|text| {
            let (stamp, stream) = (BEGINNING_MS + at.as_millis(), Value::from(stream.as_str()));
            // Writing to a String cannot fail.
            let _ = write!(
                text,
                r#"{{"sequenceNumber":{sequence},"streamId":{stream},"event":"media","media":{{"track":"inbound","timestamp":"{stamp}","chunk":{sequence},"payload":""#
            );
            STANDARD.encode_append(&encoded[..], text);
            text.push_str(r#""},"extra_headers":"{}"}"#);
            true
        });
        self.sequence += 1;
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        let stamp = BEGINNING_MS.to_string();
        let dtmf = json!({"track": "inbound", "digit": key.to_string(), "timestamp": stamp});
        self.message(json!({"event": "dtmf", "dtmf": dtmf}), out);
    }

    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        let played = json!({"event": "playedStream", "name": echo.name});
        match self.which {
            Which::Plivo => self.message(played, out),
            Which::Vobiz => say(&played, out),
        }
    }

    fn stop(&mut self, out: &mut Outgoing) {
        // The other one closes the socket and says no more.
        if self.which == Which::Vobiz {
            return;
        }
        self.message(json!({"event": "stop"}), out);
    }

    fn read(&mut self, message: Incoming<'_>, reply: &mut Outgoing) -> Result<Said, Complaint> {
        // There are no error codes.
        let complaint = |text| Complaint { code: 0, text };
        match message {
            Incoming::Text(text) => {
                let said = self.understand(text);
                let said = said.map_err(|problem| complaint(format!("{problem}: {}", shortened(text))))?;
                if said == Said::Clear {
                    self.message(json!({"event": "clearedAudio"}), reply);
                }
                Ok(said)
            }
            Incoming::Binary(bytes) => Err(complaint(binary(bytes))),
        }
    }

    fn samples_in(&self, message: Incoming<'_>) -> Option<usize> {
        let Incoming::Text(text) = message else { return None };
        if !text.starts_with(r#"{"event":"playAudio""#) {
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

/// The time of day at which every stream begins, in milliseconds since 1970.
const BEGINNING_MS: u128 = 1_700_000_000_000;

#[cfg(test)]
mod tests;
