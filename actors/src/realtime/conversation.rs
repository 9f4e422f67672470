//! The interface to a model's provider: the configuration, events, actions and capabilities of its
//! sessions. Pure.
//!
//! Code above this module names no provider. Below it, each provider has a folder. A new provider
//! needs a folder and a variant of [`ProviderPlan`] and [`Conversation`]; the compiler then points
//! to every match that needs a new arm.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use url::Url;

use super::Look;
use super::breaker::{Lesson, Scope, Standing};
use super::capabilities::Capabilities;
use super::cascade;
#[cfg(test)]
use super::fake;
use super::gemini;
use super::history::Rewrite;
use super::messages::ModelOrder;
use super::named::{LinkEvent, LinkOrder};
use super::openai;
use super::openai_live;
use super::plan::{Common, ModelAddress, PlanProblem, SessionPlan};
use super::report::{ModelLoss, ModelReport, Words};
use super::seed::{CarryOver, Handoff, Opening, ResumptionHandle};
use crate::frame::Frame;
use crate::ids::Private;
use crate::line::messages::{FromModel, ItemComplete};

/// An event of a session.
#[derive(Debug)]
pub enum SessionEvent<'a> {
    /// The upgrade was accepted.
    Opened,
    /// The upgrade was rejected, or the dial failed.
    DialFailed(ModelLoss),
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A text message that is not valid UTF-8.
    Unintelligible,
    /// The server sent a ping with this payload.
    Ping(Bytes),
    /// The server answered a ping.
    Pong,
    /// The server closed the socket.
    Closed {
        /// The close code.
        code: Option<u16>,
        /// The close reason.
        reason: &'a str,
    },
    /// The socket broke.
    Broken(&'a str),
    /// Something came of a link that the session opened itself.
    Link(LinkEvent<'a>),
    /// An order of the call.
    Ordered(ModelOrder),
    /// Our own detector hears the caller begin or cease to speak. It matters to servers that do not
    /// detect speech.
    CallerSpeech {
        /// Whether the speech begins.
        begins: bool,
    },
    /// What the previous session left unfinished. Sent only to a session that was opened to replace
    /// another, and only after that session is prepared.
    HandedOver(Handoff),
    /// The deadline has passed.
    DeadlinePassed,
}

/// An action that the session requests.
#[derive(Debug)]
pub enum SessionAction {
    /// Send this text message. It is never dropped.
    Send(String),
    /// Send this message of caller audio. It may be dropped when the server does not read.
    SendAudio(Frame),
    /// An order to a link that the session has opened or opens itself.
    ToLink(LinkOrder),
    /// Answer a ping before sending anything else.
    Pong(Bytes),
    /// Ping the server to check that it is alive.
    Ping,
    /// Audio for the caller.
    ToAudio(FromModel),
    /// The end of an item's audio. It follows the audio itself.
    Complete(ItemComplete),
    /// Words for the transcript.
    ToWords(Words),
    /// A report to the call.
    Report(ModelReport),
    /// What was learned about one of the engines, for other calls.
    Learned {
        /// The engine.
        address: ModelAddress,
        /// What was learned.
        lesson: Lesson,
    },
    /// The server says when the session ends, in seconds since 1970.
    ExpiresAt(f64),
    /// The server says how soon the session ends.
    EndsIn(Duration),
    /// The server can continue the conversation up to here in another session.
    Resumable(ResumptionHandle),
    /// The session is configured and waits for the handoff from the previous session.
    Prepared,
    /// The session is over and the loss must be reported to the call. Nothing follows.
    Lose(ModelLoss),
    /// The session ended because it was ordered to close. Nothing follows.
    Close,
}

/// The request that opens a socket.
#[derive(Debug)]
pub struct Upgrade {
    /// The address, including its query.
    pub url: Url,
    /// The headers of the request.
    pub headers: Vec<Header>,
}

/// A header of an upgrade.
#[derive(Debug)]
pub struct Header {
    /// Its name, in lower case.
    pub name: &'static str,
    /// Its value.
    pub value: Private<String>,
    /// A description of the header for the operator who has to correct it.
    pub what: &'static str,
}

/// One provider's part of a plan: the server, the model and its own settings.
#[derive(Debug, Clone, PartialEq)]
pub enum ProviderPlan {
    /// Of [`openai`].
    OpenAi(Arc<openai::plan::OpenAiPlan>),
    /// Of [`gemini`].
    Gemini(Arc<gemini::plan::GeminiPlan>),
    /// Of [`openai_live`].
    OpenAiLive(Arc<openai_live::plan::OpenAiLivePlan>),
    /// Of [`cascade`].
    Cascade(Arc<cascade::plan::CascadePlan>),
    /// A provider whose capabilities a test chooses.
    #[cfg(test)]
    Fake(Arc<fake::FakePlan>),
}

impl ProviderPlan {
    /// The address of its server and model.
    pub fn address(&self) -> &ModelAddress {
        match self {
            Self::OpenAi(plan) => &plan.address,
            Self::Gemini(plan) => &plan.address,
            Self::OpenAiLive(plan) => &plan.address,
            Self::Cascade(plan) => &plan.address,
            #[cfg(test)]
            Self::Fake(plan) => &plan.address,
        }
    }

    /// The addresses of its engines, a list for each part; `None` if it is one server.
    pub fn parts(&self) -> Option<[&[ModelAddress]; 3]> {
        match self {
            Self::Cascade(plan) => Some(plan.addresses.parts()),
            Self::OpenAi(_) | Self::Gemini(_) | Self::OpenAiLive(_) => None,
            #[cfg(test)]
            Self::Fake(_) => None,
        }
    }

    /// How its engines are looked at, a list for each part; `None` if it is one server.
    pub fn looks(&self) -> Option<[Vec<Look>; 3]> {
        match self {
            Self::Cascade(plan) => Some(cascade::look::looks(plan)),
            Self::OpenAi(_) | Self::Gemini(_) | Self::OpenAiLive(_) => None,
            #[cfg(test)]
            Self::Fake(_) => None,
        }
    }

    /// Every address that sessions learn about: that of its server, or those of its engines.
    pub fn addresses(&self) -> Vec<&ModelAddress> {
        self.parts().map_or_else(|| vec![self.address()], |parts| parts.into_iter().flatten().collect())
    }

    /// Its own standing, from that of each of its [`addresses`](Self::addresses). Missing ones count
    /// as good. A part stands as its best engine does, and all parts are needed.
    pub fn standing(&self, standings: &[Standing]) -> Standing {
        let mut known = standings.iter().copied();
        let mut best = |count: usize| (0..count).map(|_| known.next().unwrap_or(Standing::Good)).min();
        let counts = self.parts().map_or_else(|| vec![1], |parts| parts.map(<[ModelAddress]>::len).to_vec());
        counts.into_iter().filter_map(&mut best).max().unwrap_or(Standing::Good)
    }

    /// The same plan with the best engines first, by the standing of each of its
    /// [`addresses`](Self::addresses); `None` if it is as good as it is.
    #[must_use]
    pub fn preferring(&self, standings: &[Standing]) -> Option<Self> {
        match self {
            Self::Cascade(plan) => plan.preferring(standings).map(|plan| Self::Cascade(Arc::new(plan))),
            Self::OpenAi(_) | Self::Gemini(_) | Self::OpenAiLive(_) => None,
            #[cfg(test)]
            Self::Fake(_) => None,
        }
    }

    /// The same plan with another model of the same server.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        match self {
            Self::OpenAi(plan) => Self::OpenAi(Arc::new(plan.with_model(model))),
            Self::Gemini(plan) => Self::Gemini(Arc::new(plan.with_model(model))),
            Self::OpenAiLive(plan) => Self::OpenAiLive(Arc::new(plan.with_model(model))),
            Self::Cascade(plan) => Self::Cascade(Arc::new(plan.with_model(model))),
            #[cfg(test)]
            Self::Fake(plan) => Self::Fake(Arc::new(plan.with_model(model))),
        }
    }

    /// The same plan for use while a caller waits: no step of opening a session takes longer than
    /// `most`.
    #[must_use]
    pub fn hurried(&self, most: Duration) -> Self {
        match self {
            Self::OpenAi(plan) => Self::OpenAi(Arc::new(plan.hurried(most))),
            Self::Gemini(plan) => Self::Gemini(Arc::new(plan.hurried(most))),
            Self::OpenAiLive(plan) => Self::OpenAiLive(Arc::new(plan.hurried(most))),
            Self::Cascade(plan) => Self::Cascade(Arc::new(plan.hurried(most))),
            #[cfg(test)]
            Self::Fake(_) => self.clone(),
        }
    }

    /// The capabilities of a session that is configured with this plan and `common`.
    pub fn capabilities(&self, common: &Common) -> Capabilities {
        match self {
            Self::OpenAi(plan) => openai::capabilities(common, plan),
            Self::Gemini(plan) => gemini::capabilities(common, plan),
            Self::OpenAiLive(plan) => openai_live::capabilities(common, plan),
            Self::Cascade(plan) => cascade::plan::capabilities(plan),
            #[cfg(test)]
            Self::Fake(plan) => plan.can.clone(),
        }
    }

    /// Checks that the server would accept the plan.
    ///
    /// # Errors
    /// The first rule that the plan breaks, with the field's name.
    pub fn check(&self, common: &Common) -> Result<(), PlanProblem> {
        match self {
            Self::OpenAi(plan) => openai::plan::check(common, plan),
            Self::Gemini(plan) => gemini::plan::check(common, plan),
            Self::OpenAiLive(plan) => openai_live::plan::check(common, plan),
            Self::Cascade(plan) => cascade::plan::check(common, plan),
            #[cfg(test)]
            Self::Fake(_) => Ok(()),
        }
    }

    /// The message that configures a session, without secrets, for display.
    pub fn configuration(&self, common: &Common) -> serde_json::Value {
        match self {
            Self::OpenAi(plan) => openai::protocol::client::session_update(common, plan),
            Self::Gemini(plan) => gemini::protocol::client::setup(common, plan),
            Self::OpenAiLive(plan) => openai_live::protocol::client::session_start(common, plan),
            Self::Cascade(plan) => cascade::plan::configuration(common, plan),
            #[cfg(test)]
            Self::Fake(_) => serde_json::Value::Null,
        }
    }

    /// The request for a socket; `None` if a session opens its links itself. `safety_identifier` is
    /// a salted hash of the caller.
    ///
    /// # Errors
    /// The plan does not describe a valid request.
    pub fn upgrade(&self, safety_identifier: Option<&str>) -> Result<Option<Upgrade>, ModelLoss> {
        match self {
            Self::OpenAi(plan) => openai::upgrade(plan, safety_identifier).map(Some),
            Self::Gemini(plan) => gemini::upgrade(plan).map(Some),
            // The identifier is part of the first message.
            Self::OpenAiLive(plan) => openai_live::upgrade(plan).map(Some),
            Self::Cascade(_) => Ok(None),
            #[cfg(test)]
            Self::Fake(_) => unreachable!("it is never dialled"),
        }
    }

    /// Classifies an upgrade that was answered with a status other than 101.
    pub fn loss_of_status(&self, status: u16) -> ModelLoss {
        match self {
            Self::OpenAi(_) => openai::session::loss_of_status(status),
            Self::Gemini(_) => gemini::session::loss_of_status(status),
            Self::OpenAiLive(_) => openai_live::failure::loss_of_status(status),
            Self::Cascade(_) => cascade::failure::loss_of_status(status),
            #[cfg(test)]
            Self::Fake(_) => unreachable!("it is never dialled"),
        }
    }

    /// The scope of a fatal loss of one of its sessions: what other calls should avoid too.
    pub fn scope_of(&self, loss: &ModelLoss) -> Scope {
        match self {
            Self::OpenAi(_) => openai::session::scope_of(loss),
            Self::Gemini(_) => gemini::session::scope_of(loss),
            Self::OpenAiLive(_) => openai_live::failure::scope_of(loss),
            Self::Cascade(_) => cascade::failure::scope_of(loss),
            #[cfg(test)]
            Self::Fake(_) => Scope::Session,
        }
    }
}

/// One session of one provider. This is an enum, not a trait object, because the members are known
/// and audio must not cost an allocation.
#[derive(Debug)]
pub enum Conversation {
    /// Of [`openai`].
    OpenAi(openai::session::Session),
    /// Of [`gemini`].
    Gemini(gemini::session::Session),
    /// Of [`openai_live`].
    OpenAiLive(openai_live::session::Session),
    /// Of [`cascade`].
    Cascade(Box<cascade::session::Session>),
    /// A provider whose capabilities a test chooses.
    #[cfg(test)]
    Fake(fake::FakeSession),
}

impl Conversation {
    /// A session that is about to be dialled. Once it is configured, it waits for the handoff from
    /// the previous session.
    pub fn standby(plan: &SessionPlan, opening: &Opening, now: Instant) -> Self {
        let common = Arc::clone(&plan.common);
        match &plan.provider {
            ProviderPlan::OpenAi(own) => Self::OpenAi(openai::session::Session::standby(common, Arc::clone(own), now)),
            ProviderPlan::Gemini(own) => {
                Self::Gemini(gemini::session::Session::standby(common, Arc::clone(own), opening.clone(), now))
            }
            ProviderPlan::OpenAiLive(own) => {
                Self::OpenAiLive(openai_live::session::Session::standby(common, Arc::clone(own), opening, now))
            }
            ProviderPlan::Cascade(own) => Self::Cascade(Box::new(cascade::session::Session::standby(
                &common,
                Arc::clone(own),
                opening.number,
                now,
            ))),
            #[cfg(test)]
            ProviderPlan::Fake(own) => Self::Fake(fake::FakeSession::new(own, opening)),
        }
    }

    /// Appends to `out` the actions that follow from `event`. The caller of this function keeps the
    /// vector, so that audio costs no allocation.
    pub fn handle(&mut self, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        match self {
            Self::OpenAi(session) => session.handle(event, now, out),
            Self::Gemini(session) => session.handle(event, now, out),
            Self::OpenAiLive(session) => session.handle(event, now, out),
            Self::Cascade(session) => session.handle(event, now, out),
            #[cfg(test)]
            Self::Fake(session) => session.handle(event, out),
        }
    }

    /// Sends a frame of caller audio. Returns `false` if the session does not accept audio yet.
    pub fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<SessionAction>) -> bool {
        match self {
            Self::OpenAi(session) => {
                let ready = session.is_ready();
                if ready {
                    out.push(SessionAction::SendAudio(session.write_audio(audio)));
                }
                ready
            }
            Self::Gemini(session) => session.hear_caller(audio, now, out),
            Self::OpenAiLive(session) => session.hear_caller(audio, now, out),
            Self::Cascade(session) => session.hear_caller(audio, now, out),
            #[cfg(test)]
            Self::Fake(_) => {
                out.push(SessionAction::SendAudio(Frame::copy_of(audio)));
                true
            }
        }
    }

    /// Limits the time that the server has to accept the configuration to `patience`.
    pub fn hurry(&mut self, patience: Duration) {
        match self {
            Self::OpenAi(session) => session.hurry(patience),
            Self::Gemini(session) => session.hurry(patience),
            Self::OpenAiLive(session) => session.hurry(patience),
            Self::Cascade(session) => session.hurry(patience),
            #[cfg(test)]
            Self::Fake(_) => {}
        }
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        match self {
            Self::OpenAi(session) => session.deadline().map(|(at, _)| at),
            Self::Gemini(session) => session.deadline().map(|(at, _)| at),
            Self::OpenAiLive(session) => session.deadline(),
            Self::Cascade(session) => session.deadline(),
            #[cfg(test)]
            Self::Fake(_) => None,
        }
    }

    /// What this session leaves unfinished if it ends now, or when it was lost.
    pub fn carry_over(&self) -> CarryOver {
        match self {
            Self::OpenAi(session) => session.carry_over(),
            Self::Gemini(session) => session.carry_over(),
            Self::OpenAiLive(session) => session.carry_over(),
            Self::Cascade(session) => session.carry_over(),
            #[cfg(test)]
            Self::Fake(_) => CarryOver::default(),
        }
    }

    /// Corrects an item that was carried over and contains more text than the caller heard.
    pub fn rewrite(&mut self, rewrite: &Rewrite, out: &mut Vec<SessionAction>) {
        match self {
            Self::OpenAi(session) => session.rewrite(rewrite, out),
            // It can neither cut nor delete; a note takes the place of both.
            Self::Gemini(_) => {}
            // It cannot delete, so the layer above tells it what was heard instead.
            Self::OpenAiLive(_) => {}
            Self::Cascade(session) => session.rewrite(rewrite),
            #[cfg(test)]
            Self::Fake(_) => out.push(SessionAction::Send(format!("{rewrite:?}"))),
        }
    }
}
