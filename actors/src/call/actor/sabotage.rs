//! Makes one of a call's actors fail, so that a test of the whole service shows that only this call
//! is affected.

use actix::{Context, Handler, Message};

use super::CallActor;
use crate::audio::actor::AudioPipeline;
use crate::child::Child;
use crate::realtime::actor::RealtimeLlm;
use crate::transcript::actor::Transcript;

/// Panic, or make a child actor panic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum Sabotage {
    /// The CallActor itself.
    Call,
    /// One of its child actors.
    Child(Child),
}

/// The message that the CallActor forwards.
#[derive(Debug, Clone, Copy, Message)]
#[rtype(result = "()")]
pub(super) struct Fail;

macro_rules! fails {
    ($actor:ty) => {
        impl Handler<Fail> for $actor {
            type Result = ();

            fn handle(&mut self, _: Fail, _: &mut Context<Self>) {
                panic!("sabotage");
            }
        }
    };
}

fails!(AudioPipeline);
fails!(RealtimeLlm);
fails!(Transcript);

impl Handler<Sabotage> for CallActor {
    type Result = ();

    fn handle(&mut self, sabotage: Sabotage, _: &mut Context<Self>) {
        match sabotage {
            Sabotage::Call => panic!("sabotage"),
            Sabotage::Child(child) => self.fail(child),
        }
    }
}

impl CallActor {
    fn fail(&self, child: Child) {
        let victim = match child {
            Child::Audio => self.audio.as_ref().map(|audio| &audio.fail),
            Child::Model => self.llm.as_ref().map(|llm| &llm.fail),
            Child::Transcript => self.transcript.as_ref().map(|transcript| &transcript.fail),
        };
        if let Some(victim) = victim {
            victim.do_send(Fail);
        }
    }
}
