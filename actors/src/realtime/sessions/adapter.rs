//! Converts audio between the call's formats and those of a session that has others. Pure.
//!
//! The line's audio is converted once, to the formats of the first candidate. A call that continues
//! with another provider keeps those formats, so nothing changes for the line, the ledger and the
//! history. The session that has other formats gets a converter of its own, which begins silent. An
//! item keeps its length to the sample, so that positions within it mean the same on both sides.

use crate::audio::resample::{ResampleError, Resampler};
use crate::audio::scratch::Scratch;
use crate::carrier::{AudioFormat, Encoding};
use crate::frame::Frame;
use crate::g711;
use crate::ids::ItemId;
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::capabilities::Capabilities;

/// The formats of a call's audio on its way to and from the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Formats {
    /// The caller's audio.
    pub(super) input: AudioFormat,
    /// The agent's audio.
    pub(super) output: AudioFormat,
}

impl Formats {
    /// The formats of a session with these capabilities.
    pub(super) const fn of(can: &Capabilities) -> Self {
        Self { input: can.input, output: can.output }
    }
}

/// The converters of one session; `None` where the formats are the same.
#[derive(Debug)]
pub(super) struct Adapter {
    call: Formats,
    session: Formats,
    to_session: Option<Resampler>,
    to_call: Option<ToCall>,
}

/// The agent's audio on its way to the call.
#[derive(Debug)]
struct ToCall {
    resampler: Resampler,
    /// The item that is being converted.
    item: Option<ItemId>,
    /// The first half of a PCM16 sample whose second half arrives in the next piece.
    half: Option<u8>,
    /// Samples of the item that arrived.
    arrived: u64,
    /// Samples of the item that were passed on.
    passed: u64,
    /// Samples to skip, because the resampler delays the item.
    skip: usize,
}

impl Adapter {
    /// The converters between a call and a session.
    ///
    /// # Errors
    /// If a rate is not supported.
    pub(super) fn between(call: Formats, session: Formats) -> Result<Self, ResampleError> {
        let to_session = (call.input != session.input)
            .then(|| Resampler::new(call.input.rate_hz, session.input.rate_hz))
            .transpose()?;
        let to_call = (call.output != session.output)
            .then(|| Resampler::new(session.output.rate_hz, call.output.rate_hz))
            .transpose()?
            .map(|resampler| ToCall { resampler, item: None, half: None, arrived: 0, passed: 0, skip: 0 });
        Ok(Self { call, session, to_session, to_call })
    }

    /// Converts audio of the caller. Pieces follow one another.
    pub(super) fn for_session(&mut self, audio: Frame) -> Frame {
        let Some(resampler) = &mut self.to_session else { return audio };
        let (from, to) = (self.call.input, self.session.input);
        let mut converted = Frame::with_room(audio.len() * to.bytes_per_ms() / from.bytes_per_ms().max(1));
        Scratch::lend(|Scratch { narrow, wide, .. }| {
            resampler.process(g711::read(from.encoding, &audio, narrow), wide);
            g711::encode(to.encoding, wide, &mut converted);
        });
        converted
    }

    /// Converts a whole turn of the caller.
    pub(super) fn turn_for_session(&self, audio: Vec<u8>) -> Vec<u8> {
        let (from, to) = (self.call.input, self.session.input);
        // Both rates were accepted when the adapter was made.
        let Some(Ok(mut resampler)) = self.to_session.as_ref().map(|_| Resampler::new(from.rate_hz, to.rate_hz)) else {
            return audio;
        };
        let mut converted = Vec::with_capacity(audio.len() * to.bytes_per_ms() / from.bytes_per_ms().max(1));
        Scratch::lend(|Scratch { narrow, wide, .. }| {
            resampler.process(g711::read(from.encoding, &audio, narrow), wide);
            resampler.drain(wide);
            g711::encode(to.encoding, wide, &mut converted);
        });
        converted
    }

    /// Converts audio of the agent. The result may be empty.
    pub(super) fn for_call(&mut self, audio: FromModel) -> FromModel {
        let Some(to_call) = &mut self.to_call else { return audio };
        let FromModel { response, item, audio } = audio;
        let audio = to_call.convert(&item, audio, self.session.output, self.call.output);
        FromModel { response, item, audio }
    }

    /// The rest of an item that is complete, if there is any.
    pub(super) fn rest(&mut self, complete: &ItemComplete) -> Option<FromModel> {
        let to_call = self.to_call.as_mut().filter(|to_call| to_call.item.as_ref() == Some(&complete.item))?;
        let audio = to_call.finish(self.session.output, self.call.output);
        (!audio.is_empty()).then(|| FromModel {
            response: complete.response.clone(),
            item: complete.item.clone(),
            audio,
        })
    }
}

impl ToCall {
    fn convert(&mut self, item: &ItemId, audio: Frame, from: AudioFormat, to: AudioFormat) -> Frame {
        if self.item.as_ref() != Some(item) {
            self.begin(item, to);
        }
        let mut converted = Frame::with_room(audio.len() * to.bytes_per_ms() / from.bytes_per_ms().max(1) + 2);
        let whole = self.whole_samples(audio, from.encoding);
        Scratch::lend(|Scratch { narrow, wide, .. }| {
            let samples = g711::read(from.encoding, &whole, narrow);
            self.arrived += samples.len() as u64;
            self.resampler.process(samples, wide);
            self.pass(wide, from, to, &mut converted);
        });
        converted
    }

    /// Begins an item. What an earlier one left in the resampler is dropped, because nobody
    /// completed it.
    fn begin(&mut self, item: &ItemId, to: AudioFormat) {
        self.resampler.reset();
        let skip = self.resampler.delay().as_nanos() * u128::from(to.rate_hz) / 1_000_000_000;
        (self.item, self.half, self.arrived, self.passed) = (Some(item.clone()), None, 0, 0);
        self.skip = usize::try_from(skip).unwrap_or_default();
    }

    fn finish(&mut self, from: AudioFormat, to: AudioFormat) -> Frame {
        self.item = None;
        let mut rest = Frame::with_room(64 * to.bytes_per_ms());
        Scratch::lend(|Scratch { wide, .. }| {
            self.resampler.drain(wide);
            self.pass(wide, from, to, &mut rest);
        });
        rest
    }

    /// Appends the samples that belong to the item: without those of the resampler's delay, and no
    /// more than have arrived.
    fn pass(&mut self, samples: &[i16], from: AudioFormat, to: AudioFormat, out: &mut Frame) {
        let skipped = self.skip.min(samples.len());
        self.skip -= skipped;
        let most = (self.arrived * u64::from(to.rate_hz) / u64::from(from.rate_hz)).saturating_sub(self.passed);
        let rest = &samples[skipped..];
        let rest = &rest[..rest.len().min(usize::try_from(most).unwrap_or(usize::MAX))];
        self.passed += rest.len() as u64;
        g711::encode(to.encoding, rest, out);
    }

    /// `audio` with whole samples. A half sample is kept for the next piece.
    fn whole_samples(&mut self, mut audio: Frame, encoding: Encoding) -> Frame {
        if encoding == Encoding::Pcm16 {
            if let Some(half) = self.half.take() {
                audio.insert(0, half);
            }
            if audio.len() % 2 == 1 {
                self.half = audio.pop();
            }
        }
        audio
    }
}

#[cfg(test)]
mod tests;
