//! The audio stream, bidirectional: JSON text messages in both directions.
//!
//! Reading is lenient where the carrier may change (unknown kinds and fields, numbers written as
//! strings). It is strict where a wrong guess would be audible (the payload, the media format).
//! Writing is exact: audio without the stream's own format is silence, and nothing says so.
//!
//! The stream says nothing of numbers; the webhook had them. Its timestamps are times of day, not
//! positions in the audio, so they are not used.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use base64_simd::STANDARD;

use super::dialect::{Dialect, Which};
use crate::carrier::json::{
    Scalar, Text, clipped, id, key_of, kind_of, malformed, missing, parameters_of, parse, payload_of, push_quoted,
};
use crate::carrier::{
    AudioFormat, CallerFrame, Encoding, Incoming, LineCommand, LineEvent, LineFormats, Outgoing, StreamStart, Wire,
    WireError,
};
use crate::ids::{CarrierCallId, StreamId};

/// The wire of one stream.
#[derive(Debug)]
pub(super) struct PlivoWire {
    dialect: &'static Dialect,
    /// The stream's id and its format, known after `start`. A further `start` is a fresh stream.
    stream: Option<(StreamId, AudioFormat)>,
}

impl PlivoWire {
    pub(super) const fn new(dialect: &'static Dialect) -> Self {
        Self { dialect, stream: None }
    }

    fn decode(&self, text: &str) -> Result<LineEvent, WireError> {
        match kind_of(text)?.as_ref() {
            "media" => decode_media(text),
            "playedStream" => decode_played(text),
            "dtmf" => key_of(text),
            "start" => self.decode_start(text),
            "clearedAudio" => Ok(LineEvent::Cleared),
            // It is not documented, and the carrier's own examples read it.
            "stop" => Ok(LineEvent::Stopped),
            other => Ok(LineEvent::Other(clipped(other))),
        }
    }

    fn decode_start(&self, text: &str) -> Result<LineEvent, WireError> {
        const KIND: &str = "start";
        let message: StartMessage<'_> = parse(KIND, text)?;
        let start = message.start.ok_or_else(|| missing(KIND, "start"))?;
        let inside = start.stream_id.or(message.stream_id);
        let stream = id(KIND, "start.streamId", inside.ok_or_else(|| missing(KIND, "start.streamId"))?)?;
        let call = id(KIND, "start.callId", start.call_id.ok_or_else(|| missing(KIND, "start.callId"))?)?;
        let account = start.account_id.map(|account| id(KIND, "start.accountId", account)).transpose()?;
        let format = self.read_format(start.media_format.ok_or_else(|| missing(KIND, "start.mediaFormat"))?)?;
        Ok(LineEvent::Started(Box::new(StreamStart {
            stream: StreamId::new(&stream),
            carrier_call: CarrierCallId::new(&call),
            account: account.map(Cow::into_owned),
            from: None,
            to: None,
            format: LineFormats::from(format),
            parameters: parameters(message.extra_headers)?,
        })))
    }

    fn read_format(&self, format: MediaFormat<'_>) -> Result<AudioFormat, WireError> {
        const KIND: &str = "start";
        let Text(name) = format.encoding.ok_or_else(|| missing(KIND, "start.mediaFormat.encoding"))?;
        let rate = format.sample_rate.ok_or_else(|| missing(KIND, "start.mediaFormat.sampleRate"))?;
        let rate_hz = rate.0.parse::<u32>();
        let rate_hz =
            rate_hz.map_err(|_| malformed(KIND, "`start.mediaFormat.sampleRate` is not a whole number".to_owned()))?;
        // Parameters of a media type (`audio/x-l16;rate=8000`) repeat the other fields.
        let essence = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let encoding = match essence.as_str() {
            "audio/x-mulaw" | "audio/mulaw" | "audio/pcmu" => Some(Encoding::MuLaw),
            "audio/x-l16" | "audio/l16" => Some(Encoding::Pcm16),
            _ => None,
        };
        let format = encoding.map(|encoding| AudioFormat { encoding, rate_hz });
        format
            .filter(|format| self.dialect.seat.capabilities.hears.contains(format))
            .ok_or_else(|| WireError::UnknownFormat { encoding: clipped(&name), rate_hz, channels: 1 })
    }
}

impl Wire for PlivoWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        let Incoming::Text(text) = message else { return Err(WireError::Binary) };
        let event = self.decode(text)?;
        if let LineEvent::Started(start) = &event {
            self.stream = Some((start.stream.clone(), start.format.says));
        }
        Ok(event)
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        let Some((stream, format)) = &self.stream else { return };
        out.text(|text| encode(self.dialect.which, command, stream, *format, text));
    }
}

fn encode(which: Which, command: &LineCommand, stream: &StreamId, format: AudioFormat, out: &mut String) -> bool {
    match command {
        LineCommand::Play(frame) if frame.is_empty() => return false,
        LineCommand::Play(frame) => {
            out.push_str(r#"{"event":"playAudio","#);
            if which == Which::Vobiz {
                out.push_str(r#""streamId":"#);
                push_quoted(out, stream.as_str());
                out.push(',');
            }
            let kind = if format.encoding == Encoding::Pcm16 { "audio/x-l16" } else { "audio/x-mulaw" };
            // Writing to a String cannot fail.
            let _ = write!(out, r#""media":{{"contentType":"{kind}","sampleRate":{},"payload":""#, format.rate_hz);
            STANDARD.encode_append(&frame[..], out);
            out.push_str(r#""}}"#);
        }
        LineCommand::Mark(name) => {
            out.push_str(r#"{"event":"checkpoint","streamId":"#);
            push_quoted(out, stream.as_str());
            out.push_str(r#","name":"#);
            push_quoted(out, name);
            out.push('}');
        }
        LineCommand::Clear => event_alone("clearAudio", stream, out),
        // It ends the stream; the document goes on, and ends the call.
        LineCommand::HangUp if which == Which::Vobiz => event_alone("stop", stream, out),
        // There is no message for it. Closing the socket lets the document go on.
        LineCommand::HangUp | LineCommand::Close => return false,
    }
    true
}

fn event_alone(event: &str, stream: &StreamId, out: &mut String) {
    let _ = write!(out, r#"{{"event":"{event}","streamId":"#);
    push_quoted(out, stream.as_str());
    out.push('}');
}

fn decode_media(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "media";
    let message: MediaMessage<'_> = parse(KIND, text)?;
    let Some(media) = message.media else { return Err(missing(KIND, "media")) };
    if let Some(track) = media.track.filter(|track| track.0 != "inbound") {
        return Ok(LineEvent::Other(format!("media of track {}", clipped(&track.0))));
    }
    let payload = payload_of(KIND, media.payload)?;
    Ok(LineEvent::Audio(CallerFrame { timestamp: None, payload }))
}

fn decode_played(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "playedStream";
    let message: PlayedMessage<'_> = parse(KIND, text)?;
    let nested = message.played_stream.and_then(|played| played.name);
    let name = message.name.or(nested).ok_or_else(|| missing(KIND, "name"))?;
    if name.0.len() > LONGEST_NAME {
        return Err(malformed(KIND, format!("`name` has {} bytes, we send {LONGEST_NAME} at most", name.0.len())));
    }
    Ok(LineEvent::MarkEchoed(name.0.into_owned()))
}

/// The headers of the document, which come back as the text of a JSON object. A text that is none
/// is nothing of ours.
fn parameters(given: Option<Scalar<'_>>) -> Result<BTreeMap<String, String>, WireError> {
    const KIND: &str = "start";
    let text = given.map(|given| given.0).unwrap_or_default();
    let headers: BTreeMap<Cow<'_, str>, Option<Scalar<'_>>> = serde_json::from_str(&text).unwrap_or_default();
    let taken = parameters_of(KIND, "extra_headers", headers)?.into_iter();
    let bare = |(name, value): (String, String)| (name.strip_prefix("X-PH-").unwrap_or(&name).to_owned(), value);
    Ok(taken.map(bare).collect())
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
    payload: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlayedMessage<'a> {
    #[serde(borrow)]
    name: Option<Scalar<'a>>,
    #[serde(borrow)]
    played_stream: Option<Played<'a>>,
}

#[derive(serde::Deserialize)]
struct Played<'a> {
    #[serde(borrow)]
    name: Option<Scalar<'a>>,
}

#[derive(serde::Deserialize)]
struct StartMessage<'a> {
    #[serde(borrow)]
    start: Option<Start<'a>>,
    #[serde(borrow, rename = "streamId")]
    stream_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    extra_headers: Option<Scalar<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow)]
    stream_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    call_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    account_id: Option<Scalar<'a>>,
    #[serde(borrow)]
    media_format: Option<MediaFormat<'a>>,
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
#[cfg(test)]
mod tests;
