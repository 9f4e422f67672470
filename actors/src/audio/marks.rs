//! The marks that were sent to a carrier and are not echoed yet. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::carrier::Marks;
use crate::ids::ItemId;

/// The awaited marks of one line.
#[derive(Debug)]
pub(super) struct MarkLedger {
    /// Whether the carrier echoes marks.
    echoes: Marks,
    /// Marks sent and not yet echoed, in order.
    awaited: VecDeque<Mark>,
    /// Samples sent since the last mark.
    unmarked: u64,
    /// The number of interruptions, which is part of each mark's name.
    generation: u32,
}

#[derive(Debug)]
struct Mark {
    position: u64,
    name: String,
}

impl MarkLedger {
    /// An empty ledger for a carrier that answers marks as `echoes` says.
    pub(super) const fn new(echoes: Marks) -> Self {
        Self { echoes, awaited: VecDeque::new(), unmarked: 0, generation: 1 }
    }

    /// Whether the carrier echoes marks.
    pub(super) fn are_echoed(&self) -> bool {
        self.echoes != Marks::None
    }

    /// Counts samples that were sent.
    pub(super) fn sent(&mut self, samples: u64) {
        self.unmarked += samples;
    }

    /// Samples sent since the last mark.
    pub(super) const fn unmarked(&self) -> u64 {
        self.unmarked
    }

    /// The name of a new mark after the `sent` samples of `item`, at `position` of the line. `None`
    /// for a carrier that does not echo marks.
    pub(super) fn write(&mut self, item: &ItemId, sent: u64, position: u64) -> Option<String> {
        self.unmarked = 0;
        let Marks::Echoed { longest_name, most_pending, .. } = self.echoes else { return None };
        let mut name = format!("{}:{sent}:{item}", self.generation);
        if name.len() > longest_name {
            // Where the item does not fit, the position on the line distinguishes the marks as
            // well.
            name = format!("{}:{position}", self.generation);
        }
        if self.awaited.len() == most_pending.min(MOST_AWAITED) {
            self.awaited.pop_front();
        }
        self.awaited.push_back(Mark { position, name: name.clone() });
        Some(name)
    }

    /// Takes the echo of `name` and returns the position that was played. `None` unless the mark is
    /// awaited: older generations, duplicates and foreign names are late or wrong.
    pub(super) fn echoed(&mut self, name: &str) -> Option<u64> {
        let place = self.awaited.iter().position(|mark| mark.name == name)?;
        // Marks are echoed in order, so an echo also answers the marks before it.
        self.awaited.drain(..=place).next_back().map(|mark| mark.position)
    }

    /// Stops waiting for all marks sent so far.
    pub(super) fn new_generation(&mut self) {
        self.awaited.clear();
        self.unmarked = 0;
        self.generation = self.generation.wrapping_add(1);
    }
}

/// Most marks awaited. With a carrier that never echoes, the oldest marks are dropped and the clock
/// replaces them.
const MOST_AWAITED: usize = 64;
/// Audio between two marks. Shorter: more messages. Longer: the clock runs longer without proof.
pub(super) const MARK_EVERY: Duration = Duration::from_millis(200);
