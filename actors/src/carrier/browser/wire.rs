//! The page's socket.
//!
//! ```text
//! page ─▶ {"agent":"sales","language":"hi","variables":{"name":"value"}}    first; language and variables may be missing
//!         binary: the microphone, mu-law 8 kHz, 20 ms each
//!         {"played":"…"}    playout has reached this mark
//!         {"key":"5"}
//! page ◀─ binary: the agent, mu-law 8 kHz, 20 ms each
//!         {"mark":"…"}      to be reported when playout has come here
//!         {"clear":true}    drop what is not played yet
//! ```
//!
//! Closing the socket hangs up, from either side. A phone that reports no marks is taken to play what
//! it gets at once.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::carrier::json::{LONGEST_MESSAGE, Scalar, malformed, parameters_of, place, push_quoted};
use crate::carrier::{
    AudioFormat, CallerFrame, Incoming, LineCommand, LineEvent, LineFormats, Outgoing, StreamStart, Wire, WireError,
};
use crate::frame::Frame;
use crate::ids::{CarrierCallId, StreamId};

/// The wire of one stream.
#[derive(Debug)]
pub(super) struct BrowserWire;

impl Wire for BrowserWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        match message {
            Incoming::Text(text) => decode(text),
            Incoming::Binary(bytes) if bytes.is_empty() || bytes.len() > LONGEST_FRAME => {
                let problem = format!("it has {} bytes, expected 160 of mu-law", bytes.len());
                Err(malformed("audio", problem))
            }
            Incoming::Binary(bytes) => {
                Ok(LineEvent::Audio(CallerFrame { timestamp: None, payload: Frame::copy_of(bytes) }))
            }
        }
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        match command {
            LineCommand::Play(frame) => {
                for samples in frame.chunks(FRAME).filter(|samples| !samples.is_empty()) {
                    out.binary(|bytes| {
                        bytes.extend_from_slice(samples);
                        true
                    });
                }
            }
            LineCommand::Mark(name) => out.text(|text| {
                text.push_str(r#"{"mark":"#);
                push_quoted(text, name);
                text.push('}');
                true
            }),
            LineCommand::Clear => out.text(|text| {
                text.push_str(r#"{"clear":true}"#);
                true
            }),
            // The close of the socket says so.
            LineCommand::HangUp | LineCommand::Close => {}
        }
    }
}

/// A text message: its kind is the field that it has.
#[derive(serde::Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    agent: Option<Scalar<'a>>,
    #[serde(borrow)]
    language: Option<Scalar<'a>>,
    #[serde(borrow)]
    variables: Option<BTreeMap<Cow<'a, str>, Option<Scalar<'a>>>>,
    #[serde(borrow)]
    played: Option<Scalar<'a>>,
    #[serde(borrow)]
    key: Option<Scalar<'a>>,
}

fn decode(text: &str) -> Result<LineEvent, WireError> {
    if text.len() > LONGEST_MESSAGE {
        return Err(WireError::Unreadable(format!("it has {} bytes, expected {LONGEST_MESSAGE} at most", text.len())));
    }
    // A derived struct would also accept a JSON array with the fields in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(WireError::Unreadable("it is not a JSON object".to_owned()));
    }
    let message: Message<'_> = serde_json::from_str(text).map_err(|error| WireError::Unreadable(place(&error)))?;
    let Message { agent, language, variables, played, key } = message;
    match (agent, variables, played, key) {
        (agent, variables, None, None) if agent.is_some() || variables.is_some() => started(agent, language, variables),
        (None, None, Some(Scalar(name)), None) if name.len() <= LONGEST_NAME => {
            Ok(LineEvent::MarkEchoed(name.into_owned()))
        }
        (None, None, Some(Scalar(name)), None) => {
            Err(malformed("played", format!("it has {} bytes, we send {LONGEST_NAME} at most", name.len())))
        }
        (None, None, None, Some(Scalar(key))) => pressed(&key),
        _ => Err(WireError::Unreadable("it is none of `agent` with `variables`, `played`, `key`".to_owned())),
    }
}

/// The start. The service names the call.
fn started(
    agent: Option<Scalar<'_>>,
    language: Option<Scalar<'_>>,
    variables: Option<BTreeMap<Cow<'_, str>, Option<Scalar<'_>>>>,
) -> Result<LineEvent, WireError> {
    let mut parameters = parameters_of("start", "variables", variables.unwrap_or_default())?;
    for (name, value) in [("agent", agent), ("language", language)] {
        // A variable of this name is none: it would choose who answers.
        parameters.remove(name);
        if let Some(Scalar(value)) = value.filter(|value| !value.0.is_empty()) {
            if value.len() > LONGEST_NAME {
                return Err(malformed("start", format!("`{name}` has {} bytes", value.len())));
            }
            parameters.insert(name.to_owned(), value.into_owned());
        }
    }
    Ok(LineEvent::Started(Box::new(StreamStart {
        stream: StreamId::new(""),
        carrier_call: CarrierCallId::new(""),
        account: None,
        from: None,
        to: None,
        format: LineFormats::from(AudioFormat::MULAW_8K),
        parameters,
    })))
}

fn pressed(key: &str) -> Result<LineEvent, WireError> {
    let mut signs = key.chars();
    match (signs.next().map(|sign| sign.to_ascii_uppercase()), signs.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(LineEvent::KeyPressed(key)),
        // The pressed key is not quoted: it may be part of a card number.
        _ => Err(malformed("key", "it is not one of 0-9, *, #, A-D".to_owned())),
    }
}

/// Bytes of 20 ms.
const FRAME: usize = 160;
/// The most bytes of a message of audio: a second.
const LONGEST_FRAME: usize = 8_000;
/// The most bytes of a mark's name, and of an agent's.
pub(super) const LONGEST_NAME: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<LineEvent, WireError> {
        BrowserWire.read(Incoming::Text(text), &mut Outgoing::default())
    }

    #[test]
    fn the_first_message_says_who_is_called() {
        let started = read(r#"{"agent":"sales","language":"hi","variables":{"name":"Asha","agent":"x","age":7}}"#);
        let Ok(LineEvent::Started(start)) = started else { panic!("{started:?}") };
        let brought: Vec<_> = start.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(brought, [("age", "7"), ("agent", "sales"), ("language", "hi"), ("name", "Asha")]);
        let Ok(LineEvent::Started(start)) = read(r#"{"variables":{}}"#) else { panic!("an agent may be missing") };
        assert!(start.parameters.is_empty());
    }

    #[test]
    fn what_is_played_and_pressed_is_read_and_nothing_else() {
        assert_eq!(read(r#"{"played":"1:2:a"}"#), Ok(LineEvent::MarkEchoed("1:2:a".to_owned())));
        assert_eq!(read(r#"{"key":"d"}"#), Ok(LineEvent::KeyPressed('D')));
        for wrong in [
            "{}",
            r#"{"key":"12"}"#,
            r#"{"key":""}"#,
            r#"{"language":"hi"}"#,
            r#"{"agent":"a","key":"1"}"#,
            r#"{"other":1}"#,
            r#"["sales","hi"]"#,
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        for bytes in [&[][..], &[0; 8_001]] {
            assert!(BrowserWire.read(Incoming::Binary(bytes), &mut Outgoing::default()).is_err());
        }
    }
}
