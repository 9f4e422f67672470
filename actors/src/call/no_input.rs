//! No input: the prompts to a silent caller, step by step, and the goodbye. Pure.
//!
//! A sub-machine of the call. It hears when the floor is taken and when it falls silent, and
//! returns the step that is reached. Silence counts from the moment at which the caller has *heard*
//! the agent's last word. The goodbye follows the configured prompts, so the same steps end a call
//! whose model says goodbye and forgets to hang up.
//!
//! Turn detection may take the comfort noise of a muted caller for speech. So speech whose
//! transcript holds no words does not take the prompts back to the first step, and a wall-clock
//! limit (`longest_without_words`) ends a call that prompts cannot end.
//!
//! Transcription alone does not decide whether the caller is there. A turn counts as the caller's
//! when its transcription failed, and while its transcript is pending. When the transcript comes
//! and is empty, the prompts stand where they were before that turn.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::ids::ItemId;
use crate::profile::no_input::NoInputPlan;

/// What silence leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoInputStep {
    /// Say the prompt of this number, from 0.
    Prompt(usize),
    /// Say goodbye and hang up.
    Goodbye,
}

/// The no-input state of one call.
#[derive(Debug, Clone)]
pub(super) struct NoInput {
    plan: NoInputPlan,
    /// When prompts were said; prompts before the caller's last sign no longer count.
    prompted: Vec<Instant>,
    /// Since when the floor has been silent; `None` while the caller or the agent has it.
    silent_since: Option<Instant>,
    /// When the caller last spoke words or pressed a key, or the call began.
    words_at: Instant,
    /// Turns of the caller whose transcript is pending, the newest last.
    pending: VecDeque<PendingTranscript>,
    goodbye: Goodbye,
}

/// The last step, after which no step follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Goodbye {
    /// Not reached yet.
    ToCome,
    /// Requested, and the caller has given no sign since.
    Asked,
}

/// A turn of the caller whose words are not known.
#[derive(Debug, Clone)]
struct PendingTranscript {
    item: ItemId,
    ended: Instant,
    words: Awaited,
}

/// How long the words of a turn have been awaited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Awaited {
    /// Not longer than usual.
    Usually,
    /// Too long: they have been reported as missing, and may still come.
    Missing,
}

/// The result of a turn's transcription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TurnWords {
    /// Words.
    Words,
    /// No words.
    Noise,
    /// No result: transcription failed.
    Failed,
}

impl NoInput {
    /// A call that begins now, without prompts so far.
    pub(super) fn new(plan: NoInputPlan, now: Instant) -> Self {
        Self {
            plan,
            prompted: Vec::new(),
            silent_since: None,
            words_at: now,
            pending: VecDeque::new(),
            goodbye: Goodbye::ToCome,
        }
    }

    /// The floor falls silent: the agent's last word was heard, or a turn of the caller brought no
    /// answer.
    pub(super) fn floor_silent(&mut self, now: Instant) {
        self.silent_since.get_or_insert(now);
    }

    /// The floor is taken: the caller's speech began, or an answer is generated or played.
    pub(super) fn floor_taken(&mut self) {
        self.silent_since = None;
    }

    /// The caller said words (a transcript with text) or pressed a key: back to the first step.
    pub(super) fn caller_answered(&mut self, now: Instant) {
        self.sign_of_life(now);
        self.goodbye = Goodbye::ToCome;
        if self.silent_since.is_some() {
            self.silent_since = Some(now);
        }
    }

    /// A turn of the caller is over, and its transcript is pending.
    pub(super) fn turn_ended(&mut self, item: &ItemId, now: Instant) {
        if self.pending.len() == MOST_PENDING
            && let Some(oldest) = self.pending.pop_front()
        {
            // A server that owes this many transcripts does not transcribe.
            self.sign_of_life(oldest.ended);
        }
        self.pending.push_back(PendingTranscript { item: item.clone(), ended: now, words: Awaited::Usually });
    }

    /// A transcription result came, for a turn or for speech that was not counted as one. Returns
    /// whether the turn had been reported as missing.
    pub(super) fn turn_transcribed(&mut self, item: &ItemId, words: TurnWords, now: Instant) -> bool {
        // A server that does not name turns when they are spoken names them here; they come in
        // order.
        let is = |turn: &PendingTranscript| turn.item == *item || turn.item.as_str().is_empty();
        let place = self.pending.iter().position(is);
        let turn = place.and_then(|place| self.pending.remove(place));
        match words {
            TurnWords::Words => self.caller_answered(now),
            TurnWords::Noise => {}
            TurnWords::Failed => {
                if let Some(turn) = &turn {
                    self.sign_of_life(turn.ended);
                }
            }
        }
        turn.is_some_and(|turn| turn.words == Awaited::Missing)
    }

    /// The number of turns whose transcript has become overdue; each is counted once.
    pub(super) fn late_turns(&mut self, now: Instant) -> u64 {
        let late = self.pending.iter_mut().filter(|turn| turn.words == Awaited::Usually && now >= turn.ended + LATE);
        late.map(|turn| turn.words = Awaited::Missing).count() as u64
    }

    fn sign_of_life(&mut self, at: Instant) {
        self.words_at = self.words_at.max(at);
        let words_at = self.words_at;
        self.prompted.retain(|prompted| *prompted > words_at);
    }

    /// When the caller last gave a sign, if the pending transcripts hold words. A turn that ended
    /// after the limit does not count: endless noise would keep the call for ever.
    fn last_sign(&self) -> Instant {
        let longest = self.plan.longest_without_words;
        self.pending
            .iter()
            .map(|turn| turn.ended)
            .fold(self.words_at, |last, ended| if ended <= last + longest { last.max(ended) } else { last })
    }

    /// When the next step is reached, if the floor stays as it is.
    pub(super) fn deadline(&self) -> Option<Instant> {
        if self.goodbye == Goodbye::Asked {
            return None;
        }
        let last = self.last_sign();
        let mute = last + self.plan.longest_without_words;
        let silence = self.plan.before_prompts.get(self.advanced(last)).unwrap_or(&self.plan.before_goodbye);
        Some(self.silent_since.map_or(mute, |since| mute.min(since + *silence)))
    }

    /// The step that has been reached, once.
    pub(super) fn advance(&mut self, now: Instant) -> Option<NoInputStep> {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return None;
        }
        let last = self.last_sign();
        let (mute, advanced) = (now >= last + self.plan.longest_without_words, self.advanced(last));
        self.silent_since = None;
        if mute || advanced >= self.plan.before_prompts.len() {
            self.goodbye = Goodbye::Asked;
            return Some(NoInputStep::Goodbye);
        }
        self.prompted.push(now);
        Some(NoInputStep::Prompt(advanced))
    }

    /// Prompts said since the caller's `last` sign.
    fn advanced(&self, last: Instant) -> usize {
        self.prompted.iter().filter(|prompted| **prompted > last).count()
    }
}

/// Most pending transcripts. A transcript takes a second or two, so one or two are usual.
const MOST_PENDING: usize = 16;
/// How long after a turn its transcript counts as missing. A usual one takes a second or two.
const LATE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
