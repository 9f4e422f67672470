//! The taps between two rates: rubato's taps, sorted by phase.
//!
//! Both rates lie on the grid of their least common multiple. The input has a sample on every
//! `ups`-th point of the grid, the output on every `downs`-th. A **group** is the shortest stretch
//! with a whole number of both and at least two outputs: `downs` samples in, `ups` samples out.

use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use pulp::Arch;
use rubato::audioadapter_buffers::direct::SequentialSliceOfVecs;
use rubato::{Async, FixedAsync, Resampler as _, SincInterpolationParameters, SincInterpolationType, WindowFunction};

use super::ResampleError;

/// A filter and its layout for the [kernel](super::kernel). All calls share one for each pair of
/// rates.
pub(super) struct Filter {
    /// Output samples of a group.
    pub(super) ups: usize,
    /// Input samples of a group. Each has its own row.
    pub(super) downs: usize,
    /// How many groups back the taps reach. Each row keeps that many samples.
    pub(super) reach: usize,
    /// A tap for each row, each group back, and each output sample.
    pub(super) taps: Box<[f32]>,
    /// The processor's widest instructions.
    pub(super) arch: Arch,
    /// The delay in points of the common grid.
    delay: usize,
    grid_hz: usize,
}

impl Filter {
    /// The filter from one rate to another. `None` when the rates are the same.
    ///
    /// # Errors
    /// When a rate is not among [`SUPPORTED_HZ`].
    pub(super) fn between(from_hz: u32, to_hz: u32) -> Result<Option<&'static Self>, ResampleError> {
        static KNOWN: [[OnceLock<Filter>; SUPPORTED_HZ.len()]; SUPPORTED_HZ.len()] =
            [const { [const { OnceLock::new() }; SUPPORTED_HZ.len()] }; SUPPORTED_HZ.len()];
        let place = |rate| SUPPORTED_HZ.iter().position(|&known| known == rate);
        let from = place(from_hz).ok_or(ResampleError::UnsupportedRate(from_hz))?;
        let to = place(to_hz).ok_or(ResampleError::UnsupportedRate(to_hz))?;
        if from == to {
            return Ok(None);
        }
        let filter = match KNOWN[from][to].get() {
            Some(filter) => filter,
            None => {
                let filter = Self::new(from_hz as usize, to_hz as usize)?;
                KNOWN[from][to].get_or_init(|| filter)
            }
        };
        Ok(Some(filter))
    }

    fn new(from_hz: usize, to_hz: usize) -> Result<Self, ResampleError> {
        let divisor = greatest_common_divisor(from_hz, to_hz);
        let (ups, downs) = (to_hz / divisor, from_hz / divisor);
        // With one output in a group every loaded sample would be used once, and loading takes most
        // of the time.
        let (ups, downs) = if ups == 1 { (2, 2 * downs) } else { (ups, downs) };
        let grid_hz = from_hz * ups;
        let ratio = grid_hz / from_hz.min(to_hz);
        let prototype = windowed_sinc(ratio).map_err(|error| ResampleError::Unbuildable(error.to_string()))?;
        // The prototype passes a stream in which every `ratio`-th point is a sample. Here every
        // `ups`-th point is one.
        let gain = ups as f64 / ratio as f64;
        let tap = |out: usize, back: usize| {
            let point = (out * downs + ups * back).checked_sub(ups * (downs - 1));
            point.and_then(|point| prototype.get(point)).map_or(0.0, |&tap| (tap * gain) as f32)
        };
        // A group is complete up to `downs - 1` samples after its first sample, which the first
        // output follows.
        let reach = (prototype.len() - ups).div_ceil(ups * downs) + 1;
        let mut taps = Vec::with_capacity(downs * reach * ups);
        for row in 0..downs {
            for group in 0..reach {
                taps.extend((0..ups).map(|out| tap(out, group * downs + downs - 1 - row)));
            }
        }
        Ok(Self { ups, downs, reach, taps: taps.into(), arch: Arch::new(), delay: prototype.len() / 2, grid_hz })
    }

    /// How much later a sample comes out than it went in.
    pub(super) fn delay(&self) -> Duration {
        Duration::from_nanos(self.delay as u64 * 1_000_000_000 / self.grid_hz as u64)
    }

    /// Input samples of a group.
    pub(super) fn group(&self) -> usize {
        self.downs
    }

    /// Samples that a stream keeps, row by row, the oldest first.
    pub(super) fn past_samples(&self) -> usize {
        self.downs * self.reach
    }
}

impl fmt::Debug for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Filter({}/{}, {} taps)", self.ups, self.downs, self.taps.len())
    }
}

/// rubato's low-pass between a rate and `ratio` times that rate, read off its converter's response
/// to an impulse. It has [`TAPS`] taps for each phase, which add up to 1. Its middle is the tap
/// that begins the second half, a whole number of samples of either rate from the start.
fn windowed_sinc(ratio: usize) -> Result<Vec<f64>, Box<dyn std::error::Error>> {
    let (mut resampler, impulse_at, frames) = (rubatos(ratio)?, TAPS, RUBATOS_BLOCK);
    let mut input = vec![vec![0.0; frames]];
    input[0][impulse_at] = 1.0;
    let most = resampler.output_frames_max();
    let mut output = vec![vec![0.0; most]];
    let (_, written) = resampler.process_into_buffer(
        &SequentialSliceOfVecs::new(&input, 1, frames)?,
        &mut SequentialSliceOfVecs::new_mut(&mut output, 1, most)?,
        None,
    )?;
    let response = &output[0][..written];
    let peak = (0..written).max_by(|&a, &b| response[a].total_cmp(&response[b])).ok_or("no output")?;
    let half = TAPS * ratio / 2;
    let taps = peak.checked_sub(half).and_then(|first| response.get(first..peak + half));
    Ok(taps.ok_or("the impulse is cut off")?.to_vec())
}

/// rubato's converter from a rate to `ratio` times that rate, with the filter that we use.
fn rubatos(ratio: usize) -> Result<Async<f64>, rubato::ResamplerConstructionError> {
    let parameters = SincInterpolationParameters::new(TAPS, WindowFunction::BlackmanHarris)
        .f_cutoff(CUTOFF)
        .oversampling_factor(ratio)
        .interpolation(SincInterpolationType::Nearest);
    Async::new_sinc(ratio as f64, 1.0, &parameters, RUBATOS_BLOCK, 1, FixedAsync::Input)
}

fn greatest_common_divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The rates of all supported lines and models.
pub(super) const SUPPORTED_HZ: [u32; 3] = [8_000, 16_000, 24_000];
/// Taps at the lower rate. The docs of [`resample`](super) give the reason.
const TAPS: usize = 80;
/// Where the slope begins, as a part of the lower rate's Nyquist frequency.
const CUTOFF: f32 = 0.914;
/// Samples that rubato's converter takes at once: the impulse, the samples before it, and its
/// response.
const RUBATOS_BLOCK: usize = 4 * TAPS;

#[cfg(test)]
mod tests;
