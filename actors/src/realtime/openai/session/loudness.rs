//! Checks that the model's speech is audible: a failing server sends audio of full length with no
//! level. Pure.

use std::time::Duration;

use crate::carrier::{AudioFormat, Encoding};
use crate::g711::{decode_alaw, decode_mulaw};
use crate::ids::ResponseId;

/// The audio of the newest response.
#[derive(Debug, Default)]
pub(super) struct Loudness {
    response: Option<ResponseId>,
    bytes: usize,
    /// Whether a sample was loud enough to be heard. Later samples are then not checked.
    audible: bool,
    /// Whether the response was reported as inaudible.
    reported: bool,
}

impl Loudness {
    /// Adds audio of `response`.
    pub(super) fn hear(&mut self, response: &ResponseId, audio: &[u8], format: AudioFormat) {
        if self.response.as_ref() != Some(response) {
            *self = Self { response: Some(response.clone()), ..Self::default() };
        }
        self.bytes += audio.len();
        if !self.audible {
            self.audible = is_audible(audio, format.encoding);
        }
    }

    /// Whether `response` has at least `length` of audio, all of it inaudible.
    pub(super) fn is_inaudible(&self, response: &ResponseId, length: Duration, format: AudioFormat) -> bool {
        self.response.as_ref() == Some(response) && !self.audible && format.duration_of(self.bytes) >= length
    }

    /// Marks `response` as reported inaudible. Returns `true` the first time.
    pub(super) fn tell(&mut self, response: &ResponseId) -> bool {
        self.response.as_ref() == Some(response) && !std::mem::replace(&mut self.reported, true)
    }

    /// Whether `response` was reported as inaudible.
    pub(super) fn was_reported(&self, response: &ResponseId) -> bool {
        self.reported && self.response.as_ref() == Some(response)
    }
}

fn is_audible(audio: &[u8], encoding: Encoding) -> bool {
    let loud = |sample: i16| sample.unsigned_abs() > LOUDEST_SILENCE;
    match encoding {
        Encoding::MuLaw => audio.iter().any(|code| loud(decode_mulaw(*code))),
        Encoding::ALaw => audio.iter().any(|code| loud(decode_alaw(*code))),
        Encoding::Pcm16 => audio.chunks_exact(2).any(|pair| loud(i16::from_le_bytes([pair[0], pair[1]]))),
    }
}

/// The loudest inaudible sample: -50 dBFS, below the noise of any telephone line. Speech peaks at
/// 2,000 and more; failing servers sent 18.
const LOUDEST_SILENCE: u16 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_distinguished_from_speech_in_every_encoding() {
        let silent = |bytes: Vec<u8>, format| {
            let (mut loudness, response) = (Loudness::default(), ResponseId::new("r"));
            loudness.hear(&response, &bytes, format);
            loudness.is_inaudible(&response, Duration::from_secs(1), format)
        };
        let pcm = |peak: i16| (0..24_000_i16).flat_map(move |n| (n % 2 * peak).to_le_bytes()).collect::<Vec<u8>>();
        assert!(silent(pcm(18), AudioFormat::PCM_24K));
        assert!(silent(pcm(-90), AudioFormat::PCM_24K));
        assert!(!silent(pcm(500), AudioFormat::PCM_24K));
        assert!(silent(vec![0xFF; 8_000], AudioFormat::MULAW_8K));
        assert!(!silent(vec![0x80; 8_000], AudioFormat::MULAW_8K));
        assert!(silent(vec![0xD5; 8_000], AudioFormat::ALAW_8K));
        assert!(!silent(vec![0xAA; 8_000], AudioFormat::ALAW_8K));
        assert!(!silent(vec![0xFF; 7_900], AudioFormat::MULAW_8K), "too short to tell");
    }

    #[test]
    fn each_response_is_judged_by_itself_and_by_its_loudest_sample() {
        let (mut loudness, format) = (Loudness::default(), AudioFormat::MULAW_8K);
        let (first, second) = (ResponseId::new("r1"), ResponseId::new("r2"));
        loudness.hear(&first, &[0xFF; 8_000], format);
        loudness.hear(&first, &[0x80], format);
        assert!(!loudness.is_inaudible(&first, Duration::from_secs(1), format));
        loudness.hear(&second, &[0xFF; 8_000], format);
        assert!(loudness.is_inaudible(&second, Duration::from_secs(1), format));
        assert!(loudness.tell(&second) && !loudness.tell(&second));
        assert!(loudness.was_reported(&second) && !loudness.was_reported(&first));
    }
}
