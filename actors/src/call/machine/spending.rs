//! What the call costs, and what follows from it. Part of [`super`].

use std::time::Instant;

use super::{CallMachine, State};
use crate::call::messages::HangUp;
use crate::call::meter::Verdict;
use crate::call::steps::CallAction;
use crate::money::Usd;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};
use crate::realtime::report::{TranscriptionUsage, Usage};
use crate::transcript::messages::Fact;

impl CallMachine {
    /// A response has ended.
    pub(super) fn used(&mut self, usage: Usage) {
        self.detail.usage += usage;
        self.record(Fact::Used(usage));
        let cost = self.meter.response(&usage);
        self.tell_spent(cost);
    }

    /// A turn of the caller was transcribed.
    pub(super) fn transcription_used(&mut self, usage: TranscriptionUsage) {
        self.detail.transcription_usage += usage;
        self.record(Fact::TranscriptionUsed(usage));
        let cost = self.meter.transcribed(&usage);
        self.tell_spent(cost);
    }

    /// Keeps the call within what it may cost.
    pub(super) fn check_spending(&mut self, now: Instant) {
        match self.meter.verdict() {
            Verdict::Within => {}
            Verdict::WrapUp => self.wrap_up(),
            Verdict::Close => self.hang_up(HangUp::Spent, now),
        }
    }

    /// The agent is told to bring the call to an end: to say so now, and to keep to it from here on.
    pub(super) fn wrap_up(&mut self) {
        match self.state {
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => {
                let text = KEPT_IN_MIND.to_owned();
                self.out.push(CallAction::Order(ModelOrder::AddText { role: TextRole::System, text }));
                self.request(ResponsePurpose::Notice, Some(SAID.to_owned()));
            }
            // Nothing has been spent yet, or it ends already, or another person talks.
            State::Connecting
            | State::Closing(_)
            | State::Reconnecting(_)
            | State::Transferring(_)
            | State::Ended(_) => {}
        }
    }

    fn tell_spent(&mut self, cost: Usd) {
        if cost > Usd::ZERO {
            self.out.push(CallAction::TellSpent(cost));
        }
    }
}

/// What the model is told for the rest of the call.
const KEPT_IN_MIND: &str = "This call has to come to its end soon. Keep every answer to one or two short sentences, begin nothing \
    new, and say goodbye as soon as what the caller needs is settled.";
/// What the model is told to say then.
const SAID: &str =
    "Tell the caller in one short sentence that this call has to come to its end soon, and ask for what matters most.";
