//! Tests of the machine by its events and actions.

mod budget;
mod conversation;
mod detected;
mod meeting;
mod missed;
mod outages;
mod owed;
mod presence;
mod pressed;
mod reconnecting;
mod scripts;
mod tables;
mod transfers;
mod waiting;

use std::time::Duration;

use super::*;
use crate::audio::messages::CLIP_RESPONSE;
use crate::audio::report::{AudioReport, ItemPlayout};
use crate::call::exit::GOODBYE;
use crate::call::floor::agent::WARNING;
use crate::call::messages::HangUp;
use crate::call::testing::{plan_where, profile};
use crate::carrier::Handover;
use crate::child::Child;
use crate::ids::{ItemId, ResponseId, ToolCallId};
use crate::incident::IncidentKind;
use crate::line::messages::LineReport;
use crate::profile::Greeting;
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::messages::ResponseRequest;
use crate::realtime::messages::TextRole;
use crate::realtime::report::{ModelLoss, ModelReport, ResponseOutcome, ToolCall};
use crate::transcript::messages::Fact;

use CallAction as A;

#[test]
fn a_carrier_that_wants_the_caller_s_words_forgotten_is_obeyed() {
    let discarded = || CallEvent::Line(LineReport::InputDiscarded);
    assert_eq!(Harness::listening().on(discarded()), [A::Order(ModelOrder::DiscardInput)]);
    assert_eq!(Harness::connecting().on(discarded()), [], "nobody has heard any");
}

#[test]
fn the_agent_greets_without_waiting_for_the_caller() {
    let mut call = Harness::connecting();
    let done = call.on(ready());
    assert_eq!(done[1], A::AttachModel);
    assert_eq!(done[2], speak(ResponsePurpose::Greeting, Some("Greet the caller.")));
    assert_eq!(call.state(), "greeting");
}

#[test]
fn a_call_without_a_greeting_listens_at_once() {
    let mut call = Harness::of(CallProfile { greeting: Greeting::None, ..profile() });
    let done = call.on(ready());
    assert!(!done.iter().any(|action| matches!(action, A::Order(_))));
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_turn_goes_from_greeting_to_listening_to_thinking_to_speaking() {
    let mut call = Harness::connecting();
    call.on(ready());
    call.says("greet");
    assert_eq!(call.on(drained()), [state("listening")]);
    call.on(speech_started());
    assert_eq!(call.state(), "listening");
    call.on(speech_stopped());
    assert_eq!(call.state(), "thinking");
    call.on(response_started("r2"));
    call.pass(Duration::from_millis(700));
    let done = call.on(playing("r2"));
    assert_eq!(done, [A::Tell(Note::AnswerTimed(Duration::from_millis(700))), state("speaking")]);
    call.on(drained());
    assert_eq!(call.state(), "thinking", "the response goes on although the playout has run dry");
    call.on(playing("r2"));
    assert_eq!(call.on(response_finished("r2")), [A::TellWhenDrained]);
    call.on(drained());
    assert_eq!(call.state(), "listening");
    assert_eq!(call.machine.tally().turns, 1);
}

#[test]
fn the_time_to_the_first_sound_is_told_once() {
    let mut call = Harness::connecting();
    call.pass(Duration::from_millis(400));
    call.on(ready());
    call.pass(Duration::from_millis(500));
    assert_eq!(call.says("greet")[0], A::Tell(Note::FirstAudioSent(Duration::from_millis(900))));
    assert_eq!(call.machine.detail().first_audio_ms, Some(900));
    call.on(drained());
    assert!(!call.says("r2").iter().any(|action| matches!(action, A::Tell(Note::FirstAudioSent(_)))));
}

#[test]
fn barge_in_truncates_what_was_partly_heard_and_deletes_what_was_not() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(speech_started());
    let order: Vec<_> = done.iter().filter(|action| !matches!(action, A::Record(_) | A::Tell(_))).collect();
    let response = Some(ResponseId::new("r2"));
    assert_eq!(order, [&A::ClearPlayout { response }, &A::CallerTurn { open: true }], "the server cancels by itself");
    assert_eq!(call.state(), "listening");
    call.pass(Duration::from_micros(80));
    let done = call.on(interrupted(vec![
        playout("r2", "heard", 900_000, 900_000),
        playout("r2", "partly", 2_000_000, 1_234_567),
        playout("r2", "barely", 2_000_000, 999),
        playout("r2", "unheard", 2_000_000, 0),
    ]));
    let orders: Vec<_> = done.iter().filter_map(as_order).collect();
    let truncate = |item: &str, ms| ModelOrder::TruncateItem { item: item.into(), heard: Duration::from_millis(ms) };
    let delete = |item: &str| ModelOrder::DeleteItem { item: item.into() };
    assert_eq!(
        orders,
        [&truncate("heard", 900), &truncate("partly", 1234), &delete("barely"), &delete("unheard")],
        "the item being generated may be longer than what has come of it"
    );
    assert!(done.contains(&heard_fact("partly", 1_234_567, 2_000_000)));
    assert_eq!(done.last(), Some(&A::Tell(Note::BargedIn(Duration::from_micros(80)))));
    assert_eq!(call.machine.tally().barge_ins, 1);
}

#[test]
fn an_item_heard_whole_and_a_line_of_ours_are_left_alone() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(speech_started());
    let done = call.on(interrupted(vec![
        playout("r2", "whole", 900_000, 900_000),
        playout(CLIP_RESPONSE, "clip_1", 900_000, 300_000),
    ]));
    assert_eq!(done.iter().filter_map(as_order).count(), 0);
    assert!(done.contains(&heard_fact("clip_1", 300_000, 900_000)));
}

#[test]
fn a_server_that_does_not_interrupt_is_told_to_cancel() {
    let mut call = Harness::of(interrupting_ourselves());
    call.on(ready());
    call.on(response_started("r1"));
    call.on(playing("r1"));
    let done = call.on(speech_started());
    let clear = done.iter().position(|action| matches!(action, A::ClearPlayout { .. })).expect("cleared");
    let cancel = done.iter().position(|it| *it == A::Order(ModelOrder::CancelResponse)).expect("cancelled");
    assert!(clear < cancel);
    let again = call.on(speech_started());
    assert!(!again.contains(&A::Order(ModelOrder::CancelResponse)), "a response is cancelled once");
}

#[test]
fn a_caller_who_speaks_into_silence_interrupts_nobody() {
    let mut call = Harness::listening();
    let done = call.on(speech_started());
    assert!(!done.iter().any(|action| matches!(action, A::ClearPlayout { .. } | A::Order(_))));
    assert_eq!(call.machine.tally().barge_ins, 0);
}

#[test]
fn a_caller_who_goes_on_before_the_answer_sounds_is_not_a_barge_in() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    let done = call.on(speech_started());
    assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }));
    assert_eq!(call.machine.tally().barge_ins, 0);
    let done = call.on(interrupted(Vec::new()));
    assert_eq!(done, []);
}

#[test]
fn the_agents_goodbye_is_heard_before_the_line_is_closed() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(tool("t1", "end_call", "{}"));
    assert!(done.iter().filter_map(as_order).any(|order| matches!(order, ModelOrder::AnswerTool { speak: false, .. })));
    assert_eq!(call.state(), "closing");
    call.on(drained());
    assert_eq!(call.state(), "closing", "the last words are still being generated");
    assert_eq!(call.on(response_finished("r2")), [A::TellWhenDrained]);
    assert_eq!(call.on(drained()), [A::TellWhenDrained], "this report may be older than the last audio");
    let done = call.on(drained());
    assert_ending(&done, Ending::AgentHungUp);
}

#[test]
fn a_goodbye_that_is_never_heard_is_waited_for_no_longer_than_the_limit() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(tool("t1", "end_call", ""));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!((at, timer), (call.now + profile().limits.goodbye, Timer::Goodbye));
    assert_ending(&call.until(at), Ending::AgentHungUp);
}

#[test]
fn a_caller_who_speaks_into_the_goodbye_keeps_the_call() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(tool("t1", "end_call", "{}"));
    assert_eq!(call.state(), "closing");
    let done = call.on(speech_started());
    assert!(done.contains(&A::ClearPlayout { response: None }));
    assert!(done.iter().filter_map(as_order).any(|order| matches!(order, ModelOrder::AddText { .. })));
    assert_eq!(call.state(), "listening");
    assert_eq!(call.machine.tally().barge_ins, 1);
}

#[test]
fn a_goodbye_without_a_model_is_not_called_off() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(tool("t1", "end_call", "{}"));
    call.on(lost(LossClass::Retryable));
    call.on(speech_started());
    assert_eq!(call.state(), "closing", "nobody would answer");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::AgentHungUp);
}

#[test]
fn an_end_call_of_an_interrupted_response_ends_nothing() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    call.on(speech_started());
    let done = call.on(tool("t1", "end_call", "{}"));
    assert!(done.iter().filter_map(as_order).any(|order| matches!(order, ModelOrder::AnswerTool { .. })));
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_tool_that_is_not_to_be_had_is_answered_in_words_and_once() {
    let mut call = Harness::listening();
    let done = call.on(tool("t1", "send_dtmf", r#"{"digits":"1"}"#));
    let [A::Record(Fact::ToolUsed { output, .. }), A::Order(ModelOrder::AnswerTool { speak: true, output: told, .. })] =
        &done[..]
    else {
        panic!("answered and recorded, got {done:?}");
    };
    assert_eq!(output, told);
    assert_eq!(call.on(tool("t1", "send_dtmf", "{}")), []);
}

#[test]
fn keys_are_told_to_the_model_as_one_entry() {
    let mut call = Harness::listening();
    assert_eq!(call.on(key('4')), [A::Record(Fact::KeyPressed('4'))]);
    call.on(key('2'));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!(timer, Timer::Keypad);
    let text = "The caller pressed 42 on the keypad.".to_owned();
    let told = A::Order(ModelOrder::AddText { role: TextRole::User, text });
    assert_eq!(call.until(at), [told, speak(ResponsePurpose::Keypad, None)]);
}

#[test]
fn keys_pressed_before_the_model_is_there_wait_for_it() {
    let mut call = Harness::connecting();
    call.on(key('7'));
    call.on(key('#'));
    assert_ne!(call.machine.deadline().map(|(_, timer)| timer), Some(Timer::Keypad));
    let done = call.on(ready());
    assert!(done.contains(&speak(ResponsePurpose::Keypad, None)));
}

#[test]
fn an_operator_hangs_up_with_a_goodbye_instead_of_the_answer() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(CallEvent::HangUp(HangUp::Operator));
    assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r2")) }));
    assert!(done.contains(&A::Order(ModelOrder::CancelResponse)), "nobody else cancels it");
    assert!(done.contains(&speak(ResponsePurpose::Goodbye, Some(GOODBYE))));
    assert_eq!(call.on(response_finished("r2")), [], "the answer that was cut is not the goodbye");
    call.on(speech_started());
    assert_eq!(call.state(), "closing", "an order is not called off by the caller");
    call.says("r3");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::OperatorHungUp);
    assert_eq!(call.machine.tally().barge_ins, 0);
}

#[test]
fn an_order_to_hang_up_ends_a_call_without_a_model_at_once() {
    let mut call = Harness::connecting();
    assert_ending(&call.on(CallEvent::HangUp(HangUp::Drain)), Ending::Drained);
}

#[test]
fn an_order_to_hang_up_is_not_called_off_by_the_callers_word() {
    let mut call = Harness::listening();
    call.says("r2");
    call.on(tool("t1", "end_call", "{}"));
    call.on(CallEvent::HangUp(HangUp::Drain));
    call.on(speech_started());
    assert_eq!(call.state(), "closing");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::Drained);
}

#[test]
fn a_goodbye_the_model_will_not_say_is_not_waited_for() {
    let mut call = Harness::listening();
    call.on(CallEvent::HangUp(HangUp::Operator));
    let purpose = Some(ResponsePurpose::Goodbye);
    call.on(CallEvent::Model(ModelReport::RequestGivenUp { purpose, reason: "rate_limit".to_owned() }));
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::OperatorHungUp);
}

#[test]
fn a_lost_model_lets_what_is_queued_be_heard() {
    for (class, ending) in [
        (LossClass::Retryable, Ending::ModelLost),
        (LossClass::Expired, Ending::ModelLost),
        (LossClass::Fatal, Ending::ModelRefused),
    ] {
        let mut call = Harness::listening();
        call.on(response_started("r2"));
        call.on(playing("r2"));
        let done = call.on(lost(class));
        assert!(done.contains(&A::TellWhenDrained) && done.contains(&A::DetachModel));
        assert_eq!(call.state(), "closing");
        call.on(drained());
        assert_ending(&call.on(drained()), ending);
        assert_eq!(call.on(lost(class)), [], "a loss after the end is nothing");
    }
}

#[test]
fn a_model_that_never_comes_up_is_waited_for_no_longer_than_the_limit() {
    let mut call = Harness::connecting();
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!(timer, Timer::ModelSetup);
    assert_ending(&call.until(at), Ending::ModelLost);
}

#[test]
fn the_line_names_the_ending_unless_we_have() {
    for (report, ending) in [(LineReport::Stopped, Ending::CallerHungUp), (LineReport::Closed, Ending::LineLost)] {
        // A carrier that does not ask what follows its stream.
        for mut call in [Harness::connecting(), Harness::listening()] {
            call.machine = call.machine.with_means(Means::default());
            assert_ending(&call.on(CallEvent::Line(report.clone())), ending);
        }
        let mut closing = Harness::listening();
        closing.on(tool("t1", "end_call", "{}"));
        assert_ending(&closing.on(CallEvent::Line(report)), Ending::AgentHungUp);
    }
}

#[test]
fn a_line_that_says_nothing_is_given_up() {
    let mut call = Harness::listening();
    call.pass(Duration::from_secs(50));
    call.on(CallEvent::Line(LineReport::Alive));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!((at, timer), (call.now + profile().limits.line_silence, Timer::LineSilence));
    assert_ending(&call.until(at), Ending::LineSilent);
}

#[test]
fn the_caller_is_warned_before_the_longest_duration() {
    let mut call = Harness::listening();
    let (started, limit) = (call.started, profile().limits.max_duration);
    assert_eq!(
        call.alive_until(started + limit - Duration::from_secs(30)),
        [speak(ResponsePurpose::Notice, Some(WARNING))]
    );
    call.says("warning");
    call.on(drained());
    let done = call.alive_until(started + limit);
    assert!(done.contains(&speak(ResponsePurpose::Goodbye, Some(GOODBYE))));
    call.says("bye");
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::DurationLimit);
}

#[test]
fn a_call_too_short_for_a_warning_has_none() {
    let limits = crate::profile::Limits { max_duration: Duration::from_secs(40), ..profile().limits };
    let mut call = Harness::of(CallProfile { limits, ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    assert_eq!(call.machine.deadline(), Some((call.started + limits.max_duration, Timer::DurationLimit)));
}

#[test]
fn a_lost_organ_ends_the_call_in_order_and_a_lost_transcript_is_replaced_once() {
    assert_ending(&Harness::listening().on(CallEvent::ChildLost(Child::Audio)), Ending::Crashed);
    let mut call = Harness::listening();
    call.on(CallEvent::ChildLost(Child::Model));
    call.on(drained());
    assert_ending(&call.on(drained()), Ending::Crashed);
    let mut call = Harness::listening();
    assert!(call.on(CallEvent::ChildLost(Child::Transcript)).contains(&A::RenewTranscript));
    assert!(call.on(CallEvent::ChildLost(Child::Transcript)).contains(&A::Tell(Note::RecordLost)));
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_response_that_failed_is_told_and_one_that_was_cancelled_is_not() {
    let mut call = Harness::listening();
    for (outcome, told) in [
        (ResponseOutcome::Failed("server_error".to_owned()), Some("server_error")),
        (ResponseOutcome::Incomplete("max_output_tokens".to_owned()), Some("max_output_tokens")),
        (ResponseOutcome::Cancelled, None),
    ] {
        let response = ResponseId::new("r2");
        let done = call.on(CallEvent::Model(ModelReport::ResponseFinished { response, outcome, usage: None }));
        let code = done.iter().find_map(|action| {
            if let A::Tell(Note::ModelComplained { code, .. }) = action { Some(code.as_str()) } else { None }
        });
        assert_eq!(code, told);
    }
}

#[test]
fn dropped_frames_are_counted_wherever_they_fell() {
    let mut call = Harness::listening();
    call.on(CallEvent::Line(LineReport::FramesDropped(3)));
    call.on(CallEvent::Audio(AudioReport::FramesDropped(4)));
    assert_eq!(call.machine.tally().dropped_frames, 7);
}

/// A machine and its clock.
pub(super) struct Harness {
    pub(super) machine: CallMachine,
    pub(super) now: Instant,
    started: Instant,
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

    fn until(&mut self, at: Instant) -> Vec<CallAction> {
        self.now = at;
        self.on(CallEvent::TimeUp)
    }

    /// Advances the clock on a line that gives signs of life.
    fn alive_until(&mut self, at: Instant) -> Vec<CallAction> {
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

fn assert_ending(done: &[CallAction], expected: Ending) {
    let at = done.iter().position(|action| *action == A::CloseLine).unwrap_or_else(|| panic!("no end in {done:?}"));
    let [
        A::CloseLine,
        A::CloseModel,
        A::FinishAudio,
        A::FinishRecord { ending, .. },
        A::TellSupervisor { ending: told },
        A::Stop,
    ] = &done[at..at + 6]
    else {
        panic!("not in order: {done:?}");
    };
    assert_eq!((*ending, *told), (expected, expected));
}

fn as_order(action: &CallAction) -> Option<&ModelOrder> {
    if let A::Order(order) = action { Some(order) } else { None }
}

pub(super) fn speak(purpose: ResponsePurpose, instructions: Option<&str>) -> CallAction {
    A::Order(ModelOrder::Speak(ResponseRequest { purpose, instructions: instructions.map(str::to_owned) }))
}

fn state(name: &'static str) -> CallAction {
    A::Tell(Note::StateChanged(name))
}

fn heard_fact(item: &str, heard_us: u64, of_us: u64) -> CallAction {
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

fn interrupting_ourselves() -> CallProfile {
    CallProfile { model: Arc::new(plan_where(true, false)), ..profile() }
}

impl From<&str> for ItemId {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
