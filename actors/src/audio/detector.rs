//! Our own speech detector: whether the caller speaks, from the line's samples alone. Pure.
//!
//! The samples are judged in steps of 16 ms:
//!
//! 1. A neural network trained on speech (crate `earshot`) gives each loud step a score. Alone it
//!    also rates coughs, music and keys as speech in their first moments. It is most of the
//!    detector's cost, so of silence it gets only the last steps, once a loud one follows.
//! 2. So a loud step is measured as well ([`shape`]): is it periodic as the vocal cords are, is it
//!    a sum of a few tones, does it have sound above a hum's, how strong are its bands
//!    ([`spectrum`]), and do they move as a mouth moves them. [`floor`] says what is loud on this
//!    line.
//! 3. Our own small network ([`classifier`]) turns the measures of the last ten steps into the
//!    probability that they are speech.
//!
//! Speech begins once the evidence of the last steps is that of `min_speech` at the threshold. Loud
//! sound that is improbable to be speech raises that: in music it takes more to believe in a voice
//! than after silence. Speech ends after `min_silence` without a loud step of a fair score.
//!
//! Short words that people say while they listen ("haan", "okay") are speech here. Only a hum with
//! closed lips ("mhm") is not.
//!
//! The detector takes pieces of any length, gives the same result for every framing, and allocates
//! nothing once it is built.

mod classifier;
mod floor;
mod product;
mod shape;
mod spectrum;

use std::fmt;
use std::time::Duration;

pub use self::classifier::{HIDDEN, INPUTS, Weights};
use self::classifier::{History, Measures};
use self::floor::Floor;
use self::shape::Shape;
use super::resample::{ResampleError, Resampler};

/// The settings of a detector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DetectorPlan {
    /// The least probability that counts as speech, from 0 to 1. Lower: music and coughs count.
    /// Higher: the agent stops later, and soft voices are missed.
    pub threshold: f32,
    /// How much probable speech begins speech. Shorter: a cough counts. Longer: the agent stops
    /// later.
    pub min_speech: Duration,
    /// How long silence lasts until speech has ended. Shorter: a pause within a sentence ends it.
    /// Longer: the answer comes later.
    pub min_silence: Duration,
}

impl Default for DetectorPlan {
    fn default() -> Self {
        Self { threshold: 0.9, min_speech: Duration::from_millis(32), min_silence: Duration::from_millis(600) }
    }
}

/// A change that the detector reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The caller began to speak.
    Began,
    /// The caller has stopped: the last speech is `min_silence` ago.
    Ended,
}

/// The detector of one line.
pub struct SpeechDetector {
    plan: DetectorPlan,
    /// From the line's rate to [`RATE_HZ`].
    down: Resampler,
    /// From [`RATE_HZ`] to the rate of the network for scores.
    up: Resampler,
    scorer: Box<earshot::Detector>,
    floor: Floor,
    shape: Shape,
    history: History,
    /// Samples at [`RATE_HZ`] that do not fill a step yet.
    narrow: Vec<i16>,
    /// The last quiet steps that have no score.
    unscored: Vec<i16>,
    /// A step at the rate of the network for scores.
    wide: Vec<i16>,
    /// The evidence for speech: the sum of the last steps' odds.
    evidence: f32,
    /// Loud steps that were no speech, in quarters of a step; they fade in silence.
    clutter: u32,
    /// Steps since the last one of speech; present while the caller speaks.
    silent: Option<u32>,
    /// The probability of the last step. Present if it was loud.
    last: Option<f32>,
}

impl SpeechDetector {
    /// A detector for a line of `rate_hz` that has heard nothing.
    ///
    /// # Errors
    /// When the rate is not supported.
    pub fn new(plan: DetectorPlan, rate_hz: u32) -> Result<Self, ResampleError> {
        Ok(Self {
            plan,
            down: Resampler::new(rate_hz, RATE_HZ)?,
            up: Resampler::new(RATE_HZ, SCORED_HZ)?,
            scorer: earshot::Detector::default_boxed(),
            floor: Floor::default(),
            shape: Shape::new(),
            history: History::default(),
            narrow: Vec::with_capacity(MOST_AT_ONCE + STEP),
            unscored: Vec::with_capacity(UNSCORED * STEP),
            wide: Vec::with_capacity(4 * STEP),
            evidence: 0.0,
            clutter: 0,
            silent: None,
            last: None,
        })
    }

    /// Whether the caller is speaking.
    pub fn is_speech(&self) -> bool {
        self.silent.is_some()
    }

    /// How long ago the last speech was, while the caller speaks.
    pub fn silence(&self) -> Option<Duration> {
        self.silent.map(|steps| Duration::from_millis((steps * STEP_MS).into()))
    }

    /// What the classifier was given last, for its training. `None` if the last step was not loud.
    pub fn inputs(&self) -> Option<[f32; INPUTS]> {
        self.last.map(|_| self.history.inputs())
    }

    /// Takes the next samples of the line. Returns the last change among them.
    pub fn hear(&mut self, samples: &[i16]) -> Option<Change> {
        let mut change = None;
        for piece in samples.chunks(MOST_AT_ONCE) {
            self.down.process(piece, &mut self.narrow);
            while self.narrow.len() >= STEP {
                change = self.step().or(change);
                self.narrow.drain(..STEP);
            }
        }
        change
    }

    /// Judges the first step of the waiting samples.
    fn step(&mut self) -> Option<Change> {
        let step = &self.narrow[..STEP];
        let over = self.floor.exceeded(step);
        self.shape.take(step);
        let loud = over >= LOUD_DB;
        let score = if loud { self.score() } else { self.keep() };
        self.history.push(if loud { self.shape.measures(score, over) } else { Measures::default() });
        self.last = loud.then(|| self.history.probability());
        self.weigh();
        self.turn(loud && score >= GOES_ON)
    }

    /// The score of the first waiting step, after those of the quiet steps before it.
    fn score(&mut self) -> f32 {
        let mut score = 0.0;
        for step in self.unscored.chunks(STEP).chain([&self.narrow[..STEP]]) {
            self.wide.clear();
            self.up.process(step, &mut self.wide);
            score = self.scorer.predict_i16(&self.wide);
        }
        self.unscored.clear();
        score
    }

    /// Keeps the first waiting step, which is quiet, for the score of the next loud one. Its own score
    /// is zero.
    fn keep(&mut self) -> f32 {
        if self.unscored.len() == UNSCORED * STEP {
            self.unscored.drain(..STEP);
        }
        self.unscored.extend_from_slice(&self.narrow[..STEP]);
        0.0
    }

    /// Weighs the last step as evidence for speech or against it.
    fn weigh(&mut self) {
        let odds = self.last.map_or(LEAST_ODDS, |probability| odds(probability).clamp(LEAST_ODDS, MOST_ODDS));
        self.evidence = (self.evidence + odds).max(0.0);
        self.clutter = match self.last {
            Some(_) if odds < 0.0 => (self.clutter + CLUTTERS).min(MOST_CLUTTER),
            Some(_) => self.clutter,
            None => self.clutter.saturating_sub(1),
        };
    }

    /// The change after a step that is or is not a part of speech that goes on.
    fn turn(&mut self, goes_on: bool) -> Option<Change> {
        let Some(silent) = &mut self.silent else {
            let needed = steps(self.plan.min_speech) as f32 + self.clutter as f32 / DOUBTS;
            let begins = self.evidence >= needed * odds(self.plan.threshold);
            self.silent = begins.then_some(0);
            return begins.then_some(Change::Began);
        };
        *silent = if goes_on { 0 } else { *silent + 1 };
        let ends = *silent >= steps(self.plan.min_silence);
        if ends {
            (self.silent, self.evidence, self.clutter) = (None, 0.0, 0);
        }
        ends.then_some(Change::Ended)
    }
}

impl fmt::Debug for SpeechDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (plan, speech) = (&self.plan, self.is_speech());
        f.debug_struct("SpeechDetector").field("plan", plan).field("is_speech", &speech).finish_non_exhaustive()
    }
}

/// The steps that fill `time`, at least one.
fn steps(time: Duration) -> u32 {
    (time.as_millis() as u32).div_ceil(STEP_MS).max(1)
}

/// The odds of a probability: zero for one half.
fn odds(probability: f32) -> f32 {
    let probability = probability.clamp(1e-6, 1.0 - 1e-6);
    (probability / (1.0 - probability)).ln()
}

/// The rate at which steps are judged.
const RATE_HZ: u32 = 8_000;
/// The rate of the network for scores.
const SCORED_HZ: u32 = 16_000;
/// Samples of a step: that network's frame.
const STEP: usize = 128;
/// Length of a step.
const STEP_MS: u32 = 16;
/// Quiet steps that get a score once a loud one follows: what the network for scores looks back on.
/// Fewer: speech begins later. More: the first loud step costs more.
const UNSCORED: usize = 3;
/// Most samples converted at once: 20 ms of the widest line. More: the buffers keep the size of a
/// burst.
const MOST_AT_ONCE: usize = 480;
/// Distance of a loud step from the line's noise, dB. Less: breathing counts. More: soft voices do
/// not.
const LOUD_DB: f32 = 9.0;
/// The score with which a loud step continues speech that has begun. Lower: noise after speech
/// prolongs it. Higher: soft last syllables do not.
const GOES_ON: f32 = 0.4;
/// Least and most odds of one step. Narrower: certain steps count like the others. Wider: one step
/// decides.
const LEAST_ODDS: f32 = -3.0;
const MOST_ODDS: f32 = 3.0;
/// The clutter of one loud step that is no speech. A quiet step takes 1 away.
const CLUTTERS: u32 = 4;
/// The clutter that raises what begins speech by one step: six loud steps, about 100 ms.
const DOUBTS: f32 = 24.0;
/// Most clutter. More: a voice over music is never believed. Less: long music is.
const MOST_CLUTTER: u32 = 240;

#[cfg(test)]
mod tests;
