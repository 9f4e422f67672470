//! Twilio Media Streams, bidirectional: JSON text messages in both directions.
//!
//! Reading is lenient where Twilio may change (unknown kinds and fields, numbers written as
//! strings, absent parameters). It is strict where a wrong guess would be audible (the payload, the
//! media format). Writing is exact: Twilio ignores a message with one field too many or too few,
//! and reports that only in its own debugger (warning 31951), so a mistake here is silence.
//!
//! `media` is sent and received fifty times a second per call. It is parsed without copying the
//! text, decoded directly into a pooled frame, and written without a serializer.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use base64_simd::STANDARD;

use crate::carrier::json::{
    LONGEST_MESSAGE, Scalar, Text, clipped, id, key_of, kind_of, malformed, mark_of, missing, parameters_of, parse,
    payload_of, push_quoted,
};
use crate::carrier::{
    AudioFormat, CallerFrame, Encoding, Incoming, LineCommand, LineEvent, Outgoing, StreamStart, Wire, WireError,
};
use crate::ids::{CarrierCallId, StreamId};

/// The wire of one stream.
#[derive(Debug, Default)]
pub(super) struct TwilioWire {
    /// The stream's id, known after `start`. It goes into every message.
    stream: Option<StreamId>,
}

impl Wire for TwilioWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        let Incoming::Text(text) = message else { return Err(WireError::Binary) };
        let event = decode(text)?;
        if let LineEvent::Started(start) = &event {
            self.stream.get_or_insert_with(|| start.stream.clone());
        }
        Ok(event)
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        let Some(stream) = &self.stream else { return };
        out.text(|text| encode(command, stream, text));
    }
}

fn decode(text: &str) -> Result<LineEvent, WireError> {
    if text.len() > LONGEST_MESSAGE {
        return Err(WireError::Unreadable(format!("it has {} bytes, expected {LONGEST_MESSAGE} at most", text.len())));
    }
    // Twilio writes the kind first. Recognising it here saves every frame a second pass over its
    // text.
    if text.starts_with(r#"{"event":"media","#) {
        return decode_media(text);
    }
    match kind_of(text)?.as_ref() {
        "media" => decode_media(text),
        "mark" => mark_of(text, LONGEST_NAME),
        "dtmf" => key_of(text),
        "connected" => Ok(LineEvent::Connected),
        "start" => decode_start(text),
        "stop" => Ok(LineEvent::Stopped),
        other => Ok(LineEvent::Other(clipped(other))),
    }
}

fn encode(command: &LineCommand, stream: &StreamId, out: &mut String) -> bool {
    match command {
        // Twilio may call a message with an empty payload invalid.
        LineCommand::Play(frame) if frame.is_empty() => false,
        LineCommand::Play(frame) => {
            out.push_str(r#"{"event":"media","streamSid":"#);
            push_quoted(out, stream.as_str());
            out.push_str(r#","media":{"payload":""#);
            STANDARD.encode_append(&frame[..], out);
            out.push_str(r#""}}"#);
            true
        }
        LineCommand::Mark(name) => {
            out.push_str(r#"{"event":"mark","streamSid":"#);
            push_quoted(out, stream.as_str());
            out.push_str(r#","mark":{"name":"#);
            push_quoted(out, name);
            out.push_str("}}");
            true
        }
        LineCommand::Clear => {
            out.push_str(r#"{"event":"clear","streamSid":"#);
            push_quoted(out, stream.as_str());
            out.push('}');
            true
        }
        // There is no message for it. Closing the socket lets the document after `<Connect>`
        // continue.
        LineCommand::HangUp | LineCommand::Close => false,
    }
}

fn decode_media(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "media";
    let message: MediaMessage<'_> = parse(KIND, text)?;
    let Some(media) = message.media else { return Err(missing(KIND, "media")) };
    if let Some(track) = media.track.filter(|track| track.0 != "inbound") {
        return Ok(LineEvent::Other(format!("media of track {}", clipped(&track.0))));
    }
    let timestamp = match media.timestamp {
        None => None,
        Some(text) => Some(milliseconds(&text.0).ok_or_else(|| {
            malformed(KIND, format!("`media.timestamp` is not a number of milliseconds up to {LONGEST_STREAM_MS}"))
        })?),
    };
    let payload = payload_of(KIND, media.payload)?;
    Ok(LineEvent::Audio(CallerFrame { timestamp, payload }))
}

fn decode_start(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "start";
    let message: StartMessage<'_> = parse(KIND, text)?;
    let Some(start) = message.start else { return Err(missing(KIND, "start")) };
    let stream = match (message.stream_sid, start.stream_sid) {
        (Some(outer), Some(inner)) if outer.0 != inner.0 => {
            return Err(malformed(KIND, "`streamSid` and `start.streamSid` differ".to_owned()));
        }
        (Some(sid), _) | (None, Some(sid)) => id(KIND, "streamSid", sid)?,
        (None, None) => return Err(missing(KIND, "streamSid")),
    };
    let call = start.call_sid.ok_or_else(|| missing(KIND, "start.callSid"))?;
    let call = id(KIND, "start.callSid", call)?;
    let account = start.account_sid.map(|sid| id(KIND, "start.accountSid", sid)).transpose()?;
    let format = start.media_format.ok_or_else(|| missing(KIND, "start.mediaFormat"))?.read()?;
    Ok(LineEvent::Started(Box::new(StreamStart {
        stream: StreamId::new(&stream),
        carrier_call: CarrierCallId::new(&call),
        account: account.map(Cow::into_owned),
        // The stream has no numbers; the webhook had them.
        from: None,
        to: None,
        format: format.into(),
        parameters: parameters_of(KIND, "start.customParameters", start.custom_parameters.unwrap_or_default())?,
    })))
}

impl MediaFormat<'_> {
    fn read(self) -> Result<AudioFormat, WireError> {
        const KIND: &str = "start";
        let Text(name) = self.encoding.ok_or_else(|| missing(KIND, "start.mediaFormat.encoding"))?;
        let rate = self.sample_rate.ok_or_else(|| missing(KIND, "start.mediaFormat.sampleRate"))?;
        let number = |field: &'static str, text: &str| {
            text.parse::<u32>()
                .map_err(|_| malformed(KIND, format!("`start.mediaFormat.{field}` is not a whole number")))
        };
        let rate_hz = number("sampleRate", &rate.0)?;
        let channels = self.channels.map_or(Ok(1), |text| number("channels", &text.0))?;
        // Parameters of a media type (`audio/l16;rate=16000`) repeat the other fields.
        let essence = name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let encoding = match essence.as_str() {
            "audio/x-mulaw" | "audio/mulaw" | "audio/pcmu" => Some(Encoding::MuLaw),
            "audio/x-alaw" | "audio/alaw" | "audio/pcma" => Some(Encoding::ALaw),
            "audio/x-l16" | "audio/l16" => Some(Encoding::Pcm16),
            _ => None,
        };
        match encoding {
            Some(encoding) if channels == 1 && matches!(rate_hz, 8_000 | 16_000 | 24_000) => {
                Ok(AudioFormat { encoding, rate_hz })
            }
            _ => Err(WireError::UnknownFormat {
                encoding: clipped(&name),
                rate_hz,
                channels: u8::try_from(channels).unwrap_or(u8::MAX),
            }),
        }
    }
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|&ms| ms <= LONGEST_STREAM_MS).map(Duration::from_millis)
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
    timestamp: Option<Scalar<'a>>,
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
    #[serde(borrow)]
    channels: Option<Scalar<'a>>,
}

/// The longest name of a mark, in bytes. Ours are far shorter, and only ours are echoed.
pub(super) const LONGEST_NAME: usize = 512;
/// The largest accepted timestamp: a week. A call lasts hours at most.
const LONGEST_STREAM_MS: u64 = 7 * 24 * 3_600_000;

#[cfg(test)]
mod tests;
