//! Our own small network: from the measures of the last steps to the probability of speech. Pure.
//!
//! It has one hidden layer. Its weights come from a corpus made in code; `actors/tests/speech`
//! makes it, trains the weights and judges them on other seeds and other languages.

mod weights;

use super::product::product;
use super::shape::ORDER;
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
}

impl Measures {
    fn is_quiet(&self) -> bool {
        self.over == 0.0
    }

    /// How much the coarse spectrum has moved since `before`.
    fn moved_since(&self, before: &Self) -> f32 {
        self.envelope.iter().zip(before.envelope).map(|(now, before)| (now - before).abs()).sum()
    }
}

/// The measures of the last steps, the newest first.
#[derive(Debug, Default)]
pub(super) struct History {
    steps: [Measures; STEPS],
}

impl History {
    /// Takes the next step.
    pub(super) fn push(&mut self, measures: Measures) {
        self.steps.copy_within(..STEPS - 1, 1);
        self.steps[0] = measures;
    }

    /// The classifier's inputs.
    pub(super) fn inputs(&self) -> [f32; INPUTS] {
        let mut rows = [[0.0; ROW]; JUDGED];
        for (at, row) in rows.iter_mut().enumerate() {
            let (now, before, long_before) = (&self.steps[at], &self.steps[at + 1], &self.steps[at + 3]);
            *row = [
                now.score,
                now.over / 2.0,
                now.gain,
                now.bright,
                now.periodic,
                now.moved_since(before),
                now.moved_since(long_before),
                (now.over - before.over).abs(),
                if now.is_quiet() { 0.0 } else { 1.0 },
            ];
        }
        let mut inputs = [0.0; INPUTS];
        for part in 0..ROW {
            let mean = rows.iter().map(|row| row[part]).sum::<f32>() / JUDGED as f32;
            inputs[4 * part..4 * part + 4].copy_from_slice(&[rows[0][part], rows[2][part], rows[4][part], mean]);
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

/// Steps that are judged together: 80 ms.
const JUDGED: usize = 5;
/// Steps that are kept: the oldest judged one is compared with the third before it.
const STEPS: usize = JUDGED + 3;
/// Values of a judged step.
const ROW: usize = 9;
/// Inputs: of each value the newest, the third, the fifth, and the mean.
pub const INPUTS: usize = 4 * ROW;
/// Hidden units. Fewer: music counts as speech. More: the corpus is learnt by heart.
pub const HIDDEN: usize = 16;
