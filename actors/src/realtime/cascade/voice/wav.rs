//! From the body of an HTTP answer to PCM16 at 24 kHz. Pure.
//!
//! A piece of a body ends anywhere, also in the middle of a sample. A server that was asked for raw
//! samples may send WAV files, one after the other, with lengths that it does not know. A voice of
//! another rate, such as Piper's 22.05 kHz, is converted by rubato.

use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Fft, FixedSync, Indexing, Resampler as _};

use crate::carrier::Encoding;
use crate::g711;

/// A body that is being received.
pub struct Pcm24k {
    layout: Layout,
    /// Bytes that are no whole sample or header yet.
    rest: Vec<u8>,
    /// The rate of raw samples.
    raw_hz: u32,
    converter: Option<Converter>,
    samples: Vec<i16>,
    /// Whether any sample came.
    has_audio: bool,
}

/// What the next bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The beginning of the body, or of another file.
    Start { is_first: bool },
    /// The chunks of a WAV file before its samples.
    Chunks { format: Option<Format> },
    /// Samples; so many bytes of them, if the length is known.
    Samples { format: Format, left: Option<usize> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Format {
    encoding: Encoding,
    channels: usize,
    rate_hz: u32,
}

/// Why a body cannot be played.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotPcm {
    /// The samples are packed.
    #[error("the audio is {0}, expected pcm or wav")]
    Packed(&'static str),
    /// The file has samples of another kind.
    #[error("the WAV file has format {tag} with {bits} bits, expected PCM16 or G.711")]
    Kind {
        /// The tag of the format.
        tag: u16,
        /// The bits of a sample.
        bits: u16,
    },
    /// The file has a rate that no voice has.
    #[error("the audio has {0} Hz, expected 8000 to 48000")]
    Rate(u32),
    /// The file has no samples within the first bytes.
    #[error("the WAV file begins with more than {LONGEST_HEAD} bytes without samples")]
    Head,
}

impl Pcm24k {
    /// A body with this `content-type`, which may give the rate of raw samples.
    pub fn new(content_type: &str) -> Self {
        let rate = content_type.split(';').filter_map(|part| part.trim().strip_prefix("rate=")).next();
        Self {
            layout: Layout::Start { is_first: true },
            rest: Vec::new(),
            raw_hz: rate.and_then(|rate| rate.trim().parse().ok()).unwrap_or(OUR_HZ),
            converter: None,
            samples: Vec::new(),
            has_audio: false,
        }
    }

    /// Whether any sample came.
    pub fn has_audio(&self) -> bool {
        self.has_audio
    }

    /// Takes a piece and appends what can be played to `out`.
    ///
    /// # Errors
    /// If the body cannot be played.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), NotPcm> {
        self.rest.extend_from_slice(bytes);
        while self.step(out)? {}
        Ok(())
    }

    /// The body is over: appends what is still inside to `out`.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if let Some(converter) = &mut self.converter {
            converter.finish(out);
        }
    }

    /// Reads one part of the body. Returns whether another one may be complete.
    fn step(&mut self, out: &mut Vec<u8>) -> Result<bool, NotPcm> {
        match self.layout {
            Layout::Start { is_first } => {
                if self.rest.len() < 12 {
                    return Ok(false);
                }
                if self.rest.starts_with(b"RIFF") && &self.rest[8..12] == b"WAVE" {
                    self.rest.drain(..12);
                    self.layout = Layout::Chunks { format: None };
                } else if let Some(kind) = packed(&self.rest) {
                    return Err(NotPcm::Packed(kind));
                } else if is_first {
                    let format = Format { encoding: Encoding::Pcm16, channels: 1, rate_hz: self.raw_hz };
                    self.samples_follow(format, None)?;
                } else {
                    // What stands behind the samples of a file is no sound.
                    self.rest.clear();
                    return Ok(false);
                }
                Ok(true)
            }
            Layout::Chunks { format } => self.chunk(format),
            Layout::Samples { format, left } => Ok(self.samples(format, left, out)),
        }
    }

    fn chunk(&mut self, format: Option<Format>) -> Result<bool, NotPcm> {
        let Some((head, body)) = self.rest.split_at_checked(8) else { return Ok(false) };
        let size = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        if head.starts_with(b"data") {
            let format = format.ok_or(NotPcm::Head)?;
            // A server that streams does not know the length.
            let is_known = size != 0 && size < UNKNOWN;
            self.rest.drain(..8);
            self.samples_follow(format, is_known.then_some(size))?;
            return Ok(true);
        }
        // Chunks have an even length.
        let padded = size + size % 2;
        if padded > LONGEST_HEAD {
            return Err(NotPcm::Head);
        }
        if body.len() < padded {
            return Ok(false);
        }
        let format = if head.starts_with(b"fmt ") { Some(format_of(&body[..size])?) } else { format };
        self.rest.drain(..8 + padded);
        self.layout = Layout::Chunks { format };
        Ok(true)
    }

    fn samples_follow(&mut self, format: Format, left: Option<usize>) -> Result<(), NotPcm> {
        if self.converter.as_ref().is_none_or(|converter| converter.from_hz != format.rate_hz) {
            self.converter = if format.rate_hz == OUR_HZ { None } else { Some(Converter::new(format.rate_hz)?) };
        }
        self.layout = Layout::Samples { format, left };
        Ok(())
    }

    fn samples(&mut self, format: Format, left: Option<usize>, out: &mut Vec<u8>) -> bool {
        let moment = format.encoding.sample_bytes() * format.channels;
        let here = left.unwrap_or(usize::MAX).min(self.rest.len());
        let whole = here / moment * moment;
        self.samples.clear();
        g711::decode(format.encoding, &self.rest[..whole], &mut self.samples);
        if format.channels > 1 {
            let mixed = self.samples.chunks(format.channels).map(|moment| {
                let sum: i32 = moment.iter().copied().map(i32::from).sum();
                (sum / format.channels as i32) as i16
            });
            self.samples = mixed.collect();
        }
        self.has_audio |= whole > 0;
        match &mut self.converter {
            Some(converter) => converter.push(&self.samples, out),
            None => out.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes())),
        }
        let left = left.map(|left| left - whole);
        // A file that ends in the middle of a moment has no more of it.
        if left.is_some_and(|left| left < moment) {
            self.rest.drain(..(whole + left.unwrap_or_default()).min(self.rest.len()));
            self.layout = Layout::Start { is_first: false };
            return !self.rest.is_empty();
        }
        self.rest.drain(..whole);
        self.layout = Layout::Samples { format, left };
        false
    }
}

impl std::fmt::Debug for Pcm24k {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pcm24k({:?})", self.layout)
    }
}

fn format_of(fmt: &[u8]) -> Result<Format, NotPcm> {
    let short = |at: usize| fmt.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]));
    let rate_hz = u32::from(short(4)) | u32::from(short(6)) << 16;
    // The extensible format has its real tag further back.
    let tag = if short(0) == 0xFFFE { short(24) } else { short(0) };
    let encoding = match (tag, short(14)) {
        (1, 16) => Encoding::Pcm16,
        (6, 8) => Encoding::ALaw,
        (7, 8) => Encoding::MuLaw,
        (tag, bits) => return Err(NotPcm::Kind { tag, bits }),
    };
    Ok(Format { encoding, channels: usize::from(short(2)).clamp(1, MOST_CHANNELS), rate_hz })
}

/// The kind of packed audio that begins so.
fn packed(bytes: &[u8]) -> Option<&'static str> {
    let is_mp3 = bytes.starts_with(b"ID3") || bytes.starts_with(&[0xFF, 0xFB]) || bytes.starts_with(&[0xFF, 0xF3]);
    let kinds = [(is_mp3, "MP3"), (bytes.starts_with(b"OggS"), "Ogg"), (bytes.starts_with(b"fLaC"), "FLAC")];
    kinds.into_iter().find(|(is, _)| *is).map(|(_, kind)| kind)
}

/// Converts a rate to ours.
struct Converter {
    from_hz: u32,
    fft: Fft<f32>,
    /// Samples that are no whole block yet.
    waiting: Vec<f32>,
    output: Vec<Vec<f32>>,
    /// Samples of the filter's delay that are still to be left out.
    delay: usize,
    /// Samples taken and given.
    taken: u64,
    given: u64,
}

impl Converter {
    fn new(from_hz: u32) -> Result<Self, NotPcm> {
        if !(8_000..=48_000).contains(&from_hz) {
            return Err(NotPcm::Rate(from_hz));
        }
        // A block of 20 ms, or the next one that both rates divide.
        let block = from_hz as usize / 50;
        let fft = Fft::<f32>::new(from_hz as usize, OUR_HZ as usize, block, 1, FixedSync::Input)
            .map_err(|_| NotPcm::Rate(from_hz))?;
        let output = vec![vec![0.0; fft.output_frames_max()]];
        let delay = fft.output_delay();
        Ok(Self { from_hz, fft, waiting: Vec::new(), output, delay, taken: 0, given: 0 })
    }

    fn push(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        self.taken += samples.len() as u64;
        self.waiting.extend(samples.iter().map(|sample| f32::from(*sample)));
        loop {
            let block = self.fft.input_frames_next();
            if self.waiting.len() < block {
                break;
            }
            let behind = self.waiting.split_off(block);
            let input = std::mem::replace(&mut self.waiting, behind);
            self.convert(input, u64::MAX, out);
        }
    }

    /// Gives what is inside, by as much silence as it needs.
    fn finish(&mut self, out: &mut Vec<u8>) {
        let due = self.taken * u64::from(OUR_HZ) / u64::from(self.from_hz);
        for _ in 0..MOST_BLOCKS {
            if self.given >= due {
                break;
            }
            let mut input = std::mem::take(&mut self.waiting);
            input.resize(self.fft.input_frames_next(), 0.0);
            self.convert(input, due, out);
        }
        self.fft.reset();
        (self.delay, self.taken, self.given) = (self.fft.output_delay(), 0, 0);
    }

    fn convert(&mut self, input: Vec<f32>, due: u64, out: &mut Vec<u8>) {
        let (frames, most) = (input.len(), self.output[0].len());
        let input = [input];
        let read = SequentialSliceOfVecs::new(&input, 1, frames);
        let written = SequentialSliceOfVecs::new_mut(&mut self.output, 1, most);
        let (Ok(read), Ok(mut written)) = (read, written) else { return };
        let Ok((_, count)) = self.fft.process_into_buffer(&read, &mut written, None::<&Indexing>) else { return };
        let left_out = self.delay.min(count);
        self.delay -= left_out;
        let wanted = usize::try_from(due - self.given.min(due)).unwrap_or(usize::MAX);
        for sample in self.output[0][left_out..count].iter().take(wanted) {
            // The cast saturates, and the overshoot of loud speech is cut.
            out.extend((sample.round() as i16).to_le_bytes());
            self.given += 1;
        }
    }
}

const OUR_HZ: u32 = 24_000;
/// Lengths from here on stand for an unknown one.
const UNKNOWN: usize = 0x7FFF_0000;
/// The most bytes of a chunk before the samples.
const LONGEST_HEAD: usize = 64 * 1024;
const MOST_CHANNELS: usize = 8;
/// Blocks of silence that bring out everything.
const MOST_BLOCKS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    /// A WAV file with a chunk that nobody needs before its samples.
    fn file(tag: u16, bits: u16, channels: u16, rate_hz: u32, length: Option<u32>, samples: &[u8]) -> Vec<u8> {
        let mut file = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0".to_vec();
        file.extend(tag.to_le_bytes());
        file.extend(channels.to_le_bytes());
        file.extend(rate_hz.to_le_bytes());
        file.extend([0; 6]);
        file.extend(bits.to_le_bytes());
        file.extend(b"LIST\x05\0\0\0abcde\0data");
        file.extend(length.unwrap_or(u32::MAX).to_le_bytes());
        file.extend(samples);
        file
    }

    fn played(content_type: &str, body: &[u8], size: usize) -> Result<Vec<u8>, NotPcm> {
        let (mut pcm, mut out) = (Pcm24k::new(content_type), Vec::new());
        for piece in body.chunks(size) {
            pcm.push(piece, &mut out)?;
        }
        pcm.finish(&mut out);
        Ok(out)
    }

    #[test]
    fn raw_samples_pass_whatever_the_pieces() {
        let body: Vec<u8> = (0..200).collect();
        for size in 1..20 {
            assert_eq!(played("audio/pcm", &body, size).expect("samples"), body, "{size}");
        }
    }

    #[test]
    fn the_head_of_a_file_is_no_sound() {
        let samples: Vec<u8> = (0..100).collect();
        for length in [Some(100), Some(0), None] {
            for size in [1, 2, 3, 7, 1000] {
                let body = file(1, 16, 1, 24_000, length, &samples);
                assert_eq!(played("audio/wav", &body, size).expect("samples"), samples, "{length:?} {size}");
            }
        }
        let mut two = file(1, 16, 1, 24_000, Some(100), &samples);
        two.extend(file(1, 16, 1, 24_000, Some(100), &samples));
        two.extend(b"LIST\x04\0\0\0abcd");
        assert_eq!(played("", &two, 13).expect("samples"), [&samples[..], &samples].concat());
    }

    #[test]
    fn two_channels_are_one_and_g711_is_samples() {
        let body = file(1, 16, 2, 24_000, None, &[2, 0, 4, 0, 0, 1, 0, 3]);
        assert_eq!(played("", &body, 3).expect("samples"), [3, 0, 0, 2]);
        let body = file(7, 8, 1, 24_000, None, &[0xFF; 20]);
        assert_eq!(played("", &body, 3).expect("samples"), [0; 40]);
    }

    #[test]
    fn another_rate_keeps_the_length_and_the_tone() {
        for rate in [22_050_u32, 16_000, 44_100, 48_000, 8_000] {
            let tone =
                |at: u32, rate: u32| (f64::from(at) * 440.0 * std::f64::consts::TAU / f64::from(rate)).sin() * 9000.0;
            let body: Vec<u8> = (0..rate).flat_map(|at| (tone(at, rate) as i16).to_le_bytes()).collect();
            let out = played("", &file(1, 16, 1, rate, None, &body), 1111).expect("samples");
            let samples: Vec<i16> = out.as_chunks().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
            assert_eq!(samples.len(), 24_000, "{rate}");
            // A shift by a part of a sample is no error, so the tone is fitted first.
            let angle = |at: usize| at as f64 * 440.0 * std::f64::consts::TAU / 24_000.0;
            let within = 6_000..18_000;
            let part = |wave: fn(f64) -> f64| {
                within.clone().map(|at| f64::from(samples[at]) * wave(angle(at))).sum::<f64>() / 6_000.0
            };
            let (sine, cosine) = (part(f64::sin), part(f64::cos));
            let fitted = |at: usize| sine * angle(at).sin() + cosine * angle(at).cos();
            let worst = within.clone().map(|at| (f64::from(samples[at]) - fitted(at)).abs()).fold(0.0, f64::max);
            let shift = cosine.atan2(sine) / angle(1);
            assert!(
                worst < 20.0 && shift.abs() < 1.0 && (sine.hypot(cosine) - 9000.0).abs() < 20.0,
                "{rate}: {worst} {shift}"
            );
        }
        let raw = played("audio/pcm;rate=48000", &[0; 9600], 100).expect("samples");
        assert_eq!(raw.len(), 4800);
    }

    #[test]
    fn what_cannot_be_played_says_so() {
        assert_eq!(played("", b"ID3\x04 and much more", 5), Err(NotPcm::Packed("MP3")));
        assert_eq!(played("", b"OggS and much more", 5), Err(NotPcm::Packed("Ogg")));
        assert_eq!(played("", &file(3, 32, 1, 24_000, None, &[]), 5), Err(NotPcm::Kind { tag: 3, bits: 32 }));
        assert_eq!(played("", &file(1, 16, 1, 96_000, None, &[]), 5), Err(NotPcm::Rate(96_000)));
        let mut long = file(1, 16, 1, 24_000, None, &[]);
        long[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(played("", &long, 5), Err(NotPcm::Head));
    }
}
