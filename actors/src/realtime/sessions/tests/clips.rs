//! Recordings in place of words that a session does not say as they stand.

use super::instead::{able, fake};
use super::*;
use crate::carrier::AudioFormat;
use crate::ids::{ItemId, ResponseId};
use crate::realtime::capabilities::Capabilities;
use crate::realtime::clips::messages::FetchedClip;
use crate::realtime::clips::plan::sample as clips;
use crate::realtime::messages::{TextRole, exactly};
use crate::realtime::report::{Usage, Words};
use crate::realtime::seed::{CarryOver, Progress, Running};

const NOTICE: &str = "Calls are recorded.";

/// A call whose session does not say given words as they stand.
fn up() -> Rig {
    up_with(Capabilities { verbatim: false, truncate: false, delete: false, ..able() }, |_| {})
}

fn up_with(can: Capabilities, change: impl FnOnce(&mut SessionPlan)) -> Rig {
    let mut rig = Rig::with(|plan| {
        plan.provider = fake(can);
        plan.common_mut().clips = Some(Arc::new(clips::plan("http://127.0.0.1:1")));
        change(plan);
    });
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(1), said: Vec::new(), epoch_s: 0.0 });
    rig.out.clear();
    rig
}

fn says(purpose: ResponsePurpose, words: &str) -> ModelOrder {
    ModelOrder::Speak(ResponseRequest { purpose, instructions: Some(exactly(words)) })
}

fn notice() -> ModelOrder {
    says(ResponsePurpose::Notice, NOTICE)
}

fn goodbye() -> ModelOrder {
    says(ResponsePurpose::Goodbye, "Bye.")
}

impl Rig {
    /// The question that is open.
    fn asked(&self) -> Option<u64> {
        self.out.iter().rev().find_map(|action| {
            if let SessionsAction::Clip(ClipAction::Fetch { question, .. }) = action { Some(*question) } else { None }
        })
    }

    fn fetched(&mut self, made: Result<Arc<[i16]>, String>) {
        let question = self.asked().expect("a question");
        self.out.clear();
        let made = made.map(|samples| FetchedClip { samples, characters: 0 });
        self.on(SessionsEvent::ClipFetched(ClipFetched { question, made }));
    }

    /// How much audio of each response was passed on, in ms.
    fn audio(&self, response: &str) -> u64 {
        let of = |action: &SessionsAction| {
            let SessionsAction::ToAudio(audio) = action else { return 0 };
            if audio.response == ResponseId::new(response) { audio.audio.len() } else { 0 }
        };
        (self.out.iter().map(of).sum::<usize>() / AudioFormat::PCM_24K.bytes_per_ms()) as u64
    }

    fn reported(&self, which: impl Fn(&ModelReport) -> bool) -> bool {
        self.out.iter().any(|action| matches!(action, SessionsAction::Report(report) if which(report)))
    }
}

fn second() -> Arc<[i16]> {
    Arc::from(vec![900; 8_000])
}

#[test]
#[expect(clippy::wildcard_enum_match_arm, reason = "any other action fails the test")]
fn a_recording_is_a_whole_response_and_the_model_is_told() {
    let mut rig = up();
    rig.order(notice());
    let shape: Vec<&str> = rig
        .out
        .iter()
        .map(|action| match action {
            SessionsAction::Clip(ClipAction::Due { result, .. }) => *result,
            SessionsAction::Report(ModelReport::ResponseStarted { .. }) => "started",
            SessionsAction::Report(ModelReport::FirstAudio { .. }) => "first audio",
            SessionsAction::Report(ModelReport::ResponseFinished { outcome: ResponseOutcome::Completed, .. }) => {
                "finished"
            }
            SessionsAction::ToWords(Words::Placed { .. }) => "placed",
            SessionsAction::ToWords(Words::AgentSaid { text, .. }) if text == NOTICE => "said",
            SessionsAction::ToAudio(_) => "audio",
            SessionsAction::Complete(_) => "complete",
            SessionsAction::Send(_, text) if text.contains(&format!("{:?}", TextRole::Assistant)) => "told",
            other => panic!("{other:?}"),
        })
        .collect();
    let wanted =
        ["played", "started", "placed", "said", "first audio", "audio", "audio", "complete", "finished", "told"];
    assert_eq!(shape, wanted);
    assert_eq!(rig.audio("sb_clip_1"), 1_000);
}

#[test]
fn a_model_that_says_the_words_says_them_unless_recordings_are_wanted_all_the_same() {
    let mut rig = up_with(able(), |_| {});
    rig.order(notice());
    assert!(rig.sent()[0].starts_with("Speak"));
    let mut rig = up_with(able(), |plan| {
        let always = clips::plan("http://127.0.0.1:1");
        plan.common_mut().clips = Some(Arc::new(crate::realtime::clips::plan::ClipPlan { always: true, ..always }));
    });
    rig.order(notice());
    assert_eq!(rig.audio("sb_clip_1"), 1_000);
    rig.out.clear();
    rig.order(ModelOrder::DeleteItem { item: ItemId::new("sb_clip_1") });
    assert!(rig.sent()[0].starts_with("AddText"), "the server does not know the item");
    let mut rig = up();
    rig.order(speak("Warn the caller."));
    assert!(rig.sent()[0].starts_with("Speak"), "these are no given words");
}

#[test]
fn what_follows_waits_until_the_recording_was_played() {
    let mut rig = up();
    rig.order(notice());
    rig.out.clear();
    rig.order(speak("Greet the caller."));
    rig.now += Duration::from_millis(999);
    rig.on(SessionsEvent::DeadlinePassed);
    assert_eq!(rig.sent(), Vec::<String>::new());
    assert_eq!(rig.sessions.deadline(), Some(rig.now + Duration::from_millis(1)));
    rig.pass();
    let sent = rig.sent();
    assert!(matches!(&sent[..], [greeting] if greeting.contains("Greet the caller.")), "{sent:?}");
}

#[test]
fn a_recording_waits_for_the_running_response() {
    let mut rig = up();
    rig.said("started r");
    rig.order(notice());
    assert_eq!(rig.audio("sb_clip_1"), 0);
    rig.said("finished r");
    assert_eq!(rig.audio("sb_clip_1"), 1_000);
}

#[test]
fn a_recording_that_is_not_made_in_time_or_at_all_is_left_to_the_model() {
    for failure in [None, Some("status 503".to_owned())] {
        let mut rig = up();
        rig.order(goodbye());
        rig.order(speak("And this."));
        assert_eq!(rig.sessions.deadline(), Some(rig.now + Duration::from_millis(700)));
        match &failure {
            None => {
                let question = rig.asked().expect("a question");
                rig.out.clear();
                rig.pass();
                let sent = rig.out.len();
                rig.on(SessionsEvent::ClipFetched(ClipFetched {
                    question,
                    made: Ok(FetchedClip { samples: second(), characters: 0 }),
                }));
                assert_eq!(rig.out.len(), sent, "it is late");
            }
            Some(reason) => rig.fetched(Err(reason.clone())),
        }
        assert!(rig.reported(
            |it| matches!(it, ModelReport::Incident(incident) if incident.kind == IncidentKind::ClipMissing)
        ));
        let sent = rig.sent();
        assert!(sent[0].contains("Bye.") && sent[1].contains("And this."), "{sent:?}");
    }
    let mut rig = up();
    rig.order(goodbye());
    rig.fetched(Ok(second()));
    assert_eq!(rig.audio("sb_clip_2"), 1_000);
}

#[test]
fn the_call_that_lets_a_recording_be_made_is_charged_for_it_even_if_it_comes_late() {
    for is_late in [false, true] {
        let mut rig = up();
        rig.order(goodbye());
        let question = rig.asked().expect("a question");
        if is_late {
            rig.now = rig.sessions.deadline().expect("it waits");
            rig.pass();
        }
        rig.out.clear();
        let made = Ok(FetchedClip { samples: second(), characters: 4 });
        rig.on(SessionsEvent::ClipFetched(ClipFetched { question, made }));
        let usage = Usage { tts_characters: 4, ..Usage::default() };
        let charged = ModelReport::Worked { model: "small".to_owned(), usage };
        assert!(rig.reported(|report| *report == charged), "{is_late}: {:?}", rig.out);
    }
}

#[test]
fn nothing_of_the_model_is_heard_behind_a_goodbye_and_it_learns_that() {
    let mut rig = up();
    rig.order(goodbye());
    rig.fetched(Ok(second()));
    rig.out.clear();
    rig.said("started r");
    rig.said("audio r i 4800");
    rig.said("says r i By the way.");
    rig.now += Duration::from_secs(2);
    rig.said("audio r i 4800");
    rig.said("complete r i");
    rig.said("finished r");
    let responses = |report: &ModelReport| {
        matches!(
            report,
            ModelReport::ResponseStarted { .. } | ModelReport::FirstAudio { .. } | ModelReport::ResponseFinished { .. }
        )
    };
    assert!(!rig.reported(responses), "{:?}", rig.out);
    assert_eq!(rig.audio("r"), 0);
    let inaudible = |action: &SessionsAction| matches!(action, SessionsAction::ToWords(Words::Inaudible { item }) if *item == ItemId::new("i"));
    assert!(rig.out.iter().any(inaudible), "{:?}", rig.out);
    assert!(rig.sent().iter().any(|text| text.contains("heard nothing of what you said last")));
    rig.said("started r2");
    rig.said("audio r2 j 4800");
    assert!(rig.reported(responses) && rig.audio("r2") == 100, "the next one is heard");
}

#[test]
fn an_answer_is_heard_behind_words_that_fill_a_wait() {
    let mut rig = up();
    rig.said("says before i0 Hello.");
    rig.order(says(ResponsePurpose::Spoken, "One moment."));
    rig.fetched(Ok(second()));
    rig.said("started r");
    rig.said("audio r i 4800");
    assert_eq!((rig.audio("sb_clip_2"), rig.audio("r")), (1_000, 100));
}

#[test]
fn a_recording_that_is_cut_is_over_and_the_model_learns_what_was_heard() {
    let mut rig = up();
    rig.order(notice());
    rig.order(speak("Greet the caller."));
    rig.out.clear();
    let item = ItemId::new("sb_clip_1");
    rig.order(ModelOrder::TruncateItem { item, heard: Duration::from_millis(700) });
    let sent = rig.sent();
    assert!(sent[0].contains("heard only: “Calls are”") && sent[1].contains("Greet the caller."), "{sent:?}");
}

#[test]
fn a_key_takes_back_what_waits() {
    let mut rig = up();
    rig.order(goodbye());
    rig.order(ModelOrder::Overtake);
    rig.out.clear();
    rig.now += Duration::from_secs(5);
    rig.on(SessionsEvent::DeadlinePassed);
    assert_eq!(rig.sent(), Vec::<String>::new());
    rig.on(SessionsEvent::ClipFetched(ClipFetched {
        question: 1,
        made: Ok(FetchedClip { samples: second(), characters: 0 }),
    }));
    assert!(rig.out.is_empty(), "{:?}", rig.out);
}

#[test]
fn a_lost_session_leaves_its_requests_to_the_next_one() {
    let can = Capabilities { verbatim: false, ..able() };
    let mut rig = up_with(can, |plan| plan.resilience.fallbacks.clear());
    rig.order(goodbye());
    rig.drop_socket(LegId(1));
    assert!(rig.sessions.orders.speak());
    rig.advise(&[], 0.0);
    rig.pass();
    let leg = LegId(2);
    rig.on(SessionsEvent::Dialled { leg, said: Vec::new(), epoch_s: 0.0 });
    assert_eq!(rig.asked(), Some(2), "{:?}", rig.out);
}

/// A call whose first model says given words as they stand, and whose next one does not.
fn across() -> Rig {
    let mut rig = Rig::with(|plan| {
        plan.resilience.fallbacks = vec![fake(Capabilities { verbatim: false, ..able() })];
        plan.common_mut().clips = Some(Arc::new(clips::plan("http://127.0.0.1:1")));
    });
    rig.advise(&[], 0.0);
    rig.open(LegId(1));
    rig.configure(LegId(1));
    assert!(rig.sessions.can.verbatim);
    rig
}

impl Rig {
    /// The first model is gone, and the next one takes over.
    fn goes_on(&mut self) {
        self.drop_socket(LegId(1));
        self.advise(&[], 0.0);
        self.out.clear();
        self.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
        assert!(self.reported(|it| matches!(it, ModelReport::Resumed { answering: true, .. })), "{:?}", self.out);
    }
}

#[test]
fn words_that_a_lost_session_owed_are_played_for_one_that_does_not_say_them() {
    let mut rig = across();
    rig.order(speak("Warn the caller."));
    rig.order(notice());
    rig.order(speak("Greet the caller."));
    rig.goes_on();
    assert!(rig.audio("sb_clip_1") > 0, "{:?}", rig.out);
    let handoff = &rig.sent()[0];
    let has = |words: &str| handoff.contains(words);
    assert!(has("Warn the caller.") && !has(NOTICE) && !has("Greet the caller."), "{handoff}");
    rig.pass();
    assert!(rig.sent()[0].contains("Greet the caller."), "behind the recording");
}

#[test]
fn words_that_came_during_the_outage_are_played_for_one_that_does_not_say_them() {
    let mut rig = across();
    rig.drop_socket(LegId(1));
    rig.order(notice());
    rig.advise(&[], 0.0);
    rig.on(SessionsEvent::Dialled { leg: LegId(2), said: Vec::new(), epoch_s: 0.0 });
    assert!(rig.audio("sb_clip_1") > 0, "{:?}", rig.out);
}

#[test]
fn exact_words_that_broke_off_are_heard_from_their_beginning() {
    let begun = |instructions: String| {
        let request = ResponseRequest { purpose: ResponsePurpose::Notice, instructions: Some(instructions) };
        let running = Running { response: None, request: Some(request), progress: Progress::Partly };
        CarryOver { running: Some(running), ..CarryOver::default() }
    };
    let left = |can: Capabilities, instructions: String| {
        let mut left = begun(instructions);
        up_with(can, |_| {}).sessions.repeat_exact_words(LegId(1), &mut left);
        left.running.expect("a response").progress
    };
    let unlike = Capabilities { verbatim: false, ..able() };
    assert_eq!(left(unlike.clone(), exactly(NOTICE)), Progress::Silent);
    assert_eq!(left(able(), exactly(NOTICE)), Progress::Partly, "it says the rest as it stands");
    assert_eq!(left(unlike, "Greet the caller.".to_owned()), Progress::Partly);
}

#[test]
fn the_items_of_the_session_follow_the_recording() {
    let mut rig = up();
    let placed = |rig: &mut Rig, item: &str, previous: Option<&str>| {
        let (item, previous) = (ItemId::new(item), previous.map(ItemId::new));
        rig.sessions.clips.place(&item, previous)
    };
    assert_eq!(placed(&mut rig, "a", None), None);
    rig.order(notice());
    assert_eq!(placed(&mut rig, "b", Some("a")), Some(ItemId::new("sb_clip_1")));
    assert_eq!(placed(&mut rig, "c", Some("b")), Some(ItemId::new("b")));
}

#[test]
fn tokens_of_what_was_left_out_are_charged() {
    let mut running = super::super::instead::Running::default();
    let response = ResponseId::new("r");
    assert_eq!(running.note(ModelReport::ResponseStarted { response: response.clone() }, true), None);
    let usage = Some(Usage { output_audio: 5, ..Usage::default() });
    let ended = ModelReport::ResponseFinished { response, outcome: ResponseOutcome::Completed, usage };
    assert_eq!(running.note(ended, false), usage.map(ModelReport::Used));
}
