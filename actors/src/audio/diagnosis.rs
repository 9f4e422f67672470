//! The format detector: does the carrier send the format that it declares? Pure.
//!
//! The first half second of *voiced* audio is kept as it came, and judged once: its level, its
//! offset, its clipping, and whether another format is more plausible for the bytes
//! ([`super::candidate_format`]). Noise proves nothing, so a sample of noise is discarded and
//! another one taken. Packets are timed for the whole call, which costs a few additions each: their
//! interval, the loss by the carrier's clock, and a rate that is not the declared one. A line that
//! brings too many samples for its time is played too slowly. A line whose upper half band is empty
//! during speech was probably slowed down upstream.
//!
//! Findings are for an operator: each has a word and a next step. A finding that rewriting the
//! bytes corrects can be corrected on the fly, if the operator enables it. Audio to the carrier
//! stays in the declared format.
//!
//! Cost: 0.1 to 0.6 µs a frame until a voice was heard, about 0.1 ms once for the verdict, and a
//! few nanoseconds a frame from then on. The sample's 8 KiB are allocated with the first voiced
//! frame and freed with the verdict. Nothing is allocated between.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::candidate_format::{CandidateFormat, predictability};
use super::energy::Energy;
use super::high_band::HighBand;
use super::packet_timing::PacketTiming;
use super::scratch::Scratch;
use super::second_opinion::{Opinion, Opinions};
use crate::carrier::{AudioFormat, CallerFrame, Encoding};
use crate::finding::{Finding, Tenths};
use crate::g711;

/// The findings about the caller's audio of one call. Numbers describe the judged sample in its
/// best format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnosis {
    /// `good`, `faulty`, or `no_voice` while nothing could be judged.
    pub verdict: &'static str,
    /// The faults, the worst first.
    pub findings: Vec<Finding>,
    /// Whether the bytes are rewritten as they come.
    pub corrected: bool,
    /// The most plausible format.
    #[serde(rename = "reading")]
    pub candidate: CandidateFormat,
    /// Length of the voiced audio that was judged.
    pub judged_ms: u64,
    /// The sample's level, dB of full scale (RMS).
    pub level_dbfs: Option<Tenths>,
    /// The sample's peak, dB of full scale.
    pub peak_dbfs: Option<Tenths>,
    /// The sample's mean, per cent of full scale.
    pub offset_percent: Option<Tenths>,
    /// Clipped samples, per cent.
    pub clipped_percent: Option<Tenths>,
    /// Prediction gain, dB. Speech has 5 to 17, noise none.
    pub predictability_db: Option<Tenths>,
    /// Energy of the upper half band, dB. Telephone speech has more than -30.
    pub upper_half_db: Option<Tenths>,
    /// The packets' timing.
    pub packets: Packets,
    /// Our detector compared with the server's reports of speech. Absent where nothing was compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speech_opinions: Option<Opinions>,
    /// The carrier's name, for the log.
    #[serde(skip)]
    pub carrier: &'static str,
}

/// The packets of the caller's audio so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Packets {
    /// Number of packets.
    pub count: u64,
    /// Audio in the last packet, by its declared format.
    pub length_ms: Tenths,
    /// Average time between two arrivals.
    pub interval_ms: Option<Tenths>,
    /// Audio that is missing by the carrier's clock.
    pub lost_ms: u64,
    /// The missing audio, per cent of the expected audio.
    pub lost_percent: Tenths,
    /// Measured samples a second, rounded to a thousand. Absent until it is known.
    pub rate_hz: Option<u32>,
}

/// The detector of one call's caller.
#[derive(Debug)]
pub(crate) struct FormatDetector {
    format: AudioFormat,
    /// Whether exact findings are corrected.
    correct: bool,
    /// Voiced audio as it came, until the verdict. The memory is freed after that.
    sample: Vec<u16>,
    examining: bool,
    /// Samples so far that were only noise.
    noise: u32,
    /// The unit that repeats without change, and its number of bytes.
    constant: (u16, u64),
    high_band: HighBand,
    packet_timing: PacketTiming,
    found: Diagnosis,
    /// When a diagnosis was last reported.
    reported: Option<Instant>,
}

impl FormatDetector {
    /// A detector that has heard nothing yet.
    pub(crate) fn new(format: AudioFormat, carrier: &'static str) -> Self {
        let found = Diagnosis {
            verdict: "no_voice",
            findings: Vec::new(),
            corrected: false,
            candidate: CandidateFormat::Declared,
            judged_ms: 0,
            level_dbfs: None,
            peak_dbfs: None,
            offset_percent: None,
            clipped_percent: None,
            predictability_db: None,
            upper_half_db: None,
            packets: Packets::default(),
            speech_opinions: None,
            carrier,
        };
        Self {
            format,
            correct: false,
            sample: Vec::new(),
            examining: true,
            noise: 0,
            constant: (0, 0),
            high_band: HighBand::default(),
            packet_timing: PacketTiming::new(format),
            found,
            reported: None,
        }
    }

    /// Takes a frame of whole samples and corrects it where that was decided. Returns a diagnosis
    /// when there is a new one.
    pub(crate) fn hear(&mut self, frame: &mut CallerFrame, now: Instant) -> Option<Diagnosis> {
        self.packet_timing.hear(frame.payload.len(), frame.timestamp, now);
        let reported = *self.reported.get_or_insert(now);
        let judged = (self.examining || self.high_band.is_wanted()) && self.examine(&frame.payload);
        if self.found.corrected {
            self.found.candidate.correct(self.format.encoding, &mut frame.payload);
        }
        (judged || now.saturating_duration_since(reported) >= REPORT_EVERY).then(|| {
            self.reported = Some(now);
            self.diagnosis()
        })
    }

    /// Counts an opinion on the caller's speech. Returns the diagnosis with the new counts.
    pub(crate) fn count(&mut self, opinion: Opinion) -> Diagnosis {
        self.found.speech_opinions.get_or_insert_default().count(opinion);
        self.diagnosis()
    }

    /// Corrects exact findings from now on.
    pub(crate) fn correct(&mut self) {
        self.correct = true;
    }

    /// Examines the line again from the next frame on.
    pub(crate) fn examine_again(&mut self) {
        (self.examining, self.noise, self.constant, self.high_band) = (true, 0, (0, 0), HighBand::default());
        self.sample.clear();
    }

    /// The diagnosis so far.
    pub(crate) fn diagnosis(&self) -> Diagnosis {
        let mut found = self.found.clone();
        found.packets = self.packet_timing.packets();
        found.upper_half_db = self.high_band.decibels().map(Tenths::of);
        let late = self.packet_timing.findings().chain(self.high_band.finding());
        found.findings.extend(late);
        found.findings.sort_unstable();
        found.findings.dedup();
        if !found.findings.is_empty() {
            found.verdict = "faulty";
        }
        found
    }

    /// Examines a frame and returns whether there is a new verdict.
    fn examine(&mut self, payload: &[u8]) -> bool {
        if self.examining && self.is_constant(payload) {
            return self.judge_silence();
        }
        if !self.is_voiced(payload) {
            return false;
        }
        let encoding = self.format.encoding;
        let candidate = self.found.candidate;
        let upper_judged =
            self.high_band.hear(units(encoding, payload).map(|unit| candidate.sample(encoding, unit)), self.format);
        if !self.examining {
            return upper_judged;
        }
        // Most of a call's audio is silence, and a call without speech needs no buffer.
        let room = wanted(self.format) - self.sample.len();
        self.sample.reserve_exact(room);
        self.sample.extend(units(encoding, payload).take(room));
        if self.sample.len() < wanted(self.format) {
            return false;
        }
        self.judge()
    }

    /// Whether the frame is one repeated unit. The count continues from the frames before it.
    fn is_constant(&mut self, payload: &[u8]) -> bool {
        let mut units = units(self.format.encoding, payload);
        let Some(first) = units.next() else { return false };
        if !units.all(|unit| unit == first) {
            self.constant = (first, 0);
            return false;
        }
        let before = if self.constant.0 == first { self.constant.1 } else { 0 };
        self.constant = (first, before + payload.len() as u64);
        true
    }

    /// Judges a line that only repeats one unit, which is silence in some format.
    fn judge_silence(&mut self) -> bool {
        let (unit, bytes) = self.constant;
        let so_long = self.format.duration_of(usize::try_from(bytes).unwrap_or(usize::MAX));
        let encoding = self.format.encoding;
        let is_silence = |candidate: &CandidateFormat| candidate.sample(encoding, unit).unsigned_abs() <= SILENCE;
        let meant = CandidateFormat::of(encoding).iter().copied().find(is_silence);
        let (patience, candidate) = match meant {
            Some(other) if other != CandidateFormat::Declared && other.is_exact(encoding) => (FOREIGN_SILENCE, other),
            _ => (DIGITAL_SILENCE, CandidateFormat::Declared),
        };
        let was = (self.found.candidate, self.found.findings.contains(&Finding::Silent));
        if so_long < patience || self.found.judged_ms > 0 || was == (candidate, candidate == CandidateFormat::Declared)
        {
            return false;
        }
        self.found.findings.clear();
        self.settle_on(candidate);
        if candidate == CandidateFormat::Declared {
            self.found.findings.push(Finding::Silent);
        }
        true
    }

    /// Whether the frame has the energy of a voice in every format. Silence in one format is noise
    /// in another.
    fn is_voiced(&self, payload: &[u8]) -> bool {
        let encoding = self.format.encoding;
        let candidates = if self.examining { CandidateFormat::of(encoding) } else { &[CandidateFormat::Declared] };
        candidates.iter().all(|&candidate| {
            Scratch::lend(|Scratch { narrow, .. }| {
                let samples = if candidate == CandidateFormat::Declared {
                    g711::read(encoding, payload, narrow)
                } else {
                    narrow.extend(units(encoding, payload).map(|unit| candidate.sample(encoding, unit)));
                    narrow
                };
                Energy::of(samples).variance() > VOICED
            })
        })
    }

    /// Judges the sample and returns whether it proved anything.
    fn judge(&mut self) -> bool {
        let encoding = self.format.encoding;
        let piece = self.format.rate_hz as usize / 50;
        let gain = |candidate: &CandidateFormat| {
            predictability(self.sample.iter().map(|&u| candidate.sample(encoding, u)), piece)
        };
        let declared = gain(&CandidateFormat::Declared);
        let others = CandidateFormat::of(encoding).iter().skip(1).map(|&candidate| (candidate, gain(&candidate)));
        let (best, most) = others.fold((CandidateFormat::Declared, declared + CLEARLY), |best, other| {
            if other.1 > best.1 && other.1 >= SOUND { other } else { best }
        });
        let predictable = if best == CandidateFormat::Declared { declared } else { most };
        if best == CandidateFormat::Declared && declared < SOUND && self.noise < MOST_NOISE {
            self.noise += 1;
            self.sample.clear();
            return false;
        }
        self.found.findings.clear();
        self.found.verdict = "good";
        self.settle_on(best);
        self.found.predictability_db = Some(Tenths::of(predictable));
        self.measure(predictable);
        self.examining = false;
        self.sample = Vec::new();
        true
    }

    /// Adopts a format for the line.
    fn settle_on(&mut self, candidate: CandidateFormat) {
        self.found.candidate = candidate;
        self.found.corrected =
            self.correct && candidate != CandidateFormat::Declared && candidate.is_exact(self.format.encoding);
        self.found.findings.extend(finding_of(candidate));
    }

    /// Measures level, offset and clipping of the sample in the format that was found.
    fn measure(&mut self, predictable: f32) {
        let encoding = self.format.encoding;
        let (candidate, rail) = (self.found.candidate, rail(self.found.candidate, encoding));
        let (mut sum, mut squares, mut peak, mut clipped, mut run) = (0_i64, 0_i64, 0_u16, 0_u32, 0_u32);
        for &unit in &self.sample {
            let sample = candidate.sample(encoding, unit);
            let (value, magnitude) = (i64::from(sample), sample.unsigned_abs());
            (sum, squares, peak) = (sum + value, squares + value * value, peak.max(magnitude));
            run = if magnitude >= rail { run + 1 } else { 0 };
            // A wave may touch the limit for a sample. Only a flat top stays there.
            clipped += match run {
                0..FLAT => 0,
                FLAT => FLAT,
                _ => 1,
            };
        }
        let count = self.sample.len().max(1) as f32;
        let offset = sum as f32 / count;
        let level = decibels((squares as f32 / count - offset * offset).max(1.0).sqrt());
        let clipped = 100.0 * clipped as f32 / count;
        let found = &mut self.found;
        found.judged_ms = self.format.duration_of(self.sample.len() * encoding.sample_bytes()).as_millis() as u64;
        found.level_dbfs = Some(Tenths::of(level));
        found.peak_dbfs = Some(Tenths::of(decibels(f32::from(peak.max(1)))));
        found.offset_percent = Some(Tenths::of(100.0 * offset / FULL_SCALE));
        found.clipped_percent = Some(Tenths::of(clipped));
        let faults = [
            (offset.abs() > MOST_OFFSET, Finding::Offset),
            (clipped > MOST_CLIPPED, Finding::Clipped),
            (level > LOUDEST, Finding::TooLoud),
            (level < QUIETEST && (SOUND..TONE).contains(&predictable), Finding::TooQuiet),
        ];
        found.findings.extend(faults.into_iter().filter_map(|(is_so, finding)| is_so.then_some(finding)));
    }
}

const fn finding_of(candidate: CandidateFormat) -> Option<Finding> {
    match candidate {
        CandidateFormat::Declared => None,
        CandidateFormat::Swapped => Some(Finding::ByteOrder),
        CandidateFormat::Unsigned => Some(Finding::Unsigned),
        CandidateFormat::UnsignedSwapped => Some(Finding::UnsignedByteOrder),
        CandidateFormat::ALaw => Some(Finding::AlawAsMulaw),
        CandidateFormat::MuLaw => Some(Finding::MulawAsAlaw),
    }
}

/// The units of a line's bytes: codes, or pairs of bytes.
fn units(encoding: Encoding, bytes: &[u8]) -> impl Iterator<Item = u16> {
    let pcm = encoding == Encoding::Pcm16;
    let (pairs, codes) = if pcm { (bytes.as_chunks::<2>().0, &[][..]) } else { (&[][..], bytes) };
    pairs.iter().map(|&pair| u16::from_le_bytes(pair)).chain(codes.iter().map(|&code| u16::from(code)))
}

/// The magnitude from which a sample counts as clipped: the largest that the codes have.
const fn rail(candidate: CandidateFormat, encoding: Encoding) -> u16 {
    match (candidate, encoding) {
        (CandidateFormat::ALaw, _) | (CandidateFormat::Declared, Encoding::ALaw) => 32_256,
        (CandidateFormat::MuLaw, _) | (CandidateFormat::Declared, Encoding::MuLaw) => 32_124,
        _ => 32_700,
    }
}

fn wanted(format: AudioFormat) -> usize {
    (format.rate_hz * SAMPLE_MS / 1000) as usize
}

fn decibels(magnitude: f32) -> f32 {
    20.0 * (magnitude / FULL_SCALE).log10()
}

/// Voiced audio that is judged. Shorter: the sample is one sound, which may be an s. Longer: the
/// verdict comes later and needs more memory.
const SAMPLE_MS: u32 = 500;
/// Mean square above which a frame is voiced: -50 dBFS. Lower: the line's noise is judged. Higher:
/// quiet callers are never judged.
const VOICED: i64 = 10_000;
/// Margin in dB by which another format must win. Correct speech measured at least 2.6 dB.
const CLEARLY: f32 = 1.2;
/// Lowest prediction gain of a sound, dB. A lower gain is noise in that format.
const SOUND: f32 = 4.0;
/// Prediction gain, dB, from which audio is a tone or mains hum. The level of such audio says
/// nothing about callers.
const TONE: f32 = 20.0;
/// Samples of noise after which the line is judged all the same. The noise may be music or a fan.
const MOST_NOISE: u32 = 3;
/// Largest magnitude of silence: the smallest codes of either law.
const SILENCE: u16 = 8;
/// Digital silence that is reported. Shorter: callers who listen with a muted phone are reported.
const DIGITAL_SILENCE: Duration = Duration::from_secs(15);
/// Silence in another encoding that is long enough to identify the encoding.
const FOREIGN_SILENCE: Duration = Duration::from_secs(2);
/// The largest sample.
const FULL_SCALE: f32 = 32_768.0;
/// Smallest offset that is reported: -36 dBFS. Codecs make up to a thousandth of full scale.
const MOST_OFFSET: f32 = 512.0;
/// Consecutive samples at the largest magnitude that make a flat top.
const FLAT: u32 = 3;
/// Largest share of samples in flat tops, per cent.
const MOST_CLIPPED: f32 = 0.2;
/// Highest level, dBFS. Speech has -15 to -35 dBFS. A higher level hurts the ear.
const LOUDEST: f32 = -6.0;
/// Lowest level, dBFS. At a lower level recognition suffers.
const QUIETEST: f32 = -46.0;
/// How often a diagnosis is reported when there is no new verdict. The packets' numbers grow.
const REPORT_EVERY: Duration = Duration::from_secs(10);
#[cfg(test)]
mod tests;
