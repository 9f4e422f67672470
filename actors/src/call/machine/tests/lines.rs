//! The lines that are played when no model can speak, in recordings that a server makes.

use std::sync::Arc;

use super::outages::profile_with_sounds;
use super::*;
use crate::ids::Private;
use crate::profile::{CallProfile, LanguageProfile};
use crate::realtime::clips::messages::FetchedClip;
use crate::realtime::clips::plan::{ClipPlan, sample};

use CallAction as A;

/// A call in English and Hindi whose lines are recorded by a server.
fn recorded() -> CallProfile {
    let mut profile = profile_with_sounds();
    let english = profile.languages["en"].clone();
    let hindi = LanguageProfile { apology: "Maaf.".to_owned(), apology_sound: None, ..english.clone() };
    profile.languages = Arc::new([("en".to_owned(), english), ("hi".to_owned(), hindi)].into());
    let clips = ClipPlan { always: true, ..sample::plan("http://127.0.0.1:1") };
    Arc::make_mut(&mut profile.model).common_mut().clips = Some(Arc::new(clips));
    profile
}

/// The words that are asked for.
fn asked(done: &[A]) -> Vec<String> {
    let words = |action: &A| if let A::FetchClip(order) = action { Some(order.words.expose().clone()) } else { None };
    done.iter().filter_map(words).collect()
}

fn made(words: &str) -> CallEvent {
    CallEvent::ClipFetched {
        words: Private::new(words.to_owned()),
        made: Ok(FetchedClip { samples: Arc::from([7_i16; 16]), characters: 0 }),
    }
}

/// What is played.
fn played(done: &[A]) -> Vec<Arc<[i16]>> {
    done.iter()
        .filter_map(|action| if let A::PlayPcm { pcm, .. } = action { Some(pcm.clone()) } else { None })
        .collect()
}

#[test]
fn the_apology_is_heard_in_the_recording_of_the_server() {
    let mut call = Harness::of(recorded());
    assert_eq!(asked(&call.on(CallEvent::Begun)), ["Sorry.", "One moment."]);
    assert_eq!(call.on(made("Sorry.")), []);
    call.on(ready());
    let sounds = played(&call.on(lost(LossClass::Fatal)));
    assert_eq!(sounds, [Arc::from([7_i16; 16])]);
}

#[test]
fn a_recording_that_is_not_there_is_the_bundled_one() {
    for failure in [None, Some(Err("status 503".to_owned()))] {
        let mut call = Harness::of(recorded());
        call.on(CallEvent::Begun);
        if let Some(made) = failure {
            call.on(CallEvent::ClipFetched { words: Private::new("Sorry.".to_owned()), made });
        }
        call.on(ready());
        assert_eq!(played(&call.on(lost(LossClass::Fatal))), [Arc::from([1_i16; 8])]);
    }
}

#[test]
fn a_call_without_a_server_asks_for_nothing() {
    let mut call = Harness::of(profile_with_sounds());
    assert_eq!(call.on(CallEvent::Begun), []);
}

#[test]
fn another_language_has_lines_of_its_own() {
    let mut call = Harness::of(recorded());
    call.on(CallEvent::Begun);
    call.on(made("One moment."));
    call.on(ready());
    call.on(response_started("r2"));
    let done = call.on(tool("t1", "switch_language", r#"{"language":"hi"}"#));
    assert_eq!(asked(&done), ["Maaf."], "the filler has the same words");
    call.on(made("Maaf."));
    assert_eq!(played(&call.on(lost(LossClass::Fatal))).len(), 1);
}

#[test]
fn a_caller_whose_model_never_comes_hears_the_recording() {
    let mut profile = recorded();
    profile.language = "hi".to_owned();
    let mut call = Harness::of(profile);
    call.on(CallEvent::Begun);
    call.on(made("Maaf."));
    let overdue = call.started() + call_setup();
    let mut done = Vec::new();
    while call.now < overdue {
        let (at, _) = call.machine.deadline().expect("a deadline");
        done = call.until(at);
    }
    assert!(played(&done).contains(&Arc::from([7_i16; 16])), "{done:?}");
    assert_eq!(call.state(), "closing");
}

fn call_setup() -> std::time::Duration {
    profile_with_sounds().limits.model_setup
}
