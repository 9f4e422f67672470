//! The count of dropped audio. Pure.

use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause};
use crate::audio::report::AudioReport;

/// Drops counted together, so that an overloaded second is one line in the log and not fifty.
#[derive(Debug, Default)]
pub(super) struct Drops {
    frames: [u64; DropCause::ALL.len()],
    due: Option<Instant>,
}

impl Drops {
    /// Removes the counts from `out[before..]` and appends those that are due.
    pub(super) fn collect(&mut self, before: usize, now: Instant, out: &mut Vec<AudioAction>) {
        let mut place = before;
        while place < out.len() {
            if let AudioAction::CountDrops { cause, frames } = out[place] {
                self.add(cause, frames, now);
                out.remove(place);
            } else {
                place += 1;
            }
        }
        if self.due.is_some_and(|due| due <= now) {
            self.tell(out);
        }
    }

    pub(super) fn add(&mut self, cause: DropCause, frames: u64, now: Instant) {
        self.frames[cause as usize] += frames;
        self.due.get_or_insert(now + DROPS_EVERY);
    }

    fn tell(&mut self, out: &mut Vec<AudioAction>) {
        self.due = None;
        let mut from_caller = 0;
        for cause in DropCause::ALL {
            let frames = std::mem::take(&mut self.frames[cause as usize]);
            if frames > 0 {
                out.push(AudioAction::CountDrops { cause, frames });
            }
            if cause.direction() == "in" {
                from_caller += frames;
            }
        }
        if from_caller > 0 {
            out.push(AudioAction::Report(AudioReport::FramesDropped(from_caller)));
        }
    }

    pub(super) fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        self.due.map(|due| (due, AudioTimer::Drops))
    }
}

/// How long drops are gathered. Shorter: more log lines when a call is overloaded. Longer: the
/// operator learns later.
const DROPS_EVERY: Duration = Duration::from_secs(1);
