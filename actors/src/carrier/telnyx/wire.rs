//! The media stream, bidirectional: JSON text messages in both directions
//! (<https://developers.telnyx.com/docs/voice/programmable-voice/media-streaming>).
//!
//! The caller's audio has the codec of the call's own leg, which `start` names; ours has the one
//! that our document asks for. The caller's packets may arrive out of order. Messages to the carrier
//! name no stream. Timestamps are not used: their unit is not documented.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64_simd::STANDARD;

use super::order::Order;
use crate::carrier::json::{
    Scalar, Text, clipped, id, key_of, kind_of, malformed, mark_of, missing, parameters_of, parse, payload_of,
    push_quoted,
};
use crate::carrier::{
    AudioFormat, CallerFrame, Encoding, Incoming, LineCommand, LineEvent, LineFormats, Outgoing, StreamStart, Wire,
    WireError,
};
use crate::frame::Frame;
use crate::ids::{CarrierCallId, Private, StreamId};

/// The wire of one stream.
#[derive(Debug, Default)]
pub(super) struct TelnyxWire {
    /// The order of the caller's packets, from `start` on.
    order: Option<Order>,
}

impl Wire for TelnyxWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        let Incoming::Text(text) = message else { return Err(WireError::Binary) };
        match kind_of(text)?.as_ref() {
            "media" => self.decode_media(text),
            "mark" => mark_of(text, LONGEST_NAME),
            "dtmf" => key_of(text),
            "connected" => Ok(LineEvent::Connected),
            "start" => {
                let start = decode_start(text)?;
                self.order = Some(Order::default());
                Ok(start)
            }
            "stop" => Ok(LineEvent::Stopped),
            "error" => decode_error(text),
            other => Ok(LineEvent::Other(clipped(other))),
        }
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        if self.order.is_some() {
            out.text(|text| encode(command, text));
        }
    }
}

impl TelnyxWire {
    fn decode_media(&mut self, text: &str) -> Result<LineEvent, WireError> {
        const KIND: &str = "media";
        let message: MediaMessage<'_> = parse(KIND, text)?;
        let Some(media) = message.media else { return Err(missing(KIND, "media")) };
        if let Some(track) = media.track.filter(|track| track.0 != "inbound") {
            return Ok(LineEvent::Other(format!("media of track {}", clipped(&track.0))));
        }
        let number = media.chunk.map(|chunk| chunk.0.parse::<u64>()).transpose();
        let number = number.map_err(|_| malformed(KIND, "`media.chunk` is not a whole number".to_owned()))?;
        let payload = payload_of(KIND, media.payload)?;
        let payload: Option<Frame> = match (&mut self.order, number) {
            (Some(order), Some(number)) => order.take(number, payload),
            (Some(_) | None, _) => Some(payload),
        };
        Ok(match payload {
            Some(payload) => LineEvent::Audio(CallerFrame { timestamp: None, payload }),
            None => LineEvent::Other("media out of order".to_owned()),
        })
    }
}

fn encode(command: &LineCommand, out: &mut String) -> bool {
    match command {
        LineCommand::Play(frame) if frame.is_empty() => return false,
        LineCommand::Play(frame) => {
            out.push_str(r#"{"event":"media","media":{"payload":""#);
            STANDARD.encode_append(&frame[..], out);
            out.push_str(r#""}}"#);
        }
        LineCommand::Mark(name) => {
            out.push_str(r#"{"event":"mark","mark":{"name":"#);
            push_quoted(out, name);
            out.push_str("}}");
        }
        LineCommand::Clear => out.push_str(r#"{"event":"clear"}"#),
        // There is no message for it. Closing the socket lets the document after `<Connect>` go on.
        LineCommand::HangUp | LineCommand::Close => return false,
    }
    true
}

/// The carrier's complaint about a message of ours. Only its code is kept: the words may quote what
/// we sent.
fn decode_error(text: &str) -> Result<LineEvent, WireError> {
    let message: ErrorMessage<'_> = parse("error", text)?;
    let code = message.payload.and_then(|payload| payload.code).or(message.code);
    let code = code.map_or_else(|| "without a code".to_owned(), |code| clipped(&code.0));
    Ok(LineEvent::Other(format!("error {code}")))
}

fn decode_start(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "start";
    let message: StartMessage<'_> = parse(KIND, text)?;
    let start = message.start.ok_or_else(|| missing(KIND, "start"))?;
    let stream = message.stream_id.or(start.stream_id).ok_or_else(|| missing(KIND, "stream_id"))?;
    let stream = id(KIND, "stream_id", stream)?;
    let call = start.call_control_id.ok_or_else(|| missing(KIND, "start.call_control_id"))?;
    let call = id(KIND, "start.call_control_id", call)?;
    let hears = start.media_format.ok_or_else(|| missing(KIND, "start.media_format"))?.read()?;
    let number = |number: Option<Scalar<'_>>| {
        let number = number.map(|number| number.0.into_owned()).filter(|number| !number.is_empty());
        number.filter(|number| number.len() <= LONGEST_NUMBER).map(Private::new)
    };
    Ok(LineEvent::Started(Box::new(StreamStart {
        stream: StreamId::new(&stream),
        carrier_call: CarrierCallId::new(&call),
        // `user_id` is not known to be the `AccountSid` of the webhook.
        account: None,
        from: number(start.from),
        to: number(start.to),
        format: LineFormats { hears, says: AudioFormat::MULAW_8K },
        parameters: parameters_of(KIND, "start.custom_parameters", start.custom_parameters.unwrap_or_default())?,
    })))
}

impl MediaFormat<'_> {
    fn read(self) -> Result<AudioFormat, WireError> {
        const KIND: &str = "start";
        let Text(name) = self.encoding.ok_or_else(|| missing(KIND, "start.media_format.encoding"))?;
        let number = |field: &'static str, given: Option<Scalar<'_>>, absent: u32| {
            let number = given.map_or(Ok(absent), |number| number.0.parse::<u32>());
            number.map_err(|_| malformed(KIND, format!("`start.media_format.{field}` is not a whole number")))
        };
        let rate_hz = number("sample_rate", self.sample_rate, 8_000)?;
        let channels = number("channels", self.channels, 1)?;
        let essence = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let encoding = match essence.strip_prefix("audio/").unwrap_or(&essence) {
            "pcmu" | "x-mulaw" | "mulaw" => Some(Encoding::MuLaw),
            "pcma" | "x-alaw" | "alaw" => Some(Encoding::ALaw),
            _ => None,
        };
        let format = encoding.map(|encoding| AudioFormat { encoding, rate_hz });
        format.filter(|format| channels == 1 && super::CAPABILITIES.hears.contains(format)).ok_or_else(|| {
            let channels = u8::try_from(channels).unwrap_or(u8::MAX);
            WireError::UnknownFormat { encoding: clipped(&name), rate_hz, channels }
        })
    }
}

#[derive(serde::Deserialize)]
struct MediaMessage<'a> {
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(serde::Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    track: Option<Text<'a>>,
    #[serde(borrow)]
    chunk: Option<Scalar<'a>>,
    #[serde(borrow)]
    payload: Option<Text<'a>>,
}

/// Pages differ about where the code is.
#[derive(serde::Deserialize)]
struct ErrorMessage<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
    #[serde(borrow)]
    payload: Option<Complaint<'a>>,
}

#[derive(serde::Deserialize)]
struct Complaint<'a> {
    #[serde(borrow)]
    code: Option<Scalar<'a>>,
}

#[derive(serde::Deserialize)]
struct StartMessage<'a> {
    #[serde(borrow)]
    stream_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    start: Option<Start<'a>>,
}

#[derive(serde::Deserialize)]
struct Start<'a> {
    #[serde(borrow)]
    stream_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    call_control_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    from: Option<Scalar<'a>>,
    #[serde(borrow)]
    to: Option<Scalar<'a>>,
    #[serde(borrow)]
    media_format: Option<MediaFormat<'a>>,
    #[serde(borrow)]
    custom_parameters: Option<BTreeMap<Cow<'a, str>, Option<Scalar<'a>>>>,
}

#[derive(serde::Deserialize)]
struct MediaFormat<'a> {
    #[serde(borrow)]
    encoding: Option<Text<'a>>,
    #[serde(borrow)]
    sample_rate: Option<Scalar<'a>>,
    #[serde(borrow)]
    channels: Option<Scalar<'a>>,
}

/// The longest name of a mark, in bytes. Ours are far shorter, and only ours are echoed.
pub(super) const LONGEST_NAME: usize = 512;
/// The longest number, in bytes.
const LONGEST_NUMBER: usize = 128;

#[cfg(test)]
mod tests;
