//! A RealtimeLlm with its neighbours, played by one actor, and the plans of its sessions.

use std::sync::Arc;
use std::time::Duration;

use actix::prelude::*;
use serde_json::json;
use switchboard_actors::child::ChildLost;
use switchboard_actors::ids::{CallId, CallTag, CarrierCallId, Private};
use switchboard_actors::line::messages::{FromModel, ItemComplete};
use switchboard_actors::realtime::actor::{LlmSetup, RealtimeLlm};
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::openai::plan::OpenAiPlan;
use switchboard_actors::realtime::plan::{
    Common, Credential, Endpoint, ModelAddress, Resilience, SessionPlan, Transcription,
};
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::report::{ModelLoss, ModelReport, Words};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::peer::Peer;

/// A message to a neighbour of the RealtimeLlm.
#[derive(Debug)]
pub(super) enum Output {
    Report(ModelReport),
    Audio(Vec<u8>),
    Complete(String),
    Words,
    Lost,
}

/// One actor in place of all neighbours.
struct Probe(UnboundedSender<Output>);

impl Actor for Probe {
    type Context = Context<Self>;
}

macro_rules! hears {
    ($message:ty, $wrap:expr) => {
        impl Handler<$message> for Probe {
            type Result = ();

            fn handle(&mut self, message: $message, _: &mut Self::Context) {
                let output: fn($message) -> Output = $wrap;
                self.0.send(output(message)).ok();
            }
        }
    };
}

hears!(ModelReport, Output::Report);
hears!(FromModel, |audio| Output::Audio(audio.audio.to_vec()));
hears!(ItemComplete, |complete| Output::Complete(complete.item.to_string()));
hears!(Words, |_| Output::Words);
hears!(ChildLost, |_| Output::Lost);

/// A RealtimeLlm with its neighbours.
pub(super) struct Rig {
    pub(super) llm: Addr<RealtimeLlm>,
    call: Option<Addr<Probe>>,
    outputs: UnboundedReceiver<Output>,
}

impl Rig {
    pub(super) fn start(plan: SessionPlan) -> Self {
        let (tell, outputs) = unbounded_channel();
        let neighbours = Probe(tell.clone()).start();
        let call = Probe(tell).start();
        let llm = RealtimeLlm::new(LlmSetup {
            call: CallTag::new(CallId::random(), &CarrierCallId::new("CA1")),
            plan: Arc::new(plan),
            safety_identifier: Some("hashed-caller".to_owned()),
            providers: Providers::new().start(),
            audio: neighbours.clone().recipient(),
            items: neighbours.clone().recipient(),
            words: neighbours.recipient(),
            to_call: call.clone().recipient().downgrade(),
            lost: call.clone().recipient().downgrade(),
        })
        .start();
        Self { llm, call: Some(call), outputs }
    }

    pub(super) async fn next(&mut self) -> Output {
        soon(self.outputs.recv()).await.expect("an output")
    }

    pub(super) async fn report(&mut self) -> ModelReport {
        match self.next().await {
            Output::Report(report) => report,
            other @ (Output::Audio(_) | Output::Complete(_) | Output::Words | Output::Lost) => {
                panic!("no report: {other:?}")
            }
        }
    }

    /// The next audio or end of audio. Skips the reports of the response's begin and first audio.
    pub(super) async fn audio(&mut self) -> Output {
        loop {
            match self.next().await {
                Output::Report(ModelReport::ResponseStarted { .. } | ModelReport::FirstAudio { .. }) => {}
                other @ (Output::Report(_) | Output::Audio(_) | Output::Complete(_) | Output::Words | Output::Lost) => {
                    return other;
                }
            }
        }
    }

    pub(super) async fn is_ready(&mut self) {
        assert!(matches!(self.report().await, ModelReport::Ready { .. }));
    }

    pub(super) async fn callers_turn_is_open(&mut self, peer: &mut Peer) {
        peer.say(&json!({"type": "input_audio_buffer.speech_started", "item_id": "u"})).await;
        assert!(matches!(self.report().await, ModelReport::SpeechStarted { .. }));
    }

    pub(super) async fn loss(&mut self) -> ModelLoss {
        loop {
            if let Output::Report(ModelReport::Lost(loss)) = self.next().await {
                return loss;
            }
        }
    }

    /// The call is gone; the session's neighbours are not.
    pub(super) fn drop_call(&mut self) {
        self.call = None;
    }

    /// All messages until no sender is left.
    pub(super) async fn last_words(mut self) -> Vec<Output> {
        drop((self.call.take(), self.llm));
        let mut last = Vec::new();
        while let Some(output) = soon(self.outputs.recv()).await {
            last.push(output);
        }
        last
    }
}

/// A guard against hanging, not a measurement.
pub(super) async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(Duration::from_secs(120), future).await.expect("within reason")
}

pub(super) fn transcribing(port: u16) -> SessionPlan {
    let mut plan = plan(port);
    plan.common_mut().transcription = Some(Transcription { model: "whisper-1".to_owned(), ..Transcription::default() });
    plan
}

/// A plan for another server or with another key.
pub(super) fn at(endpoint: Endpoint) -> SessionPlan {
    let own = OpenAiPlan::new(ModelAddress { provider: "openai", endpoint, model: "gpt-realtime-2.1".to_owned() });
    SessionPlan {
        common: Arc::new(Common::new("Be brief.")),
        provider: ProviderPlan::OpenAi(Arc::new(own)),
        resilience: Resilience::default(),
    }
}

pub(super) fn endpoint(port: u16) -> Endpoint {
    Endpoint {
        url: format!("ws://127.0.0.1:{port}/v1/realtime"),
        credential: Credential::Bearer(Private::new("sk-test".to_owned())),
        key_variable: None,
    }
}

pub(super) fn plan(port: u16) -> SessionPlan {
    at(endpoint(port))
}
