//! The carrier's side of the media stream: what it sends, and its strict reader
//! (<https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming>). Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::{Value, json};

use super::alaw;
use crate::carrier::fake::strict::{binary, exactly, object, object_of, shortened, string};
use crate::carrier::fake::{Calling, Complaint, Echo, Fault, Line, Said, mulaw};
use crate::carrier::{Incoming, Outgoing};

/// The carrier's end of one stream; it numbers its messages.
#[derive(Debug)]
pub(super) struct TelnyxLine {
    account: String,
    call: String,
    from: String,
    to: String,
    stream: String,
    sequence: u64,
    chunk: u64,
    /// Whether packets change places on their way.
    shuffles: bool,
    /// A packet that the next one overtakes.
    overtaken: Option<String>,
    /// The A-law of one message.
    encoded: Vec<u8>,
}

impl TelnyxLine {
    /// The end of the stream with this id.
    pub(super) fn new(call: &Calling, stream: &str) -> Self {
        Self {
            account: call.account.clone(),
            call: call.id.clone(),
            from: call.from.clone(),
            to: call.to.clone(),
            stream: stream.to_owned(),
            sequence: 0,
            chunk: 0,
            shuffles: call.faults.contains(&Fault::Shuffled),
            overtaken: None,
            encoded: Vec::new(),
        }
    }

    fn message(&mut self, event: &str, body: Value, out: &mut Outgoing) {
        self.sequence += 1;
        let mut message =
            json!({"event": event, "sequence_number": self.sequence.to_string(), "stream_id": self.stream});
        message[event] = body;
        say(&message.to_string(), out);
    }

    fn understand(text: &str) -> Result<Said, String> {
        let message = object_of(text)?;
        let event = string(&message, "event")?;
        let expected: &[&str] = match event {
            "media" => &["event", "media"],
            "mark" => &["event", "mark"],
            "clear" => &["event"],
            _ => return Err(format!("unknown event `{event}`")),
        };
        exactly(&message, expected, "")?;
        match event {
            "media" => {
                let body = object(&message, "media")?;
                exactly(body, &["payload"], "media.")?;
                let bytes = STANDARD
                    .decode_to_vec(string(body, "payload")?)
                    .map_err(|error| format!("`media.payload` is not base64 ({error})"))?;
                if bytes.is_empty() || bytes.len() % FRAME != 0 || bytes.len() > LONGEST {
                    return Err(format!(
                        "`media.payload` has {} bytes, expected whole pieces of 20 ms up to 30 s",
                        bytes.len()
                    ));
                }
                Ok(Said::Media(bytes.into_iter().map(mulaw::decode).collect()))
            }
            "mark" => {
                let body = object(&message, "mark")?;
                exactly(body, &["name"], "mark.")?;
                match string(body, "name")? {
                    "" => Err("`mark.name` is empty".into()),
                    name => Ok(Said::Mark(name.to_owned())),
                }
            }
            _ => Ok(Said::Clear),
        }
    }
}

impl Line for TelnyxLine {
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        say(&json!({"event": "connected", "version": "1.0.0"}).to_string(), out);
        let start = json!({
            "user_id": self.account,
            "call_control_id": self.call,
            "call_session_id": "00000000-0000-0000-0000-000000000002",
            "from": self.from,
            "to": self.to,
            "tags": [],
            "client_state": null,
            "custom_parameters": parameters,
            "media_format": {"encoding": "PCMA", "sample_rate": 8000, "channels": 1},
        });
        self.message("start", start, out);
    }

    fn media(&mut self, samples: &[i16], at: Duration, out: &mut Outgoing) {
        self.sequence += 1;
        self.chunk += 1;
        self.encoded.clear();
        self.encoded.extend(samples.iter().map(|sample| alaw::encode(*sample)));
        let Self { sequence, chunk, stream, encoded, .. } = self;
        let (stamp, stream) = (at.as_millis(), Value::from(stream.as_str()));
        let mut text = String::with_capacity(encoded.len() * 4 / 3 + 200);
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            r#"{{"event":"media","sequence_number":"{sequence}","stream_id":{stream},"media":{{"track":"inbound","chunk":"{chunk}","timestamp":"{stamp}","payload":""#
        );
        STANDARD.encode_append(&encoded[..], &mut text);
        text.push_str(r#""}}"#);
        if self.shuffles && self.chunk % 3 == 2 {
            self.overtaken = Some(text);
            return;
        }
        say(&text, out);
        if let Some(late) = self.overtaken.take() {
            say(&late, out);
        }
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        self.message("dtmf", json!({"digit": key.to_string()}), out);
    }

    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        // The echo does not show whether it was played.
        self.message("mark", json!({"name": echo.name}), out);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        let stop = json!({"user_id": self.account, "call_control_id": self.call});
        self.message("stop", stop, out);
    }

    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<Said, Complaint> {
        match message {
            Incoming::Text(text) => Self::understand(text)
                .map_err(|problem| Complaint { code: MALFORMED, text: format!("{problem}: {}", shortened(text)) }),
            Incoming::Binary(bytes) => Err(Complaint { code: MALFORMED, text: binary(bytes) }),
        }
    }

    fn samples_in(&self, message: Incoming<'_>) -> Option<usize> {
        let Incoming::Text(text) = message else { return None };
        let payload = text.strip_prefix(r#"{"event":"media","media":{"payload":""#)?.strip_suffix(r#""}}"#)?;
        Some(payload.len() / 4 * 3 - payload.bytes().rev().take_while(|byte| *byte == b'=').count())
    }
}

fn say(message: &str, out: &mut Outgoing) {
    out.text(|text| {
        text.push_str(message);
        true
    });
}

/// "Malformed frame", as the stream's `error` message has it.
const MALFORMED: u32 = 100_003;
/// The bytes of 20 ms.
const FRAME: usize = 160;
/// The bytes of 30 s.
const LONGEST: usize = 240_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_the_carrier_would_not_play_is_refused_with_its_reason() {
        let media = |bytes: usize| {
            format!(r#"{{"event":"media","media":{{"payload":"{}"}}}}"#, STANDARD.encode_to_string(vec![0xFF; bytes]))
        };
        for (text, reason) in [
            ("hello".to_owned(), "not JSON"),
            (media(80), "expected whole pieces of 20 ms"),
            (media(170), "expected whole pieces of 20 ms"),
            (media(240_160), "expected whole pieces of 20 ms"),
            (r#"{"event":"media","stream_id":"s","media":{"payload":"/w=="}}"#.to_owned(), "`stream_id` is not one"),
            (r#"{"event":"mark","mark":{"name":""}}"#.to_owned(), "`mark.name` is empty"),
            (r#"{"event":"stop"}"#.to_owned(), "unknown event `stop`"),
        ] {
            let problem = TelnyxLine::understand(&text).expect_err("refused");
            assert!(problem.contains(reason), "{problem}");
        }
        assert_eq!(TelnyxLine::understand(&media(160)), Ok(Said::Media(vec![0; 160])));
        assert_eq!(TelnyxLine::understand(r#"{"event":"clear"}"#), Ok(Said::Clear));
    }
}
