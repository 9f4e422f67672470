use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::ids::ResponseId;
use crate::latency::TurnLatency;
use crate::realtime::report::TranscriptionUsage;
use crate::transcript::happenings::MOST_OF_A_KIND;

#[test]
fn a_late_transcription_takes_its_items_place() {
    let mut log = Scene::new();
    log.placed("u1", Speaker::Caller, None);
    log.placed("a1", Speaker::Agent, Some("u1"));
    log.agent("a1", "Good morning.");
    log.placed("u2", Speaker::Caller, Some("a1"));
    log.caller("u2", "Yes.");
    log.caller("u1", "Hello?");
    assert_eq!(log.texts(), ["Hello?", "Good morning.", "Yes."]);
}

#[test]
fn transcripts_of_noise_are_not_the_callers_words() {
    let mut log = Scene::new();
    for (number, text) in [".", "…", "[BLANK_AUDIO]", " - ", "(music)", "[inaudible] yes", "7"].into_iter().enumerate()
    {
        log.caller(&format!("u{number}"), text);
    }
    log.agent("a1", "…");
    assert_eq!(log.texts(), ["…", "[inaudible] yes", "7"]);
    assert_eq!(log.0.conversation().wordless, 5);
}

#[test]
fn an_interrupted_answer_keeps_what_was_generated_and_what_was_heard() {
    let mut log = Scene::new();
    log.agent("a1", "We are open from nine to five every day.");
    log.heard("a1", 2_000, 4_000);
    let said = &log.0.conversation().utterances[0];
    assert_eq!(said.text, "We are open from nine to five every day.");
    assert_eq!(said.heard.as_deref(), Some("We are open from"));
    assert!(said.interrupted);
}

#[test]
fn words_with_times_are_cut_by_them() {
    let mut log = Scene::new();
    for (delta, from_ms, to_ms) in [("Wait.", 0, 400), (" One moment", 2_000, 2_600), (" please.", 2_600, 3_000)] {
        let (response, span) = (ResponseId::new("r"), Some(Span { from_ms, to_ms }));
        log.0.hear(Words::AgentSays { response, item: id("a1"), delta: delta.to_owned(), span }, log.1);
    }
    log.agent("a1", "Wait. One moment please.");
    log.interrupted("a1", 1_900, 3_000);
    let said = &log.0.conversation().utterances[0];
    // By proportion it would be "Wait. One moment".
    assert_eq!(said.heard.as_deref(), Some("Wait."));
}

#[test]
fn an_answer_interrupted_while_it_was_generated_is_cut_by_the_words_known_then() {
    let mut log = Scene::new();
    log.piece("a1", "We are open from nine ");
    log.interrupted("a1", 1_500, 1_500);
    log.piece("a1", "to five ");
    log.agent("a1", "We are open from nine to five every day.");
    let said = &log.0.conversation().utterances[0];
    assert_eq!(said.text, "We are open from nine to five every day.");
    assert_eq!(said.heard.as_deref(), Some("We are open from nine"));
    assert!(said.interrupted);

    let mut log = Scene::new();
    log.piece("a1", "We are open from nine");
    log.interrupted("a1", 900, 1_800);
    log.agent("a1", "We are open from nine to five every day.");
    assert_eq!(log.0.conversation().utterances[0].heard.as_deref(), Some("We are"));
}

#[test]
fn an_answer_interrupted_before_its_words_were_known_is_cut_by_all_of_them() {
    let mut log = Scene::new();
    log.interrupted("a1", 500, 1_000);
    log.agent("a1", "one two three four");
    let said = &log.0.conversation().utterances[0];
    assert_eq!((said.heard.as_deref(), said.interrupted), (Some("one two"), true));
}

#[test]
fn an_interrupted_answer_whose_text_became_shorter_is_heard_no_further_than_its_end() {
    let mut log = Scene::new();
    log.piece("a1", "one two three four");
    log.interrupted("a1", 1_000, 1_000);
    log.agent("a1", "one two");
    let said = &log.0.conversation().utterances[0];
    assert_eq!((said.heard.as_deref(), said.interrupted), (Some("one two"), true));
}

#[test]
fn what_happened_besides_is_kept_with_its_time() {
    let mut log = Scene::new();
    log.at(1_000).note(Fact::LanguageSwitched { from: "hi".to_owned(), to: "en".to_owned() });
    log.at(2_000).note(Fact::Answered {
        key: "name".to_owned(),
        value: serde_json::json!("Asha"),
        status: "answered".to_owned(),
    });
    log.at(3_000).note(Fact::TransferAsked {
        destination: "sales".to_owned(),
        reason: "a quote".to_owned(),
        outcome: "dialled".to_owned(),
    });
    log.note(Fact::TurnTimed(TurnLatency { turn: 1, ..TurnLatency::default() }));
    let used = TranscriptionUsage { audio_ms: 500, input_text: 1, input_audio: 2, output_text: 3 };
    log.note(Fact::TranscriptionUsed(used));
    log.note(Fact::TranscriptionUsed(used));
    let Happenings { switches, transfers, answers, latency, transcription, .. } = log.0.conversation().happenings;
    assert_eq!((switches[0].at, &*switches[0].to), (ms(1_000), "en"));
    assert_eq!((answers[0].at, &*answers[0].key), (ms(2_000), "name"));
    assert_eq!((transfers[0].at, &*transfers[0].outcome), (ms(3_000), "dialled"));
    assert_eq!(latency.len(), 1);
    assert_eq!(transcription, TranscriptionUsage { audio_ms: 1_000, input_text: 2, input_audio: 4, output_text: 6 });
}

#[test]
fn a_turn_without_words_is_an_incident_where_others_have_words() {
    let missing = |log: &Scene| {
        let Happenings { incidents, .. } = log.0.conversation().happenings;
        incidents.seen().iter().map(|seen| (seen.at, seen.kind, seen.times)).collect::<Vec<_>>()
    };
    let mut log = Scene::new();
    log.at(1_000).placed("u1", Speaker::Caller, None);
    log.at(2_000).placed("u2", Speaker::Caller, Some("u1"));
    assert_eq!(missing(&log), [], "nobody transcribes");
    log.caller("u1", "");
    assert_eq!(missing(&log), [(ms(2_000), IncidentKind::WordsMissing, 1)]);
    log.caller("u2", "Yes.");
    assert_eq!(missing(&log), [], "noise has no words");
    log.note(Fact::Incident(Incident::new(IncidentKind::ModelMute, "no answer")));
    assert_eq!(missing(&log), [(ms(2_000), IncidentKind::ModelMute, 1)]);
}

#[test]
fn a_flood_of_answers_is_cut_at_its_bound_and_counted() {
    let mut log = Scene::new();
    for _ in 0..MOST_OF_A_KIND + 5 {
        log.note(Fact::LanguageSwitched { from: "hi".to_owned(), to: "en".to_owned() });
    }
    assert_eq!(log.0.conversation().omitted, 5);
}

#[test]
fn a_word_counts_as_heard_only_when_it_was_heard_to_its_end() {
    let cut = |heard, of| Playout { heard: ms(heard), of: ms(of), cut_at: None }.cut("one two");
    assert_eq!(cut(200, 700), "");
    assert_eq!(cut(300, 700), "one");
    assert_eq!(cut(600, 700), "one");
    assert_eq!(cut(700, 700), "one two");
    assert_eq!(Playout { heard: ms(500), of: ms(1_000), cut_at: None }.cut("नमस्ते मैं आपकी सहायक हूँ"), "नमस्ते मैं");
}

#[test]
fn an_answer_of_which_nothing_was_heard_has_an_empty_heard() {
    let mut log = Scene::new();
    log.agent("a1", "Never mind.");
    log.heard("a1", 0, 1_000);
    log.agent("a2", "Cancelled before its first sound.");
    log.heard("a2", 0, 0);
    for said in log.0.conversation().utterances {
        assert_eq!((said.heard.as_deref(), said.interrupted), (Some(""), true), "{}", said.text);
    }
}

#[test]
fn an_answer_heard_to_within_a_frame_of_its_end_was_heard_whole() {
    let mut log = Scene::new();
    log.agent("a1", "All of it.");
    log.heard("a1", 985, 1_000);
    let said = &log.0.conversation().utterances[0];
    assert_eq!((said.heard.as_deref(), said.interrupted), (Some("All of it."), false));
}

#[test]
fn without_a_playout_report_it_is_not_known_what_was_heard() {
    let mut log = Scene::new();
    log.agent("a1", "Hello?");
    let said = &log.0.conversation().utterances[0];
    assert_eq!((said.heard.as_deref(), said.interrupted), (None, false));
}

#[test]
fn pieces_stand_in_for_the_whole_until_it_comes() {
    let mut log = Scene::new();
    log.piece("a1", "Good ");
    log.piece("a1", "mor");
    assert_eq!(log.texts(), ["Good mor"]);
    log.agent("a1", "Good morning.");
    log.piece("a1", "ning.");
    assert_eq!(log.texts(), ["Good morning."]);
}

#[test]
fn our_lines_stand_where_they_were_played() {
    let mut log = Scene::new();
    log.placed("a1", Speaker::Agent, None);
    log.agent("a1", "One moment.");
    log.at(5_000).note(Fact::LinePlayed { item: id("ours"), text: "Still there?".to_owned() });
    log.at(9_000).placed("u1", Speaker::Caller, Some("a1"));
    log.caller("u1", "Yes.");
    assert_eq!(log.texts(), ["One moment.", "Still there?", "Yes."]);
    assert_eq!(log.0.conversation().utterances[1].voice, Voice::Line);
    assert_eq!(log.0.conversation().utterances[1].heard.as_deref(), Some("Still there?"));
}

#[test]
fn system_items_hold_the_chain_together_and_stay_out_of_the_conversation() {
    let mut log = Scene::new();
    log.placed("u1", Speaker::Caller, Some("s1"));
    log.caller("u1", "Second.");
    log.at(20).placed("s1", Speaker::System, Some("a1"));
    log.at(40).placed("a1", Speaker::Agent, None);
    log.agent("a1", "First.");
    assert_eq!(log.texts(), ["First.", "Second."]);
    assert_eq!(log.0.conversation().wordless, 0);
}

#[test]
fn items_without_words_are_dropped_and_counted() {
    let mut log = Scene::new();
    log.placed("u1", Speaker::Caller, None);
    log.placed("u2", Speaker::Caller, Some("u1"));
    log.caller("u2", "  ");
    log.placed("a1", Speaker::Agent, Some("u2"));
    log.heard("a0", 10, 20);
    let conversation = log.0.conversation();
    assert_eq!(conversation.utterances, []);
    assert_eq!(conversation.wordless, 3);
}

#[test]
fn words_are_awaited_until_they_came_or_failed() {
    let mut log = Scene::new();
    assert!(!log.0.awaits_words());
    log.note(Fact::CallerSpoke { item: id("u1") });
    log.placed("u2", Speaker::Caller, Some("u1"));
    log.placed("a1", Speaker::Agent, Some("u2"));
    assert!(log.0.awaits_words());
    log.caller("u1", "Hello?");
    assert!(log.0.awaits_words());
    log.0.hear(Words::CallerSaid { item: id("u2"), text: None }, log.1);
    assert!(!log.0.awaits_words());
}

#[test]
fn placings_that_go_round_in_a_circle_lose_nothing() {
    let mut log = Scene::new();
    log.placed("a", Speaker::Agent, Some("c"));
    log.placed("b", Speaker::Agent, Some("a"));
    log.placed("c", Speaker::Agent, Some("b"));
    log.placed("self", Speaker::Agent, Some("self"));
    for item in ["a", "b", "c", "self"] {
        log.agent(item, item);
    }
    assert_eq!(log.texts(), ["a", "b", "c", "self"]);
}

#[test]
fn a_flood_is_cut_at_the_bound_and_counted() {
    let mut log = Scene::new();
    for n in 0..MOST_ITEMS + 10 {
        log.placed(&format!("u{n}"), Speaker::Caller, None);
    }
    assert_eq!(log.0.items.len(), MOST_ITEMS);
    assert_eq!(log.0.conversation().omitted, 10);

    let mut log = Scene::new();
    let long = "x".repeat(MOST_BYTES / 4);
    for n in 0..8 {
        log.agent(&format!("a{n}"), &long);
        log.piece("b", &long);
    }
    log.0.note(Fact::ToolUsed { name: "t".to_owned(), arguments: long.clone(), output: long.clone() }, log.1);
    assert!(log.0.bytes <= MOST_BYTES);
    assert_eq!(log.0.conversation().omitted, 14);

    for _ in 0..MOST_KEYS + 1 {
        log.note(Fact::KeyPressed('1'));
    }
    assert_eq!(log.0.conversation().keys.len(), MOST_KEYS);
    assert_eq!(log.0.conversation().omitted, 15);
}

#[test]
fn replacing_words_gives_back_their_room() {
    let mut log = Scene::new();
    for _ in 0..100 {
        log.agent("a1", &"x".repeat(MOST_BYTES / 2));
    }
    assert_eq!(log.0.conversation().omitted, 0);
}

proptest! {
    #[test]
    fn shuffled_deliveries_give_the_same_conversation((given, shuffled) in deliveries()) {
        prop_assert_eq!(after(&given), after(&shuffled));
    }

    /// Each event gets the time of its arrival, as in a live call. Placed items are still in order.
    #[test]
    fn placed_items_are_in_order_whenever_they_arrive((given, shuffled) in deliveries()) {
        let placed = |events: &[(u64, LogInput)]| {
            let dated: Vec<_> = events
                .iter()
                .filter(|(_, given)| !matches!(given, LogInput::Fact(Fact::LinePlayed { .. })))
                .enumerate()
                .map(|(arrival, (_, given))| (arrival as u64, given.clone()))
                .collect();
            after(&dated).utterances.into_iter().map(|u| (u.text, u.heard)).collect::<Vec<_>>()
        };
        prop_assert_eq!(placed(&given), placed(&shuffled));
    }

    #[test]
    fn no_order_of_anything_loses_words_or_panics(events in proptest::collection::vec(anything(), 0..80)) {
        let conversation = after(&events);
        let mut spoken = BTreeSet::new();
        for (_, given) in &events {
            match given {
                LogInput::Words(Words::AgentSays { item, .. } | Words::AgentSaid { item, .. }) => { spoken.insert(item); }
                LogInput::Words(Words::CallerSaid { item, text: Some(_) }) => { spoken.insert(item); }
                LogInput::Words(_) | LogInput::Fact(_) => {}
            }
        }
        prop_assert_eq!(conversation.utterances.len(), spoken.len());
        prop_assert_eq!(conversation.omitted, 0);
    }
}

/// Reports, each with the time of its event.
type Deliveries = Vec<(u64, LogInput)>;

/// The reports of a call in the order of the events, and the same reports shuffled, some of them
/// repeated.
fn deliveries() -> impl Strategy<Value = (Deliveries, Deliveries)> {
    proptest::collection::vec((any::<bool>(), any::<bool>(), 0..6_u64), 1..12).prop_flat_map(|turns| {
        let given = a_call(&turns);
        let again = proptest::sample::subsequence(given.clone(), 0..=given.len());
        (Just(given), again).prop_flat_map(|(given, again)| {
            let all: Vec<_> = given.iter().cloned().chain(again).collect();
            (Just(given), Just(all).prop_shuffle())
        })
    })
}

fn a_call(turns: &[(bool, bool, u64)]) -> Deliveries {
    let mut events = Vec::new();
    let mut previous = None;
    for (n, &(by_caller, also_line, heard)) in turns.iter().enumerate() {
        let at = n as u64 * 1_000;
        let item = id(&format!("item{n}"));
        let text = format!("turn {n} has these very words");
        let speaker = if by_caller { Speaker::Caller } else { Speaker::Agent };
        if by_caller {
            events.push((at, LogInput::Fact(Fact::CallerSpoke { item: item.clone() })));
            events.push((at + 2_500, LogInput::Words(Words::CallerSaid { item: item.clone(), text: Some(text) })));
        } else {
            let response = ResponseId::new("r");
            let delta = "turn ".to_owned();
            events.push((
                at + 10,
                LogInput::Words(Words::AgentSays { response: response.clone(), item: item.clone(), delta, span: None }),
            ));
            events.push((at + 400, LogInput::Words(Words::AgentSaid { response, item: item.clone(), text })));
            events.push((
                at + 900,
                LogInput::Fact(Fact::Heard {
                    item: item.clone(),
                    heard: ms(heard * 100),
                    of: ms(500),
                    interrupted: false,
                }),
            ));
        }
        if also_line {
            let line = Fact::LinePlayed { item: id(&format!("line{n}")), text: format!("line {n}") };
            events.push((at + 950, LogInput::Fact(line)));
        }
        events.push((
            at + 5,
            LogInput::Words(Words::Placed { item: item.clone(), speaker, previous: previous.replace(item) }),
        ));
    }
    events
}

fn anything() -> impl Strategy<Value = (u64, LogInput)> {
    let item = (0..8_u8).prop_map(|n| id(&format!("i{n}")));
    let response = ResponseId::new("r");
    let speaker = prop_oneof![Just(Speaker::Caller), Just(Speaker::Agent)];
    let given = prop_oneof![
        (item.clone(), speaker, proptest::option::of(item.clone()))
            .prop_map(|(item, speaker, previous)| LogInput::Words(Words::Placed { item, speaker, previous })),
        (item.clone(), proptest::option::of("[a-z]{1,9}"))
            .prop_map(|(item, text)| LogInput::Words(Words::CallerSaid { item, text })),
        (item.clone(), "[a-z ]{1,9}x").prop_map({
            let response = response.clone();
            move |(item, delta)| {
                LogInput::Words(Words::AgentSays { response: response.clone(), item, delta, span: None })
            }
        }),
        (item.clone(), "[a-z]{1,9}").prop_map(move |(item, text)| LogInput::Words(Words::AgentSaid {
            response: response.clone(),
            item,
            text
        })),
        (item.clone(), 0..900_u64, 0..900_u64, any::<bool>()).prop_map(|(item, heard, of, interrupted)| {
            LogInput::Fact(Fact::Heard { item, heard: ms(heard), of: ms(of), interrupted })
        }),
        item.prop_map(|item| LogInput::Fact(Fact::CallerSpoke { item })),
    ];
    (0..10_000_u64, given)
}

#[derive(Debug, Clone)]
enum LogInput {
    Words(Words),
    Fact(Fact),
}

fn after(events: &[(u64, LogInput)]) -> Conversation {
    let start = crate::clock::now();
    let mut log = ConversationLog::new(start);
    for (at, given) in events {
        match given.clone() {
            LogInput::Words(words) => log.hear(words, start + ms(*at)),
            LogInput::Fact(fact) => log.note(fact, start + ms(*at)),
        }
    }
    log.conversation()
}

/// A log and its clock, which advances only on request.
struct Scene(ConversationLog, Instant);

impl Scene {
    fn new() -> Self {
        let start = crate::clock::now();
        Self(ConversationLog::new(start), start)
    }

    fn at(&mut self, at: u64) -> &mut Self {
        self.1 = self.0.started + ms(at);
        self
    }

    fn note(&mut self, fact: Fact) {
        self.0.note(fact, self.1);
    }

    fn placed(&mut self, item: &str, speaker: Speaker, previous: Option<&str>) {
        self.0.hear(Words::Placed { item: id(item), speaker, previous: previous.map(id) }, self.1);
    }

    fn caller(&mut self, item: &str, text: &str) {
        self.0.hear(Words::CallerSaid { item: id(item), text: Some(text.to_owned()) }, self.1);
    }

    fn piece(&mut self, item: &str, delta: &str) {
        let response = ResponseId::new("r");
        self.0.hear(Words::AgentSays { response, item: id(item), delta: delta.to_owned(), span: None }, self.1);
    }

    fn agent(&mut self, item: &str, text: &str) {
        let response = ResponseId::new("r");
        self.0.hear(Words::AgentSaid { response, item: id(item), text: text.to_owned() }, self.1);
    }

    fn heard(&mut self, item: &str, heard: u64, of: u64) {
        self.note(Fact::Heard { item: id(item), heard: ms(heard), of: ms(of), interrupted: false });
    }

    fn interrupted(&mut self, item: &str, heard: u64, of: u64) {
        self.note(Fact::Heard { item: id(item), heard: ms(heard), of: ms(of), interrupted: true });
    }

    fn texts(&self) -> Vec<String> {
        self.0.conversation().utterances.into_iter().map(|u| u.text).collect()
    }
}

fn id(text: &str) -> ItemId {
    ItemId::new(text)
}

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
