//! A line that breaks under a call that goes on: the caller is still there and gets another stream. Part of [`super`].
//!
//! The carrier notices that its stream is gone and asks how the call goes on; it is given another stream, on which the agent says
//! that the line broke and goes on where the caller stopped hearing. The model's session is kept, and nothing is said meanwhile:
//! what begins is cut, so that the model knows what was heard. A carrier that does not ask in time has lost the caller.
//!
//! A live call that its operator sends to our first document again goes the same way: its stream ends because another one follows.

use std::time::{Duration, Instant};

use super::ends::{Closing, SILENCE};
use super::protection::{Notice, Protection};
use super::{CallMachine, State};
use crate::call::steps::{CallAction, Note};
use crate::call::transfer::{DialOutcome, RETURNING, Stage, Transferring};
use crate::call::turn::Interrupter;
use crate::carrier::Handover;
use crate::ending::Ending;
use crate::profile::{CallProfile, Greeting};
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};

/// A call without a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reconnecting {
    /// When the line broke.
    since: Instant,
    /// When the caller is given up.
    pub(super) until: Instant,
    /// What the line broke into.
    resumes: Resumes,
}

/// What a line broke into, which is what the call goes on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resumes {
    /// There was no model yet.
    Connecting,
    /// The agent opened the call.
    Opening {
        /// The legal notice was not heard to its end.
        notice: bool,
    },
    /// The caller was speaking.
    CallerCut,
    /// The caller waited for an answer.
    Unanswered,
    /// The agent was being heard.
    AgentCut,
    /// Nobody was speaking.
    Quiet,
    /// The caller was about to be handed on.
    Transfer(Closing),
}

impl CallMachine {
    /// The line is gone, or another one takes its place; the caller is not.
    pub(super) fn line_breaks(&mut self, now: Instant) {
        let resumes = match self.state {
            State::Connecting => Resumes::Connecting,
            State::Greeting => Resumes::Opening { notice: matches!(self.protection, Protection::Notice(_)) },
            State::Closing(closing) if closing.ending == Ending::Transferred => Resumes::Transfer(closing),
            State::Listening
            | State::Thinking { .. }
            | State::Speaking
            | State::Closing(_)
            | State::Transferring(_)
            | State::Reconnecting(_)
            | State::Ended(_) => self.broken_talk(),
        };
        self.tell(Note::LineBroke);
        self.turn.interrupt(Interrupter::Us, now, &mut self.out);
        self.turn.forgive();
        self.barge_in.forget();
        self.stopwatch.abandon();
        if resumes != Resumes::Connecting {
            // Half a sentence would be answered as if it were a whole one.
            if std::mem::take(&mut self.caller_speaking) {
                self.out.push(CallAction::CallerTurn { open: false });
                self.out.push(CallAction::Order(ModelOrder::DiscardInput));
            }
            self.out.push(CallAction::Order(ModelOrder::Overtake));
            self.out.push(CallAction::DetachModel);
        }
        let until = now.checked_add(self.profile.limits.lost_socket).unwrap_or(now);
        self.state = State::Reconnecting(Reconnecting { since: now, until, resumes });
    }

    /// Who was cut in the middle of the conversation.
    fn broken_talk(&self) -> Resumes {
        let waits = matches!(self.state, State::Thinking { .. }) && !self.turn.is_sounding();
        if self.caller_speaking {
            Resumes::CallerCut
        } else if waits {
            Resumes::Unanswered
        } else if self.turn.is_sounding() || self.turn.is_generating() {
            Resumes::AgentCut
        } else if self.turn.is_owed() {
            Resumes::Unanswered
        } else {
            Resumes::Quiet
        }
    }

    /// Whether a carrier whose stream is gone asks how the call goes on.
    pub(super) fn may_reconnect(&self) -> bool {
        self.means.handover == Some(Handover::Document) && !self.profile.limits.lost_socket.is_zero()
    }

    /// Whether the end of the stream is the beginning of another one.
    pub(super) fn is_offered(&self, now: Instant) -> bool {
        self.offered.is_some_and(|until| now < until)
    }

    /// The carrier has been given another stream for the caller.
    pub(super) fn stream_offered(&mut self, now: Instant) {
        let until = now.checked_add(RETURNING).unwrap_or(now);
        match self.state {
            State::Reconnecting(broken) => {
                self.state = State::Reconnecting(Reconnecting { until: broken.until.max(until), ..broken });
            }
            // Whatever it dialled, it has left for this.
            State::Transferring(Transferring { stage: Stage::Asking | Stage::Dialling { .. }, .. }) => {
                self.drop_person();
                self.told(DialOutcome::Failed.word());
                self.state = State::Transferring(Transferring { stage: Stage::Returning, until });
            }
            State::Transferring(on) => {
                self.state = State::Transferring(Transferring { stage: Stage::Returning, until: on.until.max(until) });
            }
            State::Connecting | State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => {
                self.offered = Some(until);
            }
            State::Closing(_) | State::Ended(_) => {}
        }
    }

    /// The carrier asks how a call goes on whose stream is gone, whether or not we were told of that.
    pub(super) fn stream_ended(&mut self, now: Instant) {
        if let State::Closing(Closing { ending: Ending::Transferred, .. }) = self.state {
            self.line_breaks(now);
        }
        match self.state {
            // What the caller was about to be told, they learn by hearing it ring.
            State::Reconnecting(Reconnecting { resumes: Resumes::Transfer(_), .. }) => {
                self.told("dialled");
                self.dial(now);
            }
            State::Reconnecting(_) if self.may_reconnect() => self.stream_offered(now),
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking | State::Connecting
                if self.may_reconnect() =>
            {
                self.stream_offered(now);
            }
            State::Connecting
            | State::Greeting
            | State::Listening
            | State::Thinking { .. }
            | State::Speaking
            | State::Reconnecting(_)
            | State::Closing(_)
            | State::Transferring(_)
            | State::Ended(_) => {}
        }
    }

    /// Another stream is about to take the line's place, whose end was not told.
    pub(super) fn line_replaced(&mut self, now: Instant) {
        if self.has_line() {
            self.line_breaks(now);
        }
    }

    /// Whether the call goes on over a line that is there.
    pub fn has_line(&self) -> bool {
        match self.state {
            State::Connecting | State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => true,
            State::Closing(_) | State::Reconnecting(_) | State::Transferring(_) | State::Ended(_) => false,
        }
    }

    /// Something was to be said while nobody was there to hear it.
    pub(super) fn owed_on_return(&mut self) {
        if let State::Reconnecting(broken @ Reconnecting { resumes: Resumes::Quiet, .. }) = self.state {
            self.state = State::Reconnecting(Reconnecting { resumes: Resumes::Unanswered, ..broken });
        }
    }

    /// The model came up while there was no line.
    pub(super) fn ready_without_line(&mut self) {
        if let State::Reconnecting(broken @ Reconnecting { resumes: Resumes::Connecting, .. }) = self.state {
            let notice = self.profile.notice.is_some();
            self.tell_of_clip();
            self.state = State::Reconnecting(Reconnecting { resumes: Resumes::Opening { notice }, ..broken });
        }
    }

    /// The caller is back on another stream.
    pub(super) fn line_resumes(&mut self, broken: Reconnecting, now: Instant) {
        self.tell(Note::LineBack(now.saturating_duration_since(broken.since)));
        (self.line_heard, self.caller_speaking) = (now, false);
        self.turn.playout_drained();
        if let Some(response) = self.turn.cut_response() {
            // What is still to come of it would be heard on the new line.
            self.out.push(CallAction::ClearPlayout { response: Some(response) });
        }
        if self.mindless {
            self.state = State::Listening;
            self.apologise();
            return self.close(Ending::ModelLost, SILENCE, now);
        }
        match broken.resumes {
            Resumes::Connecting => {
                self.state = State::Connecting;
                self.protection = opening_protection(&self.profile);
                self.begin();
            }
            Resumes::Opening { notice } => self.open_again(notice, now),
            Resumes::Transfer(_) => {
                self.call_off();
                self.go_on("then say that they were not put through yet, and offer to do it now");
            }
            Resumes::CallerCut => self.go_on("then ask them to repeat what they said last"),
            Resumes::Unanswered => self.go_on("then answer what they said last"),
            Resumes::AgentCut => self.go_on("then go on where they stopped hearing you"),
            Resumes::Quiet => self.go_on("and that you are there again"),
        }
    }

    /// What the caller has to hear first, they hear from its beginning.
    fn open_again(&mut self, notice: bool, now: Instant) {
        self.state = State::Listening;
        match self.profile.notice {
            Some(_) if notice => self.notice_again(),
            Some(_) => self.protection = Protection::Over,
            None => self.protection = opening_protection(&self.profile),
        }
        self.attach(now);
        if notice {
            self.say_notice();
        }
        if let Greeting::Clip { .. } = self.profile.greeting {
            self.state = State::Greeting;
        }
        self.begin();
        self.greet_aloud();
    }

    /// The agent says that the line broke, and what is due.
    fn go_on(&mut self, what: &str) {
        self.state = State::Listening;
        self.out.push(CallAction::AttachModel);
        self.out.push(CallAction::Order(ModelOrder::AddText { role: TextRole::System, text: BROKE.to_owned() }));
        let words = format!("Say in a few words that the line was interrupted for a moment, {what}.");
        self.request(ResponsePurpose::Notice, Some(words));
    }
}

/// What must not be interrupted as a call begins.
pub(super) fn opening_protection(profile: &CallProfile) -> Protection {
    match (&profile.notice, &profile.greeting) {
        (Some(_), _) => Protection::Notice(Notice::default()),
        (None, Greeting::Spoken(_) | Greeting::Clip { .. })
            if profile.interruption.greeting_protection > Duration::ZERO =>
        {
            Protection::Greeting { until: None }
        }
        (None, _) => Protection::Over,
    }
}

/// What the model is told.
const BROKE: &str =
    "The line to the caller broke and is back. They are still there. What they did not hear of your words was cut.";

#[cfg(test)]
mod tests {
    use CallAction as A;

    use super::super::tests::{
        Harness, drained, interrupted, playing, ready, response_finished, response_started, speak, speech_started,
        speech_stopped, tool,
    };
    use super::*;
    use crate::call::messages::{HangUp, Next};
    use crate::call::steps::{CallEvent, Timer};
    use crate::call::testing::profile;
    use crate::ids::ResponseId;
    use crate::line::messages::LineReport;

    const AGENT: &str =
        "Say in a few words that the line was interrupted for a moment, then go on where they stopped hearing you.";

    #[test]
    fn a_caller_whose_line_breaks_comes_back_and_the_agent_goes_on() {
        let mut call = Harness::listening();
        call.on(response_started("r2"));
        call.on(playing("r2"));
        let done = call.on(closed());
        assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }), "{done:?}");
        assert!(done.contains(&A::Order(ModelOrder::CancelResponse)) && done.contains(&A::DetachModel));
        call.on(interrupted(Vec::new()));
        assert_eq!((call.state(), call.machine.next()), ("reconnecting", Next::Return));
        let done = call.on(CallEvent::LineReturned);
        assert_eq!(call.state(), "listening");
        assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }), "late deltas are not heard");
        assert!(
            done.contains(&A::AttachModel) && done.contains(&speak(ResponsePurpose::Notice, Some(AGENT))),
            "{done:?}"
        );
        assert_eq!(call.machine.next(), Next::HangUp);
    }

    #[test]
    fn a_socket_that_was_closed_in_order_is_not_waited_for() {
        let mut call = Harness::listening();
        call.on(CallEvent::Line(LineReport::Left));
        assert_eq!(call.machine.ending(), Some(Ending::LineLost));
    }

    #[test]
    fn nobody_who_does_not_come_back_is_waited_for_longer_than_the_limit() {
        let mut call = Harness::listening();
        call.on(closed());
        assert_eq!(call.machine.deadline(), Some((call.now + profile().limits.lost_socket, Timer::Reconnect)));
        call.on(CallEvent::NextAsked);
        assert_eq!(call.machine.deadline(), Some((call.now + RETURNING, Timer::Reconnect)), "a stream is on its way");
        call.pass(RETURNING);
        call.on(CallEvent::TimeUp);
        assert_eq!(call.machine.ending(), Some(Ending::LineLost));
        for (event, ending) in [
            (CallEvent::Line(LineReport::CallOver), Ending::CallerHungUp),
            (CallEvent::HangUp(HangUp::Operator), Ending::OperatorHungUp),
        ] {
            let mut call = Harness::listening();
            call.on(closed());
            call.on(event);
            assert_eq!(call.machine.ending(), Some(ending));
        }
    }

    #[test]
    fn nothing_is_said_while_nobody_hears_it_and_all_that_is_due_afterwards() {
        let mut call = Harness::listening();
        call.on(speech_started());
        call.on(speech_stopped());
        call.on(closed());
        let done = call.on(response_started("r2"));
        assert!(done.contains(&A::Order(ModelOrder::CancelResponse)), "{done:?}");
        call.on(response_finished("r2"));
        call.on(tool("t1", "end_call", "{}"));
        assert_eq!(call.state(), "reconnecting");
        let done = call.on(CallEvent::LineReturned);
        assert!(said(&done).ends_with("then answer what they said last."), "{done:?}");
    }

    #[test]
    fn a_caller_who_was_cut_is_asked_again() {
        let mut call = Harness::listening();
        call.on(speech_started());
        assert!(call.on(closed()).contains(&A::Order(ModelOrder::DiscardInput)));
        assert!(said(&call.on(CallEvent::LineReturned)).ends_with("ask them to repeat what they said last."));
    }

    #[test]
    fn an_opening_that_was_cut_is_heard_from_its_beginning() {
        let notice = Some("Calls are recorded.".to_owned());
        let mut call = Harness::of(CallProfile { notice, ..profile() });
        call.on(ready());
        call.on(response_started("notice"));
        call.on(playing("notice"));
        call.on(closed());
        let done = call.on(CallEvent::LineReturned);
        let purposes: Vec<_> = requests(&done).map(|(purpose, _)| purpose).collect();
        assert_eq!((purposes, call.state()), (vec![ResponsePurpose::Notice, ResponsePurpose::Greeting], "greeting"));

        let mut call = Harness::connecting();
        call.on(closed());
        call.on(ready());
        assert_eq!(call.state(), "reconnecting");
        let done = call.on(CallEvent::LineReturned);
        assert_eq!(requests(&done).map(|(purpose, _)| purpose).collect::<Vec<_>>(), [ResponsePurpose::Greeting]);

        let mut call = Harness::connecting();
        call.on(closed());
        call.on(CallEvent::LineReturned);
        assert_eq!(call.state(), "connecting");
        assert_eq!(requests(&call.on(ready())).count(), 1);
    }

    #[test]
    fn a_line_that_breaks_again_and_again_is_mended_as_often() {
        let mut call = Harness::listening();
        for _ in 0..3 {
            call.on(closed());
            assert_eq!(call.state(), "reconnecting");
            call.on(CallEvent::LineReturned);
            assert_eq!(call.state(), "listening");
        }
    }

    #[test]
    fn a_caller_who_was_about_to_be_put_through_is() {
        let mut call = Harness::listening();
        call.on(tool("t0", "transfer_call", r#"{"destination":"sales"}"#));
        call.on(CallEvent::TransferPermitGiven { granted: true });
        call.on(closed());
        call.on(CallEvent::NextAsked);
        assert_eq!(call.state(), "transferring");
        assert!(matches!(call.machine.next(), Next::Dial { name, .. } if name == "sales"));
    }

    #[test]
    fn a_live_call_that_is_sent_here_again_goes_on_over_its_second_stream() {
        let mut call = Harness::listening();
        call.says("r2");
        call.on(CallEvent::StreamOffered);
        assert_eq!(
            (call.state(), call.machine.next()),
            ("speaking", Next::Return),
            "nothing is cut before it has to be"
        );
        call.on(CallEvent::Line(LineReport::Stopped));
        assert_eq!(call.state(), "reconnecting");
        call.on(closed());
        call.on(CallEvent::LineReturned);
        call.on(CallEvent::Line(LineReport::Stopped));
        assert_eq!(call.machine.ending(), Some(Ending::CallerHungUp), "the second stream's stop is the caller's");

        let mut call = Harness::listening();
        call.on(CallEvent::StreamOffered);
        call.on(CallEvent::LineReplaced);
        call.on(CallEvent::LineReturned);
        call.on(CallEvent::Line(LineReport::Stopped));
        call.on(closed());
        assert_eq!(call.state(), "listening", "the first stream's end, told late");
        call.on(drained());
    }

    #[test]
    fn an_offer_that_nobody_takes_changes_nothing() {
        let mut call = Harness::listening();
        call.on(CallEvent::StreamOffered);
        call.pass(RETURNING);
        call.on(CallEvent::Line(LineReport::Stopped));
        assert_eq!(call.machine.ending(), Some(Ending::CallerHungUp));
    }

    fn closed() -> CallEvent {
        CallEvent::Line(LineReport::Closed)
    }

    fn requests(done: &[CallAction]) -> impl Iterator<Item = (ResponsePurpose, &str)> {
        done.iter().filter_map(|action| {
            let A::Order(ModelOrder::Speak(request)) = action else { return None };
            Some((request.purpose, request.instructions.as_deref().unwrap_or_default()))
        })
    }

    fn said(done: &[CallAction]) -> &str {
        requests(done).next().map_or("", |(_, words)| words)
    }
}
