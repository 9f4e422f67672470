//! The actions of the machine, carried out: each is a message, a request or a step of the ending.
//! Part of [`super`].

use std::sync::Arc;

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context};
use serde_json::{Map, Value};

use super::CallActor;
use super::children::start_transcript;
use crate::audio::messages::AudioOrder;
use crate::call::events::Event;
use crate::call::report::{Spent, TransferPermit};
use crate::call::steps::{CallAction, CallEvent, Note};
use crate::carrier::control::{self, CarrierAnswer, Request, Target};
use crate::clock;
use crate::events::emit;
use crate::ids::ToolCallId;
use crate::money::Usd;
use crate::realtime::capabilities::Capabilities;
use crate::realtime::clips::messages::FetchClip;
use crate::realtime::clips::plan::ClipOrder;
use crate::realtime::events as model;
use crate::realtime::messages::ModelOrder;
use crate::tools::http;
use crate::tools::plan::ToolPlan;
use crate::transcript::messages::Fact;
use crate::transcript::watch::WatchEvent;

impl CallActor {
    pub(super) fn perform(&mut self, action: CallAction, ctx: &mut Context<Self>) {
        use CallAction as A;
        match action {
            A::AttachModel => self.attach_model(),
            A::DetachModel => self.tell_audio(AudioOrder::DetachModel),
            A::ClearPlayout { response } => self.tell_audio(AudioOrder::ClearPlayout { response }),
            A::PausePlayout => self.tell_audio(AudioOrder::PausePlayout),
            A::ResumePlayout => self.tell_audio(AudioOrder::ResumePlayout),
            A::PlayPcm { item, pcm } => self.tell_audio(AudioOrder::PlayPcm { item, pcm }),
            A::FetchClip(order) => self.fetch_clip(order, ctx),
            A::TakeOver(taken_over) => self.tell_audio(AudioOrder::TakeOver(taken_over)),
            A::PauseRecording(paused) => self.tell_audio(AudioOrder::PauseRecording(paused)),
            A::AskTool { call, plan, arguments } => Self::ask_tool(call, plan, arguments, ctx),
            A::TellSpent(cost) => self.tell_spent(cost),
            A::AskTransferPermit { destination, most_an_hour } => {
                self.ask_transfer_permit(destination, most_an_hour, ctx);
            }
            A::AskHandover(to) => self.ask_handover(to, ctx),
            A::CallCallee { target, caller_id, ring } => self.call_callee(&target, caller_id, ring, ctx),
            A::DropCallee(call) => self.drop_callee(call),
            // `ask` has removed it from the actions.
            A::Reply(_) => {}
            A::ReleaseLine => self.close_line(),
            A::TellWhenDrained => self.tell_audio(AudioOrder::TellWhenDrained),
            A::LimitLead(limited) => self.tell_audio(AudioOrder::LimitLead(limited)),
            A::CompareSpeech(comparison) => self.tell_audio(AudioOrder::CompareSpeech(comparison)),
            A::CallerTurn { open } => self.tell_audio(AudioOrder::CallerTurn { open }),
            A::Order(order) => self.tell_model(order),
            A::Record(fact) => self.record(fact),
            A::RenewTranscript => {
                self.transcript = Some(start_transcript(&*self.spawn, &self.setup, &ctx.address()));
                self.transcript_is_watched();
            }
            A::Tell(note) => self.tell(&note),
            A::CloseLine => self.end_line(),
            A::CloseModel => self.close_model(),
            // `ask` waits for it.
            A::FinishAudio => {}
            A::FinishRecord { ending, tally } => self.finish_record(ending, tally),
            A::TellSupervisor { ending } => self.leave(ending),
            A::Stop => ctx.stop(),
        }
    }

    fn tell(&mut self, note: &Note) {
        if let Note::StateChanged(state) = note {
            self.watchers.tell(|| Some(WatchEvent::state(state)));
        }
        if let Some(incident) = note.incident() {
            if !matches!(note, Note::Incident(_) | Note::IncidentLogged(_)) {
                emit(Event::IncidentCounted { kind: incident.kind });
            }
            self.incidents.met(clock::now().saturating_duration_since(self.started), incident.clone());
            self.record(Fact::Incident(incident));
        }
        if let Note::ModelComplained { code, message } = note {
            let telling = self.complaints.heard(code, clock::now());
            return emit(model::Event::ModelComplained { call: &self.tag, code, message, telling });
        }
        emit(note.event(&self.tag));
    }

    fn attach_model(&self) {
        if let Some(llm) = &self.llm {
            let Capabilities { input, output, .. } = self.setup.profile.model.capabilities();
            self.tell_audio(AudioOrder::AttachModel { sink: llm.audio.clone(), input, output });
        }
    }

    pub(super) fn tell_audio(&self, order: AudioOrder) {
        if let Some(audio) = &self.audio {
            audio.orders.do_send(order);
        }
    }

    pub(super) fn tell_model(&self, order: ModelOrder) {
        if let Some(llm) = &self.llm {
            llm.orders.do_send(order);
        }
    }

    pub(super) fn record(&self, fact: Fact) {
        if let Some(transcript) = &self.transcript {
            transcript.facts.do_send(fact);
        }
    }

    /// Calls the tool on the call's thread, without blocking the call. The end of the call drops
    /// the request.
    fn ask_tool(call: ToolCallId, plan: Arc<ToolPlan>, arguments: Map<String, Value>, ctx: &mut Context<Self>) {
        let id = call.clone();
        let question = async move { http::ask(&plan, &arguments, id.as_str()).await };
        let answered = |output, this: &mut Self, ctx: &mut Context<Self>| {
            this.step(CallEvent::ToolAnswered { call, output }, ctx);
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(question).map(answered));
    }

    /// Asks for a recording. The end of the call drops the question.
    fn fetch_clip(&self, order: ClipOrder, ctx: &mut Context<Self>) {
        let words = order.words.clone();
        let asked = self.setup.providers.send(FetchClip(order));
        let fetched = |made: Result<Result<_, String>, _>, this: &mut Self, ctx: &mut Context<Self>| {
            let made = made.unwrap_or_else(|_| Err("the service stops".to_owned()));
            this.step(CallEvent::ClipFetched { words, made }, ctx);
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(fetched));
    }

    fn tell_spent(&self, cost: Usd) {
        let (call, profile) = (self.setup.identity.id, &self.setup.profile);
        emit(Event::Spent {
            call: &self.tag,
            agent: &profile.agent,
            model: self.machine.served_by(),
            variant: profile.variant.as_deref().unwrap_or("none"),
            dollars: cost.dollars(),
        });
        if let Some(spend_store) = &self.setup.spend_store {
            spend_store.do_send(Spent { call, cost });
        }
    }

    fn ask_transfer_permit(&self, destination: String, most_an_hour: u32, ctx: &mut Context<Self>) {
        let asked = self.setup.leave.send(TransferPermit { destination, most_an_hour });
        // A Supervisor that is gone counts no transfers.
        let answered = |answer: Result<bool, _>, this: &mut Self, ctx: &mut Context<Self>| {
            this.step(CallEvent::TransferPermitGiven { granted: answer.unwrap_or(false) }, ctx);
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(answered));
    }

    fn ask_handover(&self, to: Option<Target>, ctx: &mut Context<Self>) {
        let (api, call) = (self.setup.api.clone(), self.setup.identity.carrier_call.clone());
        let asked = async move {
            match api {
                Some(api) => control::http::ask(&*api, Request::HandOver(to.as_ref()), &call).await,
                None => CarrierAnswer::Failed { reason: "there is no access to the carrier's API".to_owned() },
            }
        };
        let answered = |answer, this: &mut Self, ctx: &mut Context<Self>| {
            this.step(CallEvent::CarrierAnswered(answer), ctx);
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(answered));
    }
}
