//! The packets of AudioSocket: a kind, the payload's length as two bytes in network order, and the
//! payload (<https://docs.asterisk.org/Configuration/Channel-Drivers/AudioSocket/>).

use uuid::Uuid;

use crate::carrier::json::malformed;
use crate::carrier::{
    AudioFormat, CallerFrame, Incoming, LineCommand, LineEvent, LineFormats, MismatchedFrame, Outgoing, Packets,
    StreamStart, Wire, WireError,
};
use crate::frame::Frame;
use crate::ids::{CarrierCallId, StreamId};

/// How its packets are cut.
pub(super) const PACKETS: Packets =
    Packets { head: HEAD, body: |head| usize::from(u16::from_be_bytes([head[1], head[2]])) };

/// The wire of one stream.
#[derive(Debug)]
pub(super) struct AudioSocketWire;

impl Wire for AudioSocketWire {
    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<LineEvent, WireError> {
        let Incoming::Binary(packet) = message else {
            return Err(WireError::Unreadable("a text on a connection of packets".to_owned()));
        };
        let Some((&[kind, _, _], payload)) = packet.split_first_chunk::<HEAD>() else {
            return Err(WireError::Unreadable(format!("a packet of {} bytes", packet.len())));
        };
        match kind {
            END => Ok(LineEvent::Stopped),
            START => started(payload),
            KEY => key(payload),
            AUDIO => Ok(LineEvent::Audio(samples(payload)?)),
            AUDIO_16K | AUDIO_24K => {
                let rate = if kind == AUDIO_16K { 16_000 } else { 24_000 };
                let frame = samples(payload)?;
                Ok(LineEvent::MismatchedAudio(MismatchedFrame { frame, rate_hz: Some(rate), clamped: 0 }))
            }
            ERROR => match payload.first() {
                // The other errors are about a frame, and the stream goes on.
                Some(code) if code & HUNG_UP != 0 => Ok(LineEvent::Stopped),
                code => Ok(LineEvent::Other(format!("error {}", code.copied().unwrap_or_default()))),
            },
            other => Ok(LineEvent::Other(format!("kind {other:02x}"))),
        }
    }

    fn write(&mut self, command: &LineCommand, out: &mut Outgoing) {
        match command {
            // One packet a message, because one that comes in pieces ends the call. An empty one does
            // so too.
            LineCommand::Play(frame) => {
                for samples in frame.chunks(LONGEST_SENT).filter(|samples| !samples.is_empty()) {
                    out.binary(|bytes| {
                        let length = u16::try_from(samples.len()).unwrap_or_default();
                        bytes.push(AUDIO);
                        bytes.extend_from_slice(&length.to_be_bytes());
                        bytes.extend_from_slice(samples);
                        true
                    });
                }
            }
            LineCommand::HangUp => out.binary(|bytes| {
                bytes.extend_from_slice(&[END, 0, 0]);
                true
            }),
            // There are neither marks nor a clear. Any other packet ends the call.
            LineCommand::Mark(_) | LineCommand::Clear | LineCommand::Close => {}
        }
    }
}

/// The start. The UUID is the permit, and the permit names the call.
fn started(payload: &[u8]) -> Result<LineEvent, WireError> {
    let uuid = Uuid::from_slice(payload)
        .map_err(|_| malformed("start", format!("the id has {} bytes, expected the 16 of a UUID", payload.len())))?;
    Ok(LineEvent::Started(Box::new(StreamStart {
        stream: StreamId::new(&uuid.to_string()),
        carrier_call: CarrierCallId::new(""),
        account: None,
        from: None,
        to: None,
        format: LineFormats::from(AudioFormat::PCM_8K),
        parameters: [("token".to_owned(), uuid.simple().to_string())].into(),
    })))
}

fn key(payload: &[u8]) -> Result<LineEvent, WireError> {
    match payload {
        [key @ (b'0'..=b'9' | b'*' | b'#' | b'A'..=b'D')] => Ok(LineEvent::KeyPressed(char::from(*key))),
        [key @ b'a'..=b'd'] => Ok(LineEvent::KeyPressed(char::from(key.to_ascii_uppercase()))),
        // The pressed key is not quoted: it may be part of a card number.
        _ => Err(malformed("key", "it is not one of 0-9, *, #, A-D".to_owned())),
    }
}

/// Samples of any number; half a sample at the end is lost.
fn samples(payload: &[u8]) -> Result<CallerFrame, WireError> {
    let whole = &payload[..payload.len() / 2 * 2];
    if whole.is_empty() {
        return Err(malformed("audio", "it is empty".to_owned()));
    }
    Ok(CallerFrame { timestamp: None, payload: Frame::copy_of(whole) })
}

/// The bytes before a payload.
const HEAD: usize = 3;
const END: u8 = 0x00;
const START: u8 = 0x01;
const KEY: u8 = 0x03;
const AUDIO: u8 = 0x10;
const AUDIO_16K: u8 = 0x12;
const AUDIO_24K: u8 = 0x13;
const ERROR: u8 = 0xFF;
/// The bit of an error that says that the caller has hung up.
const HUNG_UP: u8 = 0x01;
/// The most bytes of audio in a packet of ours: 20 ms, which fit into a segment.
const LONGEST_SENT: usize = 320;

#[cfg(test)]
mod tests;
