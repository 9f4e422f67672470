//! Test helpers for actors: probes in place of real ones, and a paused clock.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, Context, Handler, MessageResult, WeakRecipient};
use serde_json::Value;

use super::children::{AudioHandle, LlmHandle, Spawn, TranscriptHandle};
use super::sabotage::Fail;
use super::{CallActor, CallSetup};
use crate::audio::actor::AudioSetup;
use crate::audio::messages::{AudioOrder, FinishAudio, FromPerson};
use crate::audio::report::ItemPlayout;
use crate::call::report::{CallEnded, TransferPermit};
use crate::child::{Child, ChildLost};
use crate::ids::{ItemId, ResponseId};
use crate::line::messages::{
    FromCaller, FromModel, ItemComplete, Line, LineAttached, ModelBound, PlayoutSignal, ToLine,
};
use crate::realtime::actor::LlmSetup;
use crate::realtime::messages::{AudioReplaced, ModelOrder};
use crate::realtime::report::Words;
use crate::transcript::actor::TranscriptSetup;
use crate::transcript::messages::{Fact, ReadWords, Watch};

/// Advances the paused clock by `time`; everything that is due happens.
#[expect(clippy::disallowed_methods, reason = "a test lets time pass")]
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Runs until nothing is ready any more.
pub(crate) async fn settle() {
    pass(Duration::from_millis(1)).await;
}

/// What the probes received, in order; each line begins with the probe's name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().expect("no probe panics while it writes").push(line);
    }

    /// Returns what was received since the last look.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no probe panics while it writes"))
    }
}

/// Stands in for an actor that a call talks to. It logs its messages, fails on request, and stops
/// when its call is over.
pub(crate) struct Probe {
    name: &'static str,
    log: Log,
    lost: Option<(Child, WeakRecipient<ChildLost>)>,
    /// Whether it was asked to stop.
    over: bool,
    /// The line's addresses of the call.
    attached: Option<LineAttached>,
}

impl Probe {
    /// Starts a probe outside the call.
    pub(crate) fn outside(name: &'static str, log: &Log) -> Addr<Self> {
        Self { name, log: log.clone(), lost: None, over: false, attached: None }.start()
    }

    /// Starts a probe in place of a child actor.
    pub(crate) fn child(child: Child, log: &Log, lost: WeakRecipient<ChildLost>) -> Addr<Self> {
        let lost = Some((child, lost));
        Self { name: child.word(), log: log.clone(), lost, over: false, attached: None }.start()
    }

    /// Returns a line that ends at this probe.
    pub(crate) fn line(addr: &Addr<Self>) -> Line {
        Line { to_line: addr.clone().recipient(), attach: addr.clone().recipient() }
    }
}

impl Actor for Probe {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some((child, lost)) = self.lost.take().filter(|_| !self.over)
            && let Some(lost) = lost.upgrade()
        {
            lost.do_send(ChildLost(child));
        }
    }
}

macro_rules! hears {
    ($($message:ty $(=> $over:pat)?),+ $(,)?) => {$(
        impl Handler<$message> for Probe {
            type Result = ();

            #[allow(unused_variables, reason = "some messages never end a probe")]
            fn handle(&mut self, message: $message, ctx: &mut Context<Self>) {
                self.log.add(format!("{}: {message:?}", self.name));
                $(if let $over = message {
                    self.over = true;
                    ctx.stop();
                })?
            }
        }
    )+};
}

hears!(
    Fact => Fact::Ended { .. },
    Words,
    AudioOrder,
    FromPerson,
    ModelOrder => ModelOrder::Close,
    ToLine,
    FromCaller,
    PlayoutSignal,
    FromModel,
    ItemComplete,
    ModelBound,
    AudioReplaced,
    Watch,
    CallEnded,
);

impl Handler<LineAttached> for Probe {
    type Result = ();

    fn handle(&mut self, attached: LineAttached, _: &mut Context<Self>) {
        self.log.add(format!("{}: attached", self.name));
        // A line keeps its call's addresses.
        self.attached = Some(attached);
    }
}

impl Handler<ReadWords> for Probe {
    type Result = MessageResult<ReadWords>;

    fn handle(&mut self, _: ReadWords, _: &mut Context<Self>) -> Self::Result {
        MessageResult(Value::Null)
    }
}

impl Handler<FinishAudio> for Probe {
    type Result = MessageResult<FinishAudio>;

    /// One item was playing.
    fn handle(&mut self, message: FinishAudio, ctx: &mut Context<Self>) -> Self::Result {
        self.log.add(format!("{}: {message:?}", self.name));
        self.over = true;
        ctx.stop();
        let (received, heard) = (Duration::from_secs(2), Duration::from_secs(1));
        MessageResult(vec![ItemPlayout { response: ResponseId::new("r"), item: ItemId::new("i"), received, heard }])
    }
}

impl Handler<TransferPermit> for Probe {
    type Result = bool;

    fn handle(&mut self, message: TransferPermit, _: &mut Context<Self>) -> bool {
        self.log.add(format!("{}: {message:?}", self.name));
        true
    }
}

impl Handler<Fail> for Probe {
    type Result = ();

    fn handle(&mut self, _: Fail, _: &mut Context<Self>) {
        panic!("sabotage");
    }
}

/// Returns a call whose child actors are probes.
pub(crate) fn call_among_probes(setup: CallSetup, log: &Log) -> CallActor {
    CallActor::with(setup, Box::new(Probes(log.clone())))
}

/// Starts probes in place of a call's child actors.
struct Probes(Log);

impl Spawn for Probes {
    fn transcript(&self, setup: TranscriptSetup) -> TranscriptHandle {
        let addr = Probe::child(Child::Transcript, &self.0, setup.lost);
        TranscriptHandle {
            words: addr.clone().recipient(),
            facts: addr.clone().recipient(),
            watch: addr.clone().recipient(),
            read: addr.clone().recipient(),
            fail: addr.recipient(),
        }
    }

    fn audio(&self, setup: AudioSetup) -> AudioHandle {
        let addr = Probe::child(Child::Audio, &self.0, setup.lost);
        AudioHandle {
            frames: addr.clone().recipient(),
            playout: addr.clone().recipient(),
            from_model: addr.clone().recipient(),
            items: addr.clone().recipient(),
            orders: addr.clone().recipient(),
            person: addr.clone().recipient(),
            finish: addr.clone().recipient(),
            fail: addr.recipient(),
        }
    }

    fn model(&self, setup: LlmSetup) -> LlmHandle {
        let addr = Probe::child(Child::Model, &self.0, setup.lost);
        LlmHandle {
            audio: addr.clone().recipient(),
            orders: addr.clone().recipient(),
            hearing: addr.clone().recipient(),
            fail: addr.recipient(),
        }
    }
}
