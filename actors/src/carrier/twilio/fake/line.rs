//! Twilio's side of the media stream: what it sends, and its strict reader
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
use crate::carrier::{Incoming, Outgoing};

/// Twilio's end of one stream; it numbers its messages.
#[derive(Debug)]
pub(super) struct TwilioLine {
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
    pub(super) fn new(call: &Calling, stream: &str) -> Self {
        Self {
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
                return Err(Complaint { code: code(Violation::Malformed), text: binary(bytes) });
            }
        };
        // The warning in Twilio's debugger.
        self.understand(text).map_err(|problem| Complaint {
            code: code(Violation::Invalid),
            text: format!("{problem}: {}", shortened(text)),
        })
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
mod tests {
    use super::*;

    const STREAM: &str = "MZ00000000000000000000000000000001";

    fn line() -> TwilioLine {
        let (account, call) = ("AC1".to_owned(), "CA1".to_owned());
        let (stream, encoded) = (STREAM.to_owned(), Vec::new());
        TwilioLine { account, call, stream, sequence: 0, chunk: 0, encoded }
    }

    fn read(text: &str) -> Result<Said, Complaint> {
        line().read(Incoming::Text(text), &mut Outgoing::default())
    }

    fn problem(text: &str) -> String {
        let complaint = read(text).expect_err("refused");
        assert_eq!(complaint.code, 31951);
        complaint.text
    }

    /// The messages that `write` writes.
    fn sent(line: &mut TwilioLine, write: impl FnOnce(&mut TwilioLine, &mut Outgoing)) -> Vec<Value> {
        let mut out = Outgoing::default();
        write(line, &mut out);
        let read = |message| match message {
            Incoming::Text(text) => serde_json::from_str(text).expect("JSON"),
            Incoming::Binary(_) => panic!("binary"),
        };
        out.messages().map(read).collect()
    }

    #[test]
    fn the_messages_of_the_reference_are_understood() {
        let media = format!(r#"{{"event":"media","streamSid":"{STREAM}","media":{{"payload":"//7+"}}}}"#);
        assert_eq!(read(&media), Ok(Said::Media(vec![0, 8, 8])));
        let mark = format!(r#"{{"event":"mark","streamSid":"{STREAM}","mark":{{"name":"r1:240"}}}}"#);
        assert_eq!(read(&mark), Ok(Said::Mark("r1:240".into())));
        let clear = format!(r#"{{"event":"clear","streamSid":"{STREAM}"}}"#);
        assert_eq!(read(&clear), Ok(Said::Clear));
    }

    #[test]
    fn whatever_twilio_would_refuse_is_refused_with_its_reason() {
        let s = STREAM;
        for (text, reason) in [
            ("hello".to_owned(), "not JSON"),
            ("[1]".to_owned(), "not a JSON object"),
            (format!(r#"{{"streamSid":"{s}"}}"#), "no `event`"),
            (format!(r#"{{"event":7,"streamSid":"{s}"}}"#), "`event` is not a string"),
            (format!(r#"{{"event":"say","streamSid":"{s}"}}"#), "unknown event `say`"),
            (r#"{"event":"clear"}"#.to_owned(), "`streamSid` is missing"),
            (r#"{"event":"clear","streamSid":"MZ2"}"#.to_owned(), "not this stream's"),
            (format!(r#"{{"event":"clear","streamSid":"{s}","sequenceNumber":"1"}}"#), "`sequenceNumber`"),
            (format!(r#"{{"event":"media","streamSid":"{s}"}}"#), "`media` is missing"),
            (format!(r#"{{"event":"media","streamSid":"{s}","media":{{}}}}"#), "`media.payload` is missing"),
            (format!(r#"{{"event":"media","streamSid":"{s}","media":{{"payload":"!"}}}}"#), "not base64"),
            (
                format!(r#"{{"event":"media","streamSid":"{s}","media":{{"payload":"/w==","track":"x"}}}}"#),
                "`media.track`",
            ),
            (format!(r#"{{"event":"mark","streamSid":"{s}","mark":{{"name":3}}}}"#), "`name` is not a string"),
        ] {
            let problem = problem(&text);
            assert!(problem.contains(reason), "{problem}");
        }
    }

    #[test]
    fn a_long_message_is_quoted_in_part() {
        let text = format!(r#"{{"event":"media","media":"{}"}}"#, "x".repeat(10_000));
        assert!(problem(&text).chars().count() < 300);
    }

    #[test]
    fn messages_are_numbered_as_strings_and_name_their_stream() {
        let mut line = line();
        let parameters = BTreeMap::from([("token".to_owned(), "q7".to_owned())]);
        let start = sent(&mut line, |line, out| line.start(&parameters, out));
        assert_eq!(start[0], json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}));
        let start = &start[1];
        assert_eq!(start["sequenceNumber"], "1");
        assert_eq!(start["start"]["streamSid"], STREAM);
        assert_eq!(start["start"]["mediaFormat"]["sampleRate"], 8000);
        assert_eq!(start["start"]["customParameters"]["token"], "q7");
        let media = &sent(&mut line, |line, out| line.media(&[0, 0], Duration::from_millis(20), out))[0];
        assert_eq!(media["event"], "media");
        assert_eq!(media["sequenceNumber"], "2");
        let expected = json!({"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "//8="});
        assert_eq!(media["media"], expected);
        assert_eq!(media["streamSid"], STREAM);
        let dtmf = &sent(&mut line, |line, out| line.key('#', out))[0];
        assert_eq!(dtmf["dtmf"], json!({"track": "inbound_track", "digit": "#"}));
        let stop = &sent(&mut line, |line, out| line.stop(out))[0];
        assert_eq!((&stop["sequenceNumber"], &stop["stop"]["callSid"]), (&json!("4"), &json!("CA1")));
    }

    #[test]
    fn a_glance_counts_the_samples_that_reading_finds() {
        let message =
            |payload: &str| format!(r#"{{"event":"media","streamSid":"{STREAM}","media":{{"payload":"{payload}"}}}}"#);
        for payload in ["/w==", "//8=", "//7+", "//7+//8="] {
            let text = message(payload);
            let Ok(Said::Media(samples)) = read(&text) else { panic!("{text}") };
            assert_eq!(line().samples_in(Incoming::Text(&text)), Some(samples.len()));
        }
        let clear = format!(r#"{{"event":"clear","streamSid":"{STREAM}"}}"#);
        assert_eq!(line().samples_in(Incoming::Text(&clear)), None);
    }

    #[test]
    fn a_binary_message_is_not_of_the_form() {
        let complaint = line().read(Incoming::Binary(&[1, 2, 3]), &mut Outgoing::default()).expect_err("refused");
        assert_eq!((complaint.code, complaint.text.as_str()), (31950, "a binary message of 3 bytes ignored"));
    }
}
