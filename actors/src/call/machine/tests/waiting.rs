//! A model that keeps the caller waiting: first a recorded line, and then another session. Through
//! the machine.

use std::time::Duration;

use super::outages::profile_with_sounds;
use super::*;
use crate::audio::messages::CLIP_RESPONSE;
use crate::call::floor::wait::BEFORE_A_LINE;
use crate::call::floor::wait::BETWEEN_LINES;
use crate::call::steps::CallEvent;
use crate::call::timers::Timer;
use crate::realtime::messages::ModelOrder;

use CallAction as A;

#[test]
fn a_caller_whose_answer_does_not_come_hears_a_word_and_then_gets_another_session() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    assert!(lines(&waited(&mut call, BEFORE_A_LINE)), "a first word");
    call.on(playing(CLIP_RESPONSE));
    call.on(drained());
    assert!(lines(&waited(&mut call, BETWEEN_LINES)), "a second");
    call.on(playing(CLIP_RESPONSE));
    call.on(drained());
    assert!(waited(&mut call, BETWEEN_LINES).contains(&A::Order(ModelOrder::Replace)));
    for patience in [BEFORE_A_LINE, BETWEEN_LINES] {
        assert!(lines(&waited(&mut call, patience)), "while that is opened");
        call.on(playing(CLIP_RESPONSE));
        call.on(drained());
    }
    waited(&mut call, BETWEEN_LINES);
    assert_eq!(call.state(), "closing", "the next one did no better");
}

#[test]
fn a_response_that_began_and_is_not_heard_is_waited_for_in_the_same_way() {
    let mut call = harness();
    call.on(response_started("r2"));
    assert!(lines(&waited(&mut call, BEFORE_A_LINE)));
}

#[test]
fn a_caller_who_speaks_or_listens_hears_no_filler() {
    let waits = |call: &Harness| call.machine.deadline().is_some_and(|(_, timer)| timer == Timer::Wait);
    let mut call = harness();
    assert!(!waits(&call), "the caller may speak");
    call.on(speech_started());
    assert!(!waits(&call), "he does");
    call.on(speech_stopped());
    assert!(waits(&call));
    call.on(response_started("r2"));
    call.on(playing("r2"));
    assert!(!waits(&call), "he is answered");
}

#[test]
fn a_caller_whose_first_session_is_slow_hears_a_word_too() {
    let mut call = Harness::of(profile_with_sounds());
    assert!(lines(&waited(&mut call, BEFORE_A_LINE)));
    assert_eq!(call.state(), "connecting");
}

fn waited(call: &mut Harness, patience: Duration) -> Vec<CallAction> {
    call.on(CallEvent::TimeUp);
    let (at, timer) = call.machine.deadline().expect("something is awaited");
    assert_eq!((at - call.now, timer), (patience, Timer::Wait));
    call.now = at;
    call.on(CallEvent::TimeUp)
}

fn lines(done: &[CallAction]) -> bool {
    done.iter().any(|action| matches!(action, A::PlayPcm { .. }))
}

fn harness() -> Harness {
    let mut call = Harness::of(profile_with_sounds());
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call
}
