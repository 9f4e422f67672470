//! Trains the weights of the detector's classifier, and writes their page.

use std::fmt::Write as _;

use switchboard_actors::audio::detector::{DetectorPlan, HIDDEN, INPUTS, SpeechDetector, Weights};

use crate::corpus::{self, Scene};
use crate::noises::{KINDS, Kind};
use crate::random::Random;
use crate::voices::Voice;

/// Values of a classifier.
const VALUES: usize = HIDDEN * INPUTS + 2 * HIDDEN + 1;

/// An example: the inputs, whether they are speech, and what it counts.
struct Example {
    inputs: [f32; INPUTS],
    speech: f32,
    counts: f32,
}

/// The page of weights trained on scenes of `voices` and of every noise, `scenes` of each.
pub(crate) fn page(voices: &[Voice], scenes: u64) -> String {
    let mut examples = Vec::new();
    for seed in 0..2 * scenes {
        take(&corpus::speech(voices, seed), &mut examples);
    }
    weigh(&mut examples, 0, 9.0);
    for kind in KINDS {
        let from = examples.len();
        for seed in 0..scenes {
            take(&corpus::noise(kind, seed), &mut examples);
        }
        weigh(&mut examples, from, share(kind));
    }
    let mut random = Random::new(7);
    let first: Vec<f32> = (0..VALUES).map(|_| random.noise() * (2.0 / INPUTS as f32).sqrt() * 0.7).collect();
    let mut values = trained(first, &examples, 0.003, &mut random);
    for _ in 0..REPEATS {
        let weights = unpack(&values);
        let harder: Vec<Example> = examples.iter().map(|example| example.harder(&weights)).collect();
        values = trained(values, &harder, 0.002, &mut random);
    }
    written(&unpack(&values))
}

/// How much all examples of a kind count. Music and coughs are the hardest to tell from speech.
fn share(kind: Kind) -> f32 {
    match kind {
        Kind::Music | Kind::Cough => 3.0,
        Kind::Hum => 2.0,
        Kind::Line => 1.5,
        Kind::Keys => 1.0,
    }
}

impl Example {
    /// The same, counting more the more these weights take it for speech, if it is none: one such
    /// step in a scene is enough to interrupt.
    fn harder(&self, weights: &Weights) -> Self {
        let probability = weights.probability(&self.inputs).clamp(1e-6, 1.0 - 1e-6);
        let odds = (probability / (1.0 - probability)).ln();
        let factor = if self.speech > 0.5 { 1.0 } else { 1.0 + 2.0 * (odds + 2.0).clamp(0.0, 4.0) };
        Self { counts: self.counts * factor, ..*self }
    }
}

/// The examples of a scene: its loud steps.
fn take(scene: &Scene, to: &mut Vec<Example>) {
    let mut detector = SpeechDetector::new(DetectorPlan::default(), 8_000).expect("a line's rate");
    let mut at = 0;
    for step in scene.samples.chunks(128) {
        detector.hear(step);
        at += step.len();
        let Some(inputs) = detector.inputs() else { continue };
        let (from, to_end) = scene.speech.unwrap_or((scene.begins, usize::MAX));
        // What has hardly begun sounds alike, and the end of a sentence needs no decision.
        if scene.speech.is_some() && !(from + 320..to_end.min(from + 6_400)).contains(&at) || at < from {
            continue;
        }
        let speech = if scene.speech.is_some() { 1.0 } else { 0.0 };
        to.push(Example { inputs, speech, counts: 1.0 });
    }
}

/// Lets the examples after `from` count as much as `share`, however many there are.
fn weigh(examples: &mut [Example], from: usize, share: f32) {
    let each = share * 1_000.0 / (examples.len() - from).max(1) as f32;
    examples[from..].iter_mut().for_each(|example| example.counts = each);
}

/// Gradient descent from `values`, with momentum and a step size for each value (Adam).
fn trained(mut values: Vec<f32>, examples: &[Example], fastest: f32, random: &mut Random) -> Vec<f32> {
    let (mut mean, mut square) = (vec![0.0_f32; VALUES], vec![0.0_f32; VALUES]);
    let average = examples.iter().map(|example| example.counts).sum::<f32>() / examples.len() as f32;
    let rounds = ROUNDS * examples.len() / BATCH;
    for round in 1..=rounds {
        let weights = unpack(&values);
        let mut slope = vec![0.0_f32; VALUES];
        for _ in 0..BATCH {
            let example = &examples[random.below(examples.len())];
            descend(&weights, example, example.counts / average / BATCH as f32, &mut slope);
        }
        let speed = fastest * (1.0 - 0.95 * round as f32 / rounds as f32);
        for at in 0..VALUES {
            let slope = slope[at] + DECAY * values[at];
            mean[at] = 0.9 * mean[at] + 0.1 * slope;
            square[at] = 0.999 * square[at] + 0.001 * slope * slope;
            let (first, second) = (1.0 - 0.9_f32.powi(round as i32), 1.0 - 0.999_f32.powi(round as i32));
            values[at] -= speed * (mean[at] / first) / ((square[at] / second).sqrt() + 1e-8);
        }
    }
    values
}

/// Adds the slope of one example's error.
fn descend(weights: &Weights, example: &Example, counts: f32, slope: &mut [f32]) {
    let units = weights.hidden(&example.inputs);
    let error = (weights.probability(&example.inputs) - example.speech) * counts;
    for unit in 0..HIDDEN {
        slope[HIDDEN * INPUTS + HIDDEN + unit] += error * units[unit];
        if units[unit] > 0.0 {
            let back = error * weights.output[unit];
            slope[HIDDEN * INPUTS + unit] += back;
            for (slope, input) in slope[unit * INPUTS..(unit + 1) * INPUTS].iter_mut().zip(&example.inputs) {
                *slope += back * input;
            }
        }
    }
    slope[VALUES - 1] += error;
}

fn unpack(values: &[f32]) -> Weights {
    Weights {
        hidden: std::array::from_fn(|unit| std::array::from_fn(|input| values[unit * INPUTS + input])),
        hidden_bias: std::array::from_fn(|unit| values[HIDDEN * INPUTS + unit]),
        output: std::array::from_fn(|unit| values[HIDDEN * INPUTS + HIDDEN + unit]),
        output_bias: values[VALUES - 1],
    }
}

fn written(weights: &Weights) -> String {
    let mut page = String::from(
        "//! The weights of the classifier. `actors/tests/speech` writes this page.\n\n\
         use super::{HIDDEN, INPUTS, Weights};\n\n/// The weights.\n#[rustfmt::skip]\n\
         pub(super) static WEIGHTS: Weights = Weights {\n    hidden: HIDDEN_WEIGHTS,\n",
    );
    let row = |values: &[f32]| values.iter().map(|value| format!("{value:.3}")).collect::<Vec<_>>().join(", ");
    let _ = writeln!(page, "    hidden_bias: [{}],", row(&weights.hidden_bias));
    let _ = writeln!(page, "    output: [{}],", row(&weights.output));
    let _ = writeln!(page, "    output_bias: {:.3},\n}};\n", weights.output_bias);
    page += "#[rustfmt::skip]\n\
             #[allow(clippy::approx_constant, reason = \"a weight may be near one by chance\")]\n\
             const HIDDEN_WEIGHTS: [[f32; INPUTS]; HIDDEN] = [\n";
    for unit in &weights.hidden {
        let _ = writeln!(page, "    [");
        for part in unit.chunks(12) {
            let _ = writeln!(page, "        {},", row(part));
        }
        let _ = writeln!(page, "    ],");
    }
    page + "];\n"
}

/// Examples whose slopes are joined.
const BATCH: usize = 256;
/// How often each example is taken.
const ROUNDS: usize = 6;
/// How often the training is repeated with the errors of the last one counting more.
const REPEATS: usize = 2;
/// How much a value shrinks by itself. More: the corpus is learnt less by heart.
const DECAY: f32 = 1e-5;
