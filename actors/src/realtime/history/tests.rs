use super::*;
use crate::frame::Frame;

const FORMAT: AudioFormat = AudioFormat::MULAW_8K;

fn item(name: &str) -> ItemId {
    ItemId::new(name)
}

fn place(history: &mut History, name: &str, speaker: Speaker, previous: Option<&str>) {
    history.words(&Words::Placed { item: item(name), speaker, previous: previous.map(item) });
}

fn caller_said(history: &mut History, name: &str, text: &str) {
    history.words(&Words::CallerSaid { item: item(name), text: Some(text.to_owned()) });
}

/// Makes the agent say `text` completely, in `milliseconds` of audio.
fn agent_said(history: &mut History, name: &str, text: &str, milliseconds: usize) {
    agent_began(history, name, text, milliseconds);
    let response = ResponseId::new(&format!("r_{name}"));
    history.words(&Words::AgentSaid { response, item: item(name), text: text.to_owned() });
    history.audio_complete(&item(name));
}

fn agent_began(history: &mut History, name: &str, text: &str, milliseconds: usize) {
    let response = ResponseId::new(&format!("r_{name}"));
    history.words(&Words::AgentSays {
        response: response.clone(),
        item: item(name),
        delta: text.to_owned(),
        span: None,
    });
    history.audio(&FromModel { response, item: item(name), audio: Frame::copy_of(&vec![0; milliseconds * 8]) });
}

fn shown(items: &[SeedItem]) -> Vec<String> {
    let show = |item: &SeedItem| match &item.seed {
        Seed::Text(role, text) => format!("{role:?}: {text}"),
        Seed::CallerAudio(audio) => format!("audio {}", audio.len()),
        Seed::Call { name, .. } => format!("call {name}"),
        Seed::Output { output, .. } => format!("output {output}"),
    };
    items.iter().map(show).collect()
}

fn truncate(name: &str, milliseconds: u64) -> ModelOrder {
    ModelOrder::TruncateItem { item: item(name), heard: Duration::from_millis(milliseconds) }
}

#[test]
fn what_was_said_comes_in_the_server_s_order_whenever_its_words_came() {
    let mut history = History::new(FORMAT);
    agent_said(&mut history, "a", "Hello there.", 1_000);
    place(&mut history, "a", Speaker::Agent, None);
    place(&mut history, "u", Speaker::Caller, Some("a"));
    agent_said(&mut history, "b", "We open at nine.", 1_500);
    place(&mut history, "b", Speaker::Agent, Some("u"));
    caller_said(&mut history, "u", "When do you open?");
    assert_eq!(
        shown(&history.seed(&[], 0)),
        ["Assistant: Hello there.", "User: When do you open?", "Assistant: We open at nine."]
    );
}

#[test]
fn an_interrupted_answer_counts_as_far_as_it_was_heard() {
    let mut history = History::new(FORMAT);
    agent_said(&mut history, "a", "one two three four five six seven eight nine ten", 10_000);
    assert_eq!(history.order(&truncate("a", 5_000)), None, "nothing of ours is in the session");
    assert_eq!(shown(&history.seed(&[], 0)), ["Assistant: one two three four five"]);
    agent_said(&mut history, "b", "never heard", 1_000);
    history.order(&ModelOrder::DeleteItem { item: item("b") });
    assert_eq!(history.seed(&[], 0).len(), 1);
}

#[test]
fn of_an_answer_that_was_lost_only_words_count_whose_audio_came() {
    let mut history = History::new(FORMAT);
    agent_began(&mut history, "a", "These words ran far ahead of the audio that was made of them.", 1_000);
    assert_eq!(shown(&history.seed(&[], 0)), ["Assistant: These words ran"]);
    assert_eq!(history.heard_of(&ResponseId::new("r_a")), "These words ran");
}

#[test]
fn a_turn_without_words_is_given_as_it_sounded() {
    let mut history = History::new(FORMAT);
    history.report(&ModelReport::SpeechStarted { item: item("u") });
    assert!(history.seed(&[], 0).is_empty());
    assert_eq!(shown(&history.seed(&[(item("u"), vec![1; 80])], 0)), ["audio 80"]);
    caller_said(&mut history, "u", "Hello?");
    assert_eq!(shown(&history.seed(&[(item("u"), vec![1; 80])], 0)), ["User: Hello?"]);
}

#[test]
fn a_call_and_its_result_stay_together_and_an_open_call_is_known() {
    let mut history = History::new(FORMAT);
    let call = |id: &str| ToolCall {
        response: ResponseId::new("r"),
        id: ToolCallId::new(id),
        name: "look_up".to_owned(),
        arguments: "{}".to_owned(),
    };
    history.report(&ModelReport::ToolCalled(call("c1")));
    history.report(&ModelReport::ToolCalled(call("c2")));
    history.order(&ModelOrder::AnswerTool { call: ToolCallId::new("c1"), output: "found".to_owned(), speak: true });
    assert_eq!(history.open_calls(), [ToolCallId::new("c2")]);
    assert_eq!(shown(&history.seed(&[], 0)), ["call look_up", "call look_up", "output found"]);
    history.order(&ModelOrder::AnswerTool { call: ToolCallId::new("stranger"), output: String::new(), speak: true });
    assert_eq!(history.seed(&[], 0).len(), 3, "a result without a call would be refused");
}

#[test]
fn an_old_answer_that_is_interrupted_in_a_new_session_is_rewritten_there() {
    let mut history = History::new(FORMAT);
    caller_said(&mut history, "u", "Tell me.");
    agent_said(&mut history, "a", "one two three four five six seven eight nine ten", 10_000);
    let seeds = history.seed(&[], 0);
    let rewrite = history.order(&truncate("a", 5_000)).expect("it is in the new session");
    assert_eq!(rewrite.out, seeds[1].id);
    let (behind, item) = rewrite.by.expect("a part was heard");
    assert_eq!(behind.as_ref(), Some(&seeds[0].id));
    assert_eq!(shown(&[item]), ["Assistant: one two three four five"]);
    let again = history.order(&truncate("a", 2_000)).expect("and again");
    assert_ne!(again.out, seeds[1].id, "by its newest name");
    let gone = history.order(&ModelOrder::DeleteItem { item: ItemId::new("a") }).expect("and out");
    assert_eq!(gone.by, None);
    assert_eq!(history.order(&truncate("a", 1_000)), None);
}

#[test]
fn a_long_conversation_is_cut_at_its_beginning_and_says_so() {
    let mut history = History::new(FORMAT);
    for turn in 0..1_000 {
        caller_said(&mut history, &format!("u{turn}"), &format!("Turn {turn}."));
    }
    let seeds = shown(&history.seed(&[], 0));
    assert!(seeds.len() <= MOST_SEEDED + 1 && history.entries.len() <= MOST_ENTRIES);
    assert!(seeds[0].starts_with("System: The beginning"), "{}", seeds[0]);
    assert_eq!(seeds.last().map(String::as_str), Some("User: Turn 999."));
}

#[test]
fn one_endless_text_is_bounded_and_cut_at_a_letter() {
    let mut history = History::new(FORMAT);
    caller_said(&mut history, "u", &"नमस्ते ".repeat(10_000));
    let [SeedItem { seed: Seed::Text(_, text), .. }] = &history.seed(&[], 0)[..] else { panic!("one text") };
    assert!(text.len() <= LONGEST_TEXT);
}

#[test]
fn words_are_cut_between_words() {
    for (letters, expected) in [(0, ""), (3, "one"), (5, "one"), (7, "one two"), (99, "one two")] {
        assert_eq!(whole_words("one two", letters), expected, "{letters}");
    }
}

#[test]
fn what_a_server_knows_by_a_handle_is_not_handed_over_again() {
    let mut history = History::new(AudioFormat::PCM_24K);
    assert!(history.is_empty());
    let text = |text: &str| ModelOrder::AddText { role: TextRole::User, text: text.to_owned() };
    history.order(&text("before"));
    let mark = history.mark();
    history.order(&text("after"));
    assert_eq!(shown(&history.seed(&[], mark)), ["User: after"]);
    assert_eq!(shown(&history.seed(&[], 0)), ["User: before", "User: after"]);
    (0..2 * MOST_ENTRIES).for_each(|_| drop(history.order(&text("more"))));
    let mark = history.mark();
    history.order(&text("last"));
    assert_eq!(shown(&history.seed(&[], mark)), ["User: last"], "marks outlive what was forgotten");
}

#[test]
fn what_was_not_cut_is_heard_to_a_last_word_that_ends_behind_its_audio() {
    let mut history = History::new(FORMAT);
    let response = ResponseId::new("r_a");
    for (delta, from_ms) in [("How can I help", 0), (" you today?", 200)] {
        let span = Some(crate::realtime::word_times::Span { from_ms, to_ms: from_ms + 200 });
        history.words(&Words::AgentSays { response: response.clone(), item: item("a"), delta: delta.to_owned(), span });
    }
    history.audio(&FromModel { response, item: item("a"), audio: Frame::copy_of(&vec![0; 340 * 8]) });
    place(&mut history, "a", Speaker::Agent, None);
    assert_eq!(shown(&history.seed(&[], 0)), ["Assistant: How can I help you"], "more may come");
    history.audio_complete(&item("a"));
    assert_eq!(shown(&history.seed(&[], 0)), ["Assistant: How can I help you today?"]);
    history.order(&truncate("a", 340));
    assert_eq!(shown(&history.seed(&[], 0)), ["Assistant: How can I help you"]);
}
