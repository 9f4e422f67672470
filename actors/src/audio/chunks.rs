//! The size of the pieces sent to a carrier, and how far ahead of playout they are sent. Pure.

use std::time::Duration;

use crate::carrier::{AudioFormat, Capabilities, Pacing};

/// The sizes of the pieces, in samples of the line.
#[derive(Debug)]
pub(super) struct Chunks {
    /// Whether we pace the audio: only whole pieces are sent, on one origin.
    paced: bool,
    /// A message is a whole multiple of this.
    step: u64,
    /// Smallest message.
    least: u64,
    /// Silence after an utterance.
    tail: u64,
    /// Largest piece sent at once.
    largest: u64,
    /// A usual frame, or the nearest size that the carrier accepts.
    shortest: u64,
    /// Most audio sent ahead of playout.
    lead: u64,
    /// Most of it while the model speaks in real time.
    limited_lead: u64,
    /// Whether the model speaks in real time.
    limited: bool,
}

impl Chunks {
    /// The sizes for a carrier. `lead` is how far ahead of real time audio is sent to a carrier
    /// that buffers.
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
        // A ceiling is rounded down to a whole number of steps.
        let largest = chunk.most.map_or(piece, |most| piece.min(most.samples(format) / step * step)).max(step);
        Self {
            paced: capabilities.pacing == Pacing::WePace,
            step,
            least,
            tail: samples(chunk.tail).next_multiple_of(step),
            largest,
            shortest: samples(PACED_FRAME).max(least).next_multiple_of(step).min(largest),
            lead: samples(lead).max(largest),
            limited_lead: samples(lead.min(LONGEST_REALTIME_LEAD)).max(largest),
            limited: false,
        }
    }

    /// The number of samples to send of an item with `queued` samples waiting, padding included.
    /// The result is zero while a piece is not full. `last` says that no more audio follows to fill
    /// it.
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

    /// Samples of a message of silence.
    pub(super) const fn shortest(&self) -> u64 {
        self.shortest
    }

    /// Samples that may be ahead of playout.
    pub(super) const fn lead(&self) -> u64 {
        if self.limited { self.limited_lead } else { self.lead }
    }

    /// Limits the lead while the model speaks in real time.
    pub(super) const fn limit_lead(&mut self, limited: bool) {
        self.limited = limited;
    }
}

/// Largest piece for a carrier that buffers. Smaller: more messages, each 5–10 µs of kernel time.
/// Larger: the lead is coarser.
const LARGEST_PIECE: Duration = Duration::from_millis(100);
/// Frame for a carrier without clear. Smaller: more messages. Larger: more is said after an
/// interruption.
const PACED_FRAME: Duration = Duration::from_millis(20);
/// Longest lead with a model that speaks in real time. Longer: late audio that comes at once lies at
/// the carrier, and an interruption by the model is heard late.
const LONGEST_REALTIME_LEAD: Duration = Duration::from_millis(200);
/// Longest lead for such a carrier. The caller hears all of it after an interruption.
const LONGEST_PACED_LEAD: Duration = Duration::from_millis(200);
