//! The caller's turns. Few servers report speech, so a turn begins with the first words that are
//! transcribed, or with an interruption, and ends when the server answers it or when no more words
//! come. With manual detection, our own detector says both.
//!
//! Transcripts carry no id and are not in order with the audio. An answer that nothing called for
//! therefore answers a turn whose words are still to come. Words that come while the agent speaks
//! are late words of the last turn, or, after a while, of a turn that the server has not
//! taken for an interruption yet: such a turn is *hidden* until it does, or until the agent is done.

use std::time::{Duration, Instant};

use super::{Session, SessionAction, Timer};
use crate::ids::{ItemId, Private};
use crate::realtime::report::{ModelReport, Speaker, Words};
use crate::words::holds_words;

/// The caller's turns.
#[derive(Debug, Default)]
pub(super) struct Caller {
    turn: Option<Turn>,
    /// Whether the last closed turn was noise.
    last_was_noise: bool,
    /// Whether any words were ever transcribed. Without them, a turn without words may be speech.
    hears_words: bool,
}

#[derive(Debug)]
struct Turn {
    item: ItemId,
    text: String,
    began: Instant,
    last_words: Option<Instant>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Not reported yet.
    Hidden,
    Speaking,
    /// The speech is over, and words may still come.
    Stopped {
        at: Instant,
        /// Whether only the lack of words says so. Some servers send them late, so the turn stays
        /// open until its answer has begun.
        paused: bool,
    },
}

impl Caller {
    pub(super) fn is_speaking(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| turn.stage == Stage::Speaking)
    }

    /// When the caller began to speak, if they speak now.
    pub(super) fn speaks_since(&self) -> Option<Instant> {
        self.turn.as_ref().filter(|turn| turn.stage == Stage::Speaking).map(|turn| turn.began)
    }

    /// Whether the last turn was noise, as far as is known.
    pub(super) fn last_was_noise(&self) -> bool {
        if self.settled_at().is_some() { self.is_noise() } else { self.last_was_noise }
    }

    /// Whether words of a turn may still come.
    pub(super) const fn is_open(&self) -> bool {
        self.turn.is_some()
    }

    /// When the words of a turn that is over count as complete.
    pub(super) fn settled_at(&self) -> Option<Instant> {
        match self.turn.as_ref()?.stage {
            Stage::Stopped { at, .. } => Some(at + SETTLED_AFTER),
            Stage::Hidden | Stage::Speaking => None,
        }
    }

    /// Whether the speech is over only because no more words have come.
    pub(super) fn is_paused(&self) -> bool {
        self.turn.as_ref().is_some_and(|turn| matches!(turn.stage, Stage::Stopped { paused: true, .. }))
    }

    /// Whether the turn is noise, as far as is known.
    fn is_noise(&self) -> bool {
        self.hears_words && self.turn.as_ref().is_some_and(|turn| !holds_words(&turn.text))
    }

    /// The earliest deadline. `detected` says that our detector hears the caller speak, and `owed`
    /// that their answer is owed and has not begun.
    pub(super) fn deadline(&self, detected: bool, owed: bool) -> Option<(Instant, Timer)> {
        let turn = self.turn.as_ref()?;
        match turn.stage {
            Stage::Stopped { paused: true, .. } if owed => None,
            Stage::Stopped { at, .. } => Some((at + SETTLED_AFTER, Timer::WordsSettled)),
            // Our detector says when the speech ends, and a hidden turn waits for the agent.
            Stage::Speaking if detected => None,
            Stage::Hidden => None,
            Stage::Speaking => {
                let at = turn.last_words.map_or(turn.began + WORDLESS, |last| last + QUIET);
                Some((at, Timer::CallerQuiet))
            }
        }
    }

    pub(super) fn append(&mut self, words: &str, now: Instant) {
        self.hears_words = true;
        if let Some(turn) = &mut self.turn {
            turn.last_words = Some(now);
            if turn.text.len() < LONGEST_TEXT {
                turn.text.push_str(words);
            }
        }
    }

    /// Removes the turn. Returns its item and words.
    pub(super) fn take(&mut self) -> Option<(ItemId, String)> {
        let Turn { item, text, .. } = self.turn.take()?;
        self.last_was_noise = self.hears_words && !holds_words(&text);
        Some((item, text.trim().to_owned()))
    }
}

impl Session {
    /// The caller begins to speak: a turn begins, or a hidden one is reported.
    pub(super) fn caller_begins(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        match self.caller.turn.as_ref().map(|turn| turn.stage) {
            Some(Stage::Speaking) => return,
            Some(Stage::Hidden) => {}
            Some(Stage::Stopped { .. }) => {
                self.close_turn(out);
                self.new_turn(Stage::Speaking, now, out);
            }
            None => self.new_turn(Stage::Speaking, now, out),
        }
        let Some(turn) = &mut self.caller.turn else { return };
        (turn.stage, turn.began) = (Stage::Speaking, now);
        let (item, text) = (turn.item.clone(), turn.text.clone());
        (self.unanswered, self.listen_until, self.obsolete_until) = (None, None, None);
        self.requests.turn_overtaken();
        out.push(SessionAction::Report(ModelReport::SpeechStarted { item: item.clone() }));
        if !text.is_empty() {
            self.report_words(item, text, false, out);
        }
    }

    fn new_turn(&mut self, stage: Stage, now: Instant, out: &mut Vec<SessionAction>) {
        let item = self.next_item();
        self.caller.turn = Some(Turn { item: item.clone(), text: String::new(), began: now, last_words: None, stage });
        self.place(item, Speaker::Caller, out);
    }

    /// Handles words of the caller; `finished` says that the turn's words are complete. Without
    /// words, the caller is being transcribed and the words follow.
    pub(super) fn hear_caller_words(
        &mut self,
        words: Option<String>,
        finished: bool,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        let manual = self.plan.activity.is_manual();
        if self.caller.is_paused() && words.is_some() && self.run.is_none() {
            // They speak on.
            self.close_turn(out);
        }
        if self.caller.turn.is_none() {
            let agent_speaks = self.run.as_ref().is_some_and(|run| !run.dropped);
            match &words {
                // Our detector alone begins turns, and an end of words begins none.
                _ if manual => return,
                None if finished => return,
                Some(_) if agent_speaks && self.plan.activity.interrupts() => self.new_turn(Stage::Hidden, now, out),
                Some(_) | None => self.caller_begins(now, out),
            }
        }
        if let Some(words) = words {
            self.caller.append(&words, now);
            let shown = self.caller.turn.as_ref().filter(|turn| turn.stage != Stage::Hidden);
            if let Some(item) = shown.map(|turn| turn.item.clone()) {
                self.report_words(item, words, false, out);
            }
        }
        if finished {
            self.words_finished(now, out);
        }
    }

    /// The words of the turn are complete. That also ends the caller's speech.
    fn words_finished(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if self.input.is_in_activity() {
            return;
        }
        if self.caller.is_speaking() {
            self.caller_stops(now, out);
            self.owe(now);
        }
        if self.caller.settled_at().is_some() {
            self.close_turn(out);
        }
    }

    fn report_words(&mut self, item: ItemId, text: String, last: bool, out: &mut Vec<SessionAction>) {
        if self.transcribes {
            let text = Private::new(text);
            out.push(SessionAction::Report(ModelReport::CallerWords { item, text, last }));
        }
    }

    /// The caller's speech is over; words of it may still come.
    pub(super) fn caller_stops(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if let Some(turn) = self.caller.turn.as_mut().filter(|turn| turn.stage == Stage::Speaking) {
            turn.stage = Stage::Stopped { at: now, paused: false };
            out.push(SessionAction::Report(ModelReport::SpeechStopped { item: turn.item.clone() }));
        }
    }

    /// The server answers: the caller's turn is over.
    pub(super) fn caller_answered(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if self.caller.is_paused()
            && let Some(turn) = &mut self.caller.turn
        {
            turn.stage = Stage::Stopped { at: now, paused: false };
        }
        if !self.input.is_in_activity() {
            self.caller_stops(now, out);
        }
    }

    /// A detector hears the caller's turn end. An answer is owed, and words still come.
    pub(super) fn caller_done(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.activity_ends(out);
        if self.caller.is_speaking() {
            self.caller_stops(now, out);
            self.owe(now);
        }
    }

    /// No more words come: the caller's turn is over, and an answer is owed unless it was noise.
    pub(super) fn caller_quiet(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.activity_ends(out);
        self.caller_stops(now, out);
        if !self.caller.is_noise() {
            self.owe(now);
        }
        if let Some(Turn { stage: Stage::Stopped { paused, .. }, .. }) = &mut self.caller.turn {
            *paused = true;
        }
    }

    /// Tells the words of an open turn, because the rest of them will not come: the session is lost.
    pub(super) fn tell_words_so_far(&self, out: &mut Vec<SessionAction>) {
        if let Some(turn) = self.caller.turn.as_ref().filter(|turn| self.transcribes && holds_words(&turn.text)) {
            let (item, text) = (turn.item.clone(), turn.text.trim().to_owned());
            out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
        }
    }

    /// The agent is done: a turn that it was spoken over becomes known.
    pub(super) fn caller_heard_over_agent(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if self.caller.turn.as_ref().is_some_and(|turn| turn.stage == Stage::Hidden) {
            self.caller_begins(now, out);
        }
    }

    /// Reports the words of a turn as complete. Noise needs no answer.
    pub(super) fn close_turn(&mut self, out: &mut Vec<SessionAction>) {
        let paused = self.caller.is_paused();
        let Some((item, text)) = self.caller.take() else { return };
        self.report_words(item.clone(), text.clone(), true, out);
        if self.transcribes {
            out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
        }
        if self.caller.last_was_noise && self.run.is_none() {
            let owed = self.unanswered.take().is_some() || paused || self.owes();
            self.requests.turn_overtaken();
            if owed && !self.owes() {
                out.push(SessionAction::Report(ModelReport::NothingOwed));
            }
        }
    }
}

/// How long no words may come until the caller's turn counts as over. The server usually answers
/// before. Shorter: a pause splits a turn. Longer: a turn that the server ignores is noticed late.
const QUIET: Duration = Duration::from_secs(2);
/// The same for a turn without any words yet, as transcripts may come late.
const WORDLESS: Duration = Duration::from_secs(6);
/// How long words may still come after the speech. Longer: words of the next turn are taken for this
/// one's.
const SETTLED_AFTER: Duration = Duration::from_secs(2);
/// The longest text of a turn, in bytes.
const LONGEST_TEXT: usize = 32_768;
