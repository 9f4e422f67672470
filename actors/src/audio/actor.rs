//! The AudioPipeline actor: the shell around [`super::pipeline`].

use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient, SpawnHandle, WeakRecipient};
use log::trace;

use super::action::{AudioAction, DropCause};
use super::messages::{AudioOrder, FromCaller, FromModel, ItemComplete, MarkEchoed, ToLine};
use super::pipeline::{AudioEvent, Pipeline};
use crate::call::messages::{AudioReport, Organ, OrganLost};
use crate::clock;
use crate::events::{Event, FrameCounters, emit};
use crate::ids::CallId;
use crate::realtime::messages::ModelBound;
use crate::wire::{AudioFormat, Capabilities, LineCommand};

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
pub struct AudioPipeline {
    call: CallId,
    to_line: Recipient<ToLine>,
    to_call: WeakRecipient<AudioReport>,
    lost: WeakRecipient<OrganLost>,
    to_model: Option<Recipient<ModelBound>>,
    pipeline: Pipeline,
    /// Kept between steps for its memory.
    actions: Vec<AudioAction>,
    armed: Option<(Instant, SpawnHandle)>,
    counters: FrameCounters,
    /// Told to go, so that going is no loss.
    finished: bool,
}

impl AudioPipeline {
    /// Not yet started; `start()` it on the call's own thread.
    pub fn new(setup: AudioSetup) -> Self {
        Self {
            call: setup.call,
            to_line: setup.to_line,
            to_call: setup.to_call,
            lost: setup.lost,
            to_model: None,
            pipeline: Pipeline::new(setup.line, setup.capabilities, setup.lead),
            actions: Vec::new(),
            armed: None,
            counters: FrameCounters::default(),
            finished: false,
        }
    }

    fn step(&mut self, event: AudioEvent, ctx: &mut Context<Self>) {
        let now = clock::now();
        let mut actions = std::mem::take(&mut self.actions);
        if let Err(error) = self.pipeline.handle(event, now, &mut actions) {
            emit(Event::AudioUnjoinable { call: self.call, problem: &error.to_string() });
            ctx.stop();
        }
        for action in actions.drain(..) {
            if let Err(cause) = self.perform(action) {
                self.pipeline.refused(cause, now);
            }
        }
        self.actions = actions;
        self.arm(now, ctx);
    }

    /// Audio that finds no room is refused with its cause; everything else always goes.
    fn perform(&mut self, action: AudioAction) -> Result<(), DropCause> {
        match action {
            AudioAction::ToModel(frame) => {
                let model = self.to_model.as_ref().ok_or(DropCause::NotAttached)?;
                model.try_send(ModelBound(frame)).map_err(|_| DropCause::ModelFull)?;
            }
            AudioAction::ToLine(LineCommand::Play(frame)) => {
                self.to_line.try_send(ToLine(LineCommand::Play(frame))).map_err(|_| DropCause::LineFull)?;
                self.counters.to_caller.increment(1);
            }
            // Marks and clears are few by design and the ledger is wrong without them: they pass the bound.
            AudioAction::ToLine(command) => self.to_line.do_send(ToLine(command)),
            AudioAction::Report(report) => {
                if let Some(call) = self.to_call.upgrade() {
                    call.do_send(report);
                }
            }
            AudioAction::CountDrops { cause, frames } => {
                let (direction, reason) = (cause.direction(), cause.reason());
                emit(Event::AudioDropped { call: self.call, direction, reason, frames });
            }
        }
        Ok(())
    }

    /// One timer for all deadlines. A timer that comes before its deadline does nothing and is armed again, so it is replaced
    /// only by an earlier one: deadlines that move with every frame cost nothing.
    fn arm(&mut self, now: Instant, ctx: &mut Context<Self>) {
        let Some((due, name)) = self.pipeline.deadline() else { return };
        if let Some((armed, handle)) = self.armed {
            if armed <= due {
                return;
            }
            ctx.cancel_future(handle);
        }
        trace!(call:% = self.call, timer:? = name; "timer armed");
        let handle = ctx.run_later(due.saturating_duration_since(now), |pipeline, ctx| {
            pipeline.armed = None;
            pipeline.step(AudioEvent::Tick, ctx);
        });
        self.armed = Some((due, handle));
    }
}

impl Actor for AudioPipeline {
    type Context = Context<Self>;

    /// The mailbox holds five seconds of a caller's frames or a whole answer in small deltas: only a thread that hangs fills it.
    /// Less: a model's burst is cut. More: what waits that long is stale.
    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(256);
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(call) = self.lost.upgrade().filter(|_| !self.finished) {
            call.do_send(OrganLost(Organ::Audio));
        }
    }
}

impl Handler<FromCaller> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, FromCaller(frame): FromCaller, ctx: &mut Self::Context) {
        self.counters.from_caller.increment(1);
        self.step(AudioEvent::CallerFrame(frame), ctx);
    }
}

impl Handler<MarkEchoed> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, MarkEchoed(name): MarkEchoed, ctx: &mut Self::Context) {
        self.step(AudioEvent::MarkEchoed(name), ctx);
    }
}

impl Handler<FromModel> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, FromModel { response, item, audio }: FromModel, ctx: &mut Self::Context) {
        self.step(AudioEvent::ModelAudio { response, item, audio }, ctx);
    }
}

impl Handler<ItemComplete> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, complete: ItemComplete, ctx: &mut Self::Context) {
        self.step(AudioEvent::ItemComplete(complete.item), ctx);
    }
}

impl Handler<AudioOrder> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, order: AudioOrder, ctx: &mut Self::Context) {
        match order {
            AudioOrder::AttachModel { sink, format } => {
                self.to_model = Some(sink);
                self.step(AudioEvent::ModelAttached(format), ctx);
            }
            AudioOrder::DetachModel => {
                self.to_model = None;
                self.step(AudioEvent::ModelDetached, ctx);
            }
            AudioOrder::ClearPlayout { response } => self.step(AudioEvent::ClearPlayout(response), ctx),
            AudioOrder::PlayClip { item, clip } => self.step(AudioEvent::PlayClip { item, clip }, ctx),
            AudioOrder::CallerTurn { open } => self.step(AudioEvent::CallerTurn { open }, ctx),
            AudioOrder::Finish => {
                self.finished = true;
                ctx.stop();
            }
        }
    }
}
