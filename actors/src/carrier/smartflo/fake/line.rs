//! Smartflo's side of the stream: what it sends, and its strict reader
//! (<https://docs.smartflo.tatatelebusiness.com>, "Bi-Directional Audio Streaming"). Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::{Value, json};

use crate::carrier::fake::strict::{binary, exactly, object, object_of, shortened, string};
use crate::carrier::fake::{Calling, Complaint, Echo, Line, Said, mulaw};
use crate::carrier::{Incoming, Outgoing};

/// Smartflo's end of one stream; it numbers its messages, and ours.
#[derive(Debug)]
pub(super) struct SmartfloLine {
    account: String,
    call: String,
    from: String,
    to: String,
    stream: String,
    sequence: u64,
    chunk: u64,
    /// The number of our last audio message.
    heard: u64,
}

impl SmartfloLine {
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
            heard: 0,
        }
    }

    fn message(&mut self, event: &str, body: Value, out: &mut Outgoing) {
        self.sequence += 1;
        let mut message =
            json!({"event": event, "sequenceNumber": self.sequence.to_string(), "streamSid": self.stream});
        message[event] = body;
        say(&message, out);
    }

    fn understand(&mut self, text: &str) -> Result<Said, String> {
        let message = object_of(text)?;
        let event = string(&message, "event")?;
        let expected: &[&str] = match event {
            "media" => &["event", "streamSid", "media"],
            "mark" => &["event", "streamSid", "mark"],
            "clear" => &["event", "streamSid"],
            "end" => &["event", "streamSid", "call_sid"],
            _ => return Err(format!("unknown event `{event}`")),
        };
        exactly(&message, expected, "")?;
        if string(&message, "streamSid")? != self.stream {
            return Err("`streamSid` is not this stream's".into());
        }
        match event {
            "media" => {
                let body = object(&message, "media")?;
                exactly(body, &["payload", "chunk"], "media.")?;
                let chunk = body["chunk"].as_u64().ok_or("`media.chunk` is not a number")?;
                // A fresh stream is counted from its own beginning.
                if chunk != 1 && chunk != self.heard + 1 {
                    return Err(format!("`media.chunk` is {chunk} after {}", self.heard));
                }
                let bytes = STANDARD
                    .decode_to_vec(string(body, "payload")?)
                    .map_err(|error| format!("`media.payload` is not base64 ({error})"))?;
                if bytes.is_empty() || bytes.len() % STEP != 0 {
                    return Err(format!("{} bytes of audio, expected multiples of {STEP}", bytes.len()));
                }
                self.heard = chunk;
                Ok(Said::Media(bytes.into_iter().map(mulaw::decode).collect()))
            }
            "mark" => {
                let body = object(&message, "mark")?;
                exactly(body, &["name"], "mark.")?;
                Ok(Said::Mark(string(body, "name")?.to_owned()))
            }
            "end" if string(&message, "call_sid")? != self.call => Err("`call_sid` is not this call's".into()),
            "end" => Ok(Said::HangUp),
            _ => Ok(Said::Clear),
        }
    }
}

impl Line for SmartfloLine {
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        say(&json!({"event": "connected"}), out);
        let start = json!({
            "streamSid": self.stream,
            "accountSid": self.account,
            "callSid": self.call,
            "from": self.from,
            "to": self.to,
            "direction": "inbound",
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "bitRate": 64, "bitDepth": 8},
            "customParameters": parameters,
        });
        self.message("start", start, out);
    }

    fn media(&mut self, samples: &[i16], at: Duration, out: &mut Outgoing) {
        self.chunk += 1;
        let bytes: Vec<u8> = samples.iter().map(|sample| mulaw::encode(*sample)).collect();
        let payload = STANDARD.encode_to_string(bytes);
        let media =
            json!({"chunk": self.chunk.to_string(), "timestamp": at.as_millis().to_string(), "payload": payload});
        self.message("media", media, out);
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        self.message("dtmf", json!({"digit": key.to_string()}), out);
    }

    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        self.message("mark", json!({"name": echo.name}), out);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        let stop = json!({"accountSid": self.account, "callSid": self.call, "reason": "callended"});
        self.message("stop", stop, out);
    }

    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<Said, Complaint> {
        // There are no error codes.
        let complaint = |text| Complaint { code: 0, text };
        match message {
            Incoming::Text(text) => {
                self.understand(text).map_err(|problem| complaint(format!("{problem}: {}", shortened(text))))
            }
            Incoming::Binary(bytes) => Err(complaint(binary(bytes))),
        }
    }
}

fn say(message: &Value, out: &mut Outgoing) {
    out.text(|text| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{message}");
        true
    });
}

/// Others leave audible gaps.
const STEP: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> SmartfloLine {
        let text = str::to_owned;
        let (account, call, from, to, stream) = (text("a"), text("c"), text("1"), text("2"), text("s"));
        SmartfloLine { account, call, from, to, stream, sequence: 0, chunk: 0, heard: 0 }
    }

    fn media(bytes: usize, chunk: u64) -> String {
        let payload = STANDARD.encode_to_string(vec![0xFF; bytes]);
        json!({"event": "media", "streamSid": "s", "media": {"payload": payload, "chunk": chunk}}).to_string()
    }

    #[test]
    fn whatever_the_carrier_would_not_play_is_refused_with_its_reason() {
        let mut line = line();
        assert_eq!(line.understand(&media(320, 1)), Ok(Said::Media(vec![0; 320])));
        for (text, reason) in [
            (media(80, 2), "multiples of 160"),
            (media(0, 2), "multiples of 160"),
            (media(160, 3), "`media.chunk` is 3 after 1"),
            (media(160, 2).replace("\"s\"", "\"t\""), "not this stream's"),
            (r#"{"event":"end","streamSid":"s","call_sid":"d"}"#.to_owned(), "not this call's"),
            (r#"{"event":"end","streamSid":"s"}"#.to_owned(), "`call_sid` is missing"),
        ] {
            let problem = line.understand(&text).expect_err("refused");
            assert!(problem.contains(reason), "{problem}");
        }
        assert_eq!(line.understand(r#"{"event":"end","streamSid":"s","call_sid":"c"}"#), Ok(Said::HangUp));
    }
}
