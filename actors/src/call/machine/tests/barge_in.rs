//! Barge-in: what is cleared, what the model forgets, and what is no interruption.

use std::time::Duration;

use super::*;
use crate::audio::messages::CLIP_RESPONSE;
use crate::call::messages::HangUp;
use crate::ids::ResponseId;
use crate::profile::{InterruptionPlan, InterruptionPolicy};
use crate::realtime::capabilities::Capabilities;
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::ModelReport;

use CallAction as A;

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
fn a_server_that_does_not_interrupt_by_itself_gets_a_cancel() {
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

/// A call whose model alone decides what stops it.
fn with_a_model_that_decides(min_speech: Duration) -> Harness {
    let interruption =
        InterruptionPlan { policy: InterruptionPolicy::Model, min_speech, ..InterruptionPlan::default() };
    let mut call = Harness::of(CallProfile { interruption, ..profile() });
    call.on(ready());
    let able = profile().model.capabilities();
    let duplex = Capabilities { truncate: false, delete: false, cancel: false, full_duplex: true, ..able };
    call.on(CallEvent::Model(ModelReport::Can(duplex)));
    call.says("greet");
    assert!(!clears(&call.on(speech_started())), "the model decides about its own words");
    call.on(speech_stopped());
    call.on(drained());
    call
}

#[test]
fn a_recording_is_interrupted_where_the_model_decides_about_its_own_words() {
    for recording in ["sb_clip_1", CLIP_RESPONSE] {
        let mut call = with_a_model_that_decides(Duration::ZERO);
        call.says(recording);
        let done = call.on(speech_started());
        assert!(clears(&done) && !done.contains(&A::Order(ModelOrder::CancelResponse)), "{recording}: {done:?}");
        assert_eq!((call.state(), call.machine.tally().barge_ins), ("listening", 1));
        let done = call.on(interrupted(vec![playout(recording, "item", 900_000, 300_000)]));
        let told = done.iter().filter_map(as_order).count();
        assert_eq!(told, usize::from(recording != CLIP_RESPONSE), "the model knows a recording in its place: {done:?}");
        // The answer that follows is the model's again.
        call.on(speech_stopped());
        call.says("r2");
        assert!(!clears(&call.on(speech_started())), "{recording}");
    }
}

#[test]
fn speech_into_the_end_of_a_recording_is_the_models_to_judge_once_it_speaks() {
    let mut call = with_a_model_that_decides(ms(300));
    call.says("sb_clip_1");
    assert!(!clears(&call.on(speech_started())), "it has to last");
    let due = call.now + ms(300);
    call.pass(ms(100));
    call.on(response_started("r2"));
    call.on(playing("r2"));
    assert!(!clears(&call.until(due)));
    let mut call = with_a_model_that_decides(ms(300));
    call.says("sb_clip_1");
    call.on(speech_started());
    let due = call.now + ms(300);
    assert!(clears(&call.until(due)));
}

#[test]
fn a_recording_that_has_to_be_heard_is_not_interrupted() {
    let interruption = InterruptionPlan { policy: InterruptionPolicy::Model, ..InterruptionPlan::default() };
    let notice = Some("Calls are recorded.".to_owned());
    let mut call = Harness::of(CallProfile { interruption, notice, ..profile() });
    call.on(ready());
    call.on(response_started("sb_clip_1"));
    call.on(playing("sb_clip_1"));
    assert!(!clears(&call.on(speech_started())), "the notice");
    let mut call = with_a_model_that_decides(Duration::ZERO);
    call.on(CallEvent::HangUp(HangUp::Operator));
    call.on(response_started("sb_clip_2"));
    call.on(playing("sb_clip_2"));
    assert!(!clears(&call.on(speech_started())), "the goodbye");
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
fn an_end_call_of_an_interrupted_response_ends_nothing() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    call.on(speech_started());
    let done = call.on(tool("t1", "end_call", "{}"));
    assert!(done.iter().filter_map(as_order).any(|order| matches!(order, ModelOrder::AnswerTool { .. })));
    assert_eq!(call.state(), "listening");
}
