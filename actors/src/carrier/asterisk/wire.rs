//! The channel's stream: audio in binary messages, control texts in JSON or in plain words, as the
//! dialplan has chosen. What is sent has the form of the channel's `MEDIA_START`
//! (<https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket/>).

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::carrier::json::{Scalar, Text, clipped, id, malformed, missing, parse, place, push_quoted};
use crate::carrier::{
    AudioFormat, CallerFrame, FlowSignal, Incoming, LineCommand, LineEvent, LineFormats, Outgoing, StreamStart, Wire,
    WireError,
};
use crate::frame::Frame;
use crate::ids::{CarrierCallId, StreamId};

/// The wire of one stream.
#[derive(Debug, Default)]
pub(super) struct AsteriskWire {
    /// The form of control texts, known after `MEDIA_START`.
    form: Option<Form>,
}

/// The form of control texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Plain,
}

impl Wire for AsteriskWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        let text = match message {
            Incoming::Text(text) => text,
            Incoming::Binary([]) => return Err(malformed("media", "it is empty".to_owned())),
            // Whole samples are the intake's concern: a message may end within one.
            Incoming::Binary(bytes) => {
                return Ok(LineEvent::Audio(CallerFrame { timestamp: None, payload: Frame::copy_of(bytes) }));
            }
        };
        if text.len() > LONGEST_TEXT {
            return Err(WireError::Unreadable(format!("it has {} bytes, expected {LONGEST_TEXT} at most", text.len())));
        }
        let form = if text.trim_ascii_start().starts_with('{') { Form::Json } else { Form::Plain };
        let event = match form {
            Form::Json => decode_json(text),
            Form::Plain => decode_plain(text),
        }?;
        if matches!(event, LineEvent::Started(_)) {
            self.form.get_or_insert(form);
        }
        Ok(event)
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        let Some(form) = self.form else { return };
        let (word, name) = match command {
            LineCommand::Play(frame) => {
                return out.binary(|bytes| {
                    bytes.extend_from_slice(frame);
                    !frame.is_empty()
                });
            }
            LineCommand::Mark(name) => ("MARK_MEDIA", Some(name.as_str())),
            LineCommand::Clear => ("FLUSH_MEDIA", None),
            LineCommand::HangUp => ("HANGUP", None),
            // Closing the socket hangs the channel up.
            LineCommand::Close => return,
        };
        out.text(|text| {
            let start = text.len();
            match form {
                Form::Json => {
                    text.push_str(r#"{"command":""#);
                    text.push_str(word);
                    text.push('"');
                    if let Some(name) = name {
                        text.push_str(r#","correlation_id":"#);
                        push_quoted(text, name);
                    }
                    text.push('}');
                }
                Form::Plain => {
                    text.push_str(word);
                    if let Some(name) = name {
                        text.push(' ');
                        text.push_str(name);
                    }
                }
            }
            // A longer text is dropped there with no more than a line in its log. Where a mark is
            // missing, the clock says what was heard.
            let fits = text.len() - start <= LONGEST_COMMAND;
            if !fits {
                text.truncate(start);
            }
            fits
        });
    }
}

fn decode_json(text: &str) -> Result<LineEvent, WireError> {
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|e| WireError::Unreadable(place(&e)))?;
    let Some(Text(event)) = envelope.event else {
        return Err(WireError::Unreadable("it has no `event`".to_owned()));
    };
    match event.as_ref() {
        START => {
            let start: Start<'_> = parse(START, text)?;
            let variables = start.channel_variables.unwrap_or_default();
            started(start.channel_id, start.format.map(|it| it.0), variables)
        }
        KEY => key(parse::<Key<'_>>(KEY, text)?.digit.map(|it| it.0)),
        MARK => mark(parse::<Mark<'_>>(MARK, text)?.correlation_id.map(|it| it.0)),
        other => Ok(bare(other)),
    }
}

/// Reads the plain form: a word, then `name:value` pairs or the name of a mark. An empty text and
/// words that are none of the driver's are errors.
fn decode_plain(text: &str) -> Result<LineEvent, WireError> {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    let value = |name: &str| {
        let named = |pair: &&str| pair.split_once(':').is_some_and(|(found, _)| found == name);
        rest.split_ascii_whitespace().find(named).and_then(|pair| pair.split_once(':')).map(|(_, value)| value)
    };
    match word {
        START => {
            let channel = value("channel_id").map(|id| Scalar(Cow::Borrowed(id)));
            started(channel, value("format").map(Cow::Borrowed), BTreeMap::new())
        }
        KEY => key(value("digit").map(Cow::Borrowed)),
        MARK => mark((!rest.is_empty()).then_some(Cow::Borrowed(rest))),
        _ if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_') => Ok(bare(word)),
        _ => Err(WireError::Unreadable("it is neither JSON nor a word of the channel driver".to_owned())),
    }
}

/// An event without values that matter.
fn bare(word: &str) -> LineEvent {
    match word {
        "MEDIA_XOFF" => LineEvent::Flow(FlowSignal::Hold),
        "MEDIA_XON" => LineEvent::Flow(FlowSignal::Go),
        other => LineEvent::Other(clipped(other)),
    }
}

/// The start. The id of the channel stands for that of the call, unless the stream's URL has the
/// latter.
fn started(
    channel: Option<Scalar<'_>>,
    format: Option<Cow<'_, str>>,
    variables: BTreeMap<Cow<'_, str>, Scalar<'_>>,
) -> Result<LineEvent, WireError> {
    let channel = id(START, "channel_id", channel.ok_or_else(|| missing(START, "channel_id"))?)?;
    let format = format.ok_or_else(|| missing(START, "format"))?;
    let format = match format.as_ref() {
        "ulaw" => AudioFormat::MULAW_8K,
        "alaw" => AudioFormat::ALAW_8K,
        "slin" => AudioFormat::PCM_8K,
        "slin16" => super::PCM_16K,
        "slin24" => AudioFormat::PCM_24K,
        other => return Err(malformed(START, format!("`format` is {}, expected {FORMATS}", clipped(other)))),
    };
    if variables.len() > MOST_VARIABLES {
        let found = variables.len();
        return Err(malformed(
            START,
            format!("`channel_variables` has {found} entries, expected {MOST_VARIABLES} at most"),
        ));
    }
    let short = |(name, value): &(Cow<'_, str>, Scalar<'_>)| name.len() + value.0.len() <= LONGEST_VARIABLE;
    Ok(LineEvent::Started(Box::new(StreamStart {
        stream: StreamId::new(&channel),
        carrier_call: CarrierCallId::new(&channel),
        account: None,
        from: None,
        to: None,
        format: LineFormats::from(format),
        parameters: variables
            .into_iter()
            .filter(short)
            // The driver's own variables say nothing of the call.
            .filter(|(name, _)| !name.starts_with("MEDIA_WEBSOCKET_"))
            .map(|(name, value)| (name.into_owned(), value.0.into_owned()))
            .collect(),
    })))
}

fn key(digit: Option<Cow<'_, str>>) -> Result<LineEvent, WireError> {
    let digit = digit.ok_or_else(|| missing(KEY, "digit"))?;
    let mut characters = digit.chars();
    match (characters.next().map(|c| c.to_ascii_uppercase()), characters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(LineEvent::KeyPressed(key)),
        // The pressed key is not quoted: it may be part of a card number.
        _ => Err(malformed(KEY, "`digit` is not one of 0-9, *, #, A-D".to_owned())),
    }
}

fn mark(name: Option<Cow<'_, str>>) -> Result<LineEvent, WireError> {
    let name = name.ok_or_else(|| missing(MARK, "correlation_id"))?;
    if name.len() > LONGEST_NAME {
        let found = name.len();
        return Err(malformed(MARK, format!("the mark's name has {found} bytes, we send {LONGEST_NAME} at most")));
    }
    Ok(LineEvent::MarkEchoed(name.into_owned()))
}

#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
struct Start<'a> {
    #[serde(borrow)]
    channel_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    format: Option<Text<'a>>,
    #[serde(borrow)]
    channel_variables: Option<BTreeMap<Cow<'a, str>, Scalar<'a>>>,
}

#[derive(serde::Deserialize)]
struct Key<'a> {
    #[serde(borrow)]
    digit: Option<Scalar<'a>>,
}

#[derive(serde::Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    correlation_id: Option<Text<'a>>,
}

const START: &str = "MEDIA_START";
const KEY: &str = "DTMF_END";
const MARK: &str = "MEDIA_MARK_PROCESSED";
/// The accepted formats, for people.
const FORMATS: &str = "ulaw, alaw, slin, slin16 or slin24: `c(ulaw)` in the dial string asks for the first";
/// The longest text of the driver. A start with many channel variables has a few kilobytes.
const LONGEST_TEXT: usize = 64 * 1024;
/// The longest text that the driver reads.
const LONGEST_COMMAND: usize = 128;
/// The longest name of a mark: with the words around it, it fits into a command.
pub(super) const LONGEST_NAME: usize = 60;
/// The most channel variables.
const MOST_VARIABLES: usize = 256;
/// The longest channel variable, name and value, in bytes; longer ones are left out.
const LONGEST_VARIABLE: usize = 2_000;

#[cfg(test)]
mod tests;
