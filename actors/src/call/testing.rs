//! What tests of this crate hold a call with.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix::{Actor, ActorContext, Addr, Context, Handler, WeakRecipient};
use chrono::DateTime;

use super::brief::{Brief, CallIdentity, Direction, Greeting, Limits};
use super::messages::{Line, LineAttached, Organ, OrganLost};
use super::sabotage::Fail;
use crate::audio::messages::{AudioOrder, FromCaller, FromModel, ItemComplete, MarkEchoed, ToLine};
use crate::ids::{CallId, CarrierCallId, Private, StreamId};
use crate::realtime::messages::{ModelBound, ModelOrder};
use crate::realtime::plan::{Credential, Endpoint, SessionPlan, TurnDetection};
use crate::supervisor::messages::CallEnded;
use crate::transcript::messages::{Fact, Words};
use crate::wire::{AudioFormat, Carrier};

/// A brief with a spoken greeting and a server that interrupts by itself.
pub(crate) fn brief() -> Brief {
    Brief {
        agent: "reception".to_owned(),
        language: "en".to_owned(),
        model: Arc::new(plan()),
        greeting: Greeting::Spoken("Greet the caller.".to_owned()),
        limits: Limits {
            max_duration: Duration::from_secs(600),
            line_silence: Duration::from_secs(60),
            goodbye: Duration::from_secs(6),
            model_setup: Duration::from_secs(10),
        },
        playout_lead: Duration::from_millis(200),
    }
}

/// The session of [`brief`].
pub(crate) fn plan() -> SessionPlan {
    SessionPlan {
        endpoint: Endpoint { url: "ws://127.0.0.1:1/v1/realtime".to_owned(), credential: Credential::None },
        model: "rehearsal".to_owned(),
        instructions: "Be helpful.".to_owned(),
        voice: "marin".to_owned(),
        speed: None,
        format: AudioFormat::PCM_24K,
        turn_detection: TurnDetection::Server {
            threshold: 0.5,
            prefix_padding_ms: 300,
            silence_duration_ms: 500,
            idle_timeout_ms: None,
            create_response: true,
            interrupt_response: true,
        },
        transcription: None,
        noise_reduction: None,
        tools: Vec::new(),
        max_output_tokens: None,
        retention_ratio: None,
        connect_timeout: Duration::from_secs(5),
        created_timeout: Duration::from_secs(10),
        updated_timeout: Duration::from_secs(5),
        silence_timeout: Duration::from_secs(45),
    }
}

/// The identity of a call on a mu-law line.
pub(crate) fn identity(id: CallId) -> CallIdentity {
    CallIdentity {
        id,
        carrier: Carrier::Twilio,
        carrier_call: CarrierCallId::new("CA1"),
        stream: StreamId::new("MZ1"),
        direction: Direction::Inbound,
        from: Private::new("+15550100001".to_owned()),
        to: Private::new("+15550100002".to_owned()),
        line: AudioFormat::MULAW_8K,
        started_at: DateTime::UNIX_EPOCH,
    }
}

/// Lets `time` pass on the paused clock; everything that is due happens.
#[expect(clippy::disallowed_methods, reason = "a test lets time pass")]
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Lets everything that can happen now happen.
pub(crate) async fn settle() {
    pass(Duration::from_millis(1)).await;
}

/// What probes heard, in order, each line led by the probe's name.
#[derive(Debug, Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, line: String) {
        self.0.lock().expect("no probe panics while it writes").push(line);
    }

    /// What was heard since the last look.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().expect("no probe panics while it writes"))
    }
}

/// Stands in for whatever a call talks to: writes down what it hears, fails when told to, and stops when its call is over.
pub(crate) struct Probe {
    name: &'static str,
    log: Log,
    lost: Option<(Organ, WeakRecipient<OrganLost>)>,
    /// Told to go.
    over: bool,
    /// What the call gave the line.
    attached: Option<LineAttached>,
}

impl Probe {
    /// Outside the call.
    pub(crate) fn outside(name: &'static str, log: &Log) -> Addr<Self> {
        Self { name, log: log.clone(), lost: None, over: false, attached: None }.start()
    }

    /// In place of one of the call's actors.
    pub(crate) fn organ(organ: Organ, log: &Log, lost: WeakRecipient<OrganLost>) -> Addr<Self> {
        let lost = Some((organ, lost));
        Self { name: organ.word(), log: log.clone(), lost, over: false, attached: None }.start()
    }

    /// A line whose ear this probe is.
    pub(crate) fn line(addr: &Addr<Self>) -> Line {
        Line { to_line: addr.clone().recipient(), attach: addr.clone().recipient() }
    }
}

impl Actor for Probe {
    type Context = Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some((organ, lost)) = self.lost.take().filter(|_| !self.over)
            && let Some(lost) = lost.upgrade()
        {
            lost.do_send(OrganLost(organ));
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
    AudioOrder => AudioOrder::Finish,
    ModelOrder => ModelOrder::Close,
    ToLine,
    FromCaller,
    MarkEchoed,
    FromModel,
    ItemComplete,
    ModelBound,
    CallEnded,
);

impl Handler<LineAttached> for Probe {
    type Result = ();

    fn handle(&mut self, attached: LineAttached, _: &mut Context<Self>) {
        self.log.add(format!("{}: attached", self.name));
        // A line holds on to its call.
        self.attached = Some(attached);
    }
}

impl Handler<Fail> for Probe {
    type Result = ();

    fn handle(&mut self, _: Fail, _: &mut Context<Self>) {
        panic!("sabotage");
    }
}
