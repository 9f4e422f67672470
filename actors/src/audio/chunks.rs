//! How large the pieces are that a carrier is sent, and how far ahead of playing they go out. Pure.

use std::time::Duration;

use crate::carrier::{AudioFormat, Capabilities, Pacing};

/// The sizes of what is sent, in samples of the line.
#[derive(Debug)]
pub(super) struct Chunks {
    /// We keep the buffer: only whole pieces go out, on one origin.
    paced: bool,
    /// A message has a whole multiple of this.
    step: u64,
    /// A message has at least this.
    least: u64,
    /// Silence behind an utterance.
    tail: u64,
    /// The largest piece sent at once.
    largest: u64,
    /// A usual frame, or what comes next to it that the carrier takes.
    shortest: u64,
    /// Sent ahead of what is being played, at most.
    lead: u64,
}

impl Chunks {
    /// The sizes for a carrier. `lead` is how far ahead of real time audio is sent to one that buffers.
    pub(super) fn new(format: AudioFormat, capabilities: &Capabilities, lead: Duration) -> Self {
        let samples = |time: Duration| time.as_nanos() as u64 * u64::from(format.rate_hz) / 1_000_000_000;
        let (piece, lead) = match capabilities.pacing {
            Pacing::CarrierBuffers => (LARGEST_PIECE, lead),
            Pacing::WePace => (PACED_FRAME, lead.min(LONGEST_PACED_LEAD)),
        };
        let chunk = &capabilities.chunk;
        let step = chunk.step.map_or(1, |step| step.samples(format)).max(1);
        let least = chunk.least.map_or(0, |least| least.samples(format)).next_multiple_of(step);
        let piece = samples(piece).max(least).next_multiple_of(step);
        // A ceiling that is no whole number of steps is the last step below it.
        let largest = chunk.most.map_or(piece, |most| piece.min(most.samples(format) / step * step)).max(step);
        Self {
            paced: capabilities.pacing == Pacing::WePace,
            step,
            least,
            tail: samples(chunk.tail).next_multiple_of(step),
            largest,
            shortest: samples(PACED_FRAME).max(least).next_multiple_of(step).min(largest),
            lead: samples(lead).max(largest),
        }
    }

    /// How many samples to send of an item of which `queued` wait, padding included; zero while a piece is not full. `last` says
    /// that nothing comes to fill it.
    pub(super) fn next(&self, queued: u64, last: bool) -> u64 {
        if queued > self.largest || queued == self.largest && !(last && self.tail > 0) {
            self.largest
        } else if last {
            (queued + self.tail).next_multiple_of(self.step).max(self.least)
        } else if self.paced {
            0
        } else {
            let whole = queued / self.step * self.step;
            if whole < self.least { 0 } else { whole }
        }
    }

    /// Samples of a message that says nothing.
    pub(super) const fn shortest(&self) -> u64 {
        self.shortest
    }

    /// Samples that may be ahead of what is being played.
    pub(super) const fn lead(&self) -> u64 {
        self.lead
    }
}

/// Largest piece for a carrier that buffers. Smaller: more messages, each 5–10 µs of kernel time. Larger: the lead is coarser.
const LARGEST_PIECE: Duration = Duration::from_millis(100);
/// Frame for a carrier that cannot be told to clear. Smaller: more messages. Larger: more is said after an interruption.
const PACED_FRAME: Duration = Duration::from_millis(20);
/// Longest lead for such a carrier: all of it is heard after an interruption.
const LONGEST_PACED_LEAD: Duration = Duration::from_millis(200);
