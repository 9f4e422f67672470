//! Substitutes for what a session cannot do, tested with a provider whose capabilities the test
//! chooses, and with two providers.

use super::*;
use crate::carrier::AudioFormat;
use crate::ids::ItemId;
use crate::realtime::capabilities::{Capabilities, Reconfigure, SessionEnd, Whose};
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::fake::FakePlan;
use crate::realtime::report::Usage;

const ALL: Reconfigure = Reconfigure { instructions: true, tools: true, transcription: true };

pub(super) fn able() -> Capabilities {
    Capabilities {
        truncate: true,
        delete: true,
        cancel: true,
        answers: Whose::Servers,
        interrupts: Whose::Servers,
        full_duplex: false,
        speech_events: Some(Duration::from_secs(1)),
        caller_words: true,
        reconfigure: ALL,
        input: AudioFormat::PCM_24K,
        output: AudioFormat::PCM_24K,
        realtime_output: false,
        verbatim: true,
        runs_by_audio: false,
        session_end: SessionEnd::Announced,
    }
}

pub(super) fn fake(can: Capabilities) -> ProviderPlan {
    ProviderPlan::Fake(Arc::new(FakePlan { address: sample::address("", "fake"), can }))
}

/// A call with a session in use that has the capabilities `can`.
pub(super) fn up(can: Capabilities) -> Rig {
    let mut rig = Rig::with(|plan| plan.provider = fake(can));
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(1), said: Vec::new(), epoch_s: 0.0 });
    assert!(matches!(rig.sessions.state, State::Up { .. }));
    rig.out.clear();
    rig
}

impl Rig {
    pub(super) fn said(&mut self, what: &str) {
        self.session(LegId(1), SessionEvent::Text(what));
    }

    /// The messages that were sent since the last query.
    pub(super) fn sent(&mut self) -> Vec<String> {
        let sent = |action| if let SessionsAction::Send(_, text) = action { Some(text) } else { None };
        std::mem::take(&mut self.out).into_iter().filter_map(sent).collect()
    }

    /// Makes the model say an item of ten words in two seconds.
    fn item(&mut self) -> ItemId {
        self.said("started r");
        self.said("says r i one two three four five six seven eight nine ten");
        self.said("audio r i 96000");
        self.said("complete r i");
        self.out.clear();
        ItemId::new("i")
    }
}

#[test]
fn an_item_that_cannot_be_cut_is_put_right_in_words() {
    let mut rig = up(Capabilities { truncate: false, delete: false, ..able() });
    let item = rig.item();
    rig.order(ModelOrder::TruncateItem { item: item.clone(), heard: Duration::from_secs(1) });
    let [note] = &rig.sent()[..] else { panic!("one note") };
    assert!(note.starts_with("AddText") && note.contains("one two three four") && !note.contains("ten"), "{note}");
    rig.order(ModelOrder::TruncateItem { item: item.clone(), heard: Duration::from_secs(2) });
    assert_eq!(rig.sent(), Vec::<String>::new(), "all was heard");
    rig.order(ModelOrder::DeleteItem { item });
    let [note] = &rig.sent()[..] else { panic!("one note") };
    assert!(note.contains("heard nothing"), "{note}");
    let mut rig = up(able());
    let item = rig.item();
    rig.order(ModelOrder::TruncateItem { item, heard: Duration::from_secs(1) });
    assert!(rig.sent()[0].starts_with("TruncateItem"), "one that can is ordered to");
}

#[test]
fn a_response_that_cannot_be_stopped_is_not_heard_any_more_and_counts_as_cancelled() {
    let mut rig = up(Capabilities { cancel: false, ..able() });
    rig.item();
    rig.order(ModelOrder::CancelResponse);
    assert_eq!(rig.sent(), Vec::<String>::new(), "it would be refused");
    rig.said("audio r i 4800");
    rig.said("complete r i");
    assert!(rig.out.is_empty(), "{:?}", rig.out);
    rig.said("finished r");
    let finished = |action: &SessionsAction, expected: &ResponseOutcome| matches!(action, SessionsAction::Report(ModelReport::ResponseFinished { outcome, .. }) if outcome == expected);
    assert!(finished(&rig.out[0], &ResponseOutcome::Cancelled), "{:?}", rig.out);
    rig.out.clear();
    rig.said("started r2");
    rig.said("audio r2 j 4800");
    assert!(rig.out.iter().any(|action| matches!(action, SessionsAction::ToAudio(_))), "the next one is heard");
    rig.said("finished r2");
    assert!(rig.out.iter().any(|action| finished(action, &ResponseOutcome::Completed)), "{:?}", rig.out);
}

#[test]
fn a_session_that_cannot_change_is_followed_at_once_by_one_that_has_the_change() {
    let change = || ModelOrder::Configure {
        backend: None,
        language: None,
        instructions: Some("Hindi.".to_owned()),
        transcription: None,
        tools: None,
    };
    let mut rig = up(Capabilities { reconfigure: Reconfigure { instructions: false, ..ALL }, ..able() });
    rig.order(change());
    assert_eq!(rig.sent(), Vec::<String>::new());
    rig.pass();
    rig.advise(&[], 0.0);
    let dialled = |action: &SessionsAction| matches!(action, SessionsAction::Dial { plan, .. } if plan.common.instructions == "Hindi.");
    assert!(rig.out.iter().any(dialled), "{:?}", rig.out);
    rig.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
    let in_use = rig.sessions.state.in_use();
    assert_eq!((in_use, rig.sessions.knows(LegId(1))), (Some(LegId(2)), false), "without waiting for a quiet moment");
    let mut rig = up(able());
    rig.order(change());
    assert!(rig.sent()[0].starts_with("Configure"), "one that can is configured");
    assert_eq!(rig.sessions.deadline(), None);
}

#[test]
fn a_session_that_stands_by_with_the_old_configuration_is_not_used() {
    let mut rig = up(Capabilities {
        reconfigure: Reconfigure { tools: false, ..ALL },
        session_end: SessionEnd::After(Duration::from_secs(600)),
        ..able()
    });
    rig.pass();
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
    assert!(matches!(rig.sessions.standby, Standby::Ready(LegId(2))));
    rig.order(ModelOrder::Configure {
        backend: None,
        language: None,
        instructions: None,
        transcription: None,
        tools: Some(Vec::new()),
    });
    assert!(!rig.sessions.knows(LegId(2)));
    rig.pass();
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(3), said: Vec::new(), epoch_s: 0.0 });
    assert_eq!(rig.sessions.state.in_use(), Some(LegId(3)));
}

#[test]
fn a_session_is_replaced_in_time_by_how_it_ends() {
    let due = |session_end| {
        let rig = up(Capabilities { session_end, ..able() });
        rig.sessions.deadline().map(|at| (at - rig.now).as_secs())
    };
    assert_eq!(due(SessionEnd::Announced), None, "the server has said nothing");
    assert_eq!(due(SessionEnd::After(Duration::from_secs(600))), Some(540));
    assert_eq!(due(SessionEnd::Never), None);
    let mut rig = up(Capabilities { session_end: SessionEnd::Never, ..able() });
    rig.sessions.expires(LegId(1), 3_600.0);
    assert_eq!(rig.sessions.deadline(), None, "whatever is said");
}

#[test]
fn a_call_goes_on_with_another_provider() {
    let mut rig = Rig::with(|plan| plan.resilience.fallbacks = vec![fake(able())]);
    rig.advise(&[], 0.0);
    rig.open(LegId(1));
    rig.configure(LegId(1));
    rig.order(ModelOrder::AddText { role: crate::realtime::messages::TextRole::System, text: "A fact.".to_owned() });
    rig.drop_socket(LegId(1));
    rig.out.clear();
    rig.advise(&[Standing::Blocked, Standing::Good], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
    assert_eq!(rig.sessions.state.in_use(), Some(LegId(2)));
    let serves = |action: &SessionsAction| matches!(action, SessionsAction::Report(ModelReport::Serves { model, .. }) if model == "fake");
    assert!(rig.out.iter().any(serves), "{:?}", rig.out);
    assert!(rig.sent()[0].contains("A fact."), "and knows what was said");
}

#[test]
fn each_session_is_charged_at_the_price_of_its_own_model() {
    let mut rig = Rig::with(|plan| {
        plan.provider = fake(able()).with_model("first");
        plan.resilience.fallbacks = vec![fake(able())];
    });
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(1), said: Vec::new(), epoch_s: 0.0 });
    rig.drop_socket(LegId(1));
    rig.advise(&[Standing::Blocked, Standing::Good], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
    rig.out.clear();
    rig.session(LegId(2), SessionEvent::Text("used 3000"));
    let used = Usage { session_ms: 3_000, ..Usage::default() };
    assert!(
        matches!(&rig.out[..], [SessionsAction::Report(ModelReport::Used(usage))] if *usage == used),
        "{:?}",
        rig.out
    );
    // As for a session that has not taken over yet, or that was replaced.
    rig.sessions.served_by.1 = "first".to_owned();
    let charged = rig.sessions.charged(LegId(2), used);
    assert_eq!(charged, ModelReport::Worked { model: "fake".to_owned(), usage: used });
}

/// A call whose audio is G.711 goes on with a session of PCM at 24 kHz. `said` is what the second
/// session then says.
fn goes_on_in_another_format(said: &[&str]) -> Rig {
    let g711 = Capabilities { input: AudioFormat::MULAW_8K, output: AudioFormat::MULAW_8K, ..able() };
    let mut rig = Rig::with(|plan| {
        plan.provider = fake(g711);
        plan.resilience.fallbacks = vec![fake(able())];
    });
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(1), said: Vec::new(), epoch_s: 0.0 });
    rig.item();
    rig.drop_socket(LegId(1));
    rig.on(SessionsEvent::CallerAudio(Frame::copy_of(&[0xff; 160])));
    rig.advise(&[Standing::Blocked, Standing::Good], 0.0);
    rig.out.clear();
    rig.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
    for line in said {
        rig.session(LegId(2), SessionEvent::Text(line));
    }
    rig
}

#[test]
fn the_callers_audio_reaches_a_session_of_another_format_in_that_format() {
    let mut rig = goes_on_in_another_format(&[]);
    rig.on(SessionsEvent::CallerAudio(Frame::copy_of(&[0xff; 160])));
    let sent: Vec<usize> = rig
        .out
        .iter()
        .filter_map(|action| if let SessionsAction::SendAudio(_, frame) = action { Some(frame.len()) } else { None })
        .collect();
    assert_eq!(sent, [960, 960], "what waited, and what follows");
}

#[test]
fn the_agents_audio_of_another_format_is_heard_in_the_calls_own_to_the_sample() {
    let rig = goes_on_in_another_format(&["started r2", "audio r2 j 48001", "audio r2 j 47999", "complete r2 j"]);
    let mut heard = 0;
    for action in &rig.out {
        if let SessionsAction::ToAudio(audio) = action {
            heard += audio.audio.len();
        } else if let SessionsAction::Complete(complete) = action {
            assert_eq!((complete.item.as_str(), heard), ("j", 16_000));
        }
    }
    assert_eq!(heard, 16_000, "two seconds");
}

#[test]
fn a_session_of_another_format_is_told_what_was_heard_in_time() {
    let mut rig = goes_on_in_another_format(&[
        "started r2",
        "says r2 j one two three four five six seven eight nine ten",
        "audio r2 j 96000",
        "complete r2 j",
    ]);
    rig.out.clear();
    rig.order(ModelOrder::TruncateItem { item: ItemId::new("j"), heard: Duration::from_secs(1) });
    let sent = rig.sent();
    assert!(sent[0].starts_with("TruncateItem") && sent[0].contains("1s"), "{sent:?}");
    // A third session learns the half that was heard.
    rig.drop_socket(LegId(2));
    rig.advise(&[], 0.0);
    rig.pass();
    let leg = LegId(rig.sessions.last_leg);
    rig.on(SessionsEvent::Dialled { leg, said: Vec::new(), epoch_s: 0.0 });
    let seeded = rig.sent().concat();
    assert!(seeded.contains("\"one two three four five\""), "{seeded}");
}

#[test]
fn other_capabilities_are_reported_once_and_those_of_the_first_again() {
    let ours = Capabilities { answers: Whose::Ours, ..able() };
    let mut rig = Rig::with(|plan| {
        plan.provider = fake(able());
        plan.resilience.fallbacks = vec![fake(ours.clone())];
    });
    let reported = |rig: &mut Rig| -> Vec<Capabilities> {
        let can = |action| if let SessionsAction::Report(ModelReport::Can(can)) = action { Some(can) } else { None };
        std::mem::take(&mut rig.out).into_iter().filter_map(can).collect()
    };
    let up = |rig: &mut Rig, first: Standing| {
        rig.advise(&[first, Standing::Good], 0.0);
        rig.pass();
        let leg = LegId(rig.sessions.last_leg);
        rig.on(SessionsEvent::Dialled { leg, said: Vec::new(), epoch_s: 0.0 });
        leg
    };
    let leg = up(&mut rig, Standing::Good);
    assert_eq!(reported(&mut rig), []);
    rig.drop_socket(leg);
    let leg = up(&mut rig, Standing::Blocked);
    assert_eq!(reported(&mut rig), [ours]);
    rig.drop_socket(leg);
    up(&mut rig, Standing::Good);
    assert_eq!(reported(&mut rig), [able()]);
}
