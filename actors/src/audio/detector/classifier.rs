//! Our own small network: from the measures of the last steps to the probability of speech. Pure.
//!
//! It has one hidden layer. Its weights come from a corpus made in code; `actors/tests/speech`
//! makes it, trains the weights and judges them on other seeds and other languages.

mod weights;

use super::product::product;
use super::shape::ORDER;
use super::spectrum::BANDS;
use weights::WEIGHTS;

/// The measures of a step. Those of a quiet one are all zero: its shape says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Measures {
    /// The score of the network for scores.
    pub(super) score: f32,
    /// How much louder it is than the line's noise, bel.
    pub(super) over: f32,
    /// How predictable it is, bel.
    pub(super) gain: f32,
    /// The part of its energy above a hum's, bel.
    pub(super) bright: f32,
    /// How periodic it is.
    pub(super) periodic: f32,
    /// Its coarse spectrum: the likeness of neighbouring samples.
    pub(super) envelope: [f32; ORDER],
    /// Its spectrum: the bands under the strongest one, bel.
    pub(super) bands: [f32; BANDS],
}

impl Measures {
    fn is_quiet(&self) -> bool {
        self.over == 0.0
    }

    /// How much the coarse spectrum has moved since `before`.
    fn moved_since(&self, before: &Self) -> f32 {
        self.envelope.iter().zip(before.envelope).map(|(now, before)| (now - before).abs()).sum()
    }

    /// How much a band has moved since `before`, in the mean. A note stands still.
    fn bands_moved_since(&self, before: &Self) -> f32 {
        self.bands.iter().zip(before.bands).map(|(now, before)| (now - before).abs()).sum::<f32>() / BANDS as f32
    }
}

/// The measures of the last steps, the newest first.
#[derive(Debug, Default)]
pub(super) struct History {
    steps: [Measures; STEPS],
    /// What each step says by itself and beside those before it, the newest first.
    rows: [[f32; ROW]; LONG],
}

impl History {
    /// Takes the next step.
    pub(super) fn push(&mut self, measures: Measures) {
        self.steps.copy_within(..STEPS - 1, 1);
        self.steps[0] = measures;
        self.rows.copy_within(..LONG - 1, 1);
        let [now, one, two, three, four] = &self.steps;
        self.rows[0] = [
            now.score,
            now.over / 2.0,
            now.gain,
            now.bright,
            now.periodic,
            now.moved_since(one),
            now.moved_since(three),
            (now.over - one.over).abs(),
            if now.is_quiet() { 0.0 } else { 1.0 },
            now.bands_moved_since(two),
            now.bands_moved_since(four),
        ];
    }

    /// The classifier's inputs.
    pub(super) fn inputs(&self) -> [f32; INPUTS] {
        let rows = &self.rows;
        let (mut short, mut long) = ([0.0_f32; ROW], [0.0_f32; ROW]);
        for (at, row) in rows.iter().enumerate() {
            for ((short, long), value) in short.iter_mut().zip(&mut long).zip(row) {
                *short += if at < SHORT { value / SHORT as f32 } else { 0.0 };
                *long += value / LONG as f32;
            }
        }
        let mut inputs = [0.0; INPUTS];
        let (parts, bands) = inputs.split_at_mut(PARTS * ROW);
        for (part, values) in parts.chunks_exact_mut(ROW).zip([&rows[0], &rows[2], &rows[4], &short, &long]) {
            part.copy_from_slice(values);
        }
        for (input, band) in bands.iter_mut().zip(&self.steps[0].bands) {
            *input = band / 2.0;
        }
        inputs
    }

    /// The probability that the newest step is speech.
    pub(super) fn probability(&self) -> f32 {
        WEIGHTS.probability(&self.inputs())
    }
}

/// The weights of a classifier.
#[derive(Debug, Clone)]
pub struct Weights {
    /// For each hidden unit, the weight of each input.
    pub hidden: [[f32; INPUTS]; HIDDEN],
    /// What each hidden unit adds.
    pub hidden_bias: [f32; HIDDEN],
    /// The weight of each hidden unit.
    pub output: [f32; HIDDEN],
    /// What the output adds.
    pub output_bias: f32,
}

impl Weights {
    /// The values of the hidden units.
    pub fn hidden(&self, inputs: &[f32; INPUTS]) -> [f32; HIDDEN] {
        std::array::from_fn(|unit| (product(&self.hidden[unit], inputs) + self.hidden_bias[unit]).max(0.0))
    }

    /// The probability of speech.
    pub fn probability(&self, inputs: &[f32; INPUTS]) -> f32 {
        let sum = product(&self.output, &self.hidden(inputs));
        1.0 / (1.0 + (-sum - self.output_bias).exp())
    }
}

/// Steps that are compared with each other.
const STEPS: usize = 5;
/// Steps of the short mean: 80 ms, a consonant and the beginning of its vowel.
const SHORT: usize = 5;
/// Steps of the long mean: 160 ms. Longer: a voice is noticed later after other sounds. Shorter:
/// notes of music count as speech.
const LONG: usize = 10;
/// Values of a step.
const ROW: usize = 11;
/// What the inputs have of each value: the newest, the third, the fifth, and both means.
const PARTS: usize = 5;
/// Inputs: these, and the newest spectrum.
pub const INPUTS: usize = PARTS * ROW + BANDS;
/// Hidden units. Fewer: music counts as speech. More: the corpus is learnt by heart.
pub const HIDDEN: usize = 24;
