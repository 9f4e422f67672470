//! What the agent says and does, as the layers above are told. Pure.

use std::time::{Duration, Instant};

use super::{Session, SessionAction};
use crate::frame::Frame;
use crate::ids::ToolCallId;
use crate::incident::IncidentKind;
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::cascade::dialogue::Wish;
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::cascade::mind::ChatUsage;
use crate::realtime::cascade::thinker::{Order, Outcome};
use crate::realtime::report::{ModelReport, ResponseOutcome, Speaker, ToolCall, Usage, Words};
use crate::realtime::word_times::{Span, TimedLetters};

impl Session {
    pub(super) fn response_began(&mut self, number: u64, wish: Wish, out: &mut Vec<SessionAction>) {
        let response = self.responses.begin(self.number, number, wish).response.clone();
        out.push(SessionAction::Report(ModelReport::ResponseStarted { response }));
    }

    pub(super) fn agent_says(&mut self, number: u64, text: &str, out: &mut Vec<SessionAction>) {
        let Some(known) = self.responses.numbered(number) else { return };
        let delta = if known.text.is_empty() { text.to_owned() } else { format!(" {text}") };
        known.text.push_str(&delta);
        if known.is_told {
            let (response, item) = (known.response.clone(), known.item.clone());
            out.push(SessionAction::ToWords(Words::AgentSays { response, item, delta, span: None }));
        }
    }

    /// Tells the words so far, and gives their item its place. It stands where it is heard: what is
    /// heard while the voice makes its first audio stands before it.
    fn tell(&mut self, number: u64, out: &mut Vec<SessionAction>) {
        let Some(known) = self.responses.numbered(number).filter(|known| !known.is_told) else { return };
        known.is_told = true;
        let (response, item, delta) = (known.response.clone(), known.item.clone(), known.text.clone());
        let words = std::mem::take(&mut known.times);
        self.place(item.clone(), Speaker::Agent, out);
        out.push(SessionAction::ToWords(Words::AgentSays { response, item: item.clone(), delta, span: None }));
        if !words.is_empty() {
            out.push(SessionAction::ToWords(Words::AgentTimed { item, words }));
        }
    }

    /// When words of a response are said.
    pub(super) fn timed(&mut self, number: u64, mut words: Vec<TimedLetters>, out: &mut Vec<SessionAction>) {
        let Some(known) = self.responses.numbered(number).filter(|_| !words.is_empty()) else { return };
        known.is_timed = true;
        if known.is_told {
            out.push(SessionAction::ToWords(Words::AgentTimed { item: known.item.clone(), words }));
        } else {
            known.times.append(&mut words);
        }
    }

    /// So much of a response was heard. Where the voice says no times, the record is told which words
    /// those were.
    pub(super) fn was_heard(&mut self, number: u64, letters: usize, heard: Duration, out: &mut Vec<SessionAction>) {
        let Some(known) = self.responses.numbered(number).filter(|known| known.is_told && !known.is_timed) else {
            return;
        };
        let to_ms = u64::try_from(heard.as_millis()).unwrap_or(u64::MAX);
        let span = Span { from_ms: 0, to_ms };
        let words = vec![TimedLetters { before: 0, until: letters, span }];
        known.is_timed = true;
        out.push(SessionAction::ToWords(Words::AgentTimed { item: known.item.clone(), words }));
    }

    /// How long the parts took for a response.
    pub(super) fn took(&mut self, number: u64, mind: Duration, voice: Duration, out: &mut Vec<SessionAction>) {
        let Some(known) = self.responses.numbered(number) else { return };
        let response = known.response.clone();
        out.push(SessionAction::Report(ModelReport::PartsTook { response, mind, voice }));
    }

    pub(super) fn sounds(&mut self, number: u64, audio: Frame, out: &mut Vec<SessionAction>) {
        self.tell(number, out);
        let Some(known) = self.responses.numbered(number) else { return };
        let (response, item) = (known.response.clone(), known.item.clone());
        if !std::mem::replace(&mut known.sounds, true) {
            out.push(SessionAction::Report(ModelReport::FirstAudio { response: response.clone() }));
        }
        out.push(SessionAction::ToAudio(FromModel { response, item, audio }));
    }

    /// All audio of a response has come.
    pub(super) fn sounded(&mut self, number: u64, out: &mut Vec<SessionAction>) {
        let Some(known) = self.responses.numbered(number).filter(|known| known.sounds) else { return };
        known.is_whole = true;
        let (response, item) = (known.response.clone(), known.item.clone());
        out.push(SessionAction::Complete(ItemComplete { response, item }));
    }

    pub(super) fn tool_called(
        &mut self,
        number: u64,
        key: &str,
        name: String,
        arguments: String,
        out: &mut Vec<SessionAction>,
    ) {
        let id = ToolCallId::new(&format!("{}{key}", self.call_prefix()));
        let Some(known) = self.responses.numbered(number) else { return };
        known.called = true;
        let call = ToolCall { response: known.response.clone(), id, name, arguments };
        out.push(SessionAction::Report(ModelReport::ToolCalled(call)));
    }

    /// What stands before the keys of this session's calls of tools, so that no two sessions of a call
    /// have the same.
    pub(super) fn call_prefix(&self) -> String {
        format!("session{}_", self.number)
    }

    pub(super) fn response_ended(
        &mut self,
        number: u64,
        outcome: Outcome,
        usage: ChatUsage,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        if let Outcome::Failed(_) = outcome {
            // The session is lost with it, and the next one gives the answer.
            out.push(SessionAction::Report(ModelReport::Used(tokens(usage))));
            return;
        }
        self.report_used(out);
        if self.responses.numbered(number).is_some_and(|known| !known.text.is_empty()) {
            self.tell(number, out);
        }
        let Some(known) = self.responses.numbered(number) else { return };
        known.runs = false;
        let (response, item, text) = (known.response.clone(), known.item.clone(), known.text.clone());
        let is_silent = !known.sounds && !known.called && outcome != Outcome::Cancelled;
        let wish = known.wish.clone();
        if !text.is_empty() {
            out.push(SessionAction::ToWords(Words::AgentSaid { response: response.clone(), item, text }));
        }
        if !is_silent {
            self.responses.silences = 0;
        }
        self.responses.silences += u32::from(is_silent);
        let again = self.responses.silences <= MOST_SILENCES;
        if is_silent {
            let (response, kind) = (response.clone(), IncidentKind::AnswerEmpty);
            out.push(SessionAction::Report(ModelReport::AnswerMissed { response, kind, again }));
        }
        let outcome = match outcome {
            Outcome::Complete | Outcome::Silent => ResponseOutcome::Completed,
            Outcome::Cancelled => ResponseOutcome::Cancelled,
            Outcome::Incomplete(reason) => ResponseOutcome::Incomplete(reason.to_owned()),
            Outcome::Failed(failure) => ResponseOutcome::Failed(failure.part.word().to_owned()),
        };
        let usage = Some(tokens(usage));
        out.push(SessionAction::Report(ModelReport::ResponseFinished { response, outcome, usage }));
        if is_silent {
            self.ask_again(wish, again, now, out);
        }
    }

    /// Asks again for an answer that was silent, or gives it up.
    fn ask_again(&mut self, wish: Wish, again: bool, now: Instant, out: &mut Vec<SessionAction>) {
        let (Wish::Think(Order { purpose, .. }) | Wish::Say { purpose, .. }) = &wish;
        let purpose = *purpose;
        if !again {
            self.responses.silences = 0;
            let reason = IncidentKind::AnswerEmpty.word().to_owned();
            return out.push(SessionAction::Report(ModelReport::RequestGivenUp { purpose, reason }));
        }
        let mut actions = Vec::new();
        match wish {
            Wish::Think(order) => self.dialogue.think(order, now, &mut actions),
            Wish::Say { words, purpose } => self.dialogue.say(&words, purpose, now, &mut actions),
        }
        for action in actions {
            self.perform(action, now, out);
        }
    }
}

/// The tokens of an answer as the record counts them.
pub(super) fn tokens(usage: ChatUsage) -> Usage {
    let ChatUsage { input, cached, output, .. } = usage;
    Usage { input_text: input, cached_text: cached, output_text: output, ..Usage::default() }
}

/// Another engine serves from here on.
pub(super) fn took_over(engine: usize, failure: &Failure, out: &mut Vec<SessionAction>) {
    let code = match failure.part {
        Part::Ears => "stt_replaced",
        Part::Mind => "llm_replaced",
        Part::Voice => "tts_replaced",
    };
    let message = format!("engine {} takes over: {failure}", engine + 1);
    out.push(SessionAction::Report(ModelReport::Complained { code: code.to_owned(), message }));
}

/// A complaint of an engine.
pub(super) fn complained(part: Part, code: &str, message: &str, out: &mut Vec<SessionAction>) {
    let message = format!("{}: {message}", part.word());
    out.push(SessionAction::Report(ModelReport::Complained { code: code.to_owned(), message }));
}

/// How often a silent answer is asked for again.
const MOST_SILENCES: u32 = 2;
