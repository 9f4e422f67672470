//! The RealtimeLlm actor: the shell around [`super::session`] and its socket.

use std::sync::Arc;

use actix::{Actor, Context, Handler, Recipient, WeakRecipient};

use super::messages::{ModelBound, ModelOrder};
use super::plan::SessionPlan;
use crate::audio::messages::{FromModel, ItemComplete};
use crate::call::messages::{ModelReport, OrganLost};
use crate::ids::CallId;
use crate::transcript::messages::Words;

/// What a RealtimeLlm is started with.
#[derive(Debug)]
pub struct LlmSetup {
    /// The call, for the log.
    pub call: CallId,
    /// The session to open.
    pub plan: Arc<SessionPlan>,
    /// `OpenAI-Safety-Identifier`: a salted hash of the caller, where one is configured.
    pub safety_identifier: Option<String>,
    /// Where the model's audio goes.
    pub audio: Recipient<FromModel>,
    /// Where the end of an item's audio goes.
    pub items: Recipient<ItemComplete>,
    /// Where words go.
    pub words: Recipient<Words>,
    /// Reports to the CallActor.
    pub to_call: WeakRecipient<ModelReport>,
    /// Told when this actor is gone.
    pub lost: WeakRecipient<OrganLost>,
}

/// One call's model session.
#[derive(Debug)]
pub struct RealtimeLlm {
    _setup: LlmSetup,
}

impl RealtimeLlm {
    /// Not yet started; `start()` it on the call's own thread, and it dials.
    pub fn new(setup: LlmSetup) -> Self {
        Self { _setup: setup }
    }
}

impl Actor for RealtimeLlm {
    type Context = Context<Self>;
}
impl Handler<ModelBound> for RealtimeLlm {
    type Result = ();
    fn handle(&mut self, _: ModelBound, _: &mut Self::Context) {}
}
impl Handler<ModelOrder> for RealtimeLlm {
    type Result = ();
    fn handle(&mut self, _: ModelOrder, _: &mut Self::Context) {}
}
