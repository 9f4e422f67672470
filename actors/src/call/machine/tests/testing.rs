//! A machine and its clock, the events that tests send it, and the actions that they expect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audio::report::{AudioReport, ItemPlayout};
use crate::call::machine::{CallMachine, Means};
use crate::call::messages::Detected;
use crate::call::steps::{CallAction, CallEvent, Note, Steer};
use crate::call::testing::{plan_where, profile};
use crate::carrier::Handover;
use crate::carrier::webhook_api::AnsweredBy;
use crate::ending::Ending;
use crate::ids::{ItemId, Private, ResponseId, ToolCallId};
use crate::incident::IncidentKind;
use crate::line::messages::LineReport;
use crate::profile::CallProfile;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest};
use crate::realtime::report::{LossClass, ModelLoss, ModelReport, ResponseOutcome, ToolCall};
use crate::transcript::messages::Fact;

use CallAction as A;

/// A machine and its clock.
pub(super) struct Harness {
    pub(super) machine: CallMachine,
    pub(super) now: Instant,
    pub(super) started: Instant,
}

impl Harness {
    pub(super) fn of(profile: CallProfile) -> Self {
        let now = crate::clock::now();
        let means = Means { handover: Some(Handover::Document), ..Means::default() };
        Self { machine: CallMachine::new(Arc::new(profile), now).with_means(means), now, started: now }
    }

    pub(super) fn connecting() -> Self {
        Self::of(profile())
    }

    /// A call whose greeting has been heard.
    pub(super) fn listening() -> Self {
        let mut call = Self::connecting();
        call.on(ready());
        call.says("greet");
        call.on(drained());
        assert_eq!(call.state(), "listening");
        call
    }

    pub(super) fn on(&mut self, event: CallEvent) -> Vec<CallAction> {
        self.machine.handle(event, self.now)
    }

    pub(super) fn state(&self) -> &'static str {
        self.machine.state()
    }

    pub(super) fn started(&self) -> Instant {
        self.started
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
    }

    pub(super) fn until(&mut self, at: Instant) -> Vec<CallAction> {
        self.now = at;
        self.on(CallEvent::TimeUp)
    }

    /// Advances the clock on a line that gives signs of life.
    pub(super) fn alive_until(&mut self, at: Instant) -> Vec<CallAction> {
        while self.now + Duration::from_secs(20) < at {
            self.pass(Duration::from_secs(20));
            assert_eq!(self.on(CallEvent::Line(LineReport::Alive)), []);
        }
        self.until(at)
    }

    /// A complete response begins to play.
    pub(super) fn says(&mut self, response: &str) -> Vec<CallAction> {
        self.on(response_started(response));
        let done = self.on(playing(response));
        self.on(response_finished(response));
        done
    }
}

pub(super) fn assert_ending(done: &[CallAction], expected: Ending) {
    let at = done.iter().position(|action| *action == A::CloseLine).unwrap_or_else(|| panic!("no end in {done:?}"));
    let [
        A::CloseLine,
        A::CloseModel,
        A::FinishAudio,
        A::FinishRecord { ending, .. },
        A::TellSupervisor { ending: reported },
        A::Stop,
    ] = &done[at..at + 6]
    else {
        panic!("not in order: {done:?}");
    };
    assert_eq!((*ending, *reported), (expected, expected));
}

pub(super) fn as_order(action: &CallAction) -> Option<&ModelOrder> {
    if let A::Order(order) = action { Some(order) } else { None }
}

pub(super) fn speak(purpose: ResponsePurpose, instructions: Option<&str>) -> CallAction {
    A::Order(ModelOrder::Speak(ResponseRequest { purpose, instructions: instructions.map(str::to_owned) }))
}

pub(super) fn state(name: &'static str) -> CallAction {
    A::Tell(Note::StateChanged(name))
}

pub(super) fn heard_fact(item: &str, heard_us: u64, of_us: u64) -> CallAction {
    let (heard, of) = (Duration::from_micros(heard_us), Duration::from_micros(of_us));
    A::Record(Fact::Heard { item: item.into(), heard, of, interrupted: true })
}

pub(super) fn playout(response: &str, item: &str, received_us: u64, heard_us: u64) -> ItemPlayout {
    ItemPlayout {
        response: ResponseId::new(response),
        item: item.into(),
        received: Duration::from_micros(received_us),
        heard: Duration::from_micros(heard_us),
    }
}

pub(super) fn clears(done: &[CallAction]) -> bool {
    done.iter().any(|action| matches!(action, A::ClearPlayout { .. }))
}

/// The instructions of all requests.
pub(super) fn said(done: &[CallAction]) -> String {
    let requests = done.iter().filter_map(|action| {
        if let A::Order(ModelOrder::Speak(request)) = action { request.instructions.clone() } else { None }
    });
    requests.collect::<Vec<_>>().join(" | ")
}

pub(super) fn ready() -> CallEvent {
    CallEvent::Model(ModelReport::Ready { session: "sess_1".to_owned(), setup: Duration::from_millis(300) })
}

pub(super) fn lost(class: LossClass) -> CallEvent {
    CallEvent::Model(ModelReport::Lost(ModelLoss { class, reason: "gone".to_owned() }))
}

pub(super) fn speech_started() -> CallEvent {
    CallEvent::Model(ModelReport::SpeechStarted { item: "item_user".into() })
}

pub(super) fn speech_stopped() -> CallEvent {
    CallEvent::Model(ModelReport::SpeechStopped { item: "item_user".into() })
}

pub(super) fn response_started(response: &str) -> CallEvent {
    CallEvent::Model(ModelReport::ResponseStarted { response: ResponseId::new(response) })
}

pub(super) fn response_finished(response: &str) -> CallEvent {
    let response = ResponseId::new(response);
    CallEvent::Model(ModelReport::ResponseFinished { response, outcome: ResponseOutcome::Completed, usage: None })
}

pub(super) fn missed(response: &str, kind: IncidentKind, again: bool) -> CallEvent {
    CallEvent::Model(ModelReport::AnswerMissed { response: ResponseId::new(response), kind, again })
}

pub(super) fn muted(purpose: Option<ResponsePurpose>) -> CallEvent {
    CallEvent::Model(ModelReport::Muted { purpose, reason: "answer_empty".to_owned() })
}

pub(super) fn tool(id: &str, name: &str, arguments: &str) -> CallEvent {
    CallEvent::Model(ModelReport::ToolCalled(ToolCall {
        response: ResponseId::new("r2"),
        id: ToolCallId::new(id),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    }))
}

pub(super) fn playing(response: &str) -> CallEvent {
    let item = ItemId::new(&format!("item_{response}"));
    CallEvent::Audio(AudioReport::PlayoutStarted { response: ResponseId::new(response), item })
}

pub(super) fn drained() -> CallEvent {
    CallEvent::Audio(AudioReport::PlayoutDrained)
}

pub(super) fn interrupted(items: Vec<ItemPlayout>) -> CallEvent {
    CallEvent::Audio(AudioReport::Interrupted(items))
}

pub(super) fn key(key: char) -> CallEvent {
    CallEvent::Line(LineReport::KeyPressed(key))
}

pub(super) fn words(text: &str) -> CallEvent {
    let (item, text) = (ItemId::new("item_user"), Private::new(text.to_owned()));
    CallEvent::Model(ModelReport::CallerWords { item, text, last: true })
}

pub(super) fn faltered() -> CallEvent {
    CallEvent::Model(ModelReport::Faltered(ModelLoss { class: LossClass::Retryable, reason: "gone".to_owned() }))
}

pub(super) fn resumed(answering: bool) -> CallEvent {
    CallEvent::Model(ModelReport::Resumed { session: "sess_2".to_owned(), gap: ms(300), answering })
}

pub(super) fn detected(by: AnsweredBy, note: Option<&'static str>) -> CallEvent {
    CallEvent::Detected(Detected { by, note })
}

pub(super) fn interrupting_ourselves() -> CallProfile {
    CallProfile { model: Arc::new(plan_where(true, false)), ..profile() }
}

/// An operator takes the call over, or gives it back.
pub(super) fn in_persons_hands(taken: bool) -> CallEvent {
    let by = "asha".to_owned();
    CallEvent::Steered(if taken { Steer::TakeOver { by } } else { Steer::GiveBack { by } })
}

pub(super) fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

pub(super) fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

impl From<&str> for ItemId {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
