use std::time::Duration;

use actix::Addr;
use tempfile::TempDir;

use super::probes::{Log, Probe, call_among_probes, pass, settle};
use super::sabotage::Sabotage;
use super::*;
use crate::audio::report::AudioReport;
use crate::call::messages::Inspect;
use crate::call::testing::{identity, profile};
use crate::child::Child;
use crate::ids::{CallId, ItemId, ResponseId};
use crate::incident::{Incident, IncidentKind};
use crate::line::messages::LineReport;
use crate::realtime::report::ModelReport;

#[actix::test]
async fn a_call_attaches_its_line_and_greets_when_the_model_is_ready() {
    let call = Rig::start().await;
    assert_eq!(call.log.take(), ["line: attached"]);
    call.addr.do_send(ready());
    settle().await;
    let heard = call.log.take();
    assert!(heard[0].starts_with("audio: AttachModel"), "{heard:?}");
    assert!(heard[1].starts_with("model: Speak(ResponseRequest { purpose: Greeting"), "{heard:?}");
    assert!(heard[2].starts_with("transcript: Serves"), "{heard:?}");
    assert_eq!(heard.len(), 3);
}

#[actix::test]
async fn a_caller_who_hangs_up_ends_everything_once() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    settle().await;
    call.log.take();
    call.addr.do_send(LineReport::Stopped);
    call.addr.do_send(LineReport::Closed);
    settle().await;
    call.assert_ended("CallerHungUp");
}

#[actix::test]
async fn a_call_that_panics_is_cleaned_up_and_reported_once() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    settle().await;
    call.log.take();
    call.addr.do_send(Sabotage::Call);
    settle().await;
    call.assert_ended("Crashed");
}

#[actix::test]
async fn a_call_that_loses_its_audio_ends_in_order() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    settle().await;
    call.log.take();
    call.addr.do_send(Sabotage::Child(Child::Audio));
    settle().await;
    // Each mailbox keeps its own order.
    let (recorded, heard): (Vec<_>, Vec<_>) =
        call.log.take().into_iter().partition(|line| line.starts_with("transcript: "));
    assert_eq!(recorded[0], r#"transcript: Incident(Incident { kind: ActorLost, detail: "audio" })"#);
    assert!(recorded[1].starts_with("transcript: Ended { ending: Crashed"), "{recorded:?}");
    assert_eq!(recorded.len(), 2);
    // The audio actor has stopped and receives nothing any more.
    assert_eq!(heard[..2], ["line: ToLine(Close)", "model: Close"]);
    assert!(heard[2].starts_with("supervisor: CallEnded") && heard[2].contains("Crashed"), "{heard:?}");
    assert_eq!(heard.len(), 3);
    assert!(!call.addr.connected());
}

#[actix::test]
async fn a_call_that_loses_its_model_lets_the_caller_hear_the_rest() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    call.addr.do_send(Sabotage::Child(Child::Model));
    settle().await;
    let heard = call.log.take();
    assert_eq!(heard[heard.len() - 2..], ["audio: DetachModel", "audio: TellWhenDrained"]);
    assert!(call.addr.connected());
    pass(profile().limits.goodbye).await;
    let heard = call.log.take();
    assert!(heard.iter().any(|line| line.starts_with("transcript: Ended { ending: Crashed")), "{heard:?}");
    assert!(!call.addr.connected());
}

#[actix::test]
async fn a_call_that_loses_its_transcript_goes_on_and_has_a_record() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    call.addr.do_send(Sabotage::Child(Child::Transcript));
    settle().await;
    call.addr.do_send(LineReport::KeyPressed('5'));
    settle().await;
    assert!(call.log.take().contains(&"transcript: KeyPressed('5')".to_owned()), "another one listens");
    call.addr.do_send(LineReport::Stopped);
    settle().await;
    call.assert_ended("CallerHungUp");
}

#[actix::test]
async fn a_silent_line_is_given_up_in_time_and_a_live_one_is_not() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    // No response to the greeting is awaited.
    let purpose = Some(crate::realtime::messages::ResponsePurpose::Greeting);
    call.addr.do_send(ModelReport::RequestGivenUp { purpose, reason: "failed".to_owned() });
    for _ in 0..100 {
        pass(Duration::from_secs(1)).await;
        call.addr.do_send(LineReport::Alive);
    }
    settle().await;
    call.log.take();
    pass(profile().limits.line_silence - Duration::from_millis(100)).await;
    assert_eq!(call.log.take(), Vec::<String>::new());
    pass(Duration::from_millis(200)).await;
    call.assert_ended("LineSilent");
}

#[actix::test]
async fn barge_in_clears_the_playout_and_truncates_the_item() {
    let call = Rig::start().await;
    let (response, item) = (ResponseId::new("r1"), ItemId::new("i1"));
    call.addr.do_send(ready());
    call.addr.do_send(ModelReport::ResponseStarted { response: response.clone() });
    call.addr.do_send(AudioReport::PlayoutStarted { response: response.clone(), item: item.clone() });
    call.addr.do_send(ModelReport::SpeechStarted { item: ItemId::new("user") });
    settle().await;
    assert!(call.log.take().contains(&"audio: ClearPlayout { response: Some(r1) }".to_owned()));
    let (received, heard) = (Duration::from_secs(3), Duration::from_micros(1_500_700));
    let playout = crate::audio::report::ItemPlayout { response, item, received, heard };
    call.addr.do_send(AudioReport::Interrupted(vec![playout]));
    settle().await;
    let heard = call.log.take();
    assert_eq!(heard[0], "model: TruncateItem { item: i1, heard: 1.5s }");
    assert_eq!(heard[1], "transcript: Heard { item: i1, heard: 1.5007s, of: 3s, interrupted: true }");
}

#[actix::test]
async fn a_call_shows_what_it_is_now() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    pass(Duration::from_secs(3)).await;
    let shown = call.addr.send(Inspect).await.expect("alive");
    assert_eq!(shown.id, call.id.to_string());
    assert_eq!(
        (shown.carrier, shown.carrier_call_id.as_str(), shown.stream_id.as_str()),
        (crate::carrier::testing::NAME, "CA1", "MZ1")
    );
    assert_eq!((shown.direction, shown.from.as_str(), shown.to.as_str()), ("inbound", "+15550100001", "+15550100002"));
    assert_eq!((shown.agent.as_str(), shown.language.as_str(), shown.model.as_str()), ("reception", "en", "rehearsal"));
    assert_eq!((shown.state, shown.started_at.as_str()), ("greeting", "1970-01-01T00:00:00.000Z"));
    assert!((3000..3100).contains(&shown.duration_ms), "{}", shown.duration_ms);
    assert_eq!(shown.detail.model_setup_ms, Some(300));
}

#[actix::test]
async fn what_goes_wrong_is_recorded_and_shown() {
    let call = Rig::start().await;
    call.addr.do_send(ready());
    pass(Duration::from_secs(3)).await;
    call.log.take();
    let broken = Incident::new(IncidentKind::LineBroken, "the stream ended without a word");
    call.addr.do_send(LineReport::Incident(broken.clone()));
    call.addr.do_send(ModelReport::Incident(Incident::new(IncidentKind::AudioDropped, "in: model_not_reading")));
    call.addr.do_send(LineReport::Incident(broken));
    settle().await;
    let recorded = call.log.take().iter().filter(|line| line.starts_with("transcript: Incident")).count();
    assert_eq!(recorded, 3, "the record hears of each");
    let shown = call.addr.send(Inspect).await.expect("alive").detail.incidents;
    let shown: Vec<_> = shown.seen().iter().map(|seen| (seen.kind, seen.times, seen.at.as_secs())).collect();
    assert_eq!(shown, [(IncidentKind::LineBroken, 2, 3), (IncidentKind::AudioDropped, 1, 3)]);
}

#[actix::test]
async fn a_place_whose_actor_never_starts_is_given_back() {
    let log = Log::default();
    let supervisor = Probe::outside("supervisor", &log);
    drop(CallSlot::new(CallId::random(), supervisor.recipient()));
    settle().await;
    assert_eq!(log.take().len(), 1);
}

/// A call with probes as its neighbours.
struct Rig {
    id: CallId,
    addr: Addr<CallActor>,
    log: Log,
    _line: Addr<Probe>,
    _records: TempDir,
}

impl Rig {
    /// Pauses the clock.
    async fn start() -> Self {
        tokio::time::pause();
        let (id, log) = (CallId::random(), Log::default());
        let records = tempfile::tempdir().expect("a folder");
        let line = Probe::outside("line", &log);
        let supervisor = Probe::outside("supervisor", &log);
        let setup = CallSetup {
            identity: identity(id),
            profile: Arc::new(profile()),
            line: Probe::line(&line),
            writer: RecordWriter::start(records.path()).expect("a directory to write to"),
            spend_store: None,
            place: CallSlot::new(id, supervisor.clone().recipient()),
            leave: supervisor.recipient(),
            providers: Providers::new().start(),
            api: None,
            watch_all: None,
        };
        let addr = call_among_probes(setup, &log).start();
        settle().await;
        Self { id, addr, log, _line: line, _records: records }
    }

    fn assert_ended(&self, ending: &str) {
        let mut heard = self.log.take();
        assert_eq!(heard[..3], ["line: ToLine(Close)", "model: Close", "audio: FinishAudio"].map(str::to_owned));
        // A call that ends in order learns what the caller has heard before its record is written.
        if ending != "Crashed" {
            assert!(heard.remove(3).starts_with("transcript: Heard { "), "{heard:?}");
        }
        assert!(heard[3].starts_with(&format!("transcript: Ended {{ ending: {ending}, ")), "{heard:?}");
        let reported = format!("supervisor: CallEnded {{ call: {}, ending: {ending}, ", self.id);
        assert!(heard[4].starts_with(&reported), "{heard:?}");
        assert_eq!(heard.len(), 5, "{heard:?}");
        assert!(!self.addr.connected(), "the actor is gone");
    }
}

fn ready() -> ModelReport {
    ModelReport::Ready { session: "sess_1".to_owned(), setup: Duration::from_millis(300) }
}
