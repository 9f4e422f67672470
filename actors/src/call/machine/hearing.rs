//! The caller's side: speech, words, silence. Part of [`super`].

use std::time::Instant;

use super::ends::Closing;
use super::{CallMachine, Protection, State};
use crate::call::barge_in::Verdict;
use crate::call::no_input::{NoInputStep, Told};
use crate::call::steps::{CallAction, Note};
use crate::call::turn::Interrupter;
use crate::ending::Ending;
use crate::ids::ItemId;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};
use crate::transcript::messages::Fact;
use crate::words::holds_words;

impl CallMachine {
    /// The model's turn detection heard the caller begin to speak.
    pub(super) fn caller_spoke(&mut self, item: ItemId, now: Instant) {
        self.caller_speaking = true;
        self.wait_anew();
        match self.state {
            // Heard by the model before its end was taken away: what must not be interrupted is not.
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking
                if self.protection != Protection::Over => {}
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking
                if self.turn.is_sounding() =>
            {
                let verdict = self.barge_in.speech_started(&item, &self.profile.interruption, now);
                self.rule(verdict, now);
            }
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => self.listen(now),
            // The agent wished to end the call and the caller does not: the caller is right.
            State::Closing(Closing { revocable: true, .. }) if !self.must_be_heard() => {
                self.listen(now);
                self.goes_on("spoke");
            }
            // The end is not the agent's to call off: the last words are said to their end.
            State::Closing(_) => {}
            // No model hears the caller before it is attached, or while somebody else is to.
            State::Connecting | State::Reconnecting(_) | State::Transferring(_) | State::Ended(_) => {}
        }
        self.record(Fact::CallerSpoke { item });
        self.out.push(CallAction::CallerTurn { open: true });
    }

    /// The model's turn detection heard the caller's turn end.
    pub(super) fn caller_stopped(&mut self, item: &ItemId, now: Instant) {
        self.caller_speaking = false;
        self.out.push(CallAction::CallerTurn { open: false });
        let judged = !self.barge_in.is_pending();
        self.barge_in.speech_stopped(&self.profile.interruption, now);
        if judged {
            self.turn_taken(Some(item), now);
        } else if !self.barge_in.is_pending() {
            self.tell(Note::InterruptionDismissed);
        }
    }

    /// Transcription heard what the caller says: all of it where this is the `last`, or another piece.
    pub(super) fn caller_words(&mut self, item: &ItemId, text: &str, last: bool, now: Instant) {
        let text = self.pieces.join(item, text, last).to_owned();
        let told = if holds_words(&text) { Told::Words } else { Told::Noise };
        if last && self.no_input.turn_told(item, told, now) {
            // It was late and is not missing any more.
            self.tally.turns_without_words = self.tally.turns_without_words.saturating_sub(1);
        }
        if told == Told::Words {
            self.no_input.caller_answered(now);
            let verdict = self.barge_in.words(item, &text);
            self.rule(verdict, now);
        }
    }

    /// Transcription of what the caller said has failed: that they said something is known all the same.
    pub(super) fn words_failed(&mut self, item: &ItemId, now: Instant) {
        if !self.no_input.turn_told(item, Told::Failed, now) {
            self.words_missing("failed", 1);
        }
    }

    /// Tells of turns whose transcript does not come. It may yet.
    pub(super) fn check_words(&mut self, now: Instant) {
        let late = self.no_input.late_turns(now);
        if late > 0 {
            self.words_missing("late", late);
        }
    }

    fn words_missing(&mut self, why: &'static str, turns: u64) {
        let again = self.tally.turns_without_words > 0;
        self.tally.turns_without_words += turns;
        self.tell(Note::WordsMissing { why, turns, again });
    }

    /// Whether the caller's words are written down in the language that is spoken now.
    fn transcribes(&self) -> bool {
        match self.spoken() {
            Some(language) if self.language != self.profile.language => language.transcription.is_some(),
            _ => self.profile.model.transcription.is_some(),
        }
    }

    /// The call goes on, because of what the caller did.
    pub(super) fn goes_on(&mut self, did: &str) {
        self.call_off();
        let text = format!("The caller {did} before the call was ended or handed on, so it goes on.");
        self.out.push(CallAction::Order(ModelOrder::AddText { role: TextRole::System, text }));
    }

    /// Carries out what was judged of the caller's speech.
    pub(super) fn rule(&mut self, verdict: Verdict, now: Instant) {
        match verdict {
            Verdict::GoOn => {}
            Verdict::Pause => self.out.push(CallAction::PausePlayout),
            Verdict::Resume => {
                self.out.push(CallAction::ResumePlayout);
                self.tell(Note::InterruptionDismissed);
            }
            Verdict::Interrupt => {
                self.listen(now);
                if !self.caller_speaking {
                    // Words confirmed it after the speech had ended.
                    self.turn_taken(None, now);
                }
            }
        }
    }

    /// The caller has the word; whatever the agent was saying is interrupted.
    pub(super) fn listen(&mut self, now: Instant) {
        let server_cancels = self.profile.model.turn_detection.interrupts();
        if self.turn.interrupt(Interrupter::Caller { server_cancels }, now, &mut self.out) {
            self.tally.barge_ins += 1;
        }
        self.barge_in.forget();
        self.stopwatch.abandon();
        self.turn_anew();
        self.state = State::Listening;
    }

    /// The caller's turn is over and an answer is due. Without an item, its words are known already.
    fn turn_taken(&mut self, item: Option<&ItemId>, now: Instant) {
        self.tally.turns += 1;
        if !self.turn.is_sounding() {
            self.turn_anew();
        }
        match item {
            Some(item) if self.transcribes() => self.no_input.turn_ended(item, now),
            Some(_) => self.no_input.caller_answered(now),
            None => {}
        }
        match self.state {
            // A wish of ours may have begun meanwhile; the turn is timed all the same.
            State::Listening | State::Thinking { .. } => {
                self.stopwatch.turn_ended(now);
                if self.profile.model.turn_detection.answers() {
                    self.turn.owe();
                } else {
                    self.request(ResponsePurpose::Answer, None);
                }
                self.state = State::Thinking { caller_done: Some(now) };
            }
            // The agent is heard already: there is nothing to wait for.
            State::Greeting | State::Speaking => {}
            // Nobody will answer any more.
            State::Closing(_) => {}
            State::Reconnecting(_) => self.owed_on_return(),
            State::Connecting | State::Transferring(_) | State::Ended(_) => {}
        }
    }

    /// Goes on in `code`, one of the brief's: prompt and transcription change, the context stays, the voice cannot change.
    pub(super) fn switch_language(&mut self, code: &str) {
        let Some(language) = self.profile.languages.get(code).filter(|_| code != self.language) else { return };
        self.out.push(CallAction::Order(ModelOrder::Configure {
            instructions: Some(language.instructions.clone()),
            transcription: Some(language.transcription.clone()),
            tools: None,
        }));
        let from = std::mem::replace(&mut self.language, code.to_owned());
        self.record(Fact::LanguageSwitched { from, to: code.to_owned() });
        self.tell(Note::LanguageSwitched(code.to_owned()));
    }

    /// Keeps the ladder's clock: silence is when nobody speaks, nothing is being made and nobody is waited for.
    pub(super) fn check_silence(&mut self, now: Instant) {
        let nobody = matches!(self.state, State::Listening | State::Thinking { .. })
            && !self.caller_speaking
            && !self.turn.is_sounding()
            && !self.turn.is_generating()
            && !self.turn.is_owed()
            && !self.tools.are_asked()
            && !self.keypad.is_pressed();
        if nobody {
            self.no_input.floor_silent(now);
        } else {
            self.no_input.floor_taken();
        }
    }

    /// The next rung of the idle ladder has been reached.
    pub(super) fn advance(&mut self, now: Instant) {
        match self.no_input.advance(now) {
            Some(NoInputStep::Prompt(no_input_step)) => {
                let words = self.spoken().and_then(|language| language.idle_prompt(no_input_step)).map(exactly);
                let words =
                    words.unwrap_or_else(|| "Ask in one short sentence whether the caller is still there.".into());
                self.request(ResponsePurpose::IdlePrompt, Some(words));
            }
            Some(NoInputStep::Goodbye) => self.say_goodbye(Ending::CallerSilent, now),
            None => {}
        }
    }
}

/// What the model is told to say word for word.
pub(super) fn exactly(words: &str) -> String {
    format!("Say exactly these words and nothing else: “{words}”")
}
