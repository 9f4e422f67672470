//! The Voice Bot channel's stream, bidirectional: JSON text messages in both directions
//! (<https://docs.smartflo.tatatelebusiness.com>, "Bi-Directional Audio Streaming").
//!
//! The codec is the one that `mediaFormat` names: accounts differ. Numbers come as strings or as
//! numbers. Timestamps are not used: their beginning is not documented.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64_simd::STANDARD;

use crate::carrier::json::{
    Scalar, Text, clipped, id, key_of, kind_of, malformed, mark_of, missing, parameters_of, parse, payload_of,
    push_quoted,
};
use crate::carrier::{
    AudioFormat, CallerFrame, Encoding, Incoming, LineCommand, LineEvent, LineFormats, Outgoing, StreamStart, Wire,
    WireError,
};
use crate::ids::{CarrierCallId, Private, StreamId};

/// The wire of one stream.
#[derive(Debug, Default)]
pub(super) struct SmartfloWire {
    /// The stream that goes out, known after `start`.
    stream: Option<Sending>,
}

/// A stream that goes out.
#[derive(Debug)]
struct Sending {
    id: StreamId,
    call: CarrierCallId,
    /// The encoding of the caller's audio, and of ours.
    encoding: Encoding,
    /// Audio messages so far.
    chunks: u64,
}

impl Wire for SmartfloWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        let Incoming::Text(text) = message else { return Err(WireError::Binary) };
        match kind_of(text)?.as_ref() {
            "media" => self.decode_media(text),
            "mark" => mark_of(text, LONGEST_NAME),
            "dtmf" => key_of(text),
            "connected" => Ok(LineEvent::Connected),
            "start" => {
                let start = decode_start(text)?;
                let (id, call, encoding) =
                    (start.stream.clone(), start.carrier_call.clone(), start.format.says.encoding);
                self.stream = Some(Sending { id, call, encoding, chunks: 0 });
                Ok(LineEvent::Started(Box::new(start)))
            }
            "stop" => Ok(LineEvent::Stopped),
            other => Ok(LineEvent::Other(clipped(other))),
        }
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        let Some(stream) = &mut self.stream else { return };
        out.text(|text| stream.encode(command, text));
    }
}

impl SmartfloWire {
    fn decode_media(&self, text: &str) -> Result<LineEvent, WireError> {
        const KIND: &str = "media";
        let message: MediaMessage<'_> = parse(KIND, text)?;
        let payload = payload_of(KIND, message.media.ok_or_else(|| missing(KIND, "media"))?.payload)?;
        let linear = self.stream.as_ref().is_some_and(|stream| stream.encoding == Encoding::Pcm16);
        if linear && payload.len() % 2 != 0 {
            return Err(malformed(
                KIND,
                format!("`media.payload` has {} bytes, expected whole samples", payload.len()),
            ));
        }
        Ok(LineEvent::Audio(CallerFrame { timestamp: None, payload }))
    }
}

impl Sending {
    fn encode(&mut self, command: &LineCommand, out: &mut String) -> bool {
        let event = match command {
            LineCommand::Play(frame) if frame.is_empty() => return false,
            LineCommand::Play(_) => "media",
            LineCommand::Mark(_) => "mark",
            LineCommand::Clear => "clear",
            LineCommand::HangUp => "end",
            LineCommand::Close => return false,
        };
        // Writing to a String cannot fail.
        let _ = write!(out, r#"{{"event":"{event}","streamSid":"#);
        push_quoted(out, self.id.as_str());
        match command {
            LineCommand::Play(frame) => {
                self.chunks += 1;
                out.push_str(r#","media":{"payload":""#);
                STANDARD.encode_append(&frame[..], out);
                let _ = write!(out, r#"","chunk":{}}}"#, self.chunks);
            }
            LineCommand::Mark(name) => {
                out.push_str(r#","mark":{"name":"#);
                push_quoted(out, name);
                out.push('}');
            }
            LineCommand::HangUp => {
                out.push_str(r#","call_sid":"#);
                push_quoted(out, self.call.as_str());
            }
            LineCommand::Clear | LineCommand::Close => {}
        }
        out.push('}');
        true
    }
}

fn decode_start(text: &str) -> Result<StreamStart, WireError> {
    const KIND: &str = "start";
    let message: StartMessage<'_> = parse(KIND, text)?;
    let start = message.start.ok_or_else(|| missing(KIND, "start"))?;
    let stream =
        id(KIND, "streamSid", message.stream_sid.or(start.stream_sid).ok_or_else(|| missing(KIND, "streamSid"))?)?;
    let call = id(KIND, "start.callSid", start.call_sid.ok_or_else(|| missing(KIND, "start.callSid"))?)?;
    let account = start.account_sid.map(|sid| id(KIND, "start.accountSid", sid)).transpose()?;
    let format = start.media_format.ok_or_else(|| missing(KIND, "start.mediaFormat"))?.read()?;
    let number = |number: Option<Scalar<'_>>| {
        let number = number.map(|number| number.0.into_owned()).filter(|number| !number.is_empty());
        number.filter(|number| number.len() <= LONGEST_NUMBER).map(Private::new)
    };
    let mut parameters = parameters_of(KIND, "start.customParameters", start.custom_parameters.unwrap_or_default())?;
    // The token of the stream's URL is no parameter of the call.
    parameters.remove("token");
    Ok(StreamStart {
        stream: StreamId::new(&stream),
        carrier_call: CarrierCallId::new(&call),
        account: account.map(Cow::into_owned),
        from: number(start.from),
        to: number(start.to),
        format: LineFormats::from(format),
        parameters,
    })
}

impl MediaFormat<'_> {
    fn read(self) -> Result<AudioFormat, WireError> {
        const KIND: &str = "start";
        let Text(name) = self.encoding.ok_or_else(|| missing(KIND, "start.mediaFormat.encoding"))?;
        let rate = self.sample_rate.map_or(Ok(8_000), |rate| rate.0.parse::<u32>());
        let rate_hz =
            rate.map_err(|_| malformed(KIND, "`start.mediaFormat.sampleRate` is not a whole number".to_owned()))?;
        let essence = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let essence = essence.strip_prefix("audio/").unwrap_or(&essence);
        let encoding = match essence.strip_prefix("x-").unwrap_or(essence) {
            "mulaw" | "pcmu" | "ulaw" => Some(Encoding::MuLaw),
            // The number in `slin16` is of bits or of kilohertz; the rate is its own field.
            "slin16" | "slin" | "l16" | "linear16" | "raw" => Some(Encoding::Pcm16),
            _ => None,
        };
        let format = encoding.map(|encoding| AudioFormat { encoding, rate_hz });
        format.filter(|format| super::CAPABILITIES.hears.contains(format)).ok_or_else(|| WireError::UnknownFormat {
            encoding: clipped(&name),
            rate_hz,
            channels: 1,
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
    payload: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct StartMessage<'a> {
    #[serde(borrow)]
    stream_sid: Option<Scalar<'a>>,
    #[serde(borrow)]
    start: Option<Start<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow)]
    stream_sid: Option<Scalar<'a>>,
    #[serde(borrow)]
    account_sid: Option<Scalar<'a>>,
    #[serde(borrow)]
    call_sid: Option<Scalar<'a>>,
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
#[serde(rename_all = "camelCase")]
struct MediaFormat<'a> {
    #[serde(borrow)]
    encoding: Option<Text<'a>>,
    #[serde(borrow)]
    sample_rate: Option<Scalar<'a>>,
}

/// The longest name of a mark, in bytes. Ours are far shorter, and only ours are echoed.
pub(super) const LONGEST_NAME: usize = 512;
/// The longest number, in bytes.
const LONGEST_NUMBER: usize = 128;

#[cfg(test)]
mod tests;
