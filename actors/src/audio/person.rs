//! A person of ours who talks with the caller in place of the agent. Pure.
//!
//! Their sound is queued for the caller like any other, in real time and with a bound: what comes
//! faster than the caller can hear it is dropped. The model gets it too, mixed with the caller's, so
//! that it knows what was said.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::action::{AudioAction, DropCause};
use super::ears::RATE_HZ;
use super::energy::Energy;
use super::item::{Piece, Source};
use super::playout::Playout;
use super::resample::{ResampleError, Resampler};
use super::scratch::Scratch;
use crate::carrier::{AudioFormat, Encoding};
use crate::g711;
use crate::ids::ItemId;

/// The path of a person's sound.
#[derive(Debug)]
pub(super) struct Person {
    /// The id under which the playout counts them.
    item: ItemId,
    line: AudioFormat,
    to_line: Resampler,
    to_model: Resampler,
}

/// A person's sound beside the caller's, on its way to the model.
#[derive(Debug, Default)]
pub(super) struct Beside {
    /// Samples at the line's rate that wait for the caller's next frame.
    waiting: VecDeque<i16>,
    /// Frames since the last turn in which each of the two was louder.
    turn: Turn,
}

#[derive(Debug, Default, Clone, Copy)]
struct Turn {
    callers: u32,
    persons: u32,
}

impl Person {
    /// The person number `number` of a call, on a line with these formats.
    ///
    /// # Errors
    /// When a rate is not supported.
    pub(super) fn new(number: u32, hears: AudioFormat, says: AudioFormat) -> Result<Self, ResampleError> {
        Ok(Self {
            item: ItemId::new(&format!("person_{number}")),
            line: says,
            to_line: Resampler::new(RATE_HZ, says.rate_hz)?,
            to_model: Resampler::new(RATE_HZ, hears.rate_hz)?,
        })
    }

    /// The person says `mulaw`: mu-law at 8 kHz.
    pub(super) fn speaks(
        &mut self,
        mulaw: &[u8],
        now: Instant,
        playout: &mut Playout,
        beside: &mut Beside,
        out: &mut Vec<AudioAction>,
    ) {
        for mulaw in mulaw.chunks(FRAME) {
            if playout.remaining(now) > MOST_AHEAD {
                out.push(AudioAction::CountDrops { cause: DropCause::PersonAhead, frames: 1 });
                continue;
            }
            Scratch::lend(|Scratch { narrow, wide, bytes }| {
                g711::decode(Encoding::MuLaw, mulaw, narrow);
                self.to_model.process(narrow, wide);
                beside.hear(wide, self.line.rate_hz);
                wide.clear();
                self.to_line.process(narrow, wide);
                g711::encode(self.line.encoding, wide, bytes);
                let source = Source { rate_hz: RATE_HZ, delay: self.to_line.delay() };
                let samples = mulaw.len() as u64;
                playout.push(&Piece { response: None, item: &self.item, source, samples, bytes }, out);
            });
        }
    }

    /// The person has given the call back. Returns the item of what they said.
    pub(super) fn leaves(self, playout: &mut Playout) -> ItemId {
        playout.complete(&self.item);
        self.item
    }
}

impl Beside {
    /// The person says these samples.
    pub(super) fn hear(&mut self, samples: &[i16], rate_hz: u32) {
        self.waiting.extend(samples);
        let most = rate_hz as usize / 1000 * MOST_WAITING.as_millis() as usize;
        self.waiting.drain(..self.waiting.len().saturating_sub(most));
    }

    /// Adds what waits to a frame of the caller's.
    pub(super) fn mix(&mut self, payload: &mut Vec<u8>, line: AudioFormat) {
        Scratch::lend(|Scratch { narrow, wide, .. }| {
            g711::decode(line.encoding, payload, narrow);
            wide.extend(self.waiting.drain(..narrow.len().min(self.waiting.len())));
            let (callers, persons) = (level(narrow), level(wide));
            if persons > LEAST && persons > 2.0 * callers {
                self.turn.persons += 1;
            } else if callers > LEAST {
                self.turn.callers += 1;
            }
            if wide.is_empty() {
                return;
            }
            narrow.iter_mut().zip(&*wide).for_each(|(sample, beside)| *sample = sample.saturating_add(*beside));
            payload.clear();
            g711::encode(line.encoding, narrow, payload);
        });
    }

    /// A turn begins or ends. Returns whether the person spoke in the turn that ends. What sounded
    /// since the turn before counts: a model may report a turn late, or as its words come.
    pub(super) fn turn(&mut self, open: bool) -> Option<bool> {
        if open {
            return None;
        }
        let Turn { callers, persons } = std::mem::take(&mut self.turn);
        Some(persons > callers)
    }
}

/// The root of the mean square.
fn level(samples: &[i16]) -> f32 {
    Energy::of(samples).mean_square().sqrt()
}

/// Bytes of one piece: 20 ms.
const FRAME: usize = 160;
/// A person's sound that may wait for the caller's ear. More: the caller hears them late. Less: a
/// network that delivers in bursts costs words.
const MOST_AHEAD: Duration = Duration::from_millis(300);
/// A person's sound that may wait for the caller's next frame.
const MOST_WAITING: Duration = Duration::from_millis(400);
/// The level of speech, as the root of the mean square. Lower: noise of the line is taken for it.
const LEAST: f32 = 200.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(loudness: i16, samples: usize) -> Vec<u8> {
        let pcm: Vec<i16> = (0..samples).map(|n| if n / 8 % 2 == 0 { loudness } else { -loudness }).collect();
        let mut bytes = Vec::new();
        g711::encode(Encoding::MuLaw, &pcm, &mut bytes);
        bytes
    }

    fn pcm(bytes: &[u8]) -> Vec<i16> {
        let mut samples = Vec::new();
        g711::decode(Encoding::MuLaw, bytes, &mut samples);
        samples
    }

    #[test]
    fn the_model_hears_both_and_the_turn_is_the_louder_ones() {
        let line = AudioFormat::MULAW_8K;
        let mut beside = Beside::default();
        assert_eq!(beside.turn(true), None);
        for _ in 0..20 {
            beside.hear(&pcm(&tone(6_000, 160)), 8_000);
            let mut frame = tone(100, 160);
            beside.mix(&mut frame, line);
            assert!(level(&pcm(&frame)) > 5_000.0);
        }
        assert_eq!(beside.turn(false), Some(true));
        beside.turn(true);
        for _ in 0..20 {
            let mut frame = tone(4_000, 160);
            beside.mix(&mut frame, line);
            assert!(level(&pcm(&frame)) > 3_500.0, "without the person it is the caller's as it was");
        }
        assert_eq!(beside.turn(false), Some(false));
    }

    #[test]
    fn sound_that_finds_no_frame_of_the_caller_is_dropped_from_its_front() {
        let mut beside = Beside::default();
        for _ in 0..100 {
            beside.hear(&[1; 160], 8_000);
        }
        assert_eq!(beside.waiting.len(), 3_200);
    }
}
