//! Voices: the speech that is bundled with the service, in six languages, at other pitches and
//! speeds.

use std::path::{Path, PathBuf};

use switchboard_actors::audio::resample::Resampler;
use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;

use crate::random::Random;
use crate::sound::level;

/// The languages.
pub(crate) const LANGUAGES: [&str; 6] = ["en", "hi", "mr", "te", "ta", "ml"];
/// The bundled sentences of a language: below the workspace's root, before and after its code.
const SENTENCES: [(&str, &str); 4] = [
    ("src/tools/rehearsal/speech/", "-greeting.wav"),
    ("src/tools/rehearsal/speech/", "-alright.wav"),
    ("src/tools/rehearsal/speech/", "-goodbye.wav"),
    ("src/tools/phone/speech/", ".wav"),
];
/// A sentence begins at its first 10 ms within this of its loudest 10 ms: 25 dB.
const AUDIBLE: f32 = 0.056;

/// A sentence at 8 kHz, and its first audible sample.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    /// The samples.
    pub(crate) sound: Vec<f32>,
    /// Where it begins.
    pub(crate) onset: usize,
    /// Where it ends.
    pub(crate) end: usize,
}

impl Voice {
    fn new(sound: Vec<f32>) -> Self {
        let levels: Vec<f32> = sound.chunks(80).map(level).collect();
        let least = levels.iter().copied().fold(0.0, f32::max) * AUDIBLE;
        let onset = 80 * levels.iter().position(|level| *level >= least).unwrap_or(0);
        let end = 80 * levels.iter().rposition(|level| *level >= least).map_or(levels.len(), |at| at + 1);
        Self { sound, onset, end }
    }

    /// The same voice at `speed` times its speed and pitch.
    pub(crate) fn at_speed(&self, speed: f32) -> Self {
        let length = (self.sound.len() as f32 / speed) as usize;
        let sample = |at: usize| {
            let place = at as f32 * speed;
            let (before, part) = (place as usize, place.fract());
            let next = self.sound.get(before + 1).copied().unwrap_or(0.0);
            self.sound.get(before).copied().unwrap_or(0.0) * (1.0 - part) + next * part
        };
        Self::new((0..length).map(sample).collect())
    }
}

/// The bundled sentences in these languages.
pub(crate) fn bundled(languages: &[&str]) -> Vec<Voice> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let path = |language: &str, (before, after): (&str, &str)| root.join(format!("{before}{language}{after}"));
    let files = languages.iter().flat_map(|language| SENTENCES.map(|sentence| path(language, sentence)));
    files.map(|file| read(&file)).collect()
}

/// One of `voices`, at a pitch and speed of its own.
pub(crate) fn any(voices: &[Voice], random: &mut Random) -> Voice {
    voices[random.below(voices.len())].at_speed(random.between(0.82, 1.2))
}

/// Reads a WAV file of one channel, mu-law or PCM16, at 8 or 24 kHz.
pub(crate) fn read(file: &PathBuf) -> Voice {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let format = chunk(&bytes, *b"fmt ");
    let rate = u32::from_le_bytes([format[4], format[5], format[6], format[7]]);
    let encoding = if format[0] == 7 { Encoding::MuLaw } else { Encoding::Pcm16 };
    let (mut samples, mut narrow) = (Vec::new(), Vec::new());
    g711::decode(encoding, chunk(&bytes, *b"data"), &mut samples);
    let mut resampler = Resampler::new(rate, 8_000).expect("a rate of ours");
    resampler.process(&samples, &mut narrow);
    resampler.drain(&mut narrow);
    Voice::new(narrow.into_iter().map(f32::from).collect())
}

/// The content of the chunk `name`.
fn chunk(wav: &[u8], name: [u8; 4]) -> &[u8] {
    let mut rest = &wav[12..];
    loop {
        let length = u32::from_le_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize;
        if rest[..4] == name {
            return &rest[8..rest.len().min(8 + length)];
        }
        rest = &rest[8 + length + length % 2..];
    }
}
