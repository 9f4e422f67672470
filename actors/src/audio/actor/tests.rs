use std::cell::RefCell;
use std::rc::Rc;

use actix::Addr;

use super::*;
use crate::carrier::{AudioFormat, CallerFrame};
use crate::frame::Frame;
use crate::ids::{CallId, CarrierCallId, ItemId, ResponseId};

#[test]
fn caller_audio_is_buffered_until_the_model_is_there_and_then_flows() {
    run(async {
        let call = Call::start();
        call.audio.do_send(caller_frame());
        call.attach();
        call.audio.do_send(caller_frame());
        settle(5).await;
        assert_eq!(call.reports(), ["model 160", "model 160"]);
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
        assert_eq!(call.reports().len(), 7, "started, four pieces, two marks");
        settle(90).await;
        assert_eq!(call.reports(), ["first heard"], "the lead is full");
        settle(10).await;
        assert_eq!(call.reports(), ["play 800", "mark 1:4000:item_1"]);
        call.audio.do_send(PlayoutSignal::MarkEchoed("1:4000:item_1".to_owned()));
        settle(5).await;
        assert_eq!(call.reports(), ["heard", "drained"]);
    });
}

#[test]
fn barge_in_is_answered_within_the_handler() {
    run(async {
        let call = Call::start();
        call.attach();
        call.audio.do_send(model_audio(500));
        settle(100).await;
        call.reports();
        call.audio.do_send(AudioOrder::ClearPlayout { response: Some(ResponseId::new("resp_1")) });
        call.audio.do_send(model_audio(500));
        settle(1).await;
        assert_eq!(call.reports(), ["clear", "interrupted 1"]);
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
        assert_eq!(call.reports(), ["interrupted 0"]);
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
        let reports = call.reports();
        let given = reports.iter().filter(|line| line.starts_with("model")).count();
        let lost: Vec<_> = reports.iter().filter(|line| line.starts_with("lost")).collect();
        assert_eq!(lost, [&format!("lost {}", 50 - given)]);
        assert!(given < 50);
        assert_eq!(reports.iter().filter(|line| line.starts_with("mark")).count(), 2);
    });
}

#[test]
fn a_finished_path_is_no_loss_and_a_lost_one_is() {
    run(async {
        let call = Call::start();
        assert!(call.audio.send(FinishAudio).await.expect("an answer").is_empty());
        settle(5).await;
        assert!(!call.audio.connected());
        assert!(call.reports().is_empty());

        let call = Call::start();
        let format = AudioFormat { rate_hz: 44_100, ..AudioFormat::PCM_24K };
        call.audio.do_send(AudioOrder::AttachModel {
            sink: call.probe.clone().recipient(),
            input: format,
            output: format,
        });
        settle(5).await;
        assert_eq!(call.reports(), ["child lost"]);
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
        assert_eq!(call.reports().last().map(String::as_str), Some("drained"));
    });
}

/// Runs `test` on one thread whose clock is paused. The clock jumps to the next timer when no task
/// has work.
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
    reports: Rc<RefCell<Vec<String>>>,
}

impl Call {
    fn start() -> Self {
        Self::start_with(256)
    }

    fn start_with(capacity: usize) -> Self {
        let reports = Rc::new(RefCell::new(vec![]));
        let probe = Probe { reports: reports.clone(), capacity }.start();
        let setup = AudioSetup {
            call: CallTag::new(CallId::random(), &CarrierCallId::new("CA1")),
            line: AudioFormat::MULAW_8K.into(),
            capabilities: crate::carrier::testing::CARRIER.capabilities(),
            lead: Some(Duration::from_millis(400)),
            levels: Levels::default(),
            correct: false,
            recorder: None,
            to_line: probe.clone().recipient(),
            to_call: probe.downgrade().recipient(),
            lost: probe.downgrade().recipient(),
        };
        Self { audio: AudioPipeline::new(setup).start(), probe, reports }
    }

    fn attach(&self) {
        let sink = self.probe.clone().recipient();
        self.audio.do_send(AudioOrder::AttachModel {
            sink,
            input: AudioFormat::MULAW_8K,
            output: AudioFormat::MULAW_8K,
        });
    }

    /// The messages that the neighbours got since the last call.
    fn reports(&self) -> Vec<String> {
        self.reports.take()
    }
}

/// One actor that stands in for every neighbour.
struct Probe {
    reports: Rc<RefCell<Vec<String>>>,
    capacity: usize,
}

impl Probe {
    fn note(&self, line: String) {
        self.reports.borrow_mut().push(line);
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
            AudioReport::TurnSpoken { by_person } => format!("spoken by a person: {by_person}"),
            AudioReport::PlayoutOverflowed { item } => format!("overflowed {item}"),
            AudioReport::FramesDropped(frames) => format!("lost {frames}"),
            AudioReport::SpeechCompared(opinion) => format!("compared {}", opinion.word()),
            AudioReport::Diagnosed(diagnosis) => format!("diagnosed {}", diagnosis.verdict),
        });
    }
}

impl Handler<ChildLost> for Probe {
    type Result = ();

    fn handle(&mut self, _: ChildLost, _: &mut Self::Context) {
        self.note("child lost".to_owned());
    }
}
