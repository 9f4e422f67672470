//! Decides when the caller's turn is over. Pure.
//!
//! ```text
//! Quiet ──speech, words──▶ Speaking ──silence──▶ Waiting ──time, engine's end──▶ Quiet: Answer
//!   ▲                         ▲                    │  │
//!   │                         └── speech, words ───┘  └─ no words came ──▶ Quiet: Nothing
//!   └──────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Three sources are joined: our detector's silence, the words, and what the engine says about
//! utterances and turns. How long silence has to last depends on the words ([`wording`]). Speech
//! without words, such as a cough, is no turn.
//!
//! An eager answer is begun before the turn is certain to be over. It is kept if the final words are
//! the same, and thrown away if the caller goes on.

mod wording;

use std::time::{Duration, Instant};

use self::wording::{Ending, ending, same_words};
use super::ears::Heard;

/// How turns end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TurnPolicy {
    /// The silence after words that sound complete.
    pub short: Duration,
    /// The silence after other words. Shorter: callers who think are interrupted. Longer: every
    /// answer is late.
    pub usual: Duration,
    /// The silence in the middle of a number that is dictated.
    pub digits: Duration,
    /// The silence after words that cannot be all.
    pub long: Duration,
    /// How long the engine's words are waited for after speech.
    pub words: Duration,
    /// Whether the engine finds the turns itself.
    pub is_engines: bool,
    /// Whether answers are begun eagerly.
    pub is_eager: bool,
}

impl Default for TurnPolicy {
    fn default() -> Self {
        let ms = Duration::from_millis;
        Self {
            short: ms(300),
            usual: ms(500),
            digits: ms(1200),
            long: ms(2500),
            words: ms(1500),
            is_engines: false,
            is_eager: false,
        }
    }
}

/// What follows for the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TurnAction {
    /// The caller began to speak.
    Started,
    /// The words of the turn so far changed.
    Words(String),
    /// Ask the engine for the words of what was said.
    Commit,
    /// Begin the answer to these words, but let nobody hear it and call no tool.
    AnswerEagerly(String),
    /// Throw the eager answer away.
    TakeBack,
    /// The turn is over.
    Answer {
        /// Its words.
        text: String,
        /// Whether the eager answer is the answer.
        is_prepared: bool,
    },
    /// What sounded like speech was none.
    Nothing,
}

/// How many eager answers were begun, and what became of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EagerCounts {
    /// Those that were begun.
    pub begun: u32,
    /// Those that became the answer.
    pub kept: u32,
    /// Those that were thrown away.
    pub thrown: u32,
}

/// The caller's turns.
#[derive(Debug)]
pub struct Turns {
    language: String,
    policy: TurnPolicy,
    state: State,
    /// The words of the turn in progress.
    text: String,
    /// Whether the engine will not change them.
    are_settled: bool,
    /// Whether a detector of ours says when the caller speaks. Without one, silence is not known.
    has_detector: bool,
    /// The words to which an eager answer was begun.
    eager: Option<String>,
    /// Eager answers of this turn.
    tries: u32,
    counts: EagerCounts,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Quiet,
    /// The caller speaks, as far as is known.
    Speaking {
        since: Instant,
    },
    /// The caller is silent since this time.
    Waiting {
        since: Instant,
        /// When the speech began.
        spoke: Instant,
        /// Until when the engine's words are waited for.
        words_by: Instant,
        /// The silence that is asked for at least, because noise goes on.
        at_least: Duration,
    },
}

impl Turns {
    /// No turn yet.
    pub fn new(language: &str, policy: TurnPolicy) -> Self {
        Self {
            language: language.to_owned(),
            policy,
            state: State::Quiet,
            text: String::new(),
            are_settled: true,
            has_detector: false,
            eager: None,
            tries: 0,
            counts: EagerCounts::default(),
        }
    }

    /// A detector of ours will say when the caller speaks.
    pub fn trust_detector(&mut self) {
        self.has_detector = true;
    }

    /// Another language is spoken from here on.
    pub fn speak(&mut self, language: &str) {
        language.clone_into(&mut self.language);
    }

    /// Turns end in another way from here on, because another engine hears.
    pub fn follow(&mut self, policy: TurnPolicy) {
        self.policy = policy;
    }

    /// How many eager answers were begun, and what became of them.
    pub fn counts(&self) -> EagerCounts {
        self.counts
    }

    /// Whether a turn is in progress.
    pub fn is_turn(&self) -> bool {
        self.state != State::Quiet
    }

    /// Whether all words of the turn in progress are known, and only silence is waited for.
    pub fn has_all_words(&self) -> bool {
        matches!(self.state, State::Waiting { .. }) && self.are_settled && !self.text.is_empty()
    }

    /// Our detector hears the caller begin or cease to speak.
    pub fn speech(&mut self, begins: bool, now: Instant, out: &mut Vec<TurnAction>) {
        self.has_detector = true;
        match (begins, self.state) {
            (true, _) => self.speaks(now, out),
            (false, State::Speaking { since }) => {
                self.waits(now, since, Duration::ZERO);
                out.push(TurnAction::Commit);
                self.prepare(now, out);
            }
            // The engine told the end before.
            (false, State::Quiet | State::Waiting { .. }) => {}
        }
    }

    /// The engine heard something.
    pub fn heard(&mut self, heard: &Heard, now: Instant, out: &mut Vec<TurnAction>) {
        match heard {
            // A word is certain speech; without a detector of ours a voice has to do.
            Heard::SpeechBegan { has_words } if *has_words || !self.has_detector => self.speaks(now, out),
            Heard::Words { text, are_settled } => {
                self.words(text, *are_settled, now, out);
                self.prepare(now, out);
            }
            Heard::UtteranceOver { text } => {
                self.words(text, true, now, out);
                self.utterance_over(now);
                self.prepare(now, out);
            }
            Heard::TurnEndsEagerly { text } => {
                self.words(text, false, now, out);
                self.begin_eagerly(now, out);
            }
            Heard::TurnResumed => self.take_back(out),
            Heard::TurnOver { text } => {
                self.words(text, true, now, out);
                self.force(out);
            }
            Heard::Committed => {
                self.are_settled |= matches!(self.state, State::Waiting { .. });
                self.prepare(now, out);
            }
            Heard::SpeechBegan { .. } | Heard::Ready | Heard::Used(_) | Heard::Complained { .. } | Heard::Failed(_) => {
            }
        }
    }

    /// The turn is over whatever was heard: a key was pressed, or a button.
    pub fn force(&mut self, out: &mut Vec<TurnAction>) {
        if self.is_turn() {
            self.over(out);
        }
    }

    /// What was said is not to be answered.
    pub fn discard(&mut self, out: &mut Vec<TurnAction>) {
        self.take_back(out);
        self.reset();
    }

    /// When silence has lasted long enough.
    pub fn deadline(&self) -> Option<Instant> {
        let State::Waiting { since, words_by, at_least, .. } = self.state else { return None };
        if self.text.is_empty() {
            return Some(words_by);
        }
        let silence = self.silence().max(at_least);
        let end = since + silence;
        Some(if self.are_settled { end } else { end.max(words_by) })
    }

    /// The deadline has passed.
    pub fn deadline_passed(&mut self, now: Instant, out: &mut Vec<TurnAction>) {
        if self.deadline().is_none_or(|at| at > now) {
            return;
        }
        if self.text.is_empty() {
            self.take_back(out);
            self.reset();
            out.push(TurnAction::Nothing);
        } else {
            self.over(out);
        }
    }

    fn speaks(&mut self, now: Instant, out: &mut Vec<TurnAction>) {
        match self.state {
            State::Quiet => {
                self.state = State::Speaking { since: now };
                out.push(TurnAction::Started);
            }
            State::Waiting { spoke, .. } => {
                self.state = State::Speaking { since: spoke };
                // Their words are still to come.
                self.are_settled = false;
                self.take_back(out);
            }
            State::Speaking { .. } => {}
        }
    }

    fn words(&mut self, text: &str, are_settled: bool, now: Instant, out: &mut Vec<TurnAction>) {
        self.are_settled = are_settled;
        let text = text.trim();
        if text.is_empty() || text == self.text {
            return;
        }
        let are_new = !same_words(text, &self.text);
        text.clone_into(&mut self.text);
        if self.state == State::Quiet {
            self.speaks(now, out);
            // Late words of speech that has ended already. Their engine is slow, not the caller.
            if self.has_detector {
                self.waits(now, now, Duration::ZERO);
            }
        }
        if are_new && self.eager.is_some() {
            self.take_back(out);
        }
        match &mut self.state {
            // Only the words tell that the caller goes on.
            State::Waiting { spoke, .. } if are_new && !self.has_detector => {
                self.state = State::Speaking { since: *spoke };
            }
            // In noise, words are the only sign of speech.
            State::Waiting { since, at_least, .. } if are_new && !at_least.is_zero() => *since = now,
            State::Waiting { .. } | State::Quiet | State::Speaking { .. } => {}
        }
        out.push(TurnAction::Words(self.text.clone()));
    }

    fn utterance_over(&mut self, now: Instant) {
        if let State::Speaking { since } = self.state {
            // Our detector disagrees: noise goes on, or the caller does.
            let at_least = if self.has_detector { self.policy.digits } else { Duration::ZERO };
            self.waits(now, since, at_least);
        }
    }

    fn waits(&mut self, now: Instant, spoke: Instant, at_least: Duration) {
        self.state = State::Waiting { since: now, spoke, words_by: now + self.policy.words, at_least };
    }

    /// How long silence has to last after these words.
    fn silence(&self) -> Duration {
        if self.policy.is_engines {
            // The engine tells it sooner, unless it fails to.
            return self.policy.long;
        }
        match ending(&self.text, &self.language) {
            Ending::Complete => self.policy.short,
            Ending::Usual => self.policy.usual,
            Ending::Number => self.policy.digits,
            Ending::Incomplete => self.policy.long,
        }
    }

    /// Begins an eager answer, if the words will hardly change.
    fn prepare(&mut self, now: Instant, out: &mut Vec<TurnAction>) {
        let is_likely = matches!(ending(&self.text, &self.language), Ending::Complete | Ending::Usual);
        let is_silent = matches!(self.state, State::Waiting { .. });
        if self.are_settled && is_likely && is_silent && !self.policy.is_engines {
            self.begin_eagerly(now, out);
        }
    }

    fn begin_eagerly(&mut self, now: Instant, out: &mut Vec<TurnAction>) {
        let spoke = match self.state {
            State::Speaking { since } => since,
            State::Waiting { spoke, .. } => spoke,
            State::Quiet => return,
        };
        let is_short = now.saturating_duration_since(spoke) <= LONGEST_EAGER;
        if self.policy.is_eager && is_short && self.eager.is_none() && self.tries < MOST_TRIES && !self.text.is_empty()
        {
            self.eager = Some(self.text.clone());
            self.tries += 1;
            self.counts.begun += 1;
            out.push(TurnAction::AnswerEagerly(self.text.clone()));
        }
    }

    fn take_back(&mut self, out: &mut Vec<TurnAction>) {
        if self.eager.take().is_some() {
            self.counts.thrown += 1;
            out.push(TurnAction::TakeBack);
        }
    }

    fn over(&mut self, out: &mut Vec<TurnAction>) {
        if self.text.is_empty() {
            self.take_back(out);
            self.reset();
            return out.push(TurnAction::Nothing);
        }
        let is_prepared = self.eager.as_ref().is_some_and(|eager| same_words(eager, &self.text));
        if is_prepared {
            self.eager = None;
            self.counts.kept += 1;
        }
        self.take_back(out);
        let text = std::mem::take(&mut self.text);
        self.reset();
        out.push(TurnAction::Answer { text, is_prepared });
    }

    fn reset(&mut self) {
        self.state = State::Quiet;
        self.text.clear();
        (self.are_settled, self.tries) = (true, 0);
    }
}

/// The most eager answers of a turn.
const MOST_TRIES: u32 = 3;
/// Speech after which no answer is begun eagerly: a long turn often goes on.
const LONGEST_EAGER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
