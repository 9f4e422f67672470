//! The AudioPipeline actor: the shell around [`super::pipeline`].

use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, MessageResult, Recipient, WeakRecipient};
use log::trace;

use super::action::{AudioAction, DropCause};
use super::events::{Event, FrameCounters};
use super::gather::Gatherer;
use super::level::Levels;
use super::messages::{AudioOrder, FinishAudio, FromPerson};
use super::pipeline::{AudioEvent, Pipeline};
use super::tap::Taps;
use crate::alarm::{Alarm, TimeUp};
use crate::audio::report::AudioReport;
use crate::carrier::{Capabilities, LineCommand, LineFormats};
use crate::child::{Child, ChildLost};
use crate::clock;
use crate::events::emit;
use crate::ids::CallTag;
use crate::line::messages::{FromCaller, FromModel, ItemComplete, ModelBound, PlayoutSignal, ToLine};
use crate::overload;
use crate::recording::writer::Recorder;

/// The settings that an AudioPipeline starts with.
#[derive(Debug)]
pub(crate) struct AudioSetup {
    /// The call, for the log.
    pub call: CallTag,
    /// The line's format, both directions.
    pub line: LineFormats,
    /// The carrier's capabilities.
    pub capabilities: &'static Capabilities,
    /// How far ahead of real time audio is sent to a carrier that buffers.
    pub lead: Option<Duration>,
    /// The line's levels. They are off by default.
    pub levels: Levels,
    /// Whether a wrong format of the line is corrected.
    pub correct: bool,
    /// The destination of the recording, if the call is recorded.
    pub recorder: Option<Recorder>,
    /// Commands for the carrier.
    pub to_line: Recipient<ToLine>,
    /// Reports to the CallActor.
    pub to_call: WeakRecipient<AudioReport>,
    /// The CallActor's address for the report that this actor has stopped.
    pub lost: WeakRecipient<ChildLost>,
}

/// One call's audio path.
pub(crate) struct AudioPipeline {
    call: CallTag,
    to_line: Recipient<ToLine>,
    to_call: WeakRecipient<AudioReport>,
    lost: WeakRecipient<ChildLost>,
    to_model: Option<Recipient<ModelBound>>,
    gatherer: Gatherer,
    pipeline: Pipeline,
    /// Reused between steps to save allocations.
    actions: Vec<AudioAction>,
    /// Present from the actor's start on.
    alarm: Option<Alarm>,
    counters: FrameCounters,
    recorder: Option<Recorder>,
    /// Those who listen in.
    taps: Taps,
    /// Samples in 20 ms, the unit in which drops are counted.
    recorded_frame: u64,
    /// Set by [`FinishAudio`], so that stopping is not reported as a failure.
    finished: bool,
}

impl AudioPipeline {
    /// An actor that is not yet started. `start()` must run on the call's own thread.
    pub(crate) fn new(setup: AudioSetup) -> Self {
        let mut pipeline = Pipeline::new(setup.line, setup.capabilities, setup.lead).with_levels(setup.levels);
        if setup.correct {
            pipeline = pipeline.with_correction();
        }
        if setup.recorder.is_some() {
            pipeline = pipeline.with_recording(clock::now());
        }
        Self {
            call: setup.call,
            to_line: setup.to_line,
            to_call: setup.to_call,
            lost: setup.lost,
            to_model: None,
            gatherer: Gatherer::default(),
            pipeline,
            actions: Vec::new(),
            alarm: None,
            counters: FrameCounters::default(),
            recorder: setup.recorder,
            taps: Taps::default(),
            recorded_frame: u64::from(setup.line.says.rate_hz / 50).max(1),
            finished: false,
        }
    }

    fn step(&mut self, event: AudioEvent, ctx: &mut Context<Self>) {
        let now = clock::now();
        let mut actions = std::mem::take(&mut self.actions);
        if let Err(error) = self.pipeline.handle(event, now, &mut actions) {
            emit(Event::AudioUnjoinable { call: &self.call, problem: &error.to_string() });
            ctx.stop();
        }
        for action in actions.drain(..) {
            if let Err(cause) = self.perform(action) {
                self.pipeline.refused(cause, now);
            }
        }
        self.actions = actions;
        if self.taps.are_gone() {
            self.step(AudioEvent::Overheard(false), ctx);
        }
        self.arm();
    }

    /// Audio that finds no room is dropped and its cause returned. Everything else is always
    /// delivered.
    fn perform(&mut self, action: AudioAction) -> Result<(), DropCause> {
        match action {
            AudioAction::ToModel(frame) => {
                let Some((frame, joined)) = self.gatherer.take(frame, overload::gathered()) else { return Ok(()) };
                if joined > 1 {
                    self.counters.gathered.increment(1);
                }
                let model = self.to_model.as_ref().ok_or(DropCause::NotAttached)?;
                model.try_send(ModelBound(frame)).map_err(|_| DropCause::ModelFull)?;
            }
            AudioAction::ToLine(LineCommand::Play(frame)) => {
                self.to_line.try_send(ToLine(LineCommand::Play(frame))).map_err(|_| DropCause::LineFull)?;
                self.counters.to_caller.increment(1);
            }
            // Marks and clears are few by design, and the ledger is wrong without them, so they
            // ignore the bound.
            AudioAction::ToLine(command) => self.to_line.do_send(ToLine(command)),
            AudioAction::Report(report) => {
                if let Some(call) = self.to_call.upgrade() {
                    call.do_send(report);
                }
            }
            AudioAction::Record(block) => {
                let frames = block.moments as u64 / self.recorded_frame;
                if self.recorder.as_ref().is_some_and(|recorder| !recorder.take(block)) {
                    emit(Event::AudioDropped { call: &self.call, direction: "recording", reason: "disk_slow", frames });
                }
            }
            AudioAction::Overhear(sound) => self.taps.hear(sound.side, &sound.mulaw, sound.private),
            AudioAction::CountDrops { cause, frames } => {
                let (direction, reason) = (cause.direction(), cause.reason());
                emit(Event::AudioDropped { call: &self.call, direction, reason, frames });
            }
        }
        Ok(())
    }

    /// One alarm serves all deadlines.
    fn arm(&self) {
        let (Some((due, name)), Some(alarm)) = (self.pipeline.deadline(), &self.alarm) else { return };
        if alarm.ring_by(due) {
            trace!(call:% = self.call.id(), timer:? = name; "timer armed");
        }
    }
}

impl Actor for AudioPipeline {
    type Context = Context<Self>;

    /// The mailbox holds five seconds of a caller's frames or a whole answer in small deltas, so
    /// only a hanging thread fills it. Smaller: a model's burst is cut. Larger: audio that waited
    /// that long is stale.
    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(256);
        self.alarm = Some(Alarm::new(ctx.address().downgrade().recipient()));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(call) = self.lost.upgrade().filter(|_| !self.finished) {
            call.do_send(ChildLost(Child::Audio));
        }
    }
}

impl Handler<TimeUp> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.step(AudioEvent::Tick, ctx);
    }
}

impl Handler<FromCaller> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, FromCaller(frame): FromCaller, ctx: &mut Self::Context) {
        self.counters.from_caller.increment(1);
        self.step(AudioEvent::CallerFrame(frame), ctx);
    }
}

impl Handler<PlayoutSignal> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, signal: PlayoutSignal, ctx: &mut Self::Context) {
        self.step(
            match signal {
                PlayoutSignal::MarkEchoed(name) => AudioEvent::MarkEchoed(name),
                PlayoutSignal::Flow(signal) => AudioEvent::Flow(signal),
                PlayoutSignal::Restarted => AudioEvent::LineRestarted,
            },
            ctx,
        );
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
            AudioOrder::AttachModel { sink, input, output } => {
                self.to_model = Some(sink);
                self.gatherer.forget();
                self.step(AudioEvent::ModelAttached { input, output }, ctx);
            }
            AudioOrder::DetachModel => {
                self.to_model = None;
                self.step(AudioEvent::ModelDetached, ctx);
            }
            AudioOrder::ClearPlayout { response } => self.step(AudioEvent::ClearPlayout(response), ctx),
            AudioOrder::PlayPcm { item, pcm } => self.step(AudioEvent::PlayPcm { item, pcm }, ctx),
            AudioOrder::PausePlayout => self.step(AudioEvent::PausePlayout, ctx),
            AudioOrder::ResumePlayout => self.step(AudioEvent::ResumePlayout, ctx),
            AudioOrder::Examine => self.step(AudioEvent::Examine, ctx),
            AudioOrder::TellWhenDrained => self.step(AudioEvent::TellWhenDrained, ctx),
            AudioOrder::LimitLead(limited) => self.step(AudioEvent::LimitLead(limited), ctx),
            AudioOrder::CompareSpeech(comparison) => self.step(AudioEvent::CompareSpeech(comparison), ctx),
            AudioOrder::CallerTurn { open } => self.step(AudioEvent::CallerTurn { open }, ctx),
            AudioOrder::PauseRecording(paused) => self.step(AudioEvent::PauseRecording(paused), ctx),
            AudioOrder::Listen(tap) => {
                self.taps.add(tap);
                self.step(AudioEvent::Overheard(true), ctx);
            }
            AudioOrder::TakeOver(taken_over) => self.step(AudioEvent::TakenOver(taken_over), ctx),
        }
    }
}

impl Handler<FromPerson> for AudioPipeline {
    type Result = ();

    fn handle(&mut self, FromPerson(mulaw): FromPerson, ctx: &mut Self::Context) {
        self.step(AudioEvent::PersonSpeaks(mulaw), ctx);
    }
}

impl Handler<FinishAudio> for AudioPipeline {
    type Result = MessageResult<FinishAudio>;

    fn handle(&mut self, _: FinishAudio, ctx: &mut Self::Context) -> Self::Result {
        let heard = self.pipeline.heard(clock::now());
        self.step(AudioEvent::EndRecording, ctx);
        self.recorder = None;
        self.finished = true;
        ctx.stop();
        MessageResult(heard)
    }
}

#[cfg(test)]
mod tests;
