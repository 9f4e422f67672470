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

use crate::carrier::json::{Scalar, Text, clipped, id, malformed, missing, parse, place, push_quoted};
use crate::carrier::{
    AudioFormat, CallerFrame, Encoding, Incoming, LineCommand, LineEvent, Outgoing, StreamStart, Wire, WireError,
};
use crate::frame::Frame;
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
        "mark" => decode_mark(text),
        "dtmf" => decode_key(text),
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

fn kind_of(text: &str) -> Result<Cow<'_, str>, WireError> {
    // A derived struct would also accept a JSON array with the fields in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(WireError::Unreadable("it is not a JSON object".to_owned()));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|e| WireError::Unreadable(place(&e)))?;
    envelope.event.map(|event| event.0).ok_or_else(|| WireError::Unreadable("it has no `event`".to_owned()))
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
    let Some(Text(encoded)) = media.payload else { return Err(missing(KIND, "media.payload")) };
    if encoded.is_empty() {
        return Err(malformed(KIND, "`media.payload` is empty".to_owned()));
    }
    let payload = Frame::of_base64(&encoded)
        .map_err(|_| malformed(KIND, format!("`media.payload` of {} characters is not base64", encoded.len())))?;
    Ok(LineEvent::Audio(CallerFrame { timestamp, payload }))
}

fn decode_mark(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "mark";
    let message: MarkMessage<'_> = parse(KIND, text)?;
    let name = message.mark.and_then(|mark| mark.name).ok_or_else(|| missing(KIND, "mark.name"))?;
    if name.0.len() > LONGEST_NAME {
        return Err(malformed(KIND, format!("`mark.name` has {} bytes, we send {LONGEST_NAME} at most", name.0.len())));
    }
    Ok(LineEvent::MarkEchoed(name.0.into_owned()))
}

fn decode_key(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "dtmf";
    let message: KeyMessage<'_> = parse(KIND, text)?;
    let digit = message.dtmf.and_then(|dtmf| dtmf.digit).ok_or_else(|| missing(KIND, "dtmf.digit"))?;
    let mut characters = digit.0.chars();
    match (characters.next().map(|c| c.to_ascii_uppercase()), characters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(LineEvent::KeyPressed(key)),
        // The pressed key is not quoted: it may be part of a card number.
        _ => Err(malformed(KIND, "`dtmf.digit` is not one of 0-9, *, #, A-D".to_owned())),
    }
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
        parameters: parameters(start.custom_parameters.unwrap_or_default())?,
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

fn parameters(given: BTreeMap<Cow<'_, str>, Option<Scalar<'_>>>) -> Result<BTreeMap<String, String>, WireError> {
    const KIND: &str = "start";
    if given.len() > MOST_PARAMETERS {
        return Err(malformed(
            KIND,
            format!("`start.customParameters` has {} entries, expected {MOST_PARAMETERS} at most", given.len()),
        ));
    }
    let mut taken = BTreeMap::new();
    for (name, value) in given {
        let value = value.map(|value| value.0).unwrap_or_default();
        if name.len() + value.len() > LONGEST_PARAMETER {
            return Err(malformed(
                KIND,
                format!("an entry of `start.customParameters` has more than {LONGEST_PARAMETER} bytes"),
            ));
        }
        taken.insert(name.into_owned(), value.into_owned());
    }
    Ok(taken)
}

fn milliseconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|&ms| ms <= LONGEST_STREAM_MS).map(Duration::from_millis)
}

#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
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
struct MarkMessage<'a> {
    #[serde(borrow)]
    mark: Option<Mark<'a>>,
}

#[derive(serde::Deserialize)]
struct Mark<'a> {
    #[serde(borrow)]
    name: Option<Scalar<'a>>,
}

#[derive(serde::Deserialize)]
struct KeyMessage<'a> {
    #[serde(borrow)]
    dtmf: Option<Dtmf<'a>>,
}

#[derive(serde::Deserialize)]
struct Dtmf<'a> {
    #[serde(borrow)]
    digit: Option<Scalar<'a>>,
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

/// The longest message, in bytes. Twilio's have about 400; a second of 24 kHz PCM16 would have
/// 64,000. A longer one is not a media stream's.
const LONGEST_MESSAGE: usize = 128 * 1024;
/// The longest name of a mark, in bytes. Ours are far shorter, and only ours are echoed.
pub(super) const LONGEST_NAME: usize = 512;
/// The most entries of `customParameters`. Twilio has no limit, but the memory of a stranger's
/// socket needs one.
const MOST_PARAMETERS: usize = 64;
/// The longest parameter, name and value, in bytes: Twilio allows 500 characters, of at most four
/// bytes.
const LONGEST_PARAMETER: usize = 2_000;
/// The largest accepted timestamp: a week. A call lasts hours at most.
const LONGEST_STREAM_MS: u64 = 7 * 24 * 3_600_000;

#[cfg(test)]
mod tests;
