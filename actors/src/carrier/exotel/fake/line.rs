//! Exotel's side of the stream: what it sends, and its strict reader
//! (<https://developer.exotel.com>, "AgentStream"). Pure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use base64_simd::STANDARD;
use serde_json::{Map, Value, json};

use crate::carrier::fake::strict::{binary, exactly, object, object_of, shortened, string};
use crate::carrier::fake::{Calling, Complaint, Echo, Line, Said};
use crate::carrier::{Incoming, Outgoing};

/// Exotel's end of one stream; it numbers its messages.
#[derive(Debug)]
pub(super) struct ExotelLine {
    account: String,
    call: String,
    stream: String,
    from: String,
    to: String,
    /// Whether names are written `streamSid` instead of `stream_sid`.
    camel: bool,
    sequence: u64,
}

impl ExotelLine {
    /// The end of the stream with this id, which decides the spelling: both are out there.
    pub(super) fn new(call: &Calling, stream: &str) -> Self {
        Self {
            account: call.account.clone(),
            call: call.id.clone(),
            stream: stream.to_owned(),
            from: call.from.clone(),
            to: call.to.clone(),
            camel: stream.ends_with(['1', '3', '5', '7', '9', 'b', 'd', 'f']),
            sequence: 0,
        }
    }

    /// A name in this stream's spelling.
    fn name(&self, snake: &'static str, camel: &'static str) -> &'static str {
        if self.camel { camel } else { snake }
    }

    fn message(&mut self, event: &str, body: Value, out: &mut Outgoing) {
        self.sequence += 1;
        let mut message = Map::new();
        message.insert("event".into(), event.into());
        message.insert(self.name("sequence_number", "sequenceNumber").into(), self.sequence.to_string().into());
        message.insert(self.name("stream_sid", "streamSid").into(), self.stream.clone().into());
        message.insert(event.into(), body);
        say(&Value::Object(message), out);
    }

    fn understand(&self, text: &str) -> Result<Said, String> {
        let message = object_of(text)?;
        let event = string(&message, "event")?;
        let stream = self.name("stream_sid", "streamSid");
        match event {
            "media" | "mark" => exactly(&message, &["event", stream, event], "")?,
            "clear" => exactly(&message, &["event", stream], "")?,
            _ => return Err(format!("unknown event `{event}`")),
        }
        if string(&message, stream)? != self.stream {
            return Err(format!("`{stream}` is not this stream's"));
        }
        match event {
            "media" => samples(object(&message, "media")?).map(Said::Media),
            "mark" => {
                let body = object(&message, "mark")?;
                exactly(body, &["name"], "mark.")?;
                Ok(Said::Mark(string(body, "name")?.to_owned()))
            }
            _ => Ok(Said::Clear),
        }
    }
}

impl Line for ExotelLine {
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing) {
        say(&json!({"event": "connected"}), out);
        let mut start = json!({
            self.name("stream_sid", "streamSid"): self.stream,
            self.name("call_sid", "callSid"): self.call,
            self.name("account_sid", "accountSid"): self.account,
            "from": self.from,
            "to": self.to,
            self.name("media_format", "mediaFormat"): {
                "encoding": "base64", self.name("sample_rate", "sampleRate"): "8000", "bit_rate": "128kbps",
            },
        });
        // It is absent if there are none.
        if !parameters.is_empty() {
            start[self.name("custom_parameters", "customParameters")] = json!(parameters);
        }
        self.message("start", start, out);
    }

    fn media(&mut self, samples: &[i16], at: Duration, out: &mut Outgoing) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let (chunk, at) = ((self.sequence + 1).to_string(), at.as_millis().to_string());
        let payload = STANDARD.encode_to_string(bytes);
        self.message("media", json!({"chunk": chunk, "timestamp": at, "payload": payload}), out);
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        self.message("dtmf", json!({"digit": key.to_string(), "duration": "100"}), out);
    }

    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        self.message("mark", json!({"name": echo.name}), out);
    }

    fn stop(&mut self, out: &mut Outgoing) {
        let (call, account) = (self.name("call_sid", "callSid"), self.name("account_sid", "accountSid"));
        let stop = json!({call: self.call, account: self.account, "reason": "callended"});
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

/// The samples of a `media` object.
fn samples(media: &Map<String, Value>) -> Result<Vec<i16>, String> {
    exactly(media, &["chunk", "timestamp", "sequenceNumber", "payload"], "media.")?;
    for name in ["chunk", "timestamp", "sequenceNumber"] {
        let number = string(media, name)?;
        number.parse::<u64>().map_err(|_| format!("`media.{name}` is not a whole number in a string"))?;
    }
    let bytes = STANDARD
        .decode_to_vec(string(media, "payload")?)
        .map_err(|error| format!("`media.payload` is not base64 ({error})"))?;
    if !(LEAST..=MOST).contains(&bytes.len()) || bytes.len() % STEP != 0 {
        let found = bytes.len();
        return Err(format!("{found} bytes of audio, expected {LEAST} to {MOST} in multiples of {STEP}"));
    }
    Ok(bytes.chunks_exact(2).map(|sample| i16::from_le_bytes([sample[0], sample[1]])).collect())
}

fn say(message: &Value, out: &mut Outgoing) {
    out.text(|text| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{message}");
        true
    });
}

/// The fewest bytes of audio in a message; fewer are dropped without a word.
const LEAST: usize = 3_200;
/// The most bytes.
const MOST: usize = 100_000;
/// Others end in a short packet and an audible gap.
const STEP: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::fake::testing::sent;

    fn line(stream: &str) -> ExotelLine {
        let text = str::to_owned;
        let (account, call, from, to) = (text("a"), text("c"), text("1"), text("2"));
        ExotelLine { account, call, stream: text(stream), from, to, camel: stream == "S1", sequence: 0 }
    }

    fn media(bytes: usize) -> String {
        let payload = STANDARD.encode_to_string(vec![0; bytes]);
        let media = json!({"chunk": "1", "timestamp": "0", "sequenceNumber": "1", "payload": payload});
        json!({"event": "media", "stream_sid": "S0", "media": media}).to_string()
    }

    #[test]
    fn chunks_off_the_grid_are_refused() {
        let read = |bytes| line("S0").read(Incoming::Text(&media(bytes)), &mut Outgoing::default());
        assert_eq!(read(3_200), Ok(Said::Media(vec![0; 1_600])));
        assert!(read(99_840).is_ok());
        for bytes in [0, 320, 2_880, 3_300, 100_160] {
            let problem = read(bytes).expect_err("refused").text;
            assert!(problem.contains("multiples of 320"), "{problem}");
        }
        let wrong = media(3_200).replace("stream_sid", "streamSid");
        assert!(line("S0").read(Incoming::Text(&wrong), &mut Outgoing::default()).is_err(), "the other spelling");
    }

    #[test]
    fn a_stream_has_one_spelling() {
        for (stream, name) in [("S0", "stream_sid"), ("S1", "streamSid")] {
            let messages = sent(&mut line(stream), |line, out| line.start(&BTreeMap::new(), out));
            assert_eq!((&messages[1][name], &messages[1]["start"][name]), (&json!(stream), &json!(stream)));
            assert_eq!(messages[1]["start"].get("custom_parameters"), None);
        }
    }
}
