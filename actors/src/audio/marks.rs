//! The marks that a carrier is sent and has not echoed yet. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::carrier::Marks;
use crate::ids::ItemId;

/// The awaited marks of one line.
#[derive(Debug)]
pub(super) struct MarkLedger {
    /// Whether the carrier echoes marks.
    echoes: Marks,
    /// Sent and not yet echoed, in order.
    awaited: VecDeque<Mark>,
    /// Samples sent since the last mark.
    unmarked: u64,
    /// Counts interruptions; part of each mark's name.
    generation: u32,
}

#[derive(Debug)]
struct Mark {
    position: u64,
    name: String,
}

impl MarkLedger {
    /// No marks yet, for a carrier that answers them as `echoes` says.
    pub(super) const fn new(echoes: Marks) -> Self {
        Self { echoes, awaited: VecDeque::new(), unmarked: 0, generation: 1 }
    }

    /// Whether echoes come at all.
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

    /// The name of a new mark behind the `sent` samples of `item`, where the line stands at `position`. `None` for a carrier that
    /// echoes none.
    pub(super) fn write(&mut self, item: &ItemId, sent: u64, position: u64) -> Option<String> {
        self.unmarked = 0;
        let Marks::Echoed { longest_name, most_pending, .. } = self.echoes else { return None };
        let mut name = format!("{}:{sent}:{item}", self.generation);
        if name.len() > longest_name {
            // Where the item does not fit in, the place on the line tells marks apart as well.
            name = format!("{}:{position}", self.generation);
        }
        if self.awaited.len() == most_pending.min(MOST_AWAITED) {
            self.awaited.pop_front();
        }
        self.awaited.push_back(Mark { position, name: name.clone() });
        Some(name)
    }

    /// The carrier echoed `name`: the position that was played. `None` unless it is awaited: older generations, doubles and names
    /// that are not ours are late or wrong.
    pub(super) fn echoed(&mut self, name: &str) -> Option<u64> {
        let place = self.awaited.iter().position(|mark| mark.name == name)?;
        // Marks are echoed in order, so an echo also answers for those before it.
        self.awaited.drain(..=place).next_back().map(|mark| mark.position)
    }

    /// No mark sent so far is awaited any longer.
    pub(super) fn new_generation(&mut self) {
        self.awaited.clear();
        self.unmarked = 0;
        self.generation = self.generation.wrapping_add(1);
    }
}

/// Most marks awaited; a carrier that never echoes loses the oldest, and the clock stands in for them.
const MOST_AWAITED: usize = 64;
/// Audio between two marks. Less: more messages. More: the clock goes longer without proof.
pub(super) const MARK_EVERY: Duration = Duration::from_millis(200);
