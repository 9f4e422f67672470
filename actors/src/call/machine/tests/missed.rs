//! Answers that the caller does not hear, and a session that gives no others. Through the machine.

use std::time::Duration;

use super::outages::{harness, profile_with_sounds};
use super::*;
use crate::audio::messages::CLIP_RESPONSE;
use crate::audio::report::AudioReport;
use crate::call::steps::CallEvent;
use crate::call::timers::Timer;
use crate::ids::ItemId;
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::{ModelReport, ResponseOutcome};

use CallAction as A;

#[test]
fn an_answer_that_is_asked_for_again_stays_owed_and_its_wait_goes_on() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    let asked = call.now;
    call.pass(Duration::from_secs(2));
    call.on(response_started("r1"));
    let done = call.on(missed("r1", IncidentKind::AnswerEmpty, true));
    assert!(incidents(&done).contains(&IncidentKind::AnswerEmpty));
    call.on(response_finished("r1"));
    call.on(drained());
    assert_eq!(call.state(), "thinking");
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!((at - asked, timer), (Duration::from_secs(3), Timer::Wait), "a word of ours, in time");
}

#[test]
fn a_session_that_does_not_speak_is_replaced_and_the_caller_hears_a_word() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    let done = call.on(muted(None));
    assert_eq!(incidents(&done), [IncidentKind::ModelMute]);
    assert!(done.iter().any(|action| matches!(action, A::PlayPcm { .. })), "a word at once");
    assert_eq!(done.last(), Some(&A::Order(ModelOrder::Replace)));
    assert!(call.machine.talk.floor.is_owed(), "the next session is asked for it");
    call.on(muted(None));
    assert_eq!(call.state(), "closing", "the next one did no better");
}

#[test]
fn with_more_servers_more_of_them_are_tried() {
    let mut profile = profile_with_sounds();
    let model = std::sync::Arc::make_mut(&mut profile.model);
    model.resilience.fallbacks = vec![model.candidates().remove(0); 2];
    let mut call = Harness::of(profile);
    call.on(ready());
    for _ in 0..2 {
        assert_eq!(call.on(muted(Some(ResponsePurpose::Greeting))).last(), Some(&A::Order(ModelOrder::Replace)));
    }
    call.on(muted(Some(ResponsePurpose::Greeting)));
    assert_eq!(call.state(), "closing");
}

#[test]
fn a_session_that_was_heard_is_a_good_one() {
    let mut call = harness();
    for _ in 0..3 {
        assert_eq!(call.on(muted(None)).last(), Some(&A::Order(ModelOrder::Replace)));
        call.says("r2");
        call.on(CallEvent::Audio(AudioReport::ItemHeard(playout("r2", "i", 9_000, 9_000))));
        call.on(drained());
    }
}

#[test]
fn sound_without_level_is_cleared_and_not_heard() {
    let mut call = harness();
    call.on(response_started("r1"));
    call.on(playing("r1"));
    let done = call.on(missed("r1", IncidentKind::AnswerSilent, false));
    assert!(done.contains(&A::ClearPlayout { response: Some(ResponseId::new("r1")) }), "{done:?}");
    assert_eq!(call.state(), "thinking");
    call.on(response_finished("r1"));
    assert_eq!(call.on(muted(None)).last(), Some(&A::Order(ModelOrder::Replace)));
    let done = call.on(interrupted(vec![playout("r1", "i1", 3_000_000, 400_000)]));
    assert!(done.contains(&A::Order(ModelOrder::DeleteItem { item: ItemId::new("i1") })), "{done:?}");
    call.on(playing(CLIP_RESPONSE));
    call.on(drained());
    assert_eq!(call.on(muted(None)).last().map(|_| call.state()), Some("closing"), "it counts as no answer");
}

#[test]
fn noise_leaves_the_floor_to_the_caller() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(response_started("r1"));
    call.on(missed("r1", IncidentKind::AnswerEmpty, true));
    call.on(response_finished("r1"));
    call.on(CallEvent::Model(ModelReport::NothingOwed));
    assert_eq!(call.state(), "listening");
    assert!(call.machine.deadline().is_some_and(|(_, timer)| timer != Timer::Wait));
}

#[test]
fn an_answer_owed_while_the_caller_speaks_is_waited_for_too() {
    let mut call = harness();
    assert_eq!(call.state(), "listening");
    call.on(key('5'));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!(timer, Timer::Keypad);
    call.now = at;
    call.on(CallEvent::TimeUp);
    let asked = call.now;
    let mut replaced = None;
    for _ in 0..20 {
        let (at, timer) = call.machine.deadline().expect("a deadline");
        assert_eq!(timer, Timer::Wait);
        call.now = at;
        let done = call.on(CallEvent::TimeUp);
        if done.iter().any(|action| matches!(action, A::PlayPcm { .. })) {
            call.on(playing(CLIP_RESPONSE));
            call.pass(Duration::from_millis(1_300));
            call.on(drained());
        }
        if done.contains(&A::Order(ModelOrder::Replace)) {
            assert_eq!(incidents(&done), [IncidentKind::ModelMute]);
            replaced = Some(call.now - asked);
            break;
        }
    }
    assert_eq!(replaced, Some(call.machine.talk.call.profile.limits.model_answer), "lines of ours are no answer");
}

#[test]
fn an_answer_that_was_cut_is_gone_on_with_once_it_was_heard() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    for round in 0..4 {
        let id = format!("r{round}");
        call.on(response_started(&id));
        call.on(playing(&id));
        let outcome = ResponseOutcome::Incomplete("max_output_tokens".to_owned());
        let response = ResponseId::new(&id);
        let done = call.on(CallEvent::Model(ModelReport::ResponseFinished { response, outcome, usage: None }));
        assert!(!done.iter().any(is_answer_request), "not before it was heard");
        let done = call.on(drained());
        assert_eq!(done.iter().any(is_answer_request), round < 2, "round {round}: {done:?}");
    }
    assert_eq!(call.state(), "listening");
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(response_started("r9"));
    call.on(missed("r9", IncidentKind::AnswerCut, true));
    let outcome = ResponseOutcome::Incomplete("max_output_tokens".to_owned());
    let response = ResponseId::new("r9");
    call.on(CallEvent::Model(ModelReport::ResponseFinished { response, outcome, usage: None }));
    assert!(!call.on(drained()).iter().any(is_answer_request), "the session asks again by itself");
}

#[test]
fn a_cut_answer_that_was_then_interrupted_is_not_continued() {
    let mut call = harness();
    call.on(response_started("r1"));
    call.on(playing("r1"));
    let outcome = ResponseOutcome::Incomplete("max_output_tokens".to_owned());
    let response = ResponseId::new("r1");
    call.on(CallEvent::Model(ModelReport::ResponseFinished { response, outcome, usage: None }));
    call.on(speech_started());
    call.on(speech_stopped());
    assert!(!call.on(drained()).iter().any(is_answer_request));
}

#[test]
fn an_end_call_without_words_gets_one_goodbye_of_ours() {
    let goodbye = |done: &[CallAction]| {
        done.iter().any(
            |action| matches!(action, A::Order(ModelOrder::Speak(request)) if request.purpose == ResponsePurpose::Goodbye),
        )
    };
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(response_started("r2"));
    call.on(tool("t1", "end_call", "{}"));
    assert!(goodbye(&call.on(response_finished("r2"))), "the language's own");
    assert_eq!(call.state(), "closing");
    call.on(response_started("bye"));
    call.on(playing("bye"));
    assert!(!goodbye(&call.on(response_finished("bye"))), "once");
    call.on(drained());
    call.on(drained());
    assert_eq!(call.machine.ending(), Some(crate::ending::Ending::AgentHungUp));

    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(response_started("r1"));
    call.on(CallEvent::Model(ModelReport::FirstAudio { response: ResponseId::new("r1") }));
    call.on(response_finished("r1"));
    call.on(response_started("r2"));
    call.on(tool("t1", "end_call", "{}"));
    assert!(!goodbye(&call.on(response_finished("r2"))), "said in the response before");

    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(response_started("r2"));
    call.on(tool("t1", "end_call", "{}"));
    call.on(response_finished("r2"));
    let (at, timer) = call.machine.deadline().expect("a deadline");
    assert_eq!(timer, Timer::Goodbye, "bounded");
    call.now = at;
    call.on(CallEvent::TimeUp);
    assert_eq!(call.machine.ending(), Some(crate::ending::Ending::AgentHungUp));
}

#[test]
fn a_model_that_only_calls_tools_is_asked_to_speak_and_then_the_call_ends_politely() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    let mut answered = None;
    for number in 0..20 {
        let id = format!("r{number}");
        call.on(response_started(&id));
        let done = call.on(CallEvent::Model(ModelReport::ToolCalled(crate::realtime::report::ToolCall {
            response: ResponseId::new(&id),
            id: crate::ids::ToolCallId::new(&format!("t{number}")),
            name: "save_answer".to_owned(),
            arguments: "{}".to_owned(),
        })));
        if incidents(&done).contains(&IncidentKind::ToolLoop) {
            let spoken = |action: &CallAction| matches!(action, A::Order(ModelOrder::Speak(request)) if request.purpose == ResponsePurpose::Spoken);
            assert!(done.iter().any(spoken), "{done:?}");
            answered = Some(number);
        }
        call.on(response_finished(&id));
        if call.state() == "closing" {
            assert_eq!((answered, number), (Some(8), 9));
            return;
        }
    }
    panic!("it goes on for ever");
}

#[test]
fn a_late_answer_is_reported_and_a_filler_does_not_count_as_one() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(CallEvent::Audio(AudioReport::LastVoice { ago: Duration::from_millis(500) }));
    call.pass(Duration::from_secs(3));
    call.on(CallEvent::TimeUp);
    call.on(playing(CLIP_RESPONSE));
    call.on(drained());
    call.pass(Duration::from_secs(6));
    call.on(response_started("r2"));
    let response = ResponseId::new("r2");
    call.on(CallEvent::Model(ModelReport::FirstAudio { response: response.clone() }));
    let done = call.on(playing("r2"));
    assert!(done.contains(&A::Tell(Note::AnswerTimed(Duration::from_secs(9)))), "{done:?}");
    let heard = AudioReport::FirstHeard { response, item: ItemId::new("item_r2"), after_sent: Duration::ZERO };
    let done = call.on(CallEvent::Audio(heard));
    let late = Note::AnswerLate { waited: Duration::from_millis(9_500), limit: Duration::from_secs(5) };
    assert!(done.contains(&A::Tell(late)), "{done:?}");
    let latency = call.machine.detail().latency[0];
    assert_eq!((latency.filler_ms, latency.total_ms), (Some(3_500), Some(9_500)));
}

fn is_answer_request(action: &CallAction) -> bool {
    matches!(action, A::Order(ModelOrder::Speak(request)) if request.purpose == ResponsePurpose::Answer)
}

fn incidents(done: &[CallAction]) -> Vec<IncidentKind> {
    let kind = |action: &CallAction| {
        if let A::Tell(Note::Incident(incident)) = action { Some(incident.kind) } else { None }
    };
    done.iter().filter_map(kind).collect()
}
