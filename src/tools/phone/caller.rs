//! The simulated caller: when to speak, when to press a key and when to hang up. Pure.
//!
//! Times are relative to the `start` of the call's first stream.

use std::sync::Arc;
use std::time::Duration;

use super::options::{LONGEST_WAIT_FOR_ANSWER, LONGEST_WAIT_FOR_GREETING, POLITE_PAUSE, PhoneOptions};
use super::playout::duration_of;

/// Samples of one frame: 20 ms at 8 kHz, the size that carriers send.
pub(super) const FRAME: usize = 160;

/// The simulated caller.
#[derive(Debug)]
pub(super) struct Caller {
    speech: Arc<[i16]>,
    spoken: usize,
    speak_at: Option<Duration>,
    /// Keys that are not yet pressed. The next one is last.
    keys: Vec<(Duration, char)>,
    hangup_after: Option<Duration>,
    answer_pause: Duration,
    noise: Option<u32>,
    spoke_from: Option<Duration>,
    /// When the last word was said or the last key pressed. `None` while anything is left to do.
    done_at: Option<Duration>,
    last_key: Duration,
}

/// What the caller has heard so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// When the first audible sample was heard.
    pub(super) first: Option<Duration>,
    /// When the latest audible sample was heard.
    pub(super) last: Option<Duration>,
}

/// Why the caller hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// The configured time was reached.
    CarrierEvent,
    /// The caller said everything, heard the answer, and silence followed.
    Answered,
    /// The caller said everything and got no answer.
    Unanswered,
}

impl Caller {
    /// A caller who behaves as the options say.
    pub(super) fn new(options: &PhoneOptions) -> Self {
        let mut keys = options.dtmf.clone();
        // The sort is stable: two keys with the same time keep their order once the list is
        // reversed.
        keys.sort_by_key(|(at, _)| *at);
        keys.reverse();
        let idle = options.speech.is_empty() && keys.is_empty();
        Self {
            speech: options.speech.clone(),
            spoken: 0,
            speak_at: options.speak_at,
            keys,
            hangup_after: options.hangup_after,
            answer_pause: options.answer_pause,
            noise: options.comfort_noise.then_some(1),
            spoke_from: None,
            done_at: idle.then_some(Duration::ZERO),
            last_key: Duration::ZERO,
        }
    }

    /// Returns the caller's next 20 ms of audio, starting at `now`. `heard` decides when the caller
    /// begins to speak.
    pub(super) fn frame(&mut self, now: Duration, heard: Heard) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        if self.spoken < self.speech.len() && (self.spoke_from.is_some() || self.may_begin(now, heard)) {
            self.spoke_from.get_or_insert(now);
            let count = FRAME.min(self.speech.len() - self.spoken);
            frame[..count].copy_from_slice(&self.speech[self.spoken..self.spoken + count]);
            self.spoken += count;
            self.settle(now + duration_of(FRAME as u64));
        } else if let Some(state) = &mut self.noise {
            for sample in &mut frame {
                // A linear congruential generator: white enough for comfort noise, and identical in
                // every run.
                *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (*state >> 27) as i16 - 16;
            }
        }
        frame
    }

    /// Returns the keys that are due by `now`.
    pub(super) fn keys_due(&mut self, now: Duration) -> Vec<char> {
        let mut due = Vec::new();
        while let Some((_, key)) = self.keys.pop_if(|(at, _)| *at <= now) {
            due.push(key);
            self.last_key = now;
            self.settle(now);
        }
        due
    }

    /// Returns why the caller hangs up at `now`, if they do.
    pub(super) fn goodbye(&self, now: Duration, heard: Heard) -> Option<Goodbye> {
        if let Some(limit) = self.hangup_after {
            return (now >= limit).then_some(Goodbye::CarrierEvent);
        }
        let done = self.done_at?;
        match heard.last.filter(|last| *last > done) {
            Some(last) => (now.saturating_sub(last) >= self.answer_pause).then_some(Goodbye::Answered),
            None => (now.saturating_sub(done) >= LONGEST_WAIT_FOR_ANSWER).then_some(Goodbye::Unanswered),
        }
    }

    /// When the caller's speech began and, if it has ended, when it ended.
    pub(super) fn spoke(&self) -> Option<(Duration, Option<Duration>)> {
        let from = self.spoke_from?;
        let until = (self.spoken == self.speech.len()).then(|| from + duration_of(self.speech.len() as u64));
        Some((from, until))
    }

    fn may_begin(&self, now: Duration, heard: Heard) -> bool {
        match (self.speak_at, heard.last) {
            (Some(at), _) => now >= at,
            (None, Some(last)) => now.saturating_sub(last) >= POLITE_PAUSE,
            (None, None) => now >= LONGEST_WAIT_FOR_GREETING,
        }
    }

    /// Records the time when the caller has nothing left to do.
    fn settle(&mut self, now: Duration) {
        if self.spoken == self.speech.len() && self.keys.is_empty() {
            self.done_at.get_or_insert(now.max(self.last_key));
        }
    }
}

#[cfg(test)]
mod tests;
