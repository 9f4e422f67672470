//! The Transcript actor: the shell around [`super::log`] and [`super::record`].

use std::sync::Arc;

use actix::{Actor, Context, Handler, WeakRecipient};

use super::messages::{Fact, Words};
use super::writer::RecordWriter;
use crate::call::brief::{Brief, CallIdentity};
use crate::call::messages::OrganLost;

/// What a Transcript is started with.
#[derive(Debug)]
pub struct TranscriptSetup {
    /// Whose call.
    pub identity: CallIdentity,
    /// How it is held.
    pub brief: Arc<Brief>,
    /// The disk.
    pub writer: RecordWriter,
    /// Told when this actor is gone before the call has ended.
    pub lost: WeakRecipient<OrganLost>,
}

/// One call's written word.
#[derive(Debug)]
pub struct Transcript {
    _setup: TranscriptSetup,
}

impl Transcript {
    /// Not yet started; `start()` it on the call's own thread.
    pub fn new(setup: TranscriptSetup) -> Self {
        Self { _setup: setup }
    }
}

impl Actor for Transcript {
    type Context = Context<Self>;
}
impl Handler<Words> for Transcript {
    type Result = ();
    fn handle(&mut self, _: Words, _: &mut Self::Context) {}
}
impl Handler<Fact> for Transcript {
    type Result = ();
    fn handle(&mut self, _: Fact, _: &mut Self::Context) {}
}
