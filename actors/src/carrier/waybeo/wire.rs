//! Waybeo's bot stream, which is Ozonetel's: JSON text messages in both directions, with samples as
//! arrays of numbers.
//!
//! There is no specification; this follows what running services do, and the carrier changes it.
//! Fields appear and disappear, the call's id is in one of three places, the first packet has
//! another rate, samples leave their range. Reading therefore takes what it can use and reports
//! what was wrong with it ([`MismatchedFrame`]); it refuses only what has no possible meaning. The
//! carrier's data about the call (`did`, `vmn`, `store_code`, …) is kept unchanged among the
//! stream's parameters, because the meaning of the numbers differs by account.
//!
//! There are no marks: only our own clock shows how far playout is. `clearBuffer` is sent but not
//! relied upon.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::{self, Write};

use serde::de::{self, Deserialize, Deserializer, SeqAccess, Visitor};

use crate::carrier::json::{Scalar, Text, clipped, id, malformed, missing, parse, place, push_quoted};
use crate::carrier::{
    AudioFormat, CallerFrame, Incoming, LineCommand, LineEvent, MismatchedFrame, Outgoing, StreamStart, Wire, WireError,
};
use crate::frame::Frame;
use crate::ids::{CarrierCallId, Private, StreamId};

/// The wire of one stream.
#[derive(Debug, Default)]
pub(super) struct WaybeoWire {
    /// The stream's id, known after `start`. It goes into every audio message.
    stream: Option<StreamId>,
}

impl Wire for WaybeoWire {
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
    match kind_of(text)?.as_ref() {
        "media" => decode_media(text),
        "start" => decode_start(text),
        "stop" | "end" | "close" | "callDisconnect" => Ok(LineEvent::Stopped),
        "clearBuffer" => Ok(LineEvent::InputDiscarded),
        other => Ok(LineEvent::Other(clipped(other))),
    }
}

fn encode(command: &LineCommand, stream: &StreamId, out: &mut String) -> bool {
    match command {
        LineCommand::Play(frame) if frame.len() < 2 => false,
        LineCommand::Play(frame) => {
            out.push_str(r#"{"event":"media","type":"media","ucid":"#);
            push_quoted(out, stream.as_str());
            out.push_str(r#","data":{"samples":["#);
            for (at, sample) in frame.chunks_exact(2).enumerate() {
                let comma = if at == 0 { "" } else { "," };
                // Writing to a String cannot fail.
                let _ = write!(out, "{comma}{}", i16::from_le_bytes([sample[0], sample[1]]));
            }
            let _ = write!(
                out,
                r#"],"bitsPerSample":16,"sampleRate":{},"channelCount":1,"numberOfFrames":{},"type":"data"}}}}"#,
                LINE.rate_hz,
                frame.len() / 2
            );
            true
        }
        LineCommand::Clear => {
            out.push_str(r#"{"command":"clearBuffer"}"#);
            true
        }
        // There are no marks. Closing the socket ends the stream, because `callDisconnect` would
        // also end a transferred call.
        LineCommand::Mark(_) | LineCommand::HangUp | LineCommand::Close => false,
    }
}

/// The message's kind: `event`, or `command` in the vendor's documentation.
fn kind_of(text: &str) -> Result<Cow<'_, str>, WireError> {
    // A derived struct would also accept a JSON array with the fields in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(WireError::Unreadable("it is not a JSON object".to_owned()));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|e| WireError::Unreadable(place(&e)))?;
    let kind = envelope.event.or(envelope.command);
    kind.map(|kind| kind.0).ok_or_else(|| WireError::Unreadable("it has neither `event` nor `command`".to_owned()))
}

fn decode_media(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "media";
    let message: MediaMessage<'_> = parse(KIND, text)?;
    let Some(data) = message.data else { return Err(missing(KIND, "data")) };
    let whole = |field: &'static str, value: Option<Scalar<'_>>| match value {
        None => Ok(None),
        Some(Scalar(text)) => {
            let number = text.parse::<u32>();
            number.map(Some).map_err(|_| malformed(KIND, format!("`data.{field}` is not a whole number")))
        }
    };
    for (field, value, expected) in
        [("bitsPerSample", data.bits_per_sample, 16), ("channelCount", data.channel_count, 1)]
    {
        if let Some(found) = whole(field, value)?.filter(|found| *found != expected) {
            return Err(malformed(KIND, format!("`data.{field}` is {found}, expected {expected}")));
        }
    }
    let rate_hz = whole("sampleRate", data.sample_rate)?.filter(|rate| *rate != LINE.rate_hz);
    let Some(Samples { payload, clamped }) = data.samples else { return Err(missing(KIND, "data.samples")) };
    if payload.is_empty() {
        return Ok(LineEvent::Other("media without samples".to_owned()));
    }
    let frame = CallerFrame { timestamp: None, payload };
    Ok(if rate_hz.is_none() && clamped == 0 {
        LineEvent::Audio(frame)
    } else {
        LineEvent::MismatchedAudio(MismatchedFrame { frame, rate_hz, clamped })
    })
}

fn decode_start(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "start";
    let details: Details<'_> = parse(KIND, text)?;
    let Inside { start, data } = parse(KIND, text)?;
    let (start, data) = (start.unwrap_or_default(), data.unwrap_or_default());
    let Some(ucid) = details.ucid.or(start.ucid).or(data.ucid) else { return Err(missing(KIND, "ucid")) };
    let ucid = id(KIND, "ucid", ucid)?;
    let mut parameters = BTreeMap::new();
    let mut keep = |name: &str, value: Option<Scalar<'_>>| {
        if let Some(Scalar(value)) = value.filter(|value| !value.0.is_empty()) {
            if value.len() > LONGEST_FIELD || value.chars().any(char::is_control) {
                return Err(malformed(
                    KIND,
                    format!("`{name}` is not a text of {LONGEST_FIELD} printable bytes at most"),
                ));
            }
            parameters.insert(name.to_owned(), value.into_owned());
        }
        Ok(())
    };
    keep("did", details.did.or(data.did).or(start.did))?;
    keep("vmn", details.vmn.or(data.vmn).or(start.vmn))?;
    keep("store_code", details.store_code.or(data.store_code).or(start.store_code))?;
    keep("customer_number", details.customer_number.or(data.customer_number).or(start.customer_number))?;
    keep("caller_number", details.caller_number.or(data.caller_number).or(start.caller_number))?;
    Ok(LineEvent::Started(Box::new(StreamStart {
        // The stream has no id of its own; it uses the call's.
        stream: StreamId::new(&ucid),
        carrier_call: CarrierCallId::new(&ucid),
        account: None,
        // In Waybeo's production, `did` is the customer's number and `vmn` the dialled one.
        from: first(&parameters, &["did", "customer_number", "caller_number"]),
        to: first(&parameters, &["vmn"]),
        format: LINE.into(),
        parameters,
    })))
}

fn first(parameters: &BTreeMap<String, String>, names: &[&str]) -> Option<Private<String>> {
    names.iter().find_map(|name| parameters.get(*name)).map(|value| Private::new(value.clone()))
}

#[derive(serde::Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    event: Option<Text<'a>>,
    #[serde(borrow)]
    command: Option<Text<'a>>,
}

#[derive(serde::Deserialize)]
struct MediaMessage<'a> {
    #[serde(borrow)]
    data: Option<Data<'a>>,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    samples: Option<Samples>,
    #[serde(borrow)]
    bits_per_sample: Option<Scalar<'a>>,
    #[serde(borrow)]
    sample_rate: Option<Scalar<'a>>,
    #[serde(borrow)]
    channel_count: Option<Scalar<'a>>,
}

/// A nested object of `start` that repeats the call's data, or has it alone in another version of
/// the carrier.
#[derive(serde::Deserialize)]
struct Inside<'a> {
    #[serde(borrow)]
    start: Option<Details<'a>>,
    #[serde(borrow)]
    data: Option<Details<'a>>,
}

/// The call's data in `start`, all of it optional except the id.
#[derive(Default, serde::Deserialize)]
struct Details<'a> {
    #[serde(borrow)]
    ucid: Option<Scalar<'a>>,
    #[serde(borrow)]
    did: Option<Scalar<'a>>,
    #[serde(borrow)]
    vmn: Option<Scalar<'a>>,
    #[serde(borrow)]
    store_code: Option<Scalar<'a>>,
    #[serde(borrow)]
    customer_number: Option<Scalar<'a>>,
    #[serde(borrow)]
    caller_number: Option<Scalar<'a>>,
}

/// PCM16 little-endian from an array of numbers, with the number of clamped samples.
struct Samples {
    payload: Frame,
    clamped: u32,
}

impl<'de> Deserialize<'de> for Samples {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers;

        impl<'de> Visitor<'de> for Numbers {
            type Value = Samples;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Samples, A::Error> {
                let mut samples = Samples { payload: Frame::with_room(0), clamped: 0 };
                while let Some(Number(number)) = numbers.next_element()? {
                    // It is clamped, so the conversion loses nothing.
                    let sample = number.clamp(i16::MIN.into(), i16::MAX.into());
                    samples.clamped += u32::from(sample != number);
                    samples.payload.extend_from_slice(&(sample as i16).to_le_bytes());
                }
                Ok(samples)
            }
        }

        deserializer.deserialize_seq(Numbers)
    }
}

/// A sample in any JSON number form.
struct Number(i64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsWhole;

        impl Visitor<'_> for AsWhole {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number")
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
                Ok(Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
                Ok(Number(i64::try_from(number).unwrap_or(i64::MAX)))
            }

            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Number, E> {
                Ok(Number(number.round() as i64))
            }
        }

        deserializer.deserialize_any(AsWhole)
    }
}

/// The format of both directions.
const LINE: AudioFormat = AudioFormat::PCM_8K;
/// The longest message, in bytes. 10 ms have 350 to 600; a second has at most 56,000.
const LONGEST_MESSAGE: usize = 128 * 1024;
/// The longest value about a call, in bytes: numbers and codes.
const LONGEST_FIELD: usize = 128;

#[cfg(test)]
mod tests;
