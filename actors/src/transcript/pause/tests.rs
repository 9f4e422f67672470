use super::*;

#[test]
fn what_was_spoken_before_a_pause_is_written_however_late_its_words_come() {
    let mut pause = Pause::default();
    turn(&mut pause, "before");
    pause.note(&Fact::RecordingPaused(true));
    assert_eq!(pause.sift(said("before", "Hello.")), Sifted::Words(said("before", "Hello.")));
    assert_eq!(pause.sift(said("unknown", "4111")), caller("unknown"));
}

#[test]
fn a_turn_is_withheld_when_any_of_it_was_spoken_in_the_pause() {
    let mut pause = Pause::default();
    pause.note(&spoke("into"));
    pause.note(&Fact::RecordingPaused(true));
    pause.sift(placed("into"));
    turn(&mut pause, "within");
    pause.note(&spoke("out of"));
    pause.note(&Fact::RecordingPaused(false));
    pause.sift(placed("out of"));
    turn(&mut pause, "after");
    for item in ["into", "within", "out of"] {
        assert_eq!(pause.sift(said(item, "4 1 1 1")), caller(item));
        assert_eq!(pause.sift(said(item, "4 1 1 1 again")), Sifted::Nothing, "it is announced once");
    }
    assert_eq!(pause.sift(said("after", "Thanks.")), Sifted::Words(said("after", "Thanks.")));
}

#[test]
fn noise_and_failed_transcriptions_are_what_they_are() {
    let mut pause = Pause::default();
    pause.note(&Fact::RecordingPaused(true));
    let failed = Words::CallerSaid { item: ItemId::new("u"), text: None };
    assert_eq!(pause.sift(failed.clone()), Sifted::Words(failed));
    assert_eq!(pause.sift(said("u", "[noise]")), Sifted::Words(said("u", "[noise]")));
}

#[test]
fn the_agents_words_are_withheld_until_the_response_that_the_pause_saw_is_over() {
    let mut pause = Pause::default();
    assert_eq!(pause.sift(says("r1", "a1")), Sifted::Words(says("r1", "a1")));
    pause.note(&Fact::RecordingPaused(true));
    assert_eq!(pause.sift(says("r1", "a1")), agent("a1"));
    assert_eq!(pause.sift(says("r2", "a2")), agent("a2"));
    assert_eq!(pause.sift(says("r2", "a2")), Sifted::Nothing);
    pause.note(&Fact::RecordingPaused(false));
    assert_eq!(pause.sift(says("r2", "a2")), Sifted::Nothing, "the rest of it");
    assert_eq!(pause.sift(says("r2", "a3")), agent("a3"), "its next item");
    assert_eq!(pause.sift(says("r1", "a1")), Sifted::Nothing, "what came of it late");
    assert_eq!(pause.sift(says("r3", "a4")), Sifted::Words(says("r3", "a4")));
}

#[test]
fn what_is_remembered_is_bounded_and_nothing_leaks_beyond() {
    let mut pause = Pause::default();
    for number in 0..MOST_OPEN * 2 {
        pause.note(&spoke(&format!("o{number}")));
    }
    pause.note(&Fact::RecordingPaused(true));
    for number in 0..MOST_PRIVATE * 2 {
        pause.sift(says("r", &format!("a{number}")));
    }
    assert_eq!((pause.private.len(), pause.open.len()), (MOST_PRIVATE, 0));
    pause.note(&Fact::RecordingPaused(false));
    assert_eq!(pause.sift(said("late", "4111")), Sifted::Nothing);
}

fn turn(pause: &mut Pause, item: &str) {
    pause.note(&spoke(item));
    pause.sift(placed(item));
}

fn spoke(item: &str) -> Fact {
    Fact::CallerSpoke { item: ItemId::new(item) }
}

fn placed(item: &str) -> Words {
    Words::Placed { item: ItemId::new(item), speaker: Speaker::Caller, previous: None }
}

fn said(item: &str, text: &str) -> Words {
    Words::CallerSaid { item: ItemId::new(item), text: Some(text.to_owned()) }
}

fn says(response: &str, item: &str) -> Words {
    Words::AgentSays { response: ResponseId::new(response), item: ItemId::new(item), delta: "4".to_owned(), span: None }
}

fn caller(item: &str) -> Sifted {
    Sifted::Withheld { item: ItemId::new(item), speaker: Speaker::Caller }
}

fn agent(item: &str) -> Sifted {
    Sifted::Withheld { item: ItemId::new(item), speaker: Speaker::Agent }
}
