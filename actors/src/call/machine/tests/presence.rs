//! Whether the caller is present. Turns without a transcript count; noise does not, whatever
//! transcription makes of it.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::call::testing::{hindi, plan, profile};
use crate::ids::{ItemId, Private};
use crate::line::messages::LineReport;
use crate::profile::no_input::NoInputPlan;
use crate::profile::nods::Nods;
use crate::profile::{InterruptionPlan, InterruptionPolicy, LanguageProfile};
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::report::ModelReport;

use CallAction as A;

/// The result of a turn's transcription.
#[derive(Debug, Clone, Copy)]
enum Transcription {
    Fails,
    Silent,
    Says(&'static str),
}

use Transcription::{Fails, Says, Silent};

#[test]
fn a_call_goes_on_while_transcription_is_missing() {
    for script in
        [&[Fails][..], &[Silent], &[Fails, Silent, Says("yes"), Says("")], &[Silent, Silent, Silent, Says(".")]]
    {
        let mut call = harness();
        for turn in 0..40 {
            talk(&mut call, turn, script[turn % script.len()]);
            assert_eq!(call.machine.ending(), None, "{script:?}, turn {turn}");
            assert_ne!(call.state(), "closing", "{script:?}, turn {turn}");
        }
    }
}

#[test]
fn transcripts_of_noise_do_not_count_as_an_answer() {
    for noise in ["", ".", "…", "[BLANK_AUDIO]", " - ", "(music)", "*cough*", "♪", "👍"] {
        let mut call = harness();
        let turns = (0..40).take_while(|turn| {
            talk(&mut call, *turn, Says(noise));
            call.state() != "closing" && call.machine.ending().is_none()
        });
        assert!((3..=6).contains(&turns.count()), "{noise:?}: let go after 15 s");
    }
}

#[test]
fn speech_after_a_prompt_counts_as_its_answer() {
    for transcription in [Fails, Silent] {
        let mut call =
            Harness::of(CallProfile { model: transcribing(), no_input: NoInputPlan::default(), ..profile() });
        call.on(ready());
        call.says("greet");
        call.on(drained());
        for turn in 0..8 {
            call.on(CallEvent::Line(LineReport::Alive));
            let (at, timer) = call.machine.deadline().expect("a step");
            assert_eq!((at - call.now, timer), (secs(10), Timer::Idle));
            call.now = at;
            let done = call.on(CallEvent::TimeUp);
            let asks = |it: &A| matches!(it, A::Order(ModelOrder::Speak(request)) if request.purpose == ResponsePurpose::IdlePrompt);
            assert!(done.iter().any(asks), "{transcription:?}, turn {turn}: {done:?}");
            call.says("prompt");
            call.on(response_finished("prompt"));
            call.on(drained());
            talk(&mut call, turn, transcription);
        }
    }
}

#[test]
fn a_transcript_that_comes_after_the_next_turn_began_is_that_of_its_own_turn() {
    let mut call = harness();
    for turn in 0..40 {
        turn_of(&mut call, turn);
        if turn > 0 {
            transcribe(&mut call, turn - 1, Says("well"));
        }
        assert_ne!(call.state(), "closing", "turn {turn}");
    }
}

#[test]
fn missing_words_are_reported_and_counted_in_the_record() {
    let missing = |done: &[CallAction]| {
        let mut seen = Vec::new();
        for action in done {
            if let A::Tell(Note::WordsMissing { why, turns, again }) = action {
                seen.push((*why, *turns, *again));
            }
        }
        seen
    };
    let mut call = harness();
    turn_of(&mut call, 0);
    assert_eq!(missing(&transcribe(&mut call, 0, Fails)), [("failed", 1, false)]);
    turn_of(&mut call, 1);
    call.now += secs(5);
    let alive = || CallEvent::Line(LineReport::Alive);
    assert_eq!(missing(&call.on(alive())), [("late", 1, true)]);
    assert_eq!(missing(&call.on(alive())), [], "once");
    assert_eq!(call.machine.tally().turns_without_words, 2);
    transcribe(&mut call, 1, Says("yes"));
    assert_eq!(call.machine.tally().turns_without_words, 1, "it came after all");
}

#[test]
fn without_transcription_every_turn_counts_and_nothing_is_missing() {
    let mut call = Harness::of(CallProfile { no_input: impatient(), ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    for turn in 0..40 {
        talk(&mut call, turn, Silent);
        assert_ne!(call.state(), "closing", "turn {turn}");
    }
    assert_eq!(call.machine.tally().turns_without_words, 0);
}

#[test]
fn a_pause_that_waits_for_words_is_not_confirmed_by_noise() {
    let pausing = InterruptionPlan {
        policy: InterruptionPolicy::PauseAndConfirm { resume_after: Duration::from_millis(700) },
        ..InterruptionPlan::default()
    };
    for (pieces, confirmed) in [
        (&["[BLANK_AUDIO]"][..], false),
        (&["[BLANK", "_AUDIO]"], false),
        (&["*cough*"], false),
        (&["…", " no"], true),
        (&["ok", "ay"], false),
    ] {
        let mut languages = (*hindi()).clone();
        let never_interrupts = Nods::new(["ok", "okay"]);
        languages.insert("en".to_owned(), LanguageProfile { never_interrupts, ..languages["hi"].clone() });
        let (model, languages) = (transcribing(), Arc::new(languages));
        let mut call = Harness::of(CallProfile { interruption: pausing, model, languages, ..profile() });
        call.on(ready());
        call.says("greet");
        call.on(drained());
        call.says("r2");
        call.on(CallEvent::Model(ModelReport::SpeechStarted { item: item(0) }));
        call.on(CallEvent::Model(ModelReport::SpeechStopped { item: item(0) }));
        let mut cleared = false;
        for piece in pieces {
            let text = Private::new((*piece).to_owned());
            let done = call.on(CallEvent::Model(ModelReport::CallerWords { item: item(0), text, last: false }));
            cleared |= done.iter().any(|it| matches!(it, A::ClearPlayout { .. }));
        }
        assert_eq!(cleared, confirmed, "{pieces:?}");
    }
}

/// A turn of the caller, its transcription, and an answer that is heard: three seconds.
fn talk(call: &mut Harness, turn: usize, transcription: Transcription) {
    turn_of(call, turn);
    transcribe(call, turn, transcription);
    call.now += Duration::from_millis(500);
    call.says("r2");
    call.now += secs(1);
    call.on(response_finished("r2"));
    call.on(drained());
}

/// A turn of one and a half seconds.
fn turn_of(call: &mut Harness, turn: usize) {
    call.now += Duration::from_millis(500);
    call.on(CallEvent::Line(LineReport::Alive));
    call.on(CallEvent::Model(ModelReport::SpeechStarted { item: item(turn) }));
    call.now += secs(1);
    call.on(CallEvent::Model(ModelReport::SpeechStopped { item: item(turn) }));
}

fn transcribe(call: &mut Harness, turn: usize, transcription: Transcription) -> Vec<CallAction> {
    let item = item(turn);
    call.on(CallEvent::Model(match transcription {
        Fails => ModelReport::WordsFailed { item },
        Says(text) => ModelReport::CallerWords { item, text: Private::new(text.to_owned()), last: true },
        Silent => return Vec::new(),
    }))
}

fn item(turn: usize) -> ItemId {
    ItemId::new(&format!("item_{turn}"))
}

/// A call in conversation that ends after 15 s without a sign of the caller.
fn harness() -> Harness {
    let mut call = Harness::of(CallProfile { model: transcribing(), no_input: impatient(), ..profile() });
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call
}

fn impatient() -> NoInputPlan {
    NoInputPlan { longest_without_words: secs(15), ..NoInputPlan::default() }
}

fn transcribing() -> Arc<crate::realtime::plan::SessionPlan> {
    let mut plan = plan();
    plan.common_mut().transcription = Some(crate::realtime::plan::Transcription::default());
    Arc::new(plan)
}
