//! `switchboard bench --audio`: measures what the audio path does to sound, and compares every
//! figure with its limit.
//!
//! All figures are computed on the spot from the converters that calls use: G.711 and the
//! resampler, fed frame by frame as in a call. The plot shows a caller's tone as the model receives
//! it, through our resampler and through linear interpolation. A round trip at 8 kHz cannot tell
//! the two apart; an ear at 24 kHz can.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use switchboard_actors::audio::resample::Resampler;
use switchboard_actors::carrier::Encoding;
use switchboard_actors::g711;

use super::load::BenchError;
use super::tone::{AMPLITUDE, Measured, level, sine, spectrum};

/// The complete table.
#[derive(Debug, Serialize)]
pub(super) struct AudioTable {
    figures: Vec<Figure>,
    /// Whether every figure is within its limit.
    passed: bool,
    /// How the PESQ value is obtained.
    pesq: &'static str,
}

/// One line of the table.
#[derive(Debug, Serialize)]
struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    limit: Limit,
    passed: bool,
}

/// The limit of a figure.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Limit {
    /// This value or more.
    AtLeast(f64),
    /// This value or less.
    AtMost(f64),
    /// Exactly this value.
    Exactly(f64),
}

/// Measures, prints, and writes `audio.json` and `spectra.svg` into `out`. The exit code says
/// whether all limits are met.
pub(super) fn run(out: &Path, json: bool) -> Result<ExitCode, BenchError> {
    let failed = |what| move |source| BenchError::Io { what, source };
    std::fs::create_dir_all(out).map_err(failed("make the output folder"))?;
    let table = AudioTable::measured(3_600);
    let sheet = serde_json::to_string_pretty(&table).expect("a table of numbers is JSON");
    std::fs::write(out.join("audio.json"), &sheet).map_err(failed("write the audio table"))?;
    std::fs::write(out.join("spectra.svg"), spectra()).map_err(failed("write the plot"))?;
    let shown = if json { format!("{sheet}\n") } else { table.text(out) };
    std::io::stdout().lock().write_all(shown.as_bytes()).map_err(failed("print the audio table"))?;
    Ok(if table.passed { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

impl AudioTable {
    /// Measures all figures. Samples are counted over `counted_s` seconds of a call.
    fn measured(counted_s: u32) -> Self {
        let mut figures = Vec::new();
        let mut add = |name, value: f64, unit, limit: Limit| {
            figures.push(Figure { name, value, unit, limit, passed: limit.holds(value) });
        };
        for (names, (from, to), sinad) in [
            (["SINAD phone > model, 24 kHz, least of 7 tones", "gain 300-3400 Hz against 1004 Hz, up"], UP, 92.5),
            (["SINAD model > phone, 8 kHz, least of 7 tones", "gain 300-3400 Hz against 1004 Hz, down"], DOWN, 94.0),
        ] {
            add(names[0], least_sinad(from, to), "dB", Limit::AtLeast(sinad));
            add(names[1], ripple(from, to), "dB", Limit::AtMost(0.1));
        }
        add("SINAD 8 > 16 kHz, least of 7 tones", least_sinad(8_000, 16_000), "dB", Limit::AtLeast(92.5));
        add("SINAD 16 > 8 kHz, least of 7 tones", least_sinad(16_000, 8_000), "dB", Limit::AtLeast(92.5));
        add("round trip 8 > 24 > 8, PCM16, least of 7 tones", least_round_trip(), "dB", Limit::AtLeast(92.5));
        let (once, twice) = mulaw();
        add("mu-law at both ends of that, multitone, SINAD", twice, "dB", Limit::AtLeast(36.5));
        add("what it lost to mu-law once", once - twice, "dB", Limit::AtMost(0.2));
        add("images, input to 3.4 kHz", images(), "dB", Limit::AtMost(-95.0));
        add("aliases 24 > 8 of 4.6 kHz and above", aliases(&FAR), "dB", Limit::AtMost(-99.0));
        add("aliases 24 > 8 of 4.0-4.6 kHz", aliases(&NEAR), "dB", Limit::AtMost(-72.0));
        add("delay up", delay(UP.0, UP.1), "ms", Limit::AtMost(5.0));
        add("delay down", delay(DOWN.0, DOWN.1), "ms", Limit::AtMost(5.0));
        add("delay both ways, in samples of 8 kHz, after the point", delay_fraction(), "", Limit::Exactly(0.0));
        add("frames of 1 to 960 samples against one piece, most apart", framing(), "LSB", Limit::Exactly(0.0));
        add("samples too many or too few in an hour, up", miscount(UP, counted_s), "", Limit::Exactly(0.0));
        add("samples too many or too few in an hour, down", miscount(DOWN, counted_s), "", Limit::Exactly(0.0));
        add("clicks over -40 dBFS", clicks(), "", Limit::Exactly(0.0));
        add("wrapped samples of a full-scale square, both ways", wraps(), "", Limit::Exactly(0.0));
        add("mu-law codes that do not come back, of 256", codes_lost(), "", Limit::Exactly(1.0));
        let passed = figures.iter().all(|figure| figure.passed);
        Self { figures, passed, pesq: PESQ }
    }

    fn text(&self, out: &Path) -> String {
        let mut text = String::from("| figure | ours | limit | |\n|---|---|---|---|\n");
        for figure in &self.figures {
            let Figure { name, value, unit, limit, passed } = figure;
            let verdict = if *passed { "kept" } else { "MISSED" };
            let _ = writeln!(text, "| {name} | {} {unit} | {} | {verdict} |", number(*value), limit.words());
        }
        let _ = writeln!(text, "\n{}\nTable and plot: {}", self.pesq, out.display());
        text
    }
}

impl Limit {
    #[expect(clippy::float_cmp, reason = "counts are whole numbers")]
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(limit) => value >= limit,
            Self::AtMost(limit) => value <= limit,
            Self::Exactly(limit) => value == limit,
        }
    }

    fn words(self) -> String {
        match self {
            Self::AtLeast(limit) => format!(">= {}", number(limit)),
            Self::AtMost(limit) => format!("<= {}", number(limit)),
            Self::Exactly(limit) => number(limit),
        }
    }
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 {
        format!("{value:.0}")
    } else if value.abs() < 1.0 {
        format!("{value:.3}")
    } else {
        format!("{value:.1}")
    }
}

fn resampler(from: u32, to: u32) -> Resampler {
    Resampler::new(from, to).expect("8, 16 and 24 kHz are what it is for")
}

/// Resamples as a call does: 20 ms at a time.
fn resampled(from: u32, to: u32, input: &[i16]) -> Vec<i16> {
    let (mut resampler, mut out) = (resampler(from, to), Vec::new());
    input.chunks(from as usize / 50).for_each(|frame| resampler.process(frame, &mut out));
    out
}

fn through(from: u32, to: u32, tone: f64) -> Measured {
    Measured::fit(&resampled(from, to, &sine(tone, from, from as usize)), tone, to)
}

fn least(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::INFINITY, f64::min)
}

fn most(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(f64::NEG_INFINITY, f64::max)
}

fn least_sinad(from: u32, to: u32) -> f64 {
    least(TONES.iter().map(|&tone| through(from, to, tone).sinad()))
}

fn ripple(from: u32, to: u32) -> f64 {
    let reference = through(from, to, 1_004.0).gain();
    most((0..32).map(|step| (through(from, to, 300.0 + 100.0 * f64::from(step)).gain() - reference).abs()))
}

fn least_round_trip() -> f64 {
    least(TONES.iter().map(|&tone| {
        let back = resampled(24_000, 8_000, &resampled(8_000, 24_000, &sine(tone, 8_000, 8_000)));
        Measured::fit(&back, tone, 8_000).sinad()
    }))
}

/// SINAD of a multitone after mu-law alone, and after mu-law, up, down and mu-law again. The second
/// coding costs 3 dB unless the delay of both resamplers is a whole number of samples: only then
/// does it produce the same code words again.
fn mulaw() -> (f64, f64) {
    let tones = multitone();
    let once = coded(&tones);
    let back = coded(&resampled(24_000, 8_000, &resampled(8_000, 24_000, &once)));
    let late = ((delay(UP.0, UP.1) + delay(DOWN.0, DOWN.1)) * 8.0).round() as usize;
    (multitone_sinad(&tones, &once, 0), multitone_sinad(&tones, &back, late))
}

/// SINAD of `back`, which is `late` samples late, relative to the input at the gain that fits best.
fn multitone_sinad(tones: &[i16], back: &[i16], late: usize) -> f64 {
    let pairs: Vec<(f64, f64)> =
        tones[1_000..7_000].iter().zip(&back[1_000 + late..]).map(|(&a, &b)| (f64::from(a), f64::from(b))).collect();
    let (ab, aa): (f64, f64) = pairs.iter().fold((0.0, 0.0), |(ab, aa), (a, b)| (ab + a * b, aa + a * a));
    let gain = ab / aa;
    let noise: f64 = pairs.iter().map(|(a, b)| (b - gain * a).powi(2)).sum();
    10.0 * (gain * gain * aa / noise).log10()
}

/// Encodes to mu-law and decodes again.
fn coded(samples: &[i16]) -> Vec<i16> {
    let (mut codes, mut out) = (Vec::new(), Vec::new());
    g711::encode(Encoding::MuLaw, samples, &mut codes);
    g711::decode(Encoding::MuLaw, &codes, &mut out);
    out
}

/// Twelve tones of the telephone band at -13 dBFS in total, at frequencies off any regular grid.
fn multitone() -> Vec<i16> {
    let tones = [307.0, 431.0, 613.0, 811.0, 1_009.0, 1_301.0, 1_607.0, 1_901.0, 2_203.0, 2_609.0, 3_001.0, 3_301.0];
    let each = 32_768.0 * 10_f64.powf(-13.0 / 20.0) * (2.0 / tones.len() as f64).sqrt();
    let at = |n: usize| -> f64 {
        let turn = |(k, hz): (usize, &f64)| {
            let phase = (k * k) as f64 * 0.7;
            (std::f64::consts::TAU * hz * n as f64 / 8_000.0 + phase).sin()
        };
        tones.iter().enumerate().map(turn).sum()
    };
    (0..8_000).map(|n| (each * at(n)).round() as i16).collect()
}

fn images() -> f64 {
    most(TONES.iter().map(|&tone| through(8_000, 24_000, tone).above(4_000.0)))
}

fn aliases(tones: &[f64]) -> f64 {
    most(tones.iter().map(|&tone| level(&resampled(24_000, 8_000, &sine(tone, 24_000, 24_000)))))
}

/// The measured delay of an impulse, independent of what the resampler reports.
fn delay(from: u32, to: u32) -> f64 {
    let mut impulse = vec![0_i16; from as usize / 10];
    let at = from as usize / 50;
    impulse[at] = 20_000;
    let out = resampled(from, to, &impulse);
    let peak = (0..out.len()).max_by_key(|&n| out[n].unsigned_abs()).unwrap_or(0);
    let ms = 1_000.0 * (peak as f64 / f64::from(to) - at as f64 / f64::from(from));
    // One sample is 42 µs, so digits beyond the microsecond are rounding error.
    (ms * 1_000.0).round() / 1_000.0
}

fn delay_fraction() -> f64 {
    let samples = (delay(UP.0, UP.1) + delay(DOWN.0, DOWN.1)) * 8.0;
    let apart = (samples - samples.round()).abs();
    if apart < 1e-6 { 0.0 } else { apart }
}

fn framing() -> f64 {
    let input = multitone();
    let apart = |from, to| {
        let mut whole = Vec::new();
        resampler(from, to).process(&input, &mut whole);
        let worst = (1..=960).step_by(7).chain([160, 240, 480, 960]).map(|size| {
            let (mut resampler, mut out) = (resampler(from, to), Vec::new());
            input.chunks(size).for_each(|piece| resampler.process(piece, &mut out));
            let differs = out.iter().zip(&whole).map(|(a, b)| f64::from(a.abs_diff(*b)));
            most(differs).max(out.len().abs_diff(whole.len()) as f64)
        });
        most(worst)
    };
    apart(UP.0, UP.1).max(apart(DOWN.0, DOWN.1))
}

fn miscount((from, to): (u32, u32), seconds: u32) -> f64 {
    let (mut resampler, mut out, frame) = (resampler(from, to), Vec::new(), vec![0; from as usize / 50]);
    let mut count = 0_u64;
    for _ in 0..seconds * 50 {
        out.clear();
        resampler.process(&frame, &mut out);
        count += out.len() as u64;
    }
    count.abs_diff(u64::from(to) * u64::from(seconds)) as f64
}

/// Number of samples in about a minute of upsampled tones that differ from the tone by more than
/// -40 dBFS.
fn clicks() -> f64 {
    let count = |tone: f64| {
        let out = resampled(8_000, 24_000, &sine(tone, 8_000, 8_000 * 8));
        Measured::fit(&out, tone, 24_000).beyond(327.68)
    };
    TONES.iter().map(|&tone| count(tone) as f64).sum()
}

/// Number of samples that wrapped. A square wave of full scale overshoots; a sample with the wrong
/// sign has wrapped.
fn wraps() -> f64 {
    let wrapped = |from: u32, to: u32| {
        let half = from as usize / 400;
        let square: Vec<i16> =
            (0..from as usize / 2).map(|n| if (n / half).is_multiple_of(2) { i16::MAX } else { i16::MIN }).collect();
        let out = resampled(from, to, &square);
        let (half, late) = (to as usize / 400, (delay(from, to) * f64::from(to) / 1_000.0).round() as usize);
        let near = half / 6;
        let wrong = |&n: &usize| {
            let place = n - late;
            let inside = (near..half - near).contains(&(place % half));
            inside && (out[n] > 0) != (place / half).is_multiple_of(2)
        };
        (late + half..out.len()).filter(wrong).count() as f64
    };
    wrapped(UP.0, UP.1) + wrapped(DOWN.0, DOWN.1)
}

/// Number of mu-law codes that do not survive a round trip. Zero has two codes, so one of them
/// cannot.
fn codes_lost() -> f64 {
    (0..=255_u8).filter(|&code| g711::encode_mulaw(g711::decode_mulaw(code)) != code).count() as f64
}

/// Plots a caller's tone as the model receives it: by our resampler, and by linear interpolation.
fn spectra() -> String {
    let tone = sine(SHOWN_HZ, 8_000, 8_000);
    let linear: Vec<i16> = tone
        .windows(2)
        .flat_map(|pair| (0..3).map(move |n| ((i32::from(pair[0]) * (3 - n) + i32::from(pair[1]) * n) / 3) as i16))
        .collect();
    let lines =
        [("#d62728", "linear interpolation", linear), ("#1f77b4", "switchboard", resampled(8_000, 24_000, &tone))];
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="white"/><text x="{LEFT}" y="18" font-size="14">A caller's tone of {SHOWN_HZ} Hz as the model is given it at 24 kHz</text>
"#
    );
    let x = |hz: f64| LEFT + (WIDTH - LEFT - 20.0) * hz / 12_000.0;
    let y = |db: f64| 34.0 + (HEIGHT - BOTTOM - 34.0) * (db / LOWEST_DB).clamp(0.0, 1.0);
    for db in [0.0, -20.0, -40.0, -60.0, -80.0, -100.0, -120.0] {
        let at = y(db);
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {at}H{}" stroke="#ddd"/><text x="4" y="{}">{db} dB</text>"##,
            WIDTH - 20.0,
            at + 4.0
        );
    }
    for khz in [0, 2, 4, 6, 8, 10, 12] {
        let _ = writeln!(
            svg,
            r#"<text x="{}" y="{}" text-anchor="middle">{khz} kHz</text>"#,
            x(f64::from(khz) * 1_000.0),
            HEIGHT - BOTTOM + 16.0
        );
    }
    for (n, (colour, name, samples)) in lines.iter().enumerate() {
        let points: Vec<String> = levels(samples).map(|(hz, db)| format!("{:.1},{:.1}", x(hz), y(db))).collect();
        let _ = writeln!(svg, r#"<polyline points="{}" fill="none" stroke="{colour}"/>"#, points.join(" "));
        let at = LEFT + 10.0 + 200.0 * n as f64;
        let _ = writeln!(svg, r#"<text x="{at}" y="{}" fill="{colour}">{name}</text>"#, HEIGHT - 8.0);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Frequency and level of each bin, with a window that does not leak into neighbouring bins.
fn levels(samples: &[i16]) -> impl Iterator<Item = (f64, f64)> {
    let piece = &samples[4_800..4_800 + PIECE];
    let windowed: Vec<f64> = piece
        .iter()
        .enumerate()
        .map(|(n, &sample)| {
            let turn = std::f64::consts::TAU * n as f64 / PIECE as f64;
            let window = 0.35875 - 0.48829 * turn.cos() + 0.14128 * (2.0 * turn).cos() - 0.01168 * (3.0 * turn).cos();
            f64::from(sample) * window / 0.35875
        })
        .collect();
    let power = spectrum(&windowed);
    let top = AMPLITUDE * AMPLITUDE / 2.0;
    let width = 24_000.0 / PIECE as f64;
    power.into_iter().enumerate().map(move |(bin, power)| (bin as f64 * width, 10.0 * (power / top).max(1e-13).log10()))
}

const UP: (u32, u32) = (8_000, 24_000);
const DOWN: (u32, u32) = (24_000, 8_000);
/// Test tones in Hz. Tones on multiples of 50 Hz repeat from block to block and hide the faults of
/// a block transform; three of these are off that grid.
const TONES: [f64; 7] = [300.0, 1_004.0, 2_000.0, 2_007.0, 3_000.0, 3_389.0, 3_400.0];
/// Tones outside the telephone band in Hz, far above it and close to it.
const FAR: [f64; 7] = [4_600.0, 4_807.0, 5_500.0, 7_013.0, 8_000.0, 9_997.0, 11_900.0];
const NEAR: [f64; 6] = [4_013.0, 4_100.0, 4_203.0, 4_300.0, 4_450.0, 4_597.0];
const PESQ: &str = "PESQ-NB (limit 4.54, PCM16 round trip) is measured outside: `switchboard call --wav IN --heard OUT` against the rehearsal, \
                    then ITU-T P.862 on both files; no implementation of it may be shipped here.";
const SHOWN_HZ: f64 = 1_004.0;
const PIECE: usize = 2_400;
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 64.0;
const BOTTOM: f64 = 48.0;
const LOWEST_DB: f64 = -120.0;

#[cfg(test)]
mod tests;
