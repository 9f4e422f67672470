//! The CallActor: the shell around [`super::machine`]; owns the call's AudioPipeline, RealtimeLlm and Transcript.

use std::sync::Arc;

use actix::{Actor, Context, Handler, MessageResult, Recipient};

use super::brief::{Brief, CallIdentity};
use super::messages::{AudioReport, CallSnapshot, HangUp, Inspect, Line, LineReport, ModelReport, OrganLost};
use crate::supervisor::messages::CallEnded;
use crate::transcript::writer::RecordWriter;

/// What a CallActor is started with.
#[derive(Debug)]
pub struct CallSetup {
    /// Whose call.
    pub identity: CallIdentity,
    /// How it is to be held.
    pub brief: Arc<Brief>,
    /// The media stream.
    pub line: Line,
    /// The disk.
    pub writer: RecordWriter,
    /// The Supervisor, told once at the end.
    pub supervisor: Recipient<CallEnded>,
}

/// One call.
#[derive(Debug)]
pub struct CallActor {
    _setup: CallSetup,
}

impl CallActor {
    /// Not yet started; start it in the arbiter of its stream.
    pub fn new(setup: CallSetup) -> Self {
        Self { _setup: setup }
    }
}

impl Actor for CallActor {
    type Context = Context<Self>;
}
impl Handler<LineReport> for CallActor {
    type Result = ();
    fn handle(&mut self, _: LineReport, _: &mut Self::Context) {}
}
impl Handler<AudioReport> for CallActor {
    type Result = ();
    fn handle(&mut self, _: AudioReport, _: &mut Self::Context) {}
}
impl Handler<ModelReport> for CallActor {
    type Result = ();
    fn handle(&mut self, _: ModelReport, _: &mut Self::Context) {}
}
impl Handler<OrganLost> for CallActor {
    type Result = ();
    fn handle(&mut self, _: OrganLost, _: &mut Self::Context) {}
}
impl Handler<HangUp> for CallActor {
    type Result = ();
    fn handle(&mut self, _: HangUp, _: &mut Self::Context) {}
}
impl Handler<Inspect> for CallActor {
    type Result = MessageResult<Inspect>;
    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(CallSnapshot {
            id: String::new(),
            carrier: "",
            carrier_call_id: String::new(),
            stream_id: String::new(),
            direction: "",
            from: String::new(),
            to: String::new(),
            agent: String::new(),
            language: String::new(),
            model: String::new(),
            state: "",
            started_at: String::new(),
            duration_ms: 0,
            turns: 0,
            barge_ins: 0,
            dropped_frames: 0,
            detail: Default::default(),
        })
    }
}
