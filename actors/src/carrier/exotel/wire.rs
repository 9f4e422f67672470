//! The Voicebot applet's stream: JSON text messages in both directions, with linear PCM.
//!
//! There are two spellings of the names, `stream_sid` and `streamSid`. Both are read; what is sent
//! has the one of the stream's `start`. Numbers come as strings or as numbers. The codec is always
//! PCM16, whatever `media_format.encoding` says; only its rate is read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

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
pub(super) struct ExotelWire {
    /// The stream that goes out, known after `start`.
    stream: Option<Sending>,
}

/// A stream that goes out.
#[derive(Debug)]
struct Sending {
    id: StreamId,
    /// The name of its id in messages: `stream_sid` or `streamSid`.
    spelling: &'static str,
    format: AudioFormat,
    /// Audio messages so far.
    chunks: u64,
    /// Bytes of audio so far.
    bytes: usize,
}

impl Wire for ExotelWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        let Incoming::Text(text) = message else { return Err(WireError::Binary) };
        let event = decode(text)?;
        if let LineEvent::Started(start) = &event {
            let spelling = if text.contains("\"stream_sid\"") { "stream_sid" } else { "streamSid" };
            let (id, format) = (start.stream.clone(), start.format.says);
            self.stream = Some(Sending { id, spelling, format, chunks: 0, bytes: 0 });
        }
        Ok(event)
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        let Some(stream) = &mut self.stream else { return };
        out.text(|text| stream.encode(command, text));
    }
}

impl Sending {
    fn encode(&mut self, command: &LineCommand, out: &mut String) -> bool {
        let event = match command {
            LineCommand::Play(frame) if frame.is_empty() => return false,
            LineCommand::Play(_) => "media",
            LineCommand::Mark(_) => "mark",
            LineCommand::Clear => "clear",
            // There is no message for it. Closing the socket lets the flow go on.
            LineCommand::HangUp | LineCommand::Close => return false,
        };
        // Writing to a String cannot fail.
        let _ = write!(out, r#"{{"event":"{event}","{}":"#, self.spelling);
        push_quoted(out, self.id.as_str());
        match command {
            LineCommand::Play(frame) => {
                let at = self.format.duration_of(self.bytes).as_millis();
                self.chunks += 1;
                self.bytes += frame.len();
                let chunk = self.chunks;
                // Streams without these three have ended early.
                let _ = write!(
                    out,
                    r#","media":{{"chunk":"{chunk}","timestamp":"{at}","sequenceNumber":"{chunk}","payload":""#
                );
                STANDARD.encode_append(&frame[..], out);
                out.push_str(r#""}"#);
            }
            LineCommand::Mark(name) => {
                out.push_str(r#","mark":{"name":"#);
                push_quoted(out, name);
                out.push('}');
            }
            LineCommand::Clear | LineCommand::HangUp | LineCommand::Close => {}
        }
        out.push('}');
        true
    }
}

fn decode(text: &str) -> Result<LineEvent, WireError> {
    match kind_of(text)?.as_ref() {
        "media" => decode_media(text),
        "mark" => mark_of(text, LONGEST_NAME),
        "dtmf" => key_of(text),
        "connected" => Ok(LineEvent::Connected),
        "start" => decode_start(text),
        "stop" | "closed" => Ok(LineEvent::Stopped),
        other => Ok(LineEvent::Other(clipped(other))),
    }
}

fn decode_media(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "media";
    let message: MediaMessage<'_> = parse(KIND, text)?;
    let Some(media) = message.media else { return Err(missing(KIND, "media")) };
    let timestamp = media.timestamp.and_then(|text| text.0.parse().ok()).map(Duration::from_millis);
    let payload = payload_of(KIND, media.payload)?;
    if payload.len() % 2 != 0 {
        return Err(malformed(KIND, format!("`media.payload` has {} bytes, expected whole samples", payload.len())));
    }
    let timestamp = timestamp.filter(|timestamp| *timestamp <= LONGEST_STREAM);
    Ok(LineEvent::Audio(CallerFrame { timestamp, payload }))
}

fn decode_start(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "start";
    let message: StartMessage<'_> = parse(KIND, text)?;
    let start = message.start.ok_or_else(|| missing(KIND, "start"))?;
    let stream = message.stream_sid.or(start.stream_sid).ok_or_else(|| missing(KIND, "stream_sid"))?;
    let stream = id(KIND, "stream_sid", stream)?;
    let call = id(KIND, "start.call_sid", start.call_sid.ok_or_else(|| missing(KIND, "start.call_sid"))?)?;
    let account = start.account_sid.map(|sid| id(KIND, "start.account_sid", sid)).transpose()?;
    let rate = start.media_format.and_then(|format| format.sample_rate);
    let rate_hz = rate.map_or(Ok(8_000), |rate| rate.0.parse::<u32>());
    let rate_hz =
        rate_hz.map_err(|_| malformed(KIND, "`start.media_format.sample_rate` is not a whole number".to_owned()))?;
    let format = AudioFormat { encoding: Encoding::Pcm16, rate_hz };
    if !super::CAPABILITIES.hears.contains(&format) {
        return Err(WireError::UnknownFormat { encoding: "PCM16".to_owned(), rate_hz, channels: 1 });
    }
    let number = |number: Option<Scalar<'_>>| {
        let number = number.map(|number| number.0.into_owned()).filter(|number| !number.is_empty());
        number.filter(|number| number.len() <= LONGEST_NUMBER).map(Private::new)
    };
    let given = start.custom_parameters.unwrap_or_default();
    let mut parameters = parameters_of(KIND, "start.custom_parameters", given)?;
    // The stream's URL has its parameters here, and the token among them is no parameter of the call.
    parameters.remove("token");
    Ok(LineEvent::Started(Box::new(StreamStart {
        stream: StreamId::new(&stream),
        carrier_call: CarrierCallId::new(&call),
        account: account.map(Cow::into_owned),
        from: number(start.from),
        to: number(start.to),
        format: LineFormats::from(format),
        parameters,
    })))
}

#[derive(serde::Deserialize)]
struct MediaMessage<'a> {
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(serde::Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    timestamp: Option<Scalar<'a>>,
    #[serde(borrow, alias = "Payload")]
    payload: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
struct StartMessage<'a> {
    #[serde(borrow, alias = "streamSid")]
    stream_sid: Option<Scalar<'a>>,
    #[serde(borrow)]
    start: Option<Start<'a>>,
}

#[derive(serde::Deserialize)]
struct Start<'a> {
    #[serde(borrow, alias = "streamSid")]
    stream_sid: Option<Scalar<'a>>,
    #[serde(borrow, alias = "callSid")]
    call_sid: Option<Scalar<'a>>,
    #[serde(borrow, alias = "accountSid")]
    account_sid: Option<Scalar<'a>>,
    #[serde(borrow)]
    from: Option<Scalar<'a>>,
    #[serde(borrow)]
    to: Option<Scalar<'a>>,
    #[serde(borrow, alias = "customParameters")]
    custom_parameters: Option<BTreeMap<Cow<'a, str>, Option<Scalar<'a>>>>,
    #[serde(borrow, alias = "mediaFormat")]
    media_format: Option<MediaFormat<'a>>,
}

#[derive(serde::Deserialize)]
struct MediaFormat<'a> {
    #[serde(borrow, alias = "sampleRate")]
    sample_rate: Option<Scalar<'a>>,
}

/// The longest name of a mark, in bytes. Ours are far shorter, and only ours are echoed.
pub(super) const LONGEST_NAME: usize = 512;
/// The longest number, in bytes.
const LONGEST_NUMBER: usize = 128;
/// The largest accepted timestamp: a week. A session lasts an hour.
const LONGEST_STREAM: Duration = Duration::from_secs(7 * 24 * 3_600);

#[cfg(test)]
mod tests;
