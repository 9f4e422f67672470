//! The inner loop: groups of samples through a [`Filter`].
//!
//! Neighbouring groups lie side by side in the processor's registers, and each tap is applied to
//! all of them at once. So the sum of every output sample runs over the taps in the same order at
//! every position, and its bits do not depend on the framing.

use std::cell::RefCell;

use pulp::{Simd, WithSimd};

use super::filter::Filter;

/// Converts `input`, which has whole groups and at most [`MOST_GROUPS`], and appends the result to
/// `out`. `past` holds the samples that the stream keeps ([`Filter::past_samples`]) and is updated.
pub(super) fn run(filter: &Filter, past: &mut [f32], input: &[i16], out: &mut Vec<i16>) {
    debug_assert_eq!(input.len() % filter.group(), 0, "whole groups");
    WORK.with_borrow_mut(|work| filter.arch.dispatch(Run { filter, past, input, work, out }));
}

struct Run<'a> {
    filter: &'a Filter,
    past: &'a mut [f32],
    input: &'a [i16],
    work: &'a mut Work,
    out: &'a mut Vec<i16>,
}

/// Work space of a thread. Its content is not kept from one run to the next.
struct Work {
    /// Input samples, row by row: the kept ones, then the new ones, then padding to a whole
    /// register.
    rows: [f32; MOST_ROWS * (MOST_REACH + MOST_GROUPS)],
    /// Output samples, phase by phase.
    phases: [i16; MOST_PHASES * MOST_GROUPS],
}

thread_local! {
    static WORK: RefCell<Work> = const {
        RefCell::new(Work { rows: [0.0; MOST_ROWS * (MOST_REACH + MOST_GROUPS)], phases: [0; MOST_PHASES * MOST_GROUPS] })
    };
}

impl WithSimd for Run<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { filter, past, input, work, out } = self;
        let (reach, groups) = (filter.reach, input.len() / filter.downs);
        let phase = groups.next_multiple_of(WIDEST);
        let row = reach + phase;
        let rows = &mut work.rows[..filter.downs * row];
        for (row, past) in rows.chunks_exact_mut(row).zip(past.chunks_exact(reach)) {
            row[..reach].copy_from_slice(past);
        }
        match filter.downs {
            1 => spread::<1>(input, rows, row, reach),
            2 => spread::<2>(input, rows, row, reach),
            3 => spread::<3>(input, rows, row, reach),
            4 => spread::<4>(input, rows, row, reach),
            _ => spread::<6>(input, rows, row, reach),
        }
        let phases = &mut work.phases[..filter.ups * phase];
        // As many sums run at once as there are registers for them. So the sums do not wait for
        // each other, and none goes to memory in between.
        let wide = S::F32_LANES == WIDEST;
        match filter.ups {
            2 => convolve::<S, 2, 5>(simd, filter, rows, phases, groups),
            _ if wide => convolve::<S, 3, 5>(simd, filter, rows, phases, groups),
            _ => convolve::<S, 3, 3>(simd, filter, rows, phases, groups),
        }
        match filter.ups {
            2 => gather::<2>(phases, phase, groups, out),
            _ => gather::<3>(phases, phase, groups, out),
        }
        for (row, past) in rows.chunks_exact(row).zip(past.chunks_exact_mut(reach)) {
            past.copy_from_slice(&row[groups..][..reach]);
        }
    }
}

/// Copies the samples of each group to their rows, after the kept samples.
#[inline(always)]
fn spread<const DOWNS: usize>(input: &[i16], rows: &mut [f32], row: usize, reach: usize) {
    let groups = input.as_chunks::<DOWNS>().0;
    for (place, row) in rows.chunks_exact_mut(row).enumerate() {
        for (slot, group) in row[reach..].iter_mut().zip(groups) {
            *slot = f32::from(group[place]);
        }
    }
}

/// Copies the samples of each group from their phases, in turn.
#[inline(always)]
fn gather<const UPS: usize>(phases: &[i16], phase: usize, groups: usize, out: &mut Vec<i16>) {
    let start = out.len();
    out.resize(start + UPS * groups, 0);
    for (place, phase) in phases.chunks_exact(phase).enumerate() {
        for (slots, &sample) in out[start..].as_chunks_mut::<UPS>().0.iter_mut().zip(phase) {
            slots[place] = sample;
        }
    }
}

/// Converts all groups: `AT_ONCE` registers of them at a time, and the rest one register at a time.
#[inline(always)]
fn convolve<S: Simd, const UPS: usize, const AT_ONCE: usize>(
    simd: S,
    filter: &Filter,
    rows: &[f32],
    phases: &mut [i16],
    groups: usize,
) {
    let mut first = 0;
    while first + AT_ONCE * S::F32_LANES <= groups {
        convolve_some::<S, UPS, AT_ONCE>(simd, filter, rows, phases, first);
        first += AT_ONCE * S::F32_LANES;
    }
    while first < groups {
        convolve_some::<S, UPS, 1>(simd, filter, rows, phases, first);
        first += S::F32_LANES;
    }
}

/// Converts `AT_ONCE` registers of groups, beginning with group `first`.
#[inline(always)]
fn convolve_some<S: Simd, const UPS: usize, const AT_ONCE: usize>(
    simd: S,
    filter: &Filter,
    rows: &[f32],
    phases: &mut [i16],
    first: usize,
) {
    let (row, phase) = (rows.len() / filter.downs, phases.len() / UPS);
    let some = AT_ONCE * S::F32_LANES;
    let mut sums = [[simd.splat_f32s(0.0); AT_ONCE]; UPS];
    for (row, taps) in rows.chunks_exact(row).zip(filter.taps.chunks_exact(filter.reach * UPS)) {
        for (back, taps) in taps.as_chunks::<UPS>().0.iter().enumerate() {
            let samples = S::as_simd_f32s(&row[filter.reach + first - back..][..some]).0;
            let samples: &[S::f32s; AT_ONCE] = samples.first_chunk().expect("so many were taken");
            // In this order the taps, the sums and one register of samples fit into the sixteen
            // registers of AVX2.
            let taps = taps.map(|tap| simd.splat_f32s(tap));
            for (place, &samples) in samples.iter().enumerate() {
                for (sums, &tap) in sums.iter_mut().zip(&taps) {
                    sums[place] = simd.mul_add_e_f32s(samples, tap, sums[place]);
                }
            }
        }
    }
    for (place, sums) in sums.iter().enumerate() {
        let samples: &[f32] = bytemuck::cast_slice(sums);
        for (slot, &sample) in phases[place * phase + first..][..some].iter_mut().zip(samples) {
            *slot = rounded(sample);
        }
    }
}

/// Rounds to the nearest value, then saturates. The addition of `WHOLE_BITS_LAST` rounds a sample
/// and puts its whole part into the low bits of the sum: eight instructions for a register of
/// samples. A cast checks every sample for NaN, and `f32::round` is a library call on plain x86-64.
/// Each would cost a large part of the filter's time.
#[inline(always)]
fn rounded(sample: f32) -> i16 {
    const WHOLE_BITS_LAST: f32 = 12_582_912.0;
    (sample.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) + WHOLE_BITS_LAST).to_bits() as i16
}

/// Groups converted at once: 20 ms from 8 to 24 kHz, twice that in the other direction. More: a
/// larger work space. Fewer: the kept samples are copied more often.
pub(super) const MOST_GROUPS: usize = 160;
/// Most input samples of a group, at the supported rates: six of 24 kHz for two of 8.
const MOST_ROWS: usize = 6;
/// Most output samples of a group: three of 24 kHz for one of 8.
const MOST_PHASES: usize = 3;
/// Most groups that the taps of any of our filters reach back.
const MOST_REACH: usize = 80;
/// Samples of the widest register (AVX-512). Narrower registers divide it.
const WIDEST: usize = 16;
