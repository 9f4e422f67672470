//! The seat of a model's provider: what its sessions are configured with, hear, do and can do. Pure.
//!
//! Above it nobody knows a provider; below it each has a folder. A new one is a folder and a variant of
//! [`ProviderPlan`] and of [`Conversation`], which the compiler then asks for everywhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::breaker::Scope;
use super::capabilities::Capabilities;
#[cfg(test)]
use super::fake;
use super::history::Rewrite;
use super::messages::ModelOrder;
use super::openai;
use super::plan::{Common, ModelAddress, PlanProblem, SessionPlan};
use super::report::{ModelLoss, ModelReport, Words};
use super::seed::{CarryOver, Handoff};
use crate::frame::Frame;
use crate::ids::Private;
use crate::line::messages::{FromModel, ItemComplete};

/// What happened to the session.
#[derive(Debug)]
pub enum SessionEvent<'a> {
    /// The upgrade was accepted.
    Opened,
    /// The upgrade was not.
    DialFailed(ModelLoss),
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A text message that is no text.
    Unintelligible,
    /// The server wants to know whether we live.
    Ping(Bytes),
    /// The server lives.
    Pong,
    /// The server closed the socket.
    Closed {
        /// Its number.
        code: Option<u16>,
        /// Its words.
        reason: &'a str,
    },
    /// The socket broke.
    Broken(&'a str),
    /// An order of the call.
    Ordered(ModelOrder),
    /// What the session before left; only for one that was opened to take its place, and only when that is prepared.
    HandedOver(Handoff),
    /// The deadline has passed.
    DeadlinePassed,
}

/// What to do.
#[derive(Debug)]
pub enum SessionAction {
    /// Send this text message. Never dropped.
    Send(String),
    /// Send this message of caller audio. Perishable.
    SendAudio(Frame),
    /// Answer a ping, before anything else.
    Pong(Bytes),
    /// Ask whether the server lives.
    Ping,
    /// Audio for the caller.
    ToAudio(FromModel),
    /// The end of an item's audio; behind the audio itself.
    Complete(ItemComplete),
    /// Words for the record.
    ToWords(Words),
    /// Something for the call to know.
    Report(ModelReport),
    /// The server says when the session ends, in seconds since 1970.
    ExpiresAt(f64),
    /// Configured, and waiting for what the session before leaves.
    Prepared,
    /// The session is over and the call is to be told; nothing follows.
    Lose(ModelLoss),
    /// The session is over because we were told to end it; nothing follows.
    Close,
}

/// How a socket is asked for.
#[derive(Debug)]
pub struct Upgrade {
    /// The address, its query among it.
    pub url: Url,
    /// What stands in the request's head.
    pub headers: Vec<Header>,
}

/// A header of an upgrade.
#[derive(Debug)]
pub struct Header {
    /// Its name, in small letters.
    pub name: &'static str,
    /// Its value.
    pub value: Private<String>,
    /// What it is, for whoever has to mend it.
    pub what: &'static str,
}

/// One provider's part of a plan, whole: where, which model, how it speaks.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderPlan {
    /// OpenAI's Realtime API, and what speaks the same.
    OpenAi(Arc<openai::plan::OpenAiPlan>),
    /// A provider that can do what a test says.
    #[cfg(test)]
    Fake(Arc<fake::FakePlan>),
}

impl ProviderPlan {
    /// Where its sessions are dialled.
    pub fn address(&self) -> &ModelAddress {
        match self {
            Self::OpenAi(plan) => &plan.address,
            #[cfg(test)]
            Self::Fake(plan) => &plan.address,
        }
    }

    /// The same plan with another model of the same server.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        match self {
            Self::OpenAi(plan) => Self::OpenAi(Arc::new(plan.with_model(model))),
            #[cfg(test)]
            Self::Fake(plan) => Self::Fake(Arc::new(plan.with_model(model))),
        }
    }

    /// The same plan for a caller who waits: no step of opening a session takes longer than `most`.
    #[must_use]
    pub fn hurried(&self, most: Duration) -> Self {
        match self {
            Self::OpenAi(plan) => Self::OpenAi(Arc::new(plan.hurried(most))),
            #[cfg(test)]
            Self::Fake(_) => self.clone(),
        }
    }

    /// What a session can do that is configured with this and `common`.
    pub fn capabilities(&self, common: &Common) -> Capabilities {
        match self {
            Self::OpenAi(plan) => openai::capabilities(common, plan),
            #[cfg(test)]
            Self::Fake(plan) => plan.can.clone(),
        }
    }

    /// Whether the server would take it.
    ///
    /// # Errors
    /// The first rule that it breaks, with the field's name.
    pub fn check(&self, common: &Common) -> Result<(), PlanProblem> {
        match self {
            Self::OpenAi(plan) => openai::plan::check(common, plan),
            #[cfg(test)]
            Self::Fake(_) => Ok(()),
        }
    }

    /// The message that configures a session, as people may see it: without secrets.
    pub fn configuration(&self, common: &Common) -> serde_json::Value {
        match self {
            Self::OpenAi(plan) => openai::protocol::client::session_update(common, plan),
            #[cfg(test)]
            Self::Fake(_) => serde_json::Value::Null,
        }
    }

    /// The request for a socket. `safety_identifier` is a salted hash of the caller.
    ///
    /// # Errors
    /// When there can be no such request.
    pub fn upgrade(&self, safety_identifier: Option<&str>) -> Result<Upgrade, ModelLoss> {
        match self {
            Self::OpenAi(plan) => openai::upgrade(plan, safety_identifier),
            #[cfg(test)]
            Self::Fake(_) => unreachable!("it is never dialled"),
        }
    }

    /// What an upgrade that was answered with another status than 101 means.
    pub fn loss_of_status(&self, status: u16) -> ModelLoss {
        match self {
            Self::OpenAi(_) => openai::session::loss_of_status(status),
            #[cfg(test)]
            Self::Fake(_) => unreachable!("it is never dialled"),
        }
    }

    /// What a loss of one of its sessions concerns, where it is fatal: what another call should not
    /// try either.
    pub fn scope_of(&self, loss: &ModelLoss) -> Scope {
        match self {
            Self::OpenAi(_) => openai::session::scope_of(loss),
            #[cfg(test)]
            Self::Fake(_) => Scope::Session,
        }
    }
}

/// One session of one provider. An enum and no trait object: the members are known, and audio costs no allocation.
#[derive(Debug)]
#[cfg_attr(test, expect(clippy::large_enum_variant, reason = "the small one is for tests"))]
pub enum Conversation {
    /// OpenAI's Realtime API, and what speaks the same.
    OpenAi(openai::session::Session),
    /// A provider that can do what a test says.
    #[cfg(test)]
    Fake(fake::FakeSession),
}

impl Conversation {
    /// A session that is about to be dialled and waits, once it is configured, for what the one before it leaves.
    pub fn standby(plan: &SessionPlan, now: Instant) -> Self {
        let common = Arc::clone(&plan.common);
        match &plan.provider {
            ProviderPlan::OpenAi(own) => Self::OpenAi(openai::session::Session::standby(common, Arc::clone(own), now)),
            #[cfg(test)]
            ProviderPlan::Fake(own) => Self::Fake(fake::FakeSession::new(own)),
        }
    }

    /// Appends to `out` what `event` leads to. The caller keeps the vector, so that audio costs no allocation.
    pub fn handle(&mut self, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        match self {
            Self::OpenAi(session) => session.handle(event, now, out),
            #[cfg(test)]
            Self::Fake(session) => session.handle(event, out),
        }
    }

    /// Sends a frame of caller audio; `false` where the session takes none yet.
    pub fn hear_caller(&mut self, audio: &[u8], out: &mut Vec<SessionAction>) -> bool {
        match self {
            Self::OpenAi(session) => {
                let ready = session.is_ready();
                if ready {
                    out.push(SessionAction::SendAudio(session.write_audio(audio)));
                }
                ready
            }
            #[cfg(test)]
            Self::Fake(_) => {
                out.push(SessionAction::SendAudio(Frame::copy_of(audio)));
                true
            }
        }
    }

    /// Gives the server no longer than `patience` to take over the configuration.
    pub fn hurry(&mut self, patience: Duration) {
        match self {
            Self::OpenAi(session) => session.hurry(patience),
            #[cfg(test)]
            Self::Fake(_) => {}
        }
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::OpenAi(session) => session.deadline().map(|(at, _)| at),
            #[cfg(test)]
            Self::Fake(_) => None,
        }
    }

    /// What this session leaves undone if it ends now, or when it was lost.
    pub fn carry_over(&self) -> CarryOver {
        match self {
            Self::OpenAi(session) => session.carry_over(),
            #[cfg(test)]
            Self::Fake(_) => CarryOver::default(),
        }
    }

    /// An item that was taken over says more than was heard of it.
    pub fn rewrite(&mut self, rewrite: &Rewrite, out: &mut Vec<SessionAction>) {
        match self {
            Self::OpenAi(session) => session.rewrite(rewrite, out),
            #[cfg(test)]
            Self::Fake(_) => out.push(SessionAction::Send(format!("{rewrite:?}"))),
        }
    }
}
