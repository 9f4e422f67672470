//! The AudioPipeline actor: the shell around [`super::pipeline`].

use std::time::Duration;

use actix::{Actor, Context, Handler, Recipient, WeakRecipient};

use super::messages::{AudioOrder, FromCaller, FromModel, ItemComplete, MarkEchoed, ToLine};
use crate::call::messages::{AudioReport, OrganLost};
use crate::ids::CallId;
use crate::wire::{AudioFormat, Capabilities};

/// What an AudioPipeline is started with.
#[derive(Debug)]
pub struct AudioSetup {
    /// The call, for the log.
    pub call: CallId,
    /// The line's format, both directions.
    pub line: AudioFormat,
    /// What the carrier can do.
    pub capabilities: &'static Capabilities,
    /// How far ahead of real time audio is sent to a carrier that buffers.
    pub lead: Duration,
    /// Commands for the carrier.
    pub to_line: Recipient<ToLine>,
    /// Reports to the CallActor.
    pub to_call: WeakRecipient<AudioReport>,
    /// Told when this actor is gone.
    pub lost: WeakRecipient<OrganLost>,
}

/// One call's audio path.
#[derive(Debug)]
pub struct AudioPipeline {
    _setup: AudioSetup,
}

impl AudioPipeline {
    /// Not yet started; `start()` it on the call's own thread.
    pub fn new(setup: AudioSetup) -> Self {
        Self { _setup: setup }
    }
}

impl Actor for AudioPipeline {
    type Context = Context<Self>;
}

impl Handler<FromCaller> for AudioPipeline {
    type Result = ();
    fn handle(&mut self, _: FromCaller, _: &mut Self::Context) {}
}
impl Handler<MarkEchoed> for AudioPipeline {
    type Result = ();
    fn handle(&mut self, _: MarkEchoed, _: &mut Self::Context) {}
}
impl Handler<FromModel> for AudioPipeline {
    type Result = ();
    fn handle(&mut self, _: FromModel, _: &mut Self::Context) {}
}
impl Handler<ItemComplete> for AudioPipeline {
    type Result = ();
    fn handle(&mut self, _: ItemComplete, _: &mut Self::Context) {}
}
impl Handler<AudioOrder> for AudioPipeline {
    type Result = ();
    fn handle(&mut self, _: AudioOrder, _: &mut Self::Context) {}
}
