//! How loud each band of the last 32 ms is. Pure.

use std::f32::consts::TAU;
use std::sync::{Arc, OnceLock};

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::shape::WINDOW;

/// The transform of one line, with the space that it needs.
pub(super) struct Spectrum {
    plan: &'static Plan,
    samples: Vec<f32>,
    bins: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Spectrum {
    pub(super) fn new() -> Self {
        let plan = plan();
        let (bins, scratch) = (plan.transform.make_output_vec(), plan.transform.make_scratch_vec());
        Self { plan, samples: vec![0.0; WINDOW], bins, scratch }
    }

    /// How much weaker each band of `recent` is than the strongest one, bel: from zero down.
    pub(super) fn bands(&mut self, recent: &[f32; WINDOW]) -> [f32; BANDS] {
        for ((faded, sample), fade) in self.samples.iter_mut().zip(recent).zip(&self.plan.fade) {
            *faded = sample * fade;
        }
        let done = self.plan.transform.process_with_scratch(&mut self.samples, &mut self.bins, &mut self.scratch);
        debug_assert!(done.is_ok(), "the plan made the buffers: {done:?}");
        let mut energies = [0.0_f32; BANDS];
        for (bin, band) in self.bins[FIRST_BIN..END_BIN].iter().zip(&self.plan.band_of) {
            energies[*band] += bin.norm_sqr();
        }
        let bands = energies.map(|energy| (energy + FAINT).log10());
        let strongest = bands.iter().copied().fold(f32::MIN, f32::max);
        bands.map(|band| band - strongest)
    }
}

/// What every line shares.
struct Plan {
    transform: Arc<dyn RealToComplex<f32>>,
    /// The window of Hann.
    fade: [f32; WINDOW],
    /// The band of each bin from [`FIRST_BIN`] on.
    band_of: [usize; END_BIN - FIRST_BIN],
}

fn plan() -> &'static Plan {
    static PLAN: OnceLock<Plan> = OnceLock::new();
    PLAN.get_or_init(|| {
        let octaves = |bin: usize| (bin as f32 / FIRST_BIN as f32).log2();
        Plan {
            transform: RealFftPlanner::new().plan_fft_forward(WINDOW),
            fade: std::array::from_fn(|at| 0.5 - 0.5 * (TAU * at as f32 / WINDOW as f32).cos()),
            band_of: std::array::from_fn(|at| (octaves(FIRST_BIN + at) / octaves(END_BIN) * BANDS as f32) as usize),
        }
    })
}

/// The bands, of the same ratio each.
pub(super) const BANDS: usize = 20;
/// The bins of the bands, of 31 Hz each: what a telephone passes, from 190 to 3500 Hz.
const FIRST_BIN: usize = 6;
const END_BIN: usize = 112;
/// Added to each band's energy: less than the noise of a quiet line. Less: silence in a band varies
/// like a voice.
const FAINT: f32 = 1e4;
