use std::f64::consts::TAU;

use super::*;

/// Tones on the 50 Hz grid repeat from block to block and hide a block transform's faults. Three of
/// these tones are off the grid.
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
    // Blocks are counted in whole samples and no ratio is summed up, so an hour is sixty of these
    // minutes.
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
fn loud_audio_is_clipped_and_never_wraps() {
    let square: Vec<i16> = (0..8_000).map(|n| if n / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
    let out = resampled(8_000, 24_000, &square);
    let rails = out.iter().filter(|&&sample| sample == i16::MAX || sample == i16::MIN).count();
    assert!(rails > 1_000, "{rails} samples at the rail");
    for (n, &sample) in out.iter().enumerate().skip(240) {
        // The output is 5 ms late. Away from the edges its sign is that of the input square.
        let place = (n - 120) % 120;
        let positive = (n - 120) / 60 % 2 == 0;
        if (5..55).contains(&(place % 60)) {
            assert_eq!(sample > 0, positive, "sample {n} is {sample}");
        }
    }
}

#[test]
fn draining_brings_out_every_sample_and_leaves_silence() {
    for ((from, to), length) in [(8_000, 24_000), (24_000, 8_000)]
        .into_iter()
        .flat_map(|rates| [1, 79, 80, 81, 160, 397].map(|length| (rates, length)))
    {
        let input = speech_like(length);
        let mut padded = input.clone();
        padded.resize(length + from as usize / 50, 0);
        let mut resampler = resampler(from, to);
        let mut out = vec![];
        for _ in 0..2 {
            out.clear();
            resampler.process(&input, &mut out);
            resampler.drain(&mut out);
            let all = resampled(from, to, &padded);
            assert_eq!(out, all[..out.len()], "{length} samples");
            assert!(all[out.len()..].iter().all(|&sample| sample == 0), "{length} samples");
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
fn streams_of_one_thread_share_no_filter_state() {
    let voice = speech_like(1_600);
    let alone = resampled(8_000, 24_000, &voice);
    // Every other stream is abandoned in mid-word and begins again.
    let mut streams: Vec<_> = (0..8).map(|_| (resampler(8_000, 24_000), vec![])).collect();
    for (n, frame) in voice.chunks(100).enumerate() {
        for (place, (stream, out)) in streams.iter_mut().enumerate() {
            stream.process(frame, out);
            if place % 2 == 1 && n == 4 {
                stream.process(&[i16::MAX; 333], &mut vec![]);
                stream.reset();
                out.clear();
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

/// A mix of tones and a little noise, without randomness.
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

/// The level of the alias that an 8 kHz line gets of a 24 kHz tone outside its band, relative to
/// the tone's own level.
fn alias_of(tone: f64) -> f64 {
    let out = resampled(24_000, 8_000, &sine(tone, 24_000, 24_000));
    let steady = &out[800..7_200];
    let power = steady.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>() / steady.len() as f64;
    10.0 * (power.max(1e-12) / (MINUS_1_DBFS.powi(2) / 2.0)).log10()
}

/// A resampled tone, split into the tone and the residue.
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

    /// Energy of the residue above `edge` Hz relative to the tone, by a plain transform over 100 ms
    /// pieces.
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
