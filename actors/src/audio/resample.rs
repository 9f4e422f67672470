//! Streaming sample-rate conversion between 8, 16 and 24 kHz. Pure.
//!
//! One [`Resampler`] serves one direction for the life of a call and keeps its state from frame to frame: a converter made anew
//! for every packet clicks at every packet's edge (22 to 40 dB SINAD instead of more than 92).
//!
//! The engine is rubato's [`Fft`] with these values, each for its reason:
//!
//! - **Block of 10 ms, always.** The delay is half a block and the filter is as long as a block, so the block is the filter: a block
//!   that followed the frame length would be another filter for each carrier. 10 ms divides every usual frame; samples that do not
//!   fill one wait in it. A fixed block is what makes the output the same, bit for bit, for any framing of the input. Shorter (5 ms)
//!   loses the band above 3 kHz; longer (20 ms) doubles the delay for quality that PCM16 cannot carry.
//! - **Blackman window** ([`Fft::new`] would take `BlackmanHarris2`). At this length its transition is narrow enough to be flat to
//!   3.4 kHz (0.002 dB) and its stopband low enough for PCM16: images −104 dB, aliases −105 dB and better. The default's deeper
//!   stopband would begin its slope at 2.6 kHz and be 8.8 dB down at 3.4 kHz.
//! - **`f32`.** 24 bits of mantissa leave 101 dB SINAD before rounding to 16; `f64` costs twice the memory and is not heard.
//! - **Rounding is ours**: to the nearest, and saturated. rubato's own 16-bit adapters truncate, which costs 2 dB, and a
//!   wrapping cast turns the overshoot of loud speech into cracks.
//!
//! Cost: about 1.6 µs up and 1.4 µs down for 20 ms; some 3 KiB a direction, as the streams of a thread share filter, tables and work
//! space; nothing is allocated once built. Delay: 5 ms a direction,
//! both together 80 samples at 8 kHz exactly, so a mu-law round trip falls on the code words it came from.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use rubato::audioadapter_buffers::direct::SparseSequentialSliceOfSlices;
use rubato::{Fft, FixedSync, Indexing, Resampler as _, WindowFunction};

/// Converts one direction of a call from one rate to another, frame by frame.
#[derive(Debug)]
pub struct Resampler {
    /// `None` when both rates are the same: samples pass as they are.
    engine: Option<Engine>,
}

/// Why a resampler cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ResampleError {
    /// A rate that no line and no model of ours uses.
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
        for rate in [from_hz, to_hz] {
            if !SUPPORTED_HZ.contains(&rate) {
                return Err(ResampleError::UnsupportedRate(rate));
            }
        }
        let engine = if from_hz == to_hz { None } else { Some(Engine::new(from_hz as usize, to_hz as usize)?) };
        Ok(Self { engine })
    }

    /// Converts `input`, of any length, and appends what is ready to `out`: one block for each 10 ms completed, so that after `n`
    /// samples in all, `n` rounded down to whole blocks have been converted.
    pub fn process(&mut self, input: &[i16], out: &mut Vec<i16>) {
        match &mut self.engine {
            None => out.extend_from_slice(input),
            Some(engine) => engine.process(input, out),
        }
    }

    /// Appends all that is still inside — the unfinished block and the filter's tail — by feeding silence. What follows starts from
    /// the silent state, without a seam. Nothing happens when nothing is inside.
    pub fn drain(&mut self, out: &mut Vec<i16>) {
        if let Some(engine) = &mut self.engine {
            engine.drain(out);
        }
    }

    /// Forgets all audio inside. The filter is kept.
    pub fn reset(&mut self) {
        if let Some(engine) = &mut self.engine {
            engine.reset();
        }
    }

    /// How much later a sample comes out than it went in, measured in the stream.
    pub fn delay(&self) -> Duration {
        if self.engine.is_some() { BLOCK / 2 } else { Duration::ZERO }
    }
}

/// One stream's channel of a bank, and the block that is being filled.
struct Engine {
    bank: Rc<RefCell<Bank>>,
    channel: usize,
    /// Samples of a block.
    block: usize,
    /// The samples of a block that is not full yet; of usual frames there are none.
    begun: Vec<i16>,
    /// Whether samples are inside that have not come out to their end. Without them the channel is silent.
    loaded: bool,
}

impl Engine {
    fn new(from_hz: usize, to_hz: usize) -> Result<Self, ResampleError> {
        let (bank, channel) = Bank::channel(from_hz, to_hz)?;
        let block = from_hz / BLOCKS_PER_SECOND;
        Ok(Self { bank, channel, block, begun: Vec::with_capacity(block), loaded: false })
    }

    fn process(&mut self, mut input: &[i16], out: &mut Vec<i16>) {
        while !input.is_empty() {
            let (now, later) = input.split_at(input.len().min(self.block - self.begun.len()));
            self.loaded = true;
            if self.begun.len() + now.len() == self.block {
                self.convert_block(now, out);
            } else {
                self.begun.extend_from_slice(now);
            }
            input = later;
        }
    }

    fn drain(&mut self, out: &mut Vec<i16>) {
        if !self.loaded {
            return;
        }
        if !self.begun.is_empty() {
            self.convert_block(&[], out);
        }
        // The filter is one block long, so one block of silence brings out the last of it and leaves the channel silent.
        self.convert_block(&[], out);
        self.loaded = false;
    }

    fn reset(&mut self) {
        self.begun.clear();
        if std::mem::take(&mut self.loaded) {
            // rubato resets all channels or none; a block of silence leaves nothing of what was before.
            self.bank.borrow_mut().convert(self.channel, &[], &[]);
        }
    }

    /// The block that was begun, then `rest`, then silence to its end.
    fn convert_block(&mut self, rest: &[i16], out: &mut Vec<i16>) {
        let mut bank = self.bank.borrow_mut();
        let output = bank.convert(self.channel, &self.begun, rest);
        out.extend(output.iter().map(|&sample| rounded(sample)));
        self.begun.clear();
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.reset();
        self.bank.borrow_mut().free.push(self.channel);
    }
}

impl fmt::Debug for Engine {
    /// Speech is private: only the size is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Engine({} a block)", self.block)
    }
}

/// A filter for many streams of one thread: a channel each. What a stream has of its own is what overlaps from one block to the next;
/// tables, filter and work space are shared, so that
/// they stay in the processor's cache from call to call.
struct Bank {
    rates: (usize, usize),
    fft: Fft<f32>,
    /// Names the channel that is being converted.
    only: Indexing,
    input: Vec<f32>,
    output: Vec<f32>,
    /// Channels of no stream; all silent.
    free: Vec<usize>,
}

impl Bank {
    /// A silent channel of a bank of this thread. A bank lives as long as one of its streams.
    fn channel(from_hz: usize, to_hz: usize) -> Result<(Rc<RefCell<Self>>, usize), ResampleError> {
        BANKS.with_borrow_mut(|banks| {
            banks.retain(|bank| bank.strong_count() > 0);
            for bank in banks.iter().filter_map(Weak::upgrade) {
                let mut open = bank.borrow_mut();
                if open.rates == (from_hz, to_hz)
                    && let Some(channel) = open.free.pop()
                {
                    drop(open);
                    return Ok((bank, channel));
                }
            }
            let mut bank = Self::new(from_hz, to_hz)?;
            let channel = bank.free.pop().expect("a new bank has every channel free");
            let bank = Rc::new(RefCell::new(bank));
            banks.push(Rc::downgrade(&bank));
            Ok((bank, channel))
        })
    }

    fn new(from_hz: usize, to_hz: usize) -> Result<Self, ResampleError> {
        let (block_in, block_out) = (from_hz / BLOCKS_PER_SECOND, to_hz / BLOCKS_PER_SECOND);
        // `Both` makes one block of each call; it takes no notice of the number of sub-chunks.
        let fft = Fft::new_custom(from_hz, to_hz, block_in, 1, CHANNELS, WindowFunction::Blackman, FixedSync::Both)
            .map_err(|error| ResampleError::Unbuildable(error.to_string()))?;
        debug_assert_eq!((fft.fft_size_in(), fft.fft_size_out()), (block_in, block_out), "the block is 10 ms");
        let (input, output) = (vec![0.0; block_in], vec![0.0; block_out]);
        let only = Indexing { active_channels_mask: Some(vec![false; CHANNELS]), ..Indexing::default() };
        let free = (0..CHANNELS).rev().collect();
        Ok(Self { rates: (from_hz, to_hz), fft, only, input, output, free })
    }

    /// Converts a block of `channel`: what it begins with, what follows, and silence to its end.
    fn convert(&mut self, channel: usize, begin: &[i16], rest: &[i16]) -> &[f32] {
        let (first, others) = self.input.split_at_mut(begin.len());
        let (next, silent) = others.split_at_mut(rest.len());
        for (slots, samples) in [(first, begin), (next, rest)] {
            for (slot, &sample) in slots.iter_mut().zip(samples) {
                *slot = f32::from(sample);
            }
        }
        silent.fill(0.0);
        let mask = self.only.active_channels_mask.as_deref_mut().expect("`new` gives it a mask");
        // Whatever became of the last block, it is this channel's turn and no other's.
        mask.fill(false);
        mask[channel] = true;
        let mask = self.only.active_channels_mask.as_deref().expect("`new` gives it a mask");
        let (frames_in, frames_out) = (self.input.len(), self.output.len());
        let mut blocks: [&[f32]; CHANNELS] = [&[]; CHANNELS];
        blocks[channel] = &self.input;
        let mut outputs: [&mut [f32]; CHANNELS] = std::array::from_fn(|_| Default::default());
        outputs[channel] = &mut self.output;
        let input = SparseSequentialSliceOfSlices::new(&blocks[..], CHANNELS, frames_in, mask)
            .expect("a slice for each channel, the one used of its own length");
        let mut output = SparseSequentialSliceOfSlices::new_mut(&mut outputs[..], CHANNELS, frames_out, mask)
            .expect("a slice for each channel, the one used of its own length");
        self.fft.process_into_buffer(&input, &mut output, Some(&self.only)).expect("both buffers are one block long");
        &self.output
    }
}

thread_local! {
    static BANKS: RefCell<Vec<Weak<RefCell<Bank>>>> = const { RefCell::new(Vec::new()) };
}

/// To the nearest, then saturated. Added to this constant, a sample has its whole part in the low bits of the sum, rounded by the
/// addition: eight instructions for four samples. A cast asks of each whether it is a number, `f32::round` is a library call on plain
/// x86-64; either costs a sixth of the filter or more.
fn rounded(sample: f32) -> i16 {
    const WHOLE_BITS_LAST: f32 = 12_582_912.0;
    (sample.clamp(f32::from(i16::MIN), f32::from(i16::MAX)) + WHOLE_BITS_LAST).to_bits() as i16
}

/// Streams that share a filter. Fewer: each bank has its own 12 KiB of tables, and they push each other out of the cache. More: the
/// channels that are not meant take time to be passed over, and a thread with one call keeps room for more.
const CHANNELS: usize = 16;
/// The rates of the lines and models we know.
const SUPPORTED_HZ: [u32; 3] = [8_000, 16_000, 24_000];
/// The block of the transform; see the module's page.
const BLOCK: Duration = Duration::from_millis(10);
/// [`BLOCK`] as a frequency.
const BLOCKS_PER_SECOND: usize = 100;

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    /// Tones on the 50 Hz grid repeat from block to block and hide a block transform's faults; three of these are off it.
    const TONES: [f64; 7] = [300.0, 1004.0, 2000.0, 2007.0, 3000.0, 3389.0, 3400.0];
    const MINUS_1_DBFS: f64 = 29_204.0;

    #[test]
    fn telephone_tones_come_up_to_24_khz_with_92_5_db_sinad() {
        for tone in TONES {
            let sinad = Measured::of(8_000, 24_000, tone).sinad();
            assert!(sinad >= 92.5, "{tone} Hz: {sinad:.1} dB");
        }
    }

    #[test]
    fn telephone_tones_come_down_to_8_khz_with_94_db_sinad() {
        for tone in TONES {
            let sinad = Measured::of(24_000, 8_000, tone).sinad();
            assert!(sinad >= 94.0, "{tone} Hz: {sinad:.1} dB");
        }
    }

    #[test]
    fn the_wideband_rates_keep_telephone_tones_as_well() {
        for (from, to) in [(8_000, 16_000), (16_000, 8_000), (16_000, 24_000), (24_000, 16_000)] {
            for tone in TONES {
                let sinad = Measured::of(from, to, tone).sinad();
                assert!(sinad >= 92.5, "{from} to {to}, {tone} Hz: {sinad:.1} dB");
            }
        }
    }

    #[test]
    fn images_of_the_telephone_band_are_below_95_db() {
        for tone in TONES {
            let images = Measured::of(8_000, 24_000, tone).residue_above(4_000.0);
            assert!(images <= -95.0, "{tone} Hz: {images:.1} dB");
        }
    }

    #[test]
    fn nothing_above_the_line_s_band_folds_into_it() {
        for tone in [4_600.0, 4_807.0, 5_500.0, 7_013.0, 8_000.0, 9_997.0, 11_900.0] {
            let alias = alias_of(tone);
            assert!(alias <= -99.0, "{tone} Hz: {alias:.1} dB");
        }
        for tone in [4_013.0, 4_100.0, 4_203.0, 4_300.0, 4_450.0, 4_597.0] {
            let alias = alias_of(tone);
            assert!(alias <= -72.0, "{tone} Hz: {alias:.1} dB");
        }
    }

    #[test]
    fn the_band_from_300_to_3400_hz_is_flat_within_a_tenth_of_a_decibel() {
        for (from, to) in [(8_000, 24_000), (24_000, 8_000)] {
            let reference = Measured::of(from, to, 1004.0).level();
            for tone in (0..32).map(|step| 300.0 + 100.0 * f64::from(step)) {
                let ripple = Measured::of(from, to, tone).level() - reference;
                assert!(ripple.abs() <= 0.1, "{from} to {to}, {tone} Hz: {ripple:.3} dB");
            }
        }
    }

    #[test]
    fn a_round_trip_through_16_bits_three_times_keeps_92_5_db_sinad() {
        for tone in TONES {
            let there = resampled(8_000, 24_000, &sine(tone, 8_000, 8_000));
            let back = resampled(24_000, 8_000, &there);
            let sinad = Measured::fit(&back[800..7_200], tone, 8_000).sinad();
            assert!(sinad >= 92.5, "{tone} Hz: {sinad:.1} dB");
        }
    }

    #[test]
    fn the_stream_is_late_by_exactly_the_delay_it_states() {
        for (from, to) in [(8_000, 24_000), (24_000, 8_000), (8_000, 16_000), (16_000, 24_000)] {
            let mut impulse = vec![0_i16; from as usize / 10];
            let at = from as usize / 50;
            impulse[at] = 20_000;
            let out = resampled(from, to, &impulse);
            let peak = (0..out.len()).max_by_key(|&n| out[n].unsigned_abs()).expect("not empty");
            let delay = Resampler::new(from, to).expect("rates are supported").delay();
            let expected = Duration::from_millis(20) + delay;
            assert_eq!(peak as u128, expected.as_micros() * u128::from(to) / 1_000_000, "{from} to {to}");
        }
    }

    #[test]
    fn any_framing_gives_the_same_bits() {
        let input = speech_like(24_000);
        for (from, to) in [(8_000, 24_000), (24_000, 8_000), (8_000, 16_000), (24_000, 16_000)] {
            let whole = resampled(from, to, &input);
            let mut resampler = Resampler::new(from, to).expect("rates are supported");
            for size in [1, 2, 7, 80, 159, 160, 161, 240, 333, 480, 960] {
                let mut out = vec![];
                for piece in input.chunks(size) {
                    resampler.process(piece, &mut out);
                }
                assert_eq!(out, whole, "{from} to {to} in pieces of {size}");
                resampler.reset();
            }
            let (mut out, mut rest, mut size) = (vec![], &input[..], 1);
            while !rest.is_empty() {
                let (piece, later) = rest.split_at(size.min(rest.len()));
                resampler.process(piece, &mut out);
                (rest, size) = (later, size * 7 % 953 + 1);
            }
            assert_eq!(out, whole, "{from} to {to} in uneven pieces");
        }
    }

    #[test]
    fn a_minute_of_frames_gives_a_minute_of_samples_frame_by_frame() {
        // Blocks are counted in whole samples and no ratio is summed up, so an hour is sixty of these.
        let frame = [0; 160];
        let (mut up, mut down) = (resampler(8_000, 24_000), resampler(24_000, 8_000));
        let (mut wide, mut back) = (Vec::with_capacity(480), Vec::with_capacity(160));
        for _ in 0..60 * 50 {
            up.process(&frame, &mut wide);
            down.process(&wide, &mut back);
            assert_eq!((wide.len(), back.len()), (480, 160));
            wide.clear();
            back.clear();
        }
    }

    #[test]
    fn loud_audio_is_held_at_the_rail_and_never_wraps() {
        let square: Vec<i16> = (0..8_000).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let out = resampled(8_000, 24_000, &square);
        let rails = out.iter().filter(|&&sample| sample == i16::MAX || sample == i16::MIN).count();
        assert!(rails > 1_000, "{rails} samples at the rail");
        for (n, &sample) in out.iter().enumerate().skip(240) {
            // 5 ms late; away from the edges the sign is that of the square it came from.
            let place = (n - 120) % 120;
            let positive = (n - 120) / 60 % 2 == 0;
            if (5..55).contains(&(place % 60)) {
                assert_eq!(sample > 0, positive, "sample {n} is {sample}");
            }
        }
    }

    #[test]
    fn draining_brings_out_every_sample_and_leaves_silence() {
        for length in [1, 79, 80, 81, 160, 397] {
            let input = speech_like(length);
            let mut padded = input.clone();
            padded.resize(length.div_ceil(80) * 80 + 80, 0);
            let mut resampler = resampler(8_000, 24_000);
            let mut out = vec![];
            for _ in 0..2 {
                out.clear();
                resampler.process(&input, &mut out);
                resampler.drain(&mut out);
                assert_eq!(out, resampled(8_000, 24_000, &padded), "{length} samples");
            }
            out.clear();
            resampler.drain(&mut out);
            assert!(out.is_empty(), "nothing was inside");
        }
    }

    #[test]
    fn equal_rates_pass_samples_as_they_are() {
        let input = speech_like(333);
        assert_eq!(resampled(16_000, 16_000, &input), input);
        assert_eq!(resampler(16_000, 16_000).delay(), Duration::ZERO);
    }

    #[test]
    fn an_unknown_rate_is_refused_by_its_number() {
        let error = Resampler::new(8_000, 44_100).expect_err("44.1 kHz is not a line's rate");
        assert_eq!(error.to_string(), "resample at 44100 Hz, expected 8000, 16000 or 24000");
        assert!(Resampler::new(0, 8_000).is_err());
    }

    #[test]
    fn streams_of_one_thread_do_not_hear_each_other_nor_those_before() {
        let voice = speech_like(1_600);
        let alone = resampled(8_000, 24_000, &voice);
        // More streams than one bank has channels; every other one is given up in mid-word and its channel used again.
        let mut streams: Vec<_> = (0..3 * CHANNELS).map(|_| (resampler(8_000, 24_000), vec![])).collect();
        for (n, frame) in voice.chunks(100).enumerate() {
            for (place, (stream, out)) in streams.iter_mut().enumerate() {
                stream.process(frame, out);
                if place % 2 == 1 && n == 4 {
                    let mut loud = vec![];
                    stream.process(&[i16::MAX; 333], &mut loud);
                    (*stream, *out) = (resampler(8_000, 24_000), vec![]);
                    stream.process(&voice[..500], out);
                }
            }
        }
        for (_, out) in &streams {
            assert_eq!(*out, alone);
        }
    }

    fn resampler(from: u32, to: u32) -> Resampler {
        Resampler::new(from, to).expect("rates are supported")
    }

    fn resampled(from: u32, to: u32, input: &[i16]) -> Vec<i16> {
        let mut out = vec![];
        resampler(from, to).process(input, &mut out);
        out
    }

    fn sine(tone: f64, rate: u32, samples: usize) -> Vec<i16> {
        (0..samples).map(|n| (MINUS_1_DBFS * (TAU * tone * n as f64 / f64::from(rate)).sin()).round() as i16).collect()
    }

    /// A mix of tones and a little noise, without chance.
    fn speech_like(samples: usize) -> Vec<i16> {
        let mut noise = 1_u32;
        (0..samples)
            .map(|n| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let time = n as f64 / 8_000.0;
                let voice = 9_000.0 * (TAU * 211.0 * time).sin() + 5_000.0 * (TAU * 1_733.0 * time).sin();
                (voice + f64::from(noise >> 20)) as i16
            })
            .collect()
    }

    /// The level of whatever an 8 kHz line gets of a 24 kHz tone that does not belong on it, against the tone's own.
    fn alias_of(tone: f64) -> f64 {
        let out = resampled(24_000, 8_000, &sine(tone, 24_000, 24_000));
        let steady = &out[800..7_200];
        let power = steady.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / steady.len() as f64;
        10.0 * (power.max(1e-12) / (MINUS_1_DBFS.powi(2) / 2.0)).log10()
    }

    /// A resampled tone taken apart into the tone and everything else.
    struct Measured {
        amplitude: f64,
        residue: Vec<f64>,
        rate: f64,
    }

    impl Measured {
        /// The steady part of a one-second tone of −1 dBFS.
        fn of(from: u32, to: u32, tone: f64) -> Self {
            let out = resampled(from, to, &sine(tone, from, from as usize));
            let tenth = to as usize / 10;
            Self::fit(&out[tenth..tenth * 9], tone, to)
        }

        /// Least squares of a sine and a cosine of `tone`.
        fn fit(samples: &[i16], tone: f64, rate: u32) -> Self {
            let basis = |n: usize| (TAU * tone * n as f64 / f64::from(rate)).sin_cos();
            let (mut ss, mut sc, mut cc, mut xs, mut xc) = (0.0, 0.0, 0.0, 0.0, 0.0);
            for (n, &sample) in samples.iter().enumerate() {
                let ((s, c), x) = (basis(n), f64::from(sample));
                ss += s * s;
                sc += s * c;
                cc += c * c;
                xs += x * s;
                xc += x * c;
            }
            let determinant = ss * cc - sc * sc;
            let (a, b) = ((xs * cc - xc * sc) / determinant, (xc * ss - xs * sc) / determinant);
            let residue = samples.iter().enumerate().map(|(n, &sample)| {
                let (s, c) = basis(n);
                f64::from(sample) - a * s - b * c
            });
            Self { amplitude: a.hypot(b), residue: residue.collect(), rate: f64::from(rate) }
        }

        fn level(&self) -> f64 {
            20.0 * (self.amplitude / MINUS_1_DBFS).log10()
        }

        fn sinad(&self) -> f64 {
            let noise = self.residue.iter().map(|x| x * x).sum::<f64>() / self.residue.len() as f64;
            10.0 * (self.amplitude.powi(2) / 2.0 / noise).log10()
        }

        /// Energy of the residue above `edge` Hz against the tone, by a plain transform over 100 ms pieces.
        fn residue_above(&self, edge: f64) -> f64 {
            let size = self.rate as usize / 10;
            let turns: Vec<(f64, f64)> = (0..size).map(|n| (TAU * n as f64 / size as f64).sin_cos()).collect();
            let piece = &self.residue[..size];
            let mut power = 0.0;
            for bin in (edge * size as f64 / self.rate) as usize + 1..size / 2 {
                let (mut re, mut im) = (0.0, 0.0);
                for (n, x) in piece.iter().enumerate() {
                    let (s, c) = turns[bin * n % size];
                    re += x * c;
                    im += x * s;
                }
                power += 2.0 * (re * re + im * im) / (size * size) as f64;
            }
            10.0 * (power.max(1e-12) / (self.amplitude.powi(2) / 2.0)).log10()
        }
    }
}
