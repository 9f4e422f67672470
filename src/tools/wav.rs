//! Reads WAV files of any rate and format, and writes 8 kHz 16-bit mono. Used by the simulated
//! phone and for recorded greetings.

use std::fs::File;
use std::io::{BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};
use switchboard_actors::g711;

/// Why a sound file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WavError {
    /// The file cannot be opened.
    #[error("open {}: {reason}", path.display())]
    Unopened {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        reason: std::io::Error,
    },
    /// The file is not WAV, or is truncated.
    #[error("read {}: not a WAV file that can be read ({reason})", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file is WAV, but of an unsupported kind.
    #[error("read {}: {what}, expected 8- to 32-bit PCM, 32-bit float or G.711 mu-law, 1 kHz to 768 kHz, at most {LONGEST_MINUTES} minutes", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// The kind.
        what: String,
    },
    /// The file cannot be written.
    #[error("write {}: {reason}", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

/// Sample rate of the line.
const RATE_HZ: u32 = 8_000;
/// Maximum length of speech read from a file. One hour at 8 kHz is 58 MB.
const LONGEST_MINUTES: u32 = 60;

/// Reads a WAV file as 8 kHz mono: channels are averaged, other rates resampled.
///
/// # Errors
/// Fails if the file cannot be opened, is not WAV, or is of an unsupported kind.
pub fn read(path: &Path) -> Result<Vec<i16>, WavError> {
    let file = File::open(path).map_err(|reason| WavError::Unopened { path: path.into(), reason })?;
    read_from(BufReader::new(file), path)
}

/// Reads a bundled WAV file. `name` is used only in the error.
///
/// # Errors
/// See [`read`].
pub(crate) fn read_bundled(bytes: &[u8], name: &str) -> Result<Vec<i16>, WavError> {
    read_from(Cursor::new(bytes), Path::new(name))
}

/// Checks that a file could be written at `path`, without changing anything.
///
/// # Errors
/// Fails if the folder does not exist or is not writable.
pub fn may_write(path: &Path) -> Result<(), WavError> {
    let failed = |reason: std::io::Error| WavError::Unwritten { path: path.into(), reason: reason.to_string() };
    if path.exists() {
        return std::fs::OpenOptions::new().write(true).open(path).map(drop).map_err(failed);
    }
    std::fs::OpenOptions::new().write(true).create_new(true).open(path).map_err(failed)?;
    std::fs::remove_file(path).map_err(failed)
}

/// Writes samples as 8 kHz 16-bit mono.
///
/// # Errors
/// Fails if the file cannot be written.
pub fn write(path: &Path, samples: &[i16]) -> Result<(), WavError> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: RATE_HZ,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let failed = |reason: hound::Error| WavError::Unwritten { path: path.into(), reason: reason.to_string() };
    let mut writer = hound::WavWriter::create(path, spec).map_err(failed)?;
    let mut block = writer.get_i16_writer(u32::try_from(samples.len()).unwrap_or(u32::MAX));
    for sample in samples {
        block.write_sample(*sample);
    }
    block.flush().map_err(failed)?;
    writer.finalize().map_err(failed)
}

fn read_from<R: Read + Seek>(mut input: R, path: &Path) -> Result<Vec<i16>, WavError> {
    let mut bytes = Vec::new();
    input
        .read_to_end(&mut bytes)
        .map_err(|reason| WavError::Unreadable { path: path.into(), reason: reason.to_string() })?;
    if let Some(samples) = telephone_samples(&bytes) {
        return Ok(samples);
    }
    let unreadable = |reason: hound::Error| WavError::Unreadable { path: path.into(), reason: reason.to_string() };
    let mut reader = hound::WavReader::new(Cursor::new(&bytes)).map_err(|reason| {
        if matches!(reason, hound::Error::Unsupported) {
            WavError::Unsupported { path: path.into(), what: "an encoding that is not read".into() }
        } else {
            unreadable(reason)
        }
    })?;
    let spec = reader.spec();
    let unsupported = |what: String| WavError::Unsupported { path: path.into(), what };
    if !(1_000..=768_000).contains(&spec.sample_rate) {
        return Err(unsupported(format!("{} samples per second", spec.sample_rate)));
    }
    if spec.channels == 0 {
        return Err(unsupported("no channels".into()));
    }
    if reader.duration() / spec.sample_rate >= LONGEST_MINUTES * 60 {
        return Err(unsupported(format!("{} minutes long", reader.duration() / spec.sample_rate / 60)));
    }
    let interleaved: Vec<f32> = match spec.sample_format {
        hound::SampleFormat::Float => reader.samples::<f32>().collect::<Result<_, _>>().map_err(unreadable)?,
        hound::SampleFormat::Int => {
            let full_scale = 2_f32.powi(i32::from(spec.bits_per_sample) - 1);
            let samples = reader.samples::<i32>().map(|sample| sample.map(|value| value as f32 / full_scale));
            samples.collect::<Result<_, _>>().map_err(unreadable)?
        }
    };
    let channels = usize::from(spec.channels);
    let mono: Vec<f32> =
        interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    let line = resample(mono, spec.sample_rate).map_err(unsupported)?;
    Ok(line.into_iter().map(|value| (value * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16).collect())
}

/// The samples of an 8 kHz mono mu-law WAV, which hound does not read. Returns `None` for any other
/// file.
fn telephone_samples(bytes: &[u8]) -> Option<Vec<i16>> {
    let rest = bytes.strip_prefix(b"RIFF")?.get(4..)?.strip_prefix(b"WAVE")?;
    let (mut rest, mut is_telephone) = (rest, false);
    loop {
        let (id, size) = (rest.get(..4)?, rest.get(4..8)?);
        let size = u32::from_le_bytes(size.try_into().ok()?) as usize;
        let body = &rest[8..];
        match id {
            b"fmt " => {
                let (tag, channels, rate) = (body.get(..2)?, body.get(2..4)?, body.get(4..8)?);
                is_telephone = tag == [7, 0] && channels == [1, 0] && rate == RATE_HZ.to_le_bytes();
            }
            b"data" if is_telephone => {
                let body = &body[..size.min(body.len())];
                return Some(body.iter().map(|byte| g711::decode_mulaw(*byte)).collect());
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        rest = body.get(size + (size & 1)..)?;
    }
}

/// Resamples a whole mono file to the line's rate.
fn resample(mono: Vec<f32>, rate_hz: u32) -> Result<Vec<f32>, String> {
    if rate_hz == RATE_HZ || mono.is_empty() {
        return Ok(mono);
    }
    let failed = |reason: &dyn std::fmt::Display| format!("{rate_hz} samples per second ({reason})");
    let mut resampler = Fft::<f32>::new(rate_hz as usize, RATE_HZ as usize, 2048, 1, FixedSync::Both)
        .map_err(|reason| failed(&reason))?;
    let input = InterleavedSlice::new(&mono, 1, mono.len()).map_err(|reason| failed(&reason))?;
    let output = resampler.process_all(&input, mono.len(), None).map_err(|reason| failed(&reason))?;
    Ok(output.take_data())
}

#[cfg(test)]
mod tests;
