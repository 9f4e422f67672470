//! The seat of a model's provider: what a session of any of them hears, does and can do. Pure.
//!
//! Above it nobody knows a provider; below it each has a folder. A new one is a folder and a variant of [`Conversation`], which
//! the compiler then asks for everywhere.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::breaker::Scope;
use super::capabilities::Capabilities;
use super::history::Rewrite;
use super::messages::ModelOrder;
use super::openai;
use super::plan::SessionPlan;
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

/// One session of one provider. An enum and no trait object: the members are known, and audio costs no allocation.
#[derive(Debug)]
pub enum Conversation {
    /// OpenAI's Realtime API.
    OpenAi(openai::session::Session),
}

impl Conversation {
    /// A session that is about to be dialled and waits, once it is configured, for what the one before it leaves.
    pub fn standby(plan: Arc<SessionPlan>, now: Instant) -> Self {
        Self::OpenAi(openai::session::Session::standby(plan, now))
    }

    /// The request for a socket of `plan`. `safety_identifier` is a salted hash of the caller.
    ///
    /// # Errors
    /// When there can be no such request.
    pub fn upgrade(plan: &SessionPlan, safety_identifier: Option<&str>) -> Result<Upgrade, ModelLoss> {
        openai::upgrade(plan, safety_identifier)
    }

    /// What an upgrade that was answered with another status than 101 means.
    pub fn loss_of_status(_: &SessionPlan, status: u16) -> ModelLoss {
        openai::session::loss_of_status(status)
    }

    /// What a session of `plan` can do.
    pub fn capabilities(plan: &SessionPlan) -> Capabilities {
        openai::capabilities(plan)
    }

    /// As [`scope_of`](Self::scope_of), of a session of `plan` that did not come up.
    pub fn scope_with(_: &SessionPlan, loss: &ModelLoss) -> Scope {
        openai::session::scope_of(loss)
    }

    /// What a loss of this session concerns, where it is fatal: what another call should not try either.
    pub fn scope_of(&self, loss: &ModelLoss) -> Scope {
        match self {
            Self::OpenAi(_) => openai::session::scope_of(loss),
        }
    }

    /// Appends to `out` what `event` leads to. The caller keeps the vector, so that audio costs no allocation.
    pub fn handle(&mut self, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        match self {
            Self::OpenAi(session) => session.handle(event, now, out),
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
        }
    }

    /// Gives the server no longer than `patience` to take over the configuration.
    pub fn hurry(&mut self, patience: Duration) {
        match self {
            Self::OpenAi(session) => session.hurry(patience),
        }
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::OpenAi(session) => session.deadline().map(|(at, _)| at),
        }
    }

    /// What this session leaves undone if it ends now, or when it was lost.
    pub fn carry_over(&self) -> CarryOver {
        match self {
            Self::OpenAi(session) => session.carry_over(),
        }
    }

    /// An item that was taken over says more than was heard of it.
    pub fn rewrite(&mut self, rewrite: &Rewrite, out: &mut Vec<SessionAction>) {
        match self {
            Self::OpenAi(session) => session.rewrite(rewrite, out),
        }
    }
}
