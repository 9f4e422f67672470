//! Streaming sample-rate conversion between 8, 16 and 24 kHz. Pure.
//!
//! One [`Resampler`] serves one direction for the life of a call and keeps its state from frame to
//! frame. A new converter for every packet clicks at every packet's edge (22 to 40 dB SINAD instead
//! of more than 92).
//!
//! The resampler is a polyphase FIR: between these rates every output sample is one of a few fixed
//! sets of taps over the newest input. The taps are rubato's windowed sinc (`filter`), with these
//! values:
//!
//! - **80 taps of the lower rate.** The delay is half of them: 5 ms, the whole budget of a
//!   direction. With 64 taps the band between 4.0 and 4.6 kHz folds back as softly only under a
//!   window that passes 4.7 kHz at −90 dB.
//! - **`BlackmanHarris` window.** Everything from 4.6 kHz on, images of the telephone band
//!   included, is 117 dB down, below the resolution of PCM16. `Blackman` ends at −95 dB at any
//!   length that the delay allows. The squared windows begin their slope within the band.
//! - **Cutoff 0.914 of the lower Nyquist frequency.** Higher: the slope reaches beyond 4.0 kHz,
//!   where it must be 72 dB down (it is 77). Lower: the slope begins before 3.4 kHz, where 0.1 dB
//!   may be lost (0.06 is).
//! - **`Nearest` with as many phases as the ratio.** With it, rubato's converter is exactly these
//!   taps, without interpolation. The cubic interpolation of its defaults costs five times the work
//!   and passes 4.1 kHz at −37 dB.
//! - **`f32`.** A mantissa of 24 bits leaves 101 dB SINAD before rounding to 16 bits. `f64` costs
//!   twice the work and makes no audible difference.
//! - **Our own rounding**: to the nearest value, and saturated. rubato's own 16-bit adapters
//!   truncate, which costs 2 dB. A wrapping cast turns the overshoot of loud speech into cracks.
//!
//! rubato designs the filter, and a test compares ours with its converter, sample by sample. We run
//! the filter ourselves (`kernel`), because its speed decides more than anything else how many
//! calls a core carries. For both directions of 20 ms, rubato's converter takes 10 µs with such a
//! filter. Its `Fft` with a block of 10 ms, of the same delay, takes 4 µs on a machine where this
//! kernel takes 2 µs with AVX-512 and 3 µs with AVX2. With hundreds of calls the `Fft` takes more,
//! because its tables are 50 times as large.
//!
//! The output depends on the input and not on its framing, bit for bit. Only an incomplete group of
//! samples waits. A direction keeps 0.3 to 1 KiB between frames. Nothing is allocated once it is
//! built. The delay is 5 ms a direction, exactly 40 samples of 8 kHz, so a mu-law round trip
//! returns the original code words.

mod filter;
mod kernel;

use std::fmt;
use std::time::Duration;

use filter::Filter;

/// The rates between which audio can be converted, in Hz.
pub const RATES_HZ: [u32; 3] = filter::SUPPORTED_HZ;

/// Converts one direction of a call from one rate to another, frame by frame.
#[derive(Debug)]
pub struct Resampler {
    /// `None` when both rates are the same. Samples then pass unchanged.
    engine: Option<Engine>,
}

/// Why a resampler cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// A rate that none of our lines and models uses.
    #[error("resample at {0} Hz, expected 8000, 16000 or 24000")]
    UnsupportedRate(u32),
    /// The filter could not be built from these rates.
    #[error("build a resampler: {0}")]
    Unbuildable(String),
}

impl Resampler {
    /// A resampler in its silent state.
    ///
    /// # Errors
    /// When a rate is not 8000, 16000 or 24000 Hz.
    pub fn new(from_hz: u32, to_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self { engine: Filter::between(from_hz, to_hz)?.map(Engine::new) })
    }

    /// Converts `input`, of any length, and appends the finished samples to `out`. After `n`
    /// samples in all, the output has as many samples as fit into the time of those `n`, rounded
    /// down to a whole number of groups (up from 8 kHz one sample, down to it six of 24 kHz or four
    /// of 16).
    pub fn process(&mut self, input: &[i16], out: &mut Vec<i16>) {
        match &mut self.engine {
            None => out.extend_from_slice(input),
            Some(engine) => engine.process(input, out),
        }
    }

    /// Appends all audio that is still inside by feeding silence: an incomplete group of samples
    /// and the filter's tail, 10 ms. Later audio starts from the silent state, without a seam. The
    /// call has no effect when the resampler is empty.
    pub fn drain(&mut self, out: &mut Vec<i16>) {
        if let Some(engine) = &mut self.engine {
            engine.drain(out);
        }
    }

    /// Discards all audio inside. The filter is kept.
    pub fn reset(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }

    /// How much later a sample comes out than it went in, in stream time.
    pub fn delay(&self) -> Duration {
        self.engine.as_ref().map_or(Duration::ZERO, |engine| engine.filter.delay())
    }
}

/// The state of one stream.
struct Engine {
    filter: &'static Filter,
    /// The newest samples, as far back as the taps reach.
    past: Box<[f32]>,
    /// Samples of an incomplete group. Usual frames leave none.
    begun: Vec<i16>,
    /// Whether the stream holds samples whose output is not complete. Otherwise the stream is
    /// silent.
    loaded: bool,
}

impl Engine {
    fn new(filter: &'static Filter) -> Self {
        let past = vec![0.0; filter.past_samples()].into();
        Self { filter, past, begun: Vec::with_capacity(filter.group()), loaded: false }
    }

    fn process(&mut self, mut input: &[i16], out: &mut Vec<i16>) {
        self.loaded |= !input.is_empty();
        let group = self.filter.group();
        if !self.begun.is_empty() {
            let (now, later) = input.split_at(input.len().min(group - self.begun.len()));
            self.begun.extend_from_slice(now);
            if self.begun.len() < group {
                return;
            }
            kernel::run(self.filter, &mut self.past, &self.begun, out);
            self.begun.clear();
            input = later;
        }
        let (whole, rest) = input.split_at(input.len() / group * group);
        for groups in whole.chunks(kernel::MOST_GROUPS * group) {
            kernel::run(self.filter, &mut self.past, groups, out);
        }
        self.begun.extend_from_slice(rest);
    }

    fn drain(&mut self, out: &mut Vec<i16>) {
        if !self.loaded {
            return;
        }
        let group = self.filter.group();
        let unfinished = (group - self.begun.len()) % group;
        // Silence of the taps' length brings out the remaining output.
        let silence = [0; MOST_SILENCE];
        self.process(&silence[..self.past.len() + unfinished], out);
        self.reset();
    }

    fn reset(&mut self) {
        self.past.fill(0.0);
        self.begun.clear();
        self.loaded = false;
    }
}

impl fmt::Debug for Engine {
    /// Speech is private, so only the filter is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.filter.fmt(f)
    }
}

/// Silence that drains any of our filters: 240 samples of 24 kHz, and an incomplete group.
const MOST_SILENCE: usize = 256;

#[cfg(test)]
mod tests;
