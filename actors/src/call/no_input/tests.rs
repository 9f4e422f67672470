use super::*;

#[test]
fn silence_leads_through_every_prompt_to_the_goodbye() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    let mut now = start;
    let mut no_input_steps = Vec::new();
    for _ in 0..3 {
        no_input.floor_silent(now);
        assert_eq!(no_input.advance(now + secs(7)), None);
        now += secs(8);
        no_input_steps.extend(no_input.advance(now));
        assert_eq!(no_input.advance(now), None, "a step is reached once");
    }
    assert_eq!(no_input_steps, [NoInputStep::Prompt(0), NoInputStep::Prompt(1), NoInputStep::Goodbye]);
    no_input.floor_silent(now);
    assert_eq!(no_input.deadline(), None, "there is nothing above the goodbye");
}

#[test]
fn each_no_input_step_has_its_own_wait() {
    let start = origin();
    let plan = NoInputPlan { before_prompts: vec![secs(5), secs(7)], before_goodbye: secs(9), ..plan() };
    let mut no_input = NoInput::new(plan, start);
    for (now, no_input_step) in [(0, NoInputStep::Prompt(0)), (20, NoInputStep::Prompt(1)), (40, NoInputStep::Goodbye)]
    {
        no_input.floor_silent(start + secs(now));
        let wait = [5, 7, 9][now as usize / 20];
        assert_eq!(no_input.advance(start + secs(now + wait - 1)), None);
        assert_eq!(no_input.advance(start + secs(now + wait)), Some(no_input_step));
    }
}

#[test]
fn words_reset_the_no_input_steps_and_noise_does_not() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    no_input.floor_silent(start);
    assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Prompt(0)));
    no_input.floor_taken();
    no_input.floor_silent(start + secs(10));
    assert_eq!(no_input.advance(start + secs(18)), Some(NoInputStep::Prompt(1)), "speech without words is noise");
    no_input.caller_answered(start + secs(20));
    no_input.floor_silent(start + secs(25));
    assert_eq!(no_input.advance(start + secs(33)), Some(NoInputStep::Prompt(0)));
}

#[test]
fn constant_noise_without_words_ends_the_call_after_the_longest_wait() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    no_input.floor_taken();
    assert_eq!(no_input.deadline(), Some(start + secs(120)));
    assert_eq!(no_input.advance(start + secs(119)), None);
    assert_eq!(no_input.advance(start + secs(120)), Some(NoInputStep::Goodbye));
}

#[test]
fn an_answer_to_the_goodbye_resets_the_no_input_steps() {
    let start = origin();
    let mut no_input = NoInput::new(NoInputPlan { before_prompts: Vec::new(), ..plan() }, start);
    no_input.floor_silent(start);
    assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Goodbye));
    no_input.caller_answered(start + secs(9));
    no_input.floor_silent(start + secs(9));
    assert_eq!(no_input.deadline(), Some(start + secs(17)));
}

#[test]
fn a_turn_whose_transcription_fails_is_the_callers() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    no_input.floor_silent(start);
    assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Prompt(0)));
    no_input.turn_ended(&turn(1), start + secs(10));
    no_input.turn_transcribed(&turn(1), TurnWords::Failed, start + secs(11));
    no_input.floor_silent(start + secs(20));
    assert_eq!(no_input.advance(start + secs(28)), Some(NoInputStep::Prompt(0)), "the prompt was answered aloud");
    assert_eq!(no_input.deadline(), Some(start + secs(10 + 120)));
}

#[test]
fn a_turn_whose_transcript_never_comes_is_the_callers() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    for turn_at in (10..1_000).step_by(10) {
        no_input.turn_ended(&turn(turn_at), start + secs(turn_at));
        assert_eq!(no_input.advance(start + secs(turn_at + 9)), None);
    }
    assert_eq!(no_input.deadline(), Some(start + secs(990 + 120)));
    assert!(no_input.pending.len() <= MOST_PENDING);
}

#[test]
fn a_late_transcript_without_words_changes_no_step() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    no_input.floor_silent(start);
    assert_eq!(no_input.advance(start + secs(8)), Some(NoInputStep::Prompt(0)));
    no_input.turn_ended(&turn(1), start + secs(10));
    no_input.turn_ended(&turn(2), start + secs(100));
    assert_eq!(no_input.deadline(), Some(start + secs(100 + 120)), "they may have been words");
    no_input.turn_transcribed(&turn(2), TurnWords::Noise, start + secs(115));
    no_input.turn_transcribed(&turn(1), TurnWords::Noise, start + secs(116));
    assert_eq!(no_input.deadline(), Some(start + secs(120)));
    no_input.floor_silent(start + secs(110));
    assert_eq!(no_input.advance(start + secs(118)), Some(NoInputStep::Prompt(1)), "the first prompt was not answered");
}

#[test]
fn endless_noise_ends_the_call_however_late_its_transcripts_are() {
    for late in [1, 4, 20, 40] {
        let start = origin();
        let mut no_input = NoInput::new(plan(), start);
        let ended = (1..400).find(|second| {
            let now = start + secs(*second);
            if second % 3 == 0 {
                no_input.turn_ended(&turn(*second), now);
            }
            if *second > late && (second - late) % 3 == 0 {
                no_input.turn_transcribed(&turn(second - late), TurnWords::Noise, now);
            }
            no_input.advance(now) == Some(NoInputStep::Goodbye)
        });
        let ended = ended.expect("it is let go");
        assert!((120..=120 + late).contains(&ended), "{late} s late, let go after {ended} s");
    }
}

#[test]
fn transcripts_without_an_item_are_matched_in_order() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    for ended in [10, 20] {
        no_input.turn_ended(&ItemId::new(""), start + secs(ended));
    }
    no_input.turn_transcribed(&turn(1), TurnWords::Failed, start + secs(21));
    no_input.turn_transcribed(&turn(2), TurnWords::Noise, start + secs(22));
    assert_eq!(no_input.deadline(), Some(start + secs(10 + 120)));
}

#[test]
fn a_missing_transcript_is_reported_once_and_withdrawn_when_it_comes() {
    let start = origin();
    let mut no_input = NoInput::new(plan(), start);
    no_input.turn_ended(&turn(1), start);
    no_input.turn_ended(&turn(2), start + secs(1));
    assert_eq!(no_input.late_turns(start + secs(4)), 0);
    assert_eq!((no_input.late_turns(start + secs(5)), no_input.late_turns(start + secs(5))), (1, 0));
    assert!(!no_input.turn_transcribed(&turn(2), TurnWords::Words, start + secs(5)));
    assert!(no_input.turn_transcribed(&turn(1), TurnWords::Words, start + secs(9)));
    assert!(!no_input.turn_transcribed(&turn(1), TurnWords::Failed, start + secs(9)), "it is known already");
}

fn turn(number: u64) -> ItemId {
    ItemId::new(&format!("item_{number}"))
}

fn plan() -> NoInputPlan {
    NoInputPlan { before_prompts: vec![secs(8), secs(8)], before_goodbye: secs(8), longest_without_words: secs(120) }
}

fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[expect(clippy::disallowed_methods, reason = "an arbitrary origin")]
fn origin() -> Instant {
    Instant::now()
}
