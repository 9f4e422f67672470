//! Twilio's side of the media stream: what it sends, and how strictly it reads (<https://www.twilio.com/docs/voice/media-streams/websocket-messages>). Pure.
//!
//! A carrier is a file like this one: a writer of its messages and a reader of ours.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value, json};

use super::mulaw;
use super::summary::Warning;

/// What the service said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Said {
    /// Play this behind what is queued.
    Media(Vec<i16>),
    /// Echo this name when playout has come here.
    Mark(String),
    /// Drop what is queued.
    Clear,
}

/// Writes one stream's messages; keeps their numbers.
#[derive(Debug)]
pub(super) struct Writer {
    stream: String,
    sequence: u64,
    chunk: u64,
}

impl Writer {
    /// For the stream with this id.
    pub(super) fn new(stream: String) -> Self {
        Self { stream, sequence: 0, chunk: 0 }
    }

    /// The greeting, before anything is said of the call.
    pub(super) fn connected() -> String {
        json!({"event": "connected", "protocol": "Call", "version": "1.0.0"}).to_string()
    }

    /// The stream's beginning.
    pub(super) fn start(&mut self, account: &str, call: &str, parameters: &BTreeMap<String, String>) -> String {
        let start = json!({
            "accountSid": account,
            "streamSid": self.stream,
            "callSid": call,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        });
        self.message("start", start)
    }

    /// The next frame of the caller's voice, `timestamp_ms` since the stream began.
    pub(super) fn media(&mut self, samples: &[i16], timestamp_ms: u64) -> String {
        self.chunk += 1;
        let bytes: Vec<u8> = samples.iter().map(|sample| mulaw::encode(*sample)).collect();
        let media = json!({
            "track": "inbound",
            "chunk": self.chunk.to_string(),
            "timestamp": timestamp_ms.to_string(),
            "payload": BASE64_STANDARD.encode(bytes),
        });
        self.message("media", media)
    }

    /// A key the caller pressed.
    pub(super) fn dtmf(&mut self, digit: char) -> String {
        self.message("dtmf", json!({"track": "inbound_track", "digit": digit.to_string()}))
    }

    /// Playout reached this mark.
    pub(super) fn mark(&mut self, name: &str) -> String {
        self.message("mark", json!({"name": name}))
    }

    /// The call is over.
    pub(super) fn stop(&mut self, account: &str, call: &str) -> String {
        self.message("stop", json!({"accountSid": account, "callSid": call}))
    }

    fn message(&mut self, event: &str, body: Value) -> String {
        self.sequence += 1;
        let mut message = Map::new();
        message.insert("event".into(), event.into());
        message.insert("sequenceNumber".into(), self.sequence.to_string().into());
        message.insert(event.into(), body);
        message.insert("streamSid".into(), self.stream.clone().into());
        Value::Object(message).to_string()
    }
}

/// Reads one text message of the service as strictly as Twilio does.
///
/// # Errors
/// The warning that Twilio's debugger would show; the message is ignored.
pub(super) fn read(text: &str, stream: &str) -> Result<Said, Warning> {
    understand(text, stream).map_err(|problem| Warning::invalid(format!("{problem}: {}", shortened(text))))
}

fn understand(text: &str, stream: &str) -> Result<Said, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON ({error})"))?;
    let Value::Object(message) = value else { return Err("not a JSON object".into()) };
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
    if string(&message, "streamSid")? != stream {
        return Err("`streamSid` is not this stream's".into());
    }
    match event {
        "media" => {
            let body = object(&message, "media")?;
            exactly(body, &["payload"], "media.")?;
            let bytes = BASE64_STANDARD
                .decode(string(body, "payload")?)
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

/// The fields of `body` are the `expected` ones: none is missing, none is left over.
pub(super) fn exactly(body: &Map<String, Value>, expected: &[&str], prefix: &str) -> Result<(), String> {
    if let Some(missing) = expected.iter().find(|name| !body.contains_key(**name)) {
        return Err(format!("field `{prefix}{missing}` is missing"));
    }
    match body.keys().find(|name| !expected.contains(&name.as_str())) {
        Some(extra) => Err(format!("field `{prefix}{extra}` is not one that the carrier knows")),
        None => Ok(()),
    }
}

pub(super) fn string<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    body.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` is not a string"))
}

pub(super) fn object<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a Map<String, Value>, String> {
    body.get(name).and_then(Value::as_object).ok_or_else(|| format!("`{name}` is not an object"))
}

/// As much of a message as fits a line.
pub(super) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// Characters of a bad message that a warning quotes.
const LONGEST_QUOTE: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "MZ00000000000000000000000000000001";

    fn problem(text: &str) -> String {
        let warning = read(text, STREAM).expect_err("refused");
        assert_eq!(warning.code, 31951);
        warning.text
    }

    #[test]
    fn the_messages_of_the_reference_are_understood() {
        let media = format!(r#"{{"event":"media","streamSid":"{STREAM}","media":{{"payload":"//7+"}}}}"#);
        assert_eq!(read(&media, STREAM), Ok(Said::Media(vec![0, 8, 8])));
        let mark = format!(r#"{{"event":"mark","streamSid":"{STREAM}","mark":{{"name":"r1:240"}}}}"#);
        assert_eq!(read(&mark, STREAM), Ok(Said::Mark("r1:240".into())));
        let clear = format!(r#"{{"event":"clear","streamSid":"{STREAM}"}}"#);
        assert_eq!(read(&clear, STREAM), Ok(Said::Clear));
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
        let mut writer = Writer::new(STREAM.into());
        let parameters = BTreeMap::from([("token".to_owned(), "q7".to_owned())]);
        let start: Value = serde_json::from_str(&writer.start("AC1", "CA1", &parameters)).expect("JSON");
        assert_eq!(start["sequenceNumber"], "1");
        assert_eq!(start["start"]["streamSid"], STREAM);
        assert_eq!(start["start"]["mediaFormat"]["sampleRate"], 8000);
        assert_eq!(start["start"]["customParameters"]["token"], "q7");
        let media: Value = serde_json::from_str(&writer.media(&[0, 0], 20)).expect("JSON");
        assert_eq!(media["sequenceNumber"], "2");
        let expected = json!({"track": "inbound", "chunk": "1", "timestamp": "20", "payload": "//8="});
        assert_eq!(media["media"], expected);
        assert_eq!(media["streamSid"], STREAM);
        let dtmf: Value = serde_json::from_str(&writer.dtmf('#')).expect("JSON");
        assert_eq!(dtmf["dtmf"], json!({"track": "inbound_track", "digit": "#"}));
        let stop: Value = serde_json::from_str(&writer.stop("AC1", "CA1")).expect("JSON");
        assert_eq!((&stop["sequenceNumber"], &stop["stop"]["callSid"]), (&json!("4"), &json!("CA1")));
    }
}
