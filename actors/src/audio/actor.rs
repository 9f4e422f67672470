//! The AudioPipeline actor: the shell around [`super::pipeline`].

use std::time::Duration;

use actix::{Actor, ActorContext, AsyncContext, Context, Handler, Recipient, WeakRecipient};
use log::trace;

use super::action::{AudioAction, DropCause};
use super::events::{Event, FrameCounters};
use super::level::Levels;
use super::messages::AudioOrder;
use super::pipeline::{AudioEvent, Pipeline};
use crate::alarm::{Alarm, TimeUp};
use crate::audio::report::AudioReport;
use crate::carrier::{Capabilities, LineCommand, LineFormats};
use crate::child::{Child, ChildLost};
use crate::clock;
use crate::events::emit;
use crate::ids::CallTag;
use crate::line::messages::{FromCaller, FromModel, ItemComplete, MarkEchoed, ModelBound, ToLine};
use crate::recording::writer::Recorder;

/// What an AudioPipeline is started with.
#[derive(Debug)]
pub struct AudioSetup {
    /// The call, for the log.
    pub call: CallTag,
    /// The line's format, both directions.
    pub line: LineFormats,
    /// What the carrier can do.
    pub capabilities: &'static Capabilities,
    /// How far ahead of real time audio is sent to a carrier that buffers.
    pub lead: Duration,
    /// The line's levels; off by default.
    pub levels: Levels,
    /// A wrong format of the line is put right.
    pub correct: bool,
    /// Where the recording goes, if the call is recorded.
    pub recorder: Option<Recorder>,
    /// Commands for the carrier.
    pub to_line: Recipient<ToLine>,
    /// Reports to the CallActor.
    pub to_call: WeakRecipient<AudioReport>,
    /// Told when this actor is gone.
    pub lost: WeakRecipient<ChildLost>,
}

/// One call's audio path.
pub struct AudioPipeline {
    call: CallTag,
    to_line: Recipient<ToLine>,
    to_call: WeakRecipient<AudioReport>,
    lost: WeakRecipient<ChildLost>,
    to_model: Option<Recipient<ModelBound>>,
    pipeline: Pipeline,
    /// Kept between steps for its memory.
    actions: Vec<AudioAction>,
    /// From the actor's start on.
    alarm: Option<Alarm>,
    counters: FrameCounters,
    recorder: Option<Recorder>,
    /// Samples of 20 ms, in which drops are counted.
    recorded_frame: u64,
    /// Told to go, so that going is no loss.
    finished: bool,
}

impl AudioPipeline {
    /// Not yet started; `start()` it on the call's own thread.
    pub fn new(setup: AudioSetup) -> Self {
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
            pipeline,
            actions: Vec::new(),
            alarm: None,
            counters: FrameCounters::default(),
            recorder: setup.recorder,
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
        self.arm();
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
            AudioAction::Record(block) => {
                let frames = block.moments as u64 / self.recorded_frame;
                if self.recorder.as_ref().is_some_and(|recorder| !recorder.take(block)) {
                    emit(Event::AudioDropped { call: &self.call, direction: "recording", reason: "disk_slow", frames });
                }
            }
            AudioAction::CountDrops { cause, frames } => {
                let (direction, reason) = (cause.direction(), cause.reason());
                emit(Event::AudioDropped { call: &self.call, direction, reason, frames });
            }
        }
        Ok(())
    }

    /// One alarm for all deadlines.
    fn arm(&self) {
        let (Some((due, name)), Some(alarm)) = (self.pipeline.deadline(), &self.alarm) else { return };
        if alarm.ring_by(due) {
            trace!(call:% = self.call.id(), timer:? = name; "timer armed");
        }
    }
}

impl Actor for AudioPipeline {
    type Context = Context<Self>;

    /// The mailbox holds five seconds of a caller's frames or a whole answer in small deltas: only a thread that hangs fills it.
    /// Less: a model's burst is cut. More: what waits that long is stale.
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
            AudioOrder::AttachModel { sink, input, output } => {
                self.to_model = Some(sink);
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
            AudioOrder::CallerTurn { open } => self.step(AudioEvent::CallerTurn { open }, ctx),
            AudioOrder::PauseRecording(paused) => self.step(AudioEvent::PauseRecording(paused), ctx),
            AudioOrder::Finish => {
                self.step(AudioEvent::EndRecording, ctx);
                self.recorder = None;
                self.finished = true;
                ctx.stop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use actix::Addr;

    use super::*;
    use crate::carrier::{AudioFormat, CallerFrame};
    use crate::frame::Frame;
    use crate::ids::{CallId, CarrierCallId, ItemId, ResponseId};

    #[test]
    fn caller_audio_is_held_until_the_model_is_there_and_then_flows() {
        run(async {
            let call = Call::start();
            call.audio.do_send(caller_frame());
            call.attach();
            call.audio.do_send(caller_frame());
            settle(5).await;
            assert_eq!(call.told(), ["model 160", "model 160"]);
        });
    }

    #[test]
    fn an_answer_is_paced_by_the_actor_s_own_timer() {
        run(async {
            let call = Call::start();
            call.attach();
            call.audio.do_send(model_audio(500));
            call.audio.do_send(complete());
            settle(5).await;
            assert_eq!(call.told().len(), 7, "started, four pieces, two marks");
            settle(90).await;
            assert_eq!(call.told(), ["first heard"], "the lead is full");
            settle(10).await;
            assert_eq!(call.told(), ["play 800", "mark 1:4000:item_1"]);
            call.audio.do_send(MarkEchoed("1:4000:item_1".to_owned()));
            settle(5).await;
            assert_eq!(call.told(), ["heard", "drained"]);
        });
    }

    #[test]
    fn barge_in_is_answered_within_the_handler() {
        run(async {
            let call = Call::start();
            call.attach();
            call.audio.do_send(model_audio(500));
            settle(100).await;
            call.told();
            call.audio.do_send(AudioOrder::ClearPlayout { response: Some(ResponseId::new("resp_1")) });
            call.audio.do_send(model_audio(500));
            settle(1).await;
            assert_eq!(call.told(), ["clear", "interrupted 1"]);
        });
    }

    #[test]
    fn an_interruption_before_the_model_is_there_mutes_what_it_has_begun_to_say() {
        run(async {
            let call = Call::start();
            call.audio.do_send(model_audio(100));
            call.audio.do_send(AudioOrder::ClearPlayout { response: None });
            call.attach();
            call.audio.do_send(model_audio(100));
            settle(100).await;
            assert_eq!(call.told(), ["interrupted 0"]);
        });
    }

    #[test]
    fn a_full_neighbour_loses_audio_that_is_counted_but_never_a_mark() {
        run(async {
            let call = Call::start_with(1);
            call.attach();
            // The whole burst is handled before any probe gets its turn.
            for _ in 0..50 {
                call.audio.do_send(caller_frame());
            }
            for _ in 0..4 {
                call.audio.do_send(model_audio(100));
            }
            settle(1_100).await;
            let told = call.told();
            let given = told.iter().filter(|line| line.starts_with("model")).count();
            let lost: Vec<_> = told.iter().filter(|line| line.starts_with("lost")).collect();
            assert_eq!(lost, [&format!("lost {}", 50 - given)]);
            assert!(given < 50);
            assert_eq!(told.iter().filter(|line| line.starts_with("mark")).count(), 2);
        });
    }

    #[test]
    fn a_finished_path_is_no_loss_and_a_lost_one_is() {
        run(async {
            let call = Call::start();
            call.audio.do_send(AudioOrder::Finish);
            settle(5).await;
            assert!(!call.audio.connected());
            assert!(call.told().is_empty());

            let call = Call::start();
            let format = AudioFormat { rate_hz: 44_100, ..AudioFormat::PCM_24K };
            call.audio.do_send(AudioOrder::AttachModel {
                sink: call.probe.clone().recipient(),
                input: format,
                output: format,
            });
            settle(5).await;
            assert_eq!(call.told(), ["organ lost"]);
        });
    }

    #[test]
    fn nothing_is_armed_when_nothing_is_to_come() {
        run(async {
            let call = Call::start();
            call.attach();
            call.audio.do_send(model_audio(100));
            call.audio.do_send(complete());
            settle(3_600_000).await;
            assert_eq!(call.told().last().map(String::as_str), Some("drained"));
        });
    }

    /// Runs `test` on one thread whose clock is paused: it jumps to the next timer when nobody has work.
    fn run(test: impl Future<Output = ()>) {
        let system = actix::System::with_tokio_rt(|| {
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
        });
        system.block_on(async {
            tokio::time::pause();
            test.await;
        });
    }

    #[expect(clippy::disallowed_methods, reason = "the test's clock is paused")]
    async fn settle(length_ms: u64) {
        tokio::time::sleep(Duration::from_millis(length_ms)).await;
    }

    fn caller_frame() -> FromCaller {
        FromCaller(CallerFrame { timestamp: None, payload: Frame::copy_of(&[0x31; 160]) })
    }

    fn model_audio(length_ms: usize) -> FromModel {
        let audio = Frame::copy_of(&vec![0x31; length_ms * 8]);
        FromModel { response: ResponseId::new("resp_1"), item: ItemId::new("item_1"), audio }
    }

    fn complete() -> ItemComplete {
        ItemComplete { response: ResponseId::new("resp_1"), item: ItemId::new("item_1") }
    }

    struct Call {
        audio: Addr<AudioPipeline>,
        probe: Addr<Probe>,
        told: Rc<RefCell<Vec<String>>>,
    }

    impl Call {
        fn start() -> Self {
            Self::start_with(256)
        }

        fn start_with(capacity: usize) -> Self {
            let told = Rc::new(RefCell::new(vec![]));
            let probe = Probe { told: told.clone(), capacity }.start();
            let setup = AudioSetup {
                call: CallTag::new(CallId::random(), &CarrierCallId::new("CA1")),
                line: AudioFormat::MULAW_8K.into(),
                capabilities: crate::carrier::twilio::CARRIER.capabilities(),
                lead: Duration::from_millis(400),
                levels: Levels::default(),
                correct: false,
                recorder: None,
                to_line: probe.clone().recipient(),
                to_call: probe.downgrade().recipient(),
                lost: probe.downgrade().recipient(),
            };
            Self { audio: AudioPipeline::new(setup).start(), probe, told }
        }

        fn attach(&self) {
            let sink = self.probe.clone().recipient();
            self.audio.do_send(AudioOrder::AttachModel {
                sink,
                input: AudioFormat::MULAW_8K,
                output: AudioFormat::MULAW_8K,
            });
        }

        /// What the neighbours were told since last asked.
        fn told(&self) -> Vec<String> {
            self.told.take()
        }
    }

    /// Every neighbour in one.
    struct Probe {
        told: Rc<RefCell<Vec<String>>>,
        capacity: usize,
    }

    impl Probe {
        fn note(&self, line: String) {
            self.told.borrow_mut().push(line);
        }
    }

    impl Actor for Probe {
        type Context = Context<Self>;

        fn started(&mut self, ctx: &mut Self::Context) {
            ctx.set_mailbox_capacity(self.capacity);
        }
    }

    impl Handler<ToLine> for Probe {
        type Result = ();

        fn handle(&mut self, ToLine(command): ToLine, _: &mut Self::Context) {
            self.note(match command {
                LineCommand::Play(frame) => format!("play {}", frame.len()),
                LineCommand::Mark(name) => format!("mark {name}"),
                LineCommand::Clear => "clear".to_owned(),
                LineCommand::HangUp => "hang up".to_owned(),
                LineCommand::Close => "close".to_owned(),
            });
        }
    }

    impl Handler<ModelBound> for Probe {
        type Result = ();

        fn handle(&mut self, ModelBound(frame): ModelBound, _: &mut Self::Context) {
            self.note(format!("model {}", frame.len()));
        }
    }

    impl Handler<AudioReport> for Probe {
        type Result = ();

        fn handle(&mut self, report: AudioReport, _: &mut Self::Context) {
            self.note(match report {
                AudioReport::PlayoutStarted { item, .. } => format!("started {item}"),
                AudioReport::FirstHeard { .. } => "first heard".to_owned(),
                AudioReport::ItemHeard(_) => "heard".to_owned(),
                AudioReport::PlayoutDrained => "drained".to_owned(),
                AudioReport::Queued { remaining } => format!("queued {}", remaining.as_millis()),
                AudioReport::LastVoice { ago } => format!("last voice {}", ago.as_millis()),
                AudioReport::Interrupted(cut) => format!("interrupted {}", cut.len()),
                AudioReport::PlayoutOverflowed { item } => format!("overflowed {item}"),
                AudioReport::FramesDropped(frames) => format!("lost {frames}"),
                AudioReport::Diagnosed(diagnosis) => format!("diagnosed {}", diagnosis.verdict),
            });
        }
    }

    impl Handler<ChildLost> for Probe {
        type Result = ();

        fn handle(&mut self, _: ChildLost, _: &mut Self::Context) {
            self.note("organ lost".to_owned());
        }
    }
}
