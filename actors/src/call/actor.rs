//! The CallActor: the shell around [`super::machine`]. It owns the call's AudioPipeline,
//! RealtimeLlm and Transcript.

mod children;
mod people;
#[cfg(test)]
pub(crate) mod probes;
#[cfg(any(test, feature = "sabotage"))]
pub mod sabotage;

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, AsyncContext, Context, Handler, MessageResult, Recipient, ResponseFuture,
};
use log::trace;
use serde_json::{Map, Value};

use self::children::{
    AudioHandle, LlmHandle, Real, Spawn, TranscriptHandle, start_audio, start_line, start_transcript,
};
use super::events::Event;
use super::machine::{CallMachine, Means};
use super::messages::{
    Briefing, CallDetail, CallSnapshot, Detected, DialAnswered, Examine, HangUp, Inspect, LineReturned, Next,
    NextAsked, OfPerson, PauseRecording, PersonNews, ReadBriefing, ReadNext, StreamOffered, TransferTo, WrapUp,
};
use super::steps::{CallAction, CallEvent, Note};
use super::transfer::TransferRefusal;
use crate::alarm::{Alarm, TimeUp};
use crate::audio::messages::AudioOrder;
use crate::audio::report::AudioReport;
use crate::call::report::{CallEnded, Spent, TransferPermit};
use crate::carrier::LineCommand;
use crate::carrier::control::{self, CarrierAnswer, Control, Request};
use crate::child::ChildLost;
use crate::clock;
use crate::complaints::Complaints;
use crate::delivery::messages::CallNotifier;
use crate::ending::Ending;
use crate::events::emit;
use crate::ids::{CallId, CallTag, ToolCallId};
use crate::incident::Incidents;
use crate::line::hang_up::{self, BeforeClose};
use crate::line::identity::CallIdentity;
use crate::line::messages::{Line, LineAttached, LineReport, ToLine};
use crate::money::Usd;
use crate::profile::CallProfile;
use crate::realtime::capabilities::Capabilities;
use crate::realtime::events as model;
use crate::realtime::messages::{AudioReplaced, ModelOrder};
use crate::realtime::providers::actor::Providers;
use crate::realtime::report::ModelReport;
use crate::recording::report::IncidentMet;
use crate::tools::http;
use crate::tools::plan::ToolPlan;
use crate::transcript::messages::{Fact, ReadWords, Tally, Watch};
use crate::transcript::watch::{News, Watchers};
use crate::transcript::writer::RecordWriter;

/// What a CallActor starts with.
#[derive(Debug)]
pub struct CallSetup {
    /// The call's ids, numbers and start.
    pub identity: CallIdentity,
    /// The profile of the call.
    pub profile: Arc<CallProfile>,
    /// The media stream.
    pub line: Line,
    /// The writer of records.
    pub writer: RecordWriter,
    /// The call's slot, freed once at the end.
    pub place: Place,
    /// Receives the cost of each response; `None` if spending is not tracked.
    pub spend_store: Option<Recipient<Spent>>,
    /// Counts transfers and grants permits.
    pub leave: Recipient<TransferPermit>,
    /// The shared state of the model's servers.
    pub providers: Addr<Providers>,
    /// The carrier's API, if it has one and its secrets are configured.
    pub api: Option<Arc<dyn Control>>,
}

/// A call's entry in the Supervisor's list. The Supervisor is notified of the call's end exactly
/// once, at the latest when the entry is dropped: with its actor, or with a setup whose thread
/// ended before the actor could start.
#[derive(Debug)]
pub struct Place {
    call: CallId,
    supervisor: Option<Recipient<CallEnded>>,
    notifier: Option<CallNotifier>,
}

impl Place {
    /// Creates the entry of `call`.
    pub fn new(call: CallId, supervisor: Recipient<CallEnded>) -> Self {
        Self { call, supervisor: Some(supervisor), notifier: None }
    }

    /// Adds further recipients of the call's end.
    #[must_use]
    pub fn announced_by(mut self, notifier: Option<CallNotifier>) -> Self {
        self.notifier = notifier;
        self
    }

    /// Frees the entry. Returns whether it was still taken.
    fn leave(&mut self, ending: Ending, by_stream: bool) -> bool {
        let supervisor = self.supervisor.take();
        if let Some(notifier) = self.notifier.take() {
            notifier.ended(ending);
        }
        if let Some(supervisor) = &supervisor {
            supervisor.do_send(CallEnded { call: self.call, ending, by_stream });
        }
        supervisor.is_some()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave(Ending::Crashed, false);
    }
}

/// One call.
pub struct CallActor {
    setup: CallSetup,
    /// The ids of the call in the log.
    tag: CallTag,
    machine: CallMachine,
    started: Instant,
    spawn: Box<dyn Spawn>,
    /// The line, until it is closed.
    line: Option<Recipient<ToLine>>,
    /// The model's actor, until it is closed.
    llm: Option<LlmHandle>,
    /// The audio's actor, until it is finished.
    audio: Option<AudioHandle>,
    /// The record's actor, until it has the call's ending.
    transcript: Option<TranscriptHandle>,
    watchers: Watchers,
    /// The incidents so far.
    incidents: Incidents,
    /// The complaints of the model's server.
    complaints: Complaints,
    /// The deadline of the one timer.
    alarm: Option<Alarm>,
}

impl CallActor {
    /// Creates an actor that is not yet started; start it in the arbiter of its stream. The call's
    /// time begins now.
    pub fn new(setup: CallSetup) -> Self {
        Self::with(setup, Box::new(Real))
    }

    fn with(setup: CallSetup, spawn: Box<dyn Spawn>) -> Self {
        let started = clock::now();
        let means = Means {
            handover: setup.identity.carrier.capabilities().handover,
            requests: setup.api.is_some(),
            started_at: setup.identity.started_at,
        };
        Self {
            machine: CallMachine::new(Arc::clone(&setup.profile), started).with_means(means),
            started,
            spawn,
            line: Some(setup.line.to_line.clone()),
            llm: None,
            audio: None,
            transcript: None,
            watchers: Watchers::default(),
            incidents: Incidents::default(),
            complaints: Complaints::default(),
            alarm: None,
            tag: setup.identity.tag(),
            setup,
        }
    }
}

impl Actor for CallActor {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
        self.alarm = Some(Alarm::new(ctx.address().downgrade().recipient()));
        let identity = &self.setup.identity;
        let profile = &self.setup.profile;
        emit(Event::CallStarted {
            call: &self.tag,
            carrier: identity.carrier.name(),
            agent: &profile.agent,
            language: &profile.language,
            route: profile.route,
        });
        let me = ctx.address();
        let transcript = start_transcript(&*self.spawn, &self.setup, &me);
        let transcript = self.transcript.insert(transcript);
        let (audio, llm) = start_line(&*self.spawn, &self.setup, transcript, &me);
        let (frames, playout) = (audio.frames.clone(), audio.playout.clone());
        self.setup.line.attach.do_send(LineAttached { frames, playout, reports: me.recipient() });
        (self.audio, self.llm) = (Some(audio), Some(llm));
        self.step(CallEvent::Begun, ctx);
    }

    /// Runs after a panic too, when some or all of the ending's steps are undone. Steps that are
    /// done are not repeated.
    fn stopped(&mut self, _: &mut Self::Context) {
        self.end_line();
        self.close_model();
        self.finish_audio();
        self.finish_record(Ending::Crashed, self.machine.tally());
        self.leave(Ending::Crashed);
    }
}

impl CallActor {
    fn step(&mut self, event: CallEvent, ctx: &mut Context<Self>) {
        self.ask(event, ctx);
    }

    /// Handles an event that has an answer. The answer is the end of the call if the call is over.
    fn ask(&mut self, event: CallEvent, ctx: &mut Context<Self>) -> Next {
        let mut reply = Next::HangUp;
        for action in self.machine.handle(event, clock::now()) {
            if let CallAction::Reply(next) = action {
                reply = next;
            } else {
                self.perform(action, ctx);
            }
        }
        self.arm();
        reply
    }

    fn perform(&mut self, action: CallAction, ctx: &mut Context<Self>) {
        use CallAction as A;
        match action {
            A::AttachModel => self.attach_model(),
            A::DetachModel => self.tell_audio(AudioOrder::DetachModel),
            A::ClearPlayout { response } => self.tell_audio(AudioOrder::ClearPlayout { response }),
            A::PausePlayout => self.tell_audio(AudioOrder::PausePlayout),
            A::ResumePlayout => self.tell_audio(AudioOrder::ResumePlayout),
            A::PlayPcm { item, pcm } => self.tell_audio(AudioOrder::PlayPcm { item, pcm }),
            A::PauseRecording(paused) => self.tell_audio(AudioOrder::PauseRecording(paused)),
            A::AskTool { call, plan, arguments } => Self::ask_tool(call, plan, arguments, ctx),
            A::TellSpent(cost) => self.tell_spent(cost),
            A::AskTransferPermit { destination, most_an_hour } => {
                self.ask_transfer_permit(destination, most_an_hour, ctx);
            }
            A::AskHandover => self.ask_handover(ctx),
            A::CallPerson { target, caller_id, ring } => self.call_person(&target, caller_id, ring, ctx),
            A::DropPerson(call) => self.drop_person(call),
            // `ask` has removed it from the actions.
            A::Reply(_) => {}
            A::ReleaseLine => self.close_line(),
            A::TellWhenDrained => self.tell_audio(AudioOrder::TellWhenDrained),
            A::CallerTurn { open } => self.tell_audio(AudioOrder::CallerTurn { open }),
            A::Order(order) => self.tell_model(order),
            A::Record(fact) => self.record(fact),
            A::RenewTranscript => self.transcript = Some(start_transcript(&*self.spawn, &self.setup, &ctx.address())),
            A::Tell(note) => self.tell(&note),
            A::CloseLine => self.end_line(),
            A::CloseModel => self.close_model(),
            A::FinishAudio => self.finish_audio(),
            A::FinishRecord { ending, tally } => self.finish_record(ending, tally),
            A::TellSupervisor { ending } => self.leave(ending),
            A::Stop => ctx.stop(),
        }
    }

    fn tell(&mut self, note: &Note) {
        if let Note::StateChanged(state) = note {
            self.watchers.tell(|| Some(News::state(state)));
        }
        if let Some(incident) = note.incident() {
            if !matches!(note, Note::Incident(_) | Note::IncidentTold(_)) {
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

    fn arm(&self) {
        let (Some((due, timer)), Some(alarm)) = (self.machine.deadline(), &self.alarm) else { return };
        if alarm.ring_by(due) {
            trace!(call:% = self.setup.identity.id, timer = timer.name(); "timer armed");
        }
    }

    fn attach_model(&self) {
        if let Some(llm) = &self.llm {
            let Capabilities { input, output, .. } = self.setup.profile.model.capabilities();
            self.tell_audio(AudioOrder::AttachModel { sink: llm.audio.clone(), input, output });
        }
    }

    fn tell_audio(&self, order: AudioOrder) {
        if let Some(audio) = &self.audio {
            audio.orders.do_send(order);
        }
    }

    fn tell_model(&self, order: ModelOrder) {
        if let Some(llm) = &self.llm {
            llm.orders.do_send(order);
        }
    }

    fn record(&self, fact: Fact) {
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

    fn tell_spent(&self, cost: Usd) {
        let (call, profile) = (self.setup.identity.id, &self.setup.profile);
        emit(Event::Spent {
            call: &self.tag,
            agent: &profile.agent,
            model: profile.model.model(),
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

    fn ask_handover(&self, ctx: &mut Context<Self>) {
        let (api, call) = (self.setup.api.clone(), self.setup.identity.carrier_call.clone());
        let asked = async move {
            match api {
                Some(api) => control::http::ask(&*api, Request::HandOver, &call).await,
                None => CarrierAnswer::Failed { reason: "there is no access to the carrier's API".to_owned() },
            }
        };
        let answered = |answer, this: &mut Self, ctx: &mut Context<Self>| {
            this.step(CallEvent::CarrierAnswered(answer), ctx);
        };
        ctx.spawn(actix::fut::wrap_future::<_, Self>(asked).map(answered));
    }

    /// The caller is back on another stream. It gets an audio pipeline of its own; the old one ends
    /// with its line.
    fn take_line(&mut self, LineReturned { line, stream, format }: LineReturned, ctx: &mut Context<Self>) {
        self.close_line();
        self.finish_audio();
        self.line = Some(line.to_line.clone());
        self.setup.line = line;
        (self.setup.identity.stream, self.setup.identity.line) = (stream, format);
        let me = ctx.address();
        let facts = self.transcript.as_ref().map(|transcript| &transcript.facts);
        let audio = start_audio(&*self.spawn, &self.setup, facts, &me);
        if let Some(llm) = &self.llm {
            llm.hearing.do_send(AudioReplaced { audio: audio.from_model.clone(), items: audio.items.clone() });
        }
        let (frames, playout) = (audio.frames.clone(), audio.playout.clone());
        self.audio = Some(audio);
        self.setup.line.attach.do_send(LineAttached { frames, playout, reports: me.recipient() });
    }

    /// Closes the line of a call that is over, after the steps of [`hang_up::plan`].
    fn end_line(&mut self) {
        // Without an ending it is a crash.
        let ending = self.machine.ending().unwrap_or(Ending::Crashed);
        let plan = hang_up::plan(ending, self.setup.identity.carrier.capabilities(), self.setup.api.is_some());
        match plan.before_close {
            BeforeClose::Nothing => self.close_line(),
            BeforeClose::InBand => {
                if let Some(line) = &self.line {
                    line.do_send(ToLine(LineCommand::HangUp));
                }
                self.close_line();
            }
            BeforeClose::Request => self.ask_to_hang_up(),
        }
    }

    /// Asks the carrier to hang up, then closes the line. The task runs beside this actor, which
    /// has stopped by then.
    #[expect(clippy::disallowed_methods, reason = "outlives the call by the time of one request")]
    fn ask_to_hang_up(&mut self) {
        let (Some(api), Some(line)) = (self.setup.api.clone(), self.line.take()) else { return };
        let (tag, carrier_call) = (self.tag.clone(), self.setup.identity.carrier_call.clone());
        actix_rt::spawn(async move {
            if let CarrierAnswer::Failed { reason } = control::http::ask(&*api, Request::HangUp, &carrier_call).await {
                emit(Event::CarrierRefused { call: &tag, reason: &reason });
            }
            actix_rt::time::sleep(HUNG_UP).await;
            line.do_send(ToLine(LineCommand::Close));
        });
    }

    fn close_line(&mut self) {
        if let Some(line) = self.line.take() {
            line.do_send(ToLine(LineCommand::Close));
        }
    }

    fn close_model(&mut self) {
        self.tell_model(ModelOrder::Close);
        self.llm = None;
    }

    fn finish_audio(&mut self) {
        self.tell_audio(AudioOrder::Finish);
        self.audio = None;
    }

    fn finish_record(&mut self, ending: Ending, tally: Tally) {
        for (code, times) in self.complaints.untold() {
            emit(model::Event::ModelComplaints { call: &self.tag, code: &code, times });
        }
        self.record(Fact::Ended { ending, tally });
        self.transcript = None;
    }

    fn leave(&mut self, ending: Ending) {
        if self.setup.place.leave(ending, self.machine.ended_by_stream()) {
            let identity = &self.setup.identity;
            let duration = clock::now().saturating_duration_since(self.started);
            emit(Event::CallEnded { call: &self.tag, carrier: identity.carrier.name(), ending, duration });
            if let Some(variant) = &self.setup.profile.variant {
                emit(Event::VariantEnded { variant, agent: &self.setup.profile.agent, ending });
            }
        }
    }

    fn snapshot(&self) -> CallSnapshot {
        let (identity, profile, tally) = (&self.setup.identity, &self.setup.profile, self.machine.tally());
        let duration = clock::now().saturating_duration_since(self.started);
        CallSnapshot {
            id: identity.id.to_string(),
            carrier: identity.carrier.name(),
            carrier_call_id: identity.carrier_call.to_string(),
            stream_id: identity.stream.to_string(),
            direction: identity.direction.word(),
            from: identity.from.expose().clone(),
            to: identity.to.expose().clone(),
            agent: profile.agent.clone(),
            language: self.machine.language().to_owned(),
            model: profile.model.model().to_owned(),
            state: self.machine.state(),
            started_at: identity.started_at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            turns: tally.turns,
            barge_ins: tally.barge_ins,
            dropped_frames: tally.dropped_frames,
            cost_usd: tally.cost_usd,
            variant: profile.variant.clone(),
            detail: CallDetail { incidents: self.incidents.in_order(), ..self.machine.detail() },
        }
    }
}

impl Handler<LineReport> for CallActor {
    type Result = ();

    fn handle(&mut self, report: LineReport, ctx: &mut Self::Context) {
        self.step(CallEvent::Line(report), ctx);
    }
}

impl Handler<AudioReport> for CallActor {
    type Result = ();

    fn handle(&mut self, report: AudioReport, ctx: &mut Self::Context) {
        self.step(CallEvent::Audio(report), ctx);
    }
}

impl Handler<ModelReport> for CallActor {
    type Result = ();

    fn handle(&mut self, report: ModelReport, ctx: &mut Self::Context) {
        self.step(CallEvent::Model(report), ctx);
    }
}

impl Handler<IncidentMet> for CallActor {
    type Result = ();

    fn handle(&mut self, IncidentMet(incident): IncidentMet, ctx: &mut Self::Context) {
        self.step(CallEvent::Incident(incident), ctx);
    }
}

impl Handler<ChildLost> for CallActor {
    type Result = ();

    fn handle(&mut self, ChildLost(child): ChildLost, ctx: &mut Self::Context) {
        self.step(CallEvent::ChildLost(child), ctx);
    }
}

impl Handler<TimeUp> for CallActor {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.step(CallEvent::TimeUp, ctx);
    }
}

impl Handler<HangUp> for CallActor {
    type Result = ();

    fn handle(&mut self, order: HangUp, ctx: &mut Self::Context) {
        self.step(CallEvent::HangUp(order), ctx);
    }
}

impl Handler<WrapUp> for CallActor {
    type Result = ();

    fn handle(&mut self, _: WrapUp, ctx: &mut Self::Context) {
        self.step(CallEvent::WrapUp, ctx);
    }
}

impl Handler<TransferTo> for CallActor {
    type Result = Result<(), TransferRefusal>;

    fn handle(&mut self, TransferTo(destination): TransferTo, ctx: &mut Self::Context) -> Self::Result {
        self.machine.may_transfer(&destination, clock::now())?;
        self.step(CallEvent::TransferOrdered { destination }, ctx);
        Ok(())
    }
}

impl Handler<NextAsked> for CallActor {
    type Result = Next;

    fn handle(&mut self, NextAsked(dialled): NextAsked, ctx: &mut Self::Context) -> Next {
        if let Some(outcome) = dialled {
            self.step(CallEvent::DialEnded(outcome), ctx);
        }
        let next = self.ask(CallEvent::NextAsked, ctx);
        self.shown(next)
    }
}

impl Handler<ReadNext> for CallActor {
    type Result = Next;

    fn handle(&mut self, _: ReadNext, _: &mut Self::Context) -> Next {
        self.shown(self.machine.next())
    }
}

impl Handler<OfPerson> for CallActor {
    type Result = Next;

    fn handle(&mut self, OfPerson(news): OfPerson, ctx: &mut Self::Context) -> Next {
        match news {
            PersonNews::Took => self.ask(CallEvent::PersonTook, ctx),
            PersonNews::Ended(outcome) => self.ask(CallEvent::PersonEnded(outcome), ctx),
        }
    }
}

impl Handler<ReadBriefing> for CallActor {
    type Result = Option<Briefing>;

    fn handle(&mut self, _: ReadBriefing, _: &mut Self::Context) -> Option<Briefing> {
        self.machine.briefing()
    }
}

impl Handler<DialAnswered> for CallActor {
    type Result = ();

    fn handle(&mut self, _: DialAnswered, ctx: &mut Self::Context) {
        self.step(CallEvent::DialAnswered, ctx);
    }
}

impl Handler<Detected> for CallActor {
    type Result = ();

    fn handle(&mut self, detected: Detected, ctx: &mut Self::Context) {
        self.step(CallEvent::Detected(detected), ctx);
    }
}

impl Handler<LineReturned> for CallActor {
    type Result = ();

    fn handle(&mut self, returned: LineReturned, ctx: &mut Self::Context) {
        // A call that ends in the meantime drops the line's address, and the line closes.
        if self.machine.next() != Next::Return {
            return;
        }
        if self.machine.has_line() {
            self.step(CallEvent::LineReplaced, ctx);
            // The pipeline of the first line reports first what was heard of it.
            ctx.notify_later(returned, LAST_REPORT);
            return;
        }
        self.take_line(returned, ctx);
        self.step(CallEvent::LineReturned, ctx);
    }
}

impl Handler<StreamOffered> for CallActor {
    type Result = ();

    fn handle(&mut self, _: StreamOffered, ctx: &mut Self::Context) {
        self.step(CallEvent::StreamOffered, ctx);
    }
}

impl Handler<Examine> for CallActor {
    type Result = ();

    fn handle(&mut self, _: Examine, _: &mut Self::Context) {
        self.tell_audio(AudioOrder::Examine);
    }
}

impl Handler<PauseRecording> for CallActor {
    type Result = bool;

    fn handle(&mut self, PauseRecording(paused): PauseRecording, ctx: &mut Self::Context) -> bool {
        self.step(CallEvent::RecordingPaused(paused), ctx);
        self.setup.profile.recording.is_some()
    }
}

impl Handler<Watch> for CallActor {
    type Result = ();

    fn handle(&mut self, Watch(watcher): Watch, _: &mut Self::Context) {
        if let Some(transcript) = &self.transcript {
            transcript.watch.do_send(Watch(watcher.clone()));
        }
        self.watchers.add(watcher);
        self.watchers.tell(|| Some(News::state(self.machine.state())));
    }
}

impl Handler<ReadWords> for CallActor {
    type Result = ResponseFuture<Value>;

    fn handle(&mut self, _: ReadWords, _: &mut Self::Context) -> Self::Result {
        let asked = self.transcript.as_ref().map(|transcript| transcript.read.send(ReadWords));
        Box::pin(async move {
            match asked {
                Some(asked) => asked.await.unwrap_or_default(),
                None => Value::Null,
            }
        })
    }
}

impl Handler<Inspect> for CallActor {
    type Result = MessageResult<Inspect>;

    fn handle(&mut self, _: Inspect, _: &mut Self::Context) -> Self::Result {
        MessageResult(self.snapshot())
    }
}

/// How long a line's last report may take, on its own thread. Longer would keep a caller waiting
/// who is on the new line.
const LAST_REPORT: Duration = Duration::from_millis(20);
/// How long the carrier may take to close the stream after the request to hang up.
const HUNG_UP: Duration = Duration::from_secs(1);
/// Reports that may wait. The senders use `do_send`, which the bound does not limit, because
/// reports are decisions: few, and never dropped. The bound limits a sender that respects it.
const MAILBOX: usize = 256;

#[cfg(test)]
mod tests;
