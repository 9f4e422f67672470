//! The loss of a session during a call, through the machine: what the caller hears meanwhile, and
//! what follows if no session is left.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::audio::detector::DetectorPlan;
use crate::audio::second_opinion::Comparison;
use crate::call::steps::Note;
use crate::call::testing::{profile, sales};
use crate::incident::IncidentKind;
use crate::profile::{CallProfile, Greeting, InterruptionPlan, InterruptionPolicy, LanguageProfile};
use crate::realtime::capabilities::{Capabilities, Whose};
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::report::ModelReport;

use CallAction as A;

#[test]
fn what_is_queued_plays_on_and_the_call_stays_where_it_is() {
    let mut call = Harness::listening();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    let done = call.on(faltered());
    assert_eq!(call.state(), "speaking");
    assert!(!done.iter().any(|action| matches!(action, A::ClearPlayout { .. } | A::DetachModel)), "{done:?}");
    call.on(drained());
    assert_eq!(call.state(), "thinking", "the rest is owed");
    call.on(resumed(true));
    call.on(response_started("r3"));
    call.on(playing("r3"));
    call.on(response_finished("r3"));
    call.on(drained());
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_caller_who_waits_hears_a_line_and_one_who_may_speak_waits_longer_for_it() {
    let mut call = harness();
    call.on(speech_started());
    call.on(speech_stopped());
    call.on(faltered());
    assert_eq!(fillers(&mut call), [ms(1_200), ms(3_800), ms(3_800)]);
    let mut call = harness();
    call.on(faltered());
    assert_eq!(fillers(&mut call)[0], ms(3_500));
}

#[test]
fn no_line_is_said_while_something_plays_or_once_a_session_is_there() {
    let mut call = harness();
    call.on(response_started("r2"));
    call.on(playing("r2"));
    call.on(faltered());
    assert!(!call.machine.deadline().is_some_and(|(_, timer)| timer == Timer::Outage));
    call.now += ms(5_000);
    call.on(drained());
    assert_eq!(call.machine.deadline(), Some((call.now + ms(1_200), Timer::Outage)));
    call.on(resumed(true));
    assert!(!call.machine.deadline().is_some_and(|(_, timer)| timer == Timer::Outage));
}

#[test]
fn a_turn_without_an_end_event_ends_by_its_deadline() {
    let mut call = Harness::listening();
    call.on(speech_started());
    let done = call.on(faltered());
    assert!(done.contains(&A::CallerTurn { open: false }));
    call.on(resumed(false));
    call.on(drained());
    assert_eq!(call.state(), "listening");
}

#[test]
fn a_session_is_rotated_while_nothing_is_heard() {
    let rotate = A::Order(ModelOrder::Rotate);
    let mut call = Harness::listening();
    call.on(speech_started());
    assert!(!call.on(CallEvent::Model(ModelReport::Renewable)).contains(&rotate), "the caller speaks");
    call.on(speech_stopped());
    call.on(response_started("r2"));
    call.on(playing("r2"));
    assert!(!call.on(response_finished("r2")).contains(&rotate), "the agent is heard");
    assert!(call.on(drained()).contains(&rotate));
    assert!(!call.on(drained()).contains(&rotate), "once");
}

#[test]
fn a_call_whose_model_is_gone_for_good_is_sent_to_where_the_configuration_says() {
    let transfers = Arc::new([("sales".to_owned(), sales())].into());
    let profile = CallProfile { transfers, on_model_loss: Some("sales".to_owned()), ..profile_with_sounds() };
    let mut call = Harness::of(profile.clone());
    call.on(ready());
    call.says("greet");
    call.on(drained());
    let done = call.on(lost(LossClass::Retryable));
    assert!(done.iter().any(|action| matches!(action, A::PlayPcm { .. })), "the apology comes first: {done:?}");
    assert!(done.iter().any(|action| matches!(action, A::AskTransferPermit { .. })));
    call.on(CallEvent::TransferPermitGiven { granted: true });
    call.on(drained());
    call.on(drained());
    assert_eq!(call.state(), "transferring");

    let mut call = Harness::of(profile);
    call.on(lost(LossClass::Fatal));
    call.on(CallEvent::TransferPermitGiven { granted: false });
    call.on(drained());
    call.on(drained());
    assert_eq!(call.machine.ending(), Some(Ending::ModelLost), "nobody could be asked");
}

/// The waits before each recorded line, while there is no session.
fn fillers(call: &mut Harness) -> Vec<Duration> {
    let mut waits = Vec::new();
    while let Some((at, Timer::Outage)) = call.machine.deadline() {
        waits.push(at - call.now);
        call.now = at;
        let done = call.on(CallEvent::TimeUp);
        assert!(done.iter().any(|action| matches!(action, A::PlayPcm { .. })), "{done:?}");
    }
    waits
}

pub(super) fn profile_with_sounds() -> CallProfile {
    let sound = || Some(Arc::from([1i16; 8]));
    let language = LanguageProfile {
        name: "English".to_owned(),
        instructions: "Speak English.".to_owned(),
        backend: None,
        voice: "marin".to_owned(),
        transcription: None,
        greeting: Greeting::None,
        idle_prompts: vec!["…".to_owned()],
        goodbye: "…".to_owned(),
        apology: "Sorry.".to_owned(),
        apology_sound: sound(),
        filler: "One moment.".to_owned(),
        never_interrupts: crate::profile::nods::Nods::default(),
        filler_sound: sound(),
    };
    CallProfile { languages: Arc::new([("en".to_owned(), language)].into()), ..profile() }
}

pub(super) fn harness() -> Harness {
    let mut call = Harness::of(profile_with_sounds());
    call.on(ready());
    call.says("greet");
    call.on(drained());
    call
}

#[test]
fn the_call_follows_the_capabilities_of_the_session_that_serves_it_now() {
    let mut call = Harness::listening();
    let able = profile().model.capabilities();
    assert!(able.server_answers() && able.server_interrupts());
    let asks = |done: &[A]| done.contains(&speak(ResponsePurpose::Answer, None));
    let turn = |call: &mut Harness| {
        call.on(speech_started());
        call.on(speech_stopped())
    };
    assert!(!asks(&turn(&mut call)), "the server answers by itself");
    let ours = Capabilities { answers: Whose::Ours, interrupts: Whose::Ours, ..able.clone() };
    call.on(CallEvent::Model(ModelReport::Can(ours)));
    assert!(asks(&turn(&mut call)), "this one waits to be asked");
    call.on(CallEvent::Model(ModelReport::Can(able)));
    assert!(!asks(&turn(&mut call)));
}

#[test]
fn our_detector_is_compared_with_the_session_that_reports_speech_now() {
    let detector = DetectorPlan::default();
    let mut call = Harness::of(CallProfile { second_opinion: Some(detector), ..profile() });
    let compared = |done: &[A]| {
        done.iter().find_map(|action| if let A::CompareSpeech(comparison) = action { Some(*comparison) } else { None })
    };
    let able = profile().model.capabilities();
    let within = able.speech_events.expect("it reports speech");
    let on = Some(Some(Comparison { detector, within }));
    assert_eq!(compared(&call.on(ready())), on);
    call.says("greet");
    call.on(drained());
    assert_eq!(compared(&call.on(faltered())), Some(None), "nobody reports");
    assert_eq!(compared(&call.on(resumed(false))), on);
    let deaf = Capabilities { speech_events: None, ..able.clone() };
    assert_eq!(compared(&call.on(CallEvent::Model(ModelReport::Can(deaf)))), Some(None), "our detector decides");
    assert_eq!(compared(&call.on(CallEvent::Model(ModelReport::Can(able.clone())))), on);
    assert_eq!(compared(&call.on(CallEvent::Model(ModelReport::Can(able)))), None, "nothing changed");
    let mut other = Harness::connecting();
    assert_eq!(compared(&other.on(ready())), None, "it is not asked for");
}

#[test]
fn a_model_that_decides_alone_about_interruptions_is_followed_by_one_that_does_not() {
    let plan = InterruptionPlan { policy: InterruptionPolicy::Model, ..InterruptionPlan::default() };
    let mut call = Harness::of(CallProfile { interruption: plan, ..profile() });
    call.on(ready());
    call.says("greet");
    let able = profile().model.capabilities();
    let alone = Capabilities { cancel: false, ..able.clone() };
    call.on(CallEvent::Model(ModelReport::Can(alone)));
    assert!(!clears(&call.on(speech_started())), "it goes on or stops as it likes");
    call.on(speech_stopped());
    call.on(CallEvent::Model(ModelReport::Can(able)));
    assert!(clears(&call.on(speech_started())), "nobody else stops what is queued");
}

#[test]
fn a_session_that_cannot_pause_is_noted_once() {
    let pausing = InterruptionPolicy::PauseAndConfirm { resume_after: ms(700) };
    let interruption = InterruptionPlan { policy: pausing, ..InterruptionPlan::default() };
    let able = profile().model.capabilities();
    assert!(able.always_interrupts());
    let ours = Capabilities { interrupts: Whose::Ours, ..able.clone() };
    for (policy, times) in [(interruption, 2), (InterruptionPlan::default(), 0)] {
        let mut call = Harness::of(CallProfile { interruption: policy, ..profile() });
        call.on(ready());
        let mut noted = 0;
        for can in [&ours, &able, &able, &ours, &able] {
            let done = call.on(CallEvent::Model(ModelReport::Can(can.clone())));
            let is_noted =
                |action: &A| matches!(action, A::Tell(Note::Incident(it)) if it.kind == IncidentKind::PolicyNotKept);
            noted += done.iter().filter(|action| is_noted(action)).count();
        }
        assert_eq!(noted, times, "{policy:?}");
    }
}

#[test]
fn a_model_that_listens_while_it_speaks_can_be_paused() {
    let pausing = InterruptionPolicy::PauseAndConfirm { resume_after: ms(700) };
    let interruption = InterruptionPlan { policy: pausing, ..InterruptionPlan::default() };
    let able = profile().model.capabilities();
    // Nothing of it can be stopped, cut or taken back.
    let duplex = Capabilities { truncate: false, delete: false, cancel: false, full_duplex: true, ..able };
    let mut call = Harness::of(CallProfile { interruption, ..profile() });
    call.on(ready());
    call.on(CallEvent::Model(ModelReport::Can(duplex)));
    call.says("greet");
    // A short sound pauses, and the answer goes on where it was heard last.
    let done = call.on(speech_started());
    assert!(done.contains(&A::PausePlayout) && !clears(&done), "{done:?}");
    call.pass(ms(200));
    call.on(speech_stopped());
    let resumes = call.now + ms(700);
    let done = call.until(resumes);
    assert!(done.contains(&A::ResumePlayout) && !clears(&done), "{done:?}");
    // Speech that lasts interrupts.
    let done = call.on(speech_started());
    assert!(done.contains(&A::PausePlayout), "{done:?}");
    let confirmed = call.now + ms(600);
    assert!(clears(&call.until(confirmed)));
}
