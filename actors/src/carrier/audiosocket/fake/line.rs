//! Asterisk's side of the connection: what it sends, and its strict reader
//! (<https://github.com/asterisk/asterisk/blob/master/res/res_audiosocket.c>). Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::carrier::fake::{Calling, Complaint, Line, Said};
use crate::carrier::{Incoming, Outgoing};

/// The end of one connection.
#[derive(Debug)]
pub(super) struct AudioSocketLine {
    uuid: Vec<u8>,
}

impl AudioSocketLine {
    /// The end of the connection with this UUID.
    pub(super) fn new(_: &Calling, stream: &str) -> Self {
        let hex: String = stream.chars().filter(char::is_ascii_hexdigit).collect();
        let byte = |at| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        Self { uuid: (0..hex.len()).step_by(2).filter_map(byte).collect() }
    }
}

impl Line for AudioSocketLine {
    /// The first packet has the UUID, and nothing else is told.
    fn start(&mut self, _: &BTreeMap<String, String>, out: &mut Outgoing) {
        packet(0x01, &self.uuid, out);
    }

    fn media(&mut self, samples: &[i16], _: Duration, out: &mut Outgoing) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        packet(0x10, &bytes, out);
    }

    fn key(&mut self, key: char, out: &mut Outgoing) {
        packet(0x03, &[u8::try_from(key).unwrap_or(b'#')], out);
    }

    /// The connection is closed, and no packet says that the call is over.
    fn stop(&mut self, _: &mut Outgoing) {}

    fn read(&mut self, message: Incoming<'_>, _: &mut Outgoing) -> Result<Said, Complaint> {
        // There are no error codes. What is refused here ends the call there.
        let refused = |text: String| Err(Complaint { code: 0, text });
        let Incoming::Binary(bytes) = message else { return refused("a text on a connection of packets".to_owned()) };
        let &[kind, high, low, ref payload @ ..] = bytes else {
            return refused(format!("a write of {} bytes, shorter than a packet's head", bytes.len()));
        };
        let length = usize::from(high) << 8 | usize::from(low);
        if length != payload.len() {
            return refused(format!(
                "a write of {} bytes for a packet of {length}: it waits 5 ms for the rest",
                bytes.len()
            ));
        }
        match (kind, length) {
            (0x00, 0) => Ok(Said::HangUp),
            (0x10, LONGEST) => {
                Ok(Said::Media(payload.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()))
            }
            (0x10, _) => refused(format!("{length} bytes of audio, expected the {LONGEST} of 20 ms")),
            (kind, _) => refused(format!("a packet of kind {kind:02x}, expected audio or the end")),
        }
    }

    fn samples_in(&self, message: Incoming<'_>) -> Option<usize> {
        match message {
            Incoming::Binary(bytes) if bytes.first() == Some(&0x10) => Some(bytes.len().saturating_sub(3) / 2),
            Incoming::Binary(_) | Incoming::Text(_) => None,
        }
    }
}

/// Writes one packet.
fn packet(kind: u8, payload: &[u8], out: &mut Outgoing) {
    out.binary(|bytes| {
        bytes.push(kind);
        bytes.extend_from_slice(&u16::try_from(payload.len()).unwrap_or_default().to_be_bytes());
        bytes.extend_from_slice(payload);
        true
    });
}

/// Bytes of a packet's audio: 20 ms. The application takes others; each is played as it comes, and
/// is heard after an interruption.
const LONGEST: usize = 320;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_the_call_is_refused() {
        let read =
            |bytes: &[u8]| AudioSocketLine { uuid: vec![] }.read(Incoming::Binary(bytes), &mut Outgoing::default());
        let audio = |bytes: usize| [&[0x10, (bytes >> 8) as u8, bytes as u8][..], &vec![0; bytes]].concat();
        assert_eq!(read(&audio(320)), Ok(Said::Media(vec![0; 160])));
        assert_eq!(read(&[0, 0, 0]), Ok(Said::HangUp));
        let key = [3, 0, 1, b'5'];
        for wrong in [&[][..], &[0x10, 1], &audio(0), &audio(640), &audio(320)[..322], &key, &[0xFF, 0, 0]] {
            assert!(read(wrong).is_err(), "{} bytes", wrong.len());
        }
    }
}
