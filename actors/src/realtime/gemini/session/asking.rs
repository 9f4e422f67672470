//! Requests to speak. The protocol has none: a request is a text for the model, and the next run
//! answers it. One request is on its way at a time, and none while the server speaks or is about to
//! answer the caller, because a text stops what it generates.

use std::time::{Duration, Instant};

use super::{Session, SessionAction, Timer, complain, send};
use crate::realtime::gemini::models::Texts;
use crate::realtime::gemini::protocol::client::{
    ClientContent, ClientMessage, Content, RealtimeInput, Role, bracketed,
};
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::report::ModelReport;
use crate::realtime::requests::{Failure, Pending, Remedy, Unspoken};

/// A request that was sent and whose run has not begun.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Pending,
    /// Since when the server can answer it.
    pub(super) since: Instant,
    /// Whether it is not wanted any more. Its run is dropped.
    pub(super) unwanted: bool,
}

impl Session {
    /// Sends what can be sent now. Called after every event.
    pub(super) fn go_on(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if !self.is_ready() {
            return;
        }
        self.watch_stream(now);
        self.requests.settle();
        let server_is_free = self.run.as_ref().is_none_or(|run| run.dropped);
        if self.asked.is_some() || !server_is_free {
            return;
        }
        if self.may_ask()
            && let Some(request) = self.requests.next(now)
        {
            self.unanswered = None;
            return self.ask(request, now, out);
        }
        self.send_notes(now, out);
    }

    /// Whether the first request may be sent as far as owed answers are concerned. One that repeats
    /// such an answer may.
    fn may_ask(&self) -> bool {
        self.unanswered.is_none() || self.requests.front().is_some_and(Pending::repeats_an_answer)
    }

    fn ask(&mut self, request: Pending, now: Instant, out: &mut Vec<SessionAction>) {
        let mut text: String = self.notes.drain(..).flat_map(|note| [note, "\n".to_owned()]).collect();
        text.push_str(&bracketed(&text_of(&request)));
        self.input.asked(request.purpose);
        self.asked = Some(Asked { request, since: now, unwanted: false });
        self.obsolete_until = None;
        match self.family.texts {
            Texts::AnyTime => send_content(&[(Role::User, text.as_str())], true, out),
            Texts::AtTheStart => send(&ClientMessage::RealtimeInput(RealtimeInput::Text(&text)), out),
        }
    }

    /// Adds a text for the model. It is sent when it interrupts nothing, or together with the next
    /// request.
    pub(super) fn note(&mut self, text: String, out: &mut Vec<SessionAction>) {
        if self.notes.len() >= MOST_NOTES {
            self.notes.pop_front();
            complain("too_many_orders", "a text for the model was dropped, as none could be sent for long", out);
        }
        self.notes.push_back(text);
    }

    /// Sends the texts that wait, if the server generates nothing and is not about to. A caller who
    /// has just begun to speak goes on for a moment; later the answer may begin at any time.
    fn send_notes(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let caller_goes_on = self.caller.speaks_since().is_none_or(|since| now < since + JUST_BEGUN);
        if self.notes.is_empty()
            || self.family.texts != Texts::AnyTime
            || self.unanswered.is_some()
            || self.listen_until.is_some()
            || !caller_goes_on
        {
            return;
        }
        let notes: Vec<String> = self.notes.drain(..).collect();
        let turns: Vec<_> = notes.iter().map(|note| (Role::User, note.as_str())).collect();
        send_content(&turns, false, out);
    }

    /// Whether speech is still due: a request is sent or waits to be sent.
    pub(super) fn owes(&self) -> bool {
        self.asked.as_ref().is_some_and(|asked| !asked.unwanted) || !self.requests.is_empty()
    }

    pub(super) fn asking_deadline(&self) -> Option<(Instant, Timer)> {
        let patience = self.family.patience;
        let request = match (&self.asked, &self.run) {
            (Some(asked), None) => Some((asked.since + patience, Timer::RequestUnanswered)),
            // A deadline that cannot be acted on would come again at once.
            (None, None) if !self.may_ask() => None,
            (None, None) => self.requests.front().and_then(Pending::not_before).map(|at| (at, Timer::RetryDue)),
            (_, Some(_)) => None,
        };
        let turn = self.unanswered.filter(|_| self.run.is_none() && self.asked.is_none());
        let turn = turn.map(|since| (since + patience, Timer::TurnUnanswered));
        let siblings = self.calls.results_due().map(|at| (at, Timer::SiblingsLate));
        request.into_iter().chain(turn).chain(siblings).min_by_key(|(at, _)| *at)
    }

    pub(super) fn request_unanswered(&mut self, out: &mut Vec<SessionAction>) {
        let Some(asked) = self.asked.take() else { return };
        self.input.agent_done();
        if asked.unwanted {
            return;
        }
        complain("create_unanswered", "the server owed an answer to a request; went on without it", out);
        out.extend(self.requests.unanswered(asked.request).map(Self::unspoken).map(SessionAction::Report));
    }

    /// The server owes an answer to the caller or to a tool's result and does not give it: it is
    /// asked for.
    pub(super) fn turn_unanswered(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.unanswered = None;
        if self.caller.last_was_noise() && !self.owes() {
            return out.push(SessionAction::Report(ModelReport::NothingOwed));
        }
        let failure = Failure { code: "no_answer".to_owned(), remedy: Remedy::AskAgain };
        out.extend(self.requests.ended(None, Some(failure), now).map(Self::unspoken).map(SessionAction::Report));
    }

    /// The results of some tools wait for the others: the model is asked to speak about those it
    /// has.
    pub(super) fn siblings_late(&mut self, out: &mut Vec<SessionAction>) {
        if self.calls.give_up_on_others() {
            self.ask_later(ResponsePurpose::ToolResult, out);
        }
    }

    /// Answers a caller who did not continue after the previous session was lost mid-turn.
    pub(super) fn heard_out(&mut self, out: &mut Vec<SessionAction>) {
        self.listen_until = None;
        self.ask_later(ResponsePurpose::Answer, out);
    }

    pub(super) fn ask_later(&mut self, purpose: ResponsePurpose, out: &mut Vec<SessionAction>) {
        self.request(ResponseRequest { purpose, instructions: None }, out);
    }

    pub(super) fn request(&mut self, request: ResponseRequest, out: &mut Vec<SessionAction>) {
        out.extend(self.requests.ask(request).map(Self::unspoken).map(SessionAction::Report));
    }

    /// The report of a request that is not spoken.
    pub(super) fn unspoken(unspoken: Unspoken) -> ModelReport {
        match unspoken {
            Unspoken::GivenUp { purpose, reason, .. } => ModelReport::RequestGivenUp { purpose, reason },
            Unspoken::Muted { purpose, reason, .. } => ModelReport::Muted { purpose, reason },
        }
    }
}

/// Sends texts as a part of the conversation; `answer` asks for an answer.
pub(super) fn send_content(turns: &[(Role, &str)], answer: bool, out: &mut Vec<SessionAction>) {
    let turns = turns.iter().map(|(role, text)| Content::of(*role, text)).collect();
    send(&ClientMessage::ClientContent(ClientContent { turns, turn_complete: answer }), out);
}

/// The text that asks for a response.
fn text_of(request: &Pending) -> String {
    let purpose = request.purpose.unwrap_or(ResponsePurpose::Answer);
    let task = request.ordered().and_then(|request| request.instructions);
    let task = task.unwrap_or_else(|| usual_task(purpose).to_owned());
    match purpose {
        ResponsePurpose::Spoken => format!("{task} Speak now and call no tool."),
        ResponsePurpose::Greeting
        | ResponsePurpose::Answer
        | ResponsePurpose::ToolResult
        | ResponsePurpose::Keypad
        | ResponsePurpose::IdlePrompt
        | ResponsePurpose::Notice
        | ResponsePurpose::Goodbye => task,
    }
}

/// What the model is asked to do without instructions of the call.
const fn usual_task(purpose: ResponsePurpose) -> &'static str {
    match purpose {
        ResponsePurpose::Greeting => "The call has begun. Greet the caller now.",
        ResponsePurpose::Answer => "Answer the caller now.",
        ResponsePurpose::ToolResult => "Tell the caller about the result now.",
        ResponsePurpose::Keypad => "Answer to the keys that the caller has pressed.",
        ResponsePurpose::IdlePrompt => "Ask in one short sentence whether the caller is still there.",
        ResponsePurpose::Notice => "Tell the caller about this now.",
        ResponsePurpose::Goodbye => "Say goodbye to the caller now.",
        ResponsePurpose::Spoken => "Say to the caller what you were about to do.",
    }
}

/// The number of texts for the model that may wait. A call adds one or two.
const MOST_NOTES: usize = 64;
/// How long a caller who begins to speak goes on at least. Longer: the text may stop the answer.
const JUST_BEGUN: Duration = Duration::from_secs(1);
