//! The messages that the Delivery actor accepts.

use std::time::Duration;

use actix::{Message, Recipient};
use chrono::{DateTime, Utc};

use super::events::Event;
use crate::clock;
use crate::ending::Ending;
use crate::events::emit;
use crate::ids::{CallId, CallTag, CarrierCallId, Private, StreamId};
use crate::line::identity::{CallIdentity, Direction};
use crate::profile::CallProfile;
use crate::profile::values::Values;

/// An update of a live call.
#[derive(Debug, Clone, Message)]
#[rtype(result = "()")]
pub enum CallUpdate {
    /// Its stream has started.
    Started(CallSummary),
    /// It is over.
    Ended {
        /// The call.
        summary: CallSummary,
        /// Why and by whom.
        ending: Ending,
        /// When.
        at: DateTime<Utc>,
    },
}

/// The service is stopping: look for records once more, start no more tries, and answer when those
/// under way have ended, or after `patience`. Undelivered cases are on disk and continue at the
/// next start.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub struct Finish {
    /// The longest wait.
    pub patience: Duration,
}

/// A call's data for receivers.
#[derive(Debug, Clone)]
pub struct CallSummary {
    /// Our id.
    pub id: CallId,
    /// The carrier's name.
    pub carrier: &'static str,
    /// The carrier's id of the call.
    pub carrier_call: CarrierCallId,
    /// The carrier's id of the stream.
    pub stream: StreamId,
    /// Who called whom.
    pub direction: Direction,
    /// The caller's number.
    pub from: Private<String>,
    /// The dialled number.
    pub to: Private<String>,
    /// The agent's name.
    pub agent: String,
    /// The language it begins in.
    pub language: String,
    /// The model.
    pub model: String,
    /// When the stream started.
    pub started_at: DateTime<Utc>,
    /// The values that stand in the agent's texts.
    pub variables: Values,
}

impl CallSummary {
    /// The summary of a call that is about to start.
    pub fn new(identity: &CallIdentity, profile: &CallProfile) -> Self {
        Self {
            id: identity.id,
            carrier: identity.carrier.name(),
            carrier_call: identity.carrier_call.clone(),
            stream: identity.stream.clone(),
            direction: identity.direction,
            from: identity.from.clone(),
            to: identity.to.clone(),
            agent: profile.agent.clone(),
            language: profile.language.clone(),
            model: profile.model.model().to_owned(),
            started_at: identity.started_at,
            variables: profile.values.clone(),
        }
    }
}

/// Reports the start and the end of one call, each once. It never waits: an update that finds no
/// room is logged, and the call's record carries the same data.
#[derive(Debug)]
pub struct CallNotifier {
    summary: CallSummary,
    recipient: Recipient<CallUpdate>,
}

impl CallNotifier {
    /// Reports that the call has started.
    pub fn new(summary: CallSummary, recipient: Recipient<CallUpdate>) -> Self {
        let notifier = Self { summary, recipient };
        notifier.say(CallUpdate::Started(notifier.summary.clone()));
        notifier
    }

    /// Reports that the call is over.
    pub fn ended(self, ending: Ending) {
        self.say(CallUpdate::Ended { summary: self.summary.clone(), ending, at: clock::wall() });
    }

    fn say(&self, update: CallUpdate) {
        if self.recipient.try_send(update).is_err() {
            emit(Event::UpdateDropped { call: &CallTag::new(self.summary.id, &self.summary.carrier_call) });
        }
    }
}
