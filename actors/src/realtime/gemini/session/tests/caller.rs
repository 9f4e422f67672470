//! The caller's turns and words.

use super::*;

fn finished(text: &str) -> Value {
    json!({"inputTranscription": {"text": text, "finished": true}})
}

/// Trap: there is no report of speech; it is learned from words, interruptions and answers.
#[test]
fn a_turn_begins_with_the_first_words_and_ends_with_the_answer() {
    let mut harness = Harness::ready();
    assert_eq!(harness.caller(" I need").names(), ["SpeechStarted", "CallerWords"]);
    assert_eq!(harness.caller(" a table.").names(), ["CallerWords"]);
    assert_eq!(harness.audio(20).names(), ["SpeechStopped", "ResponseStarted", "FirstAudio"]);
    // Trap: words are not in order with the audio and have no reliable end.
    assert_eq!(harness.caller(" Please.").names(), ["CallerWords"], "late words are no new turn");
    let seen = harness.pass(Timer::WordsSettled);
    assert_eq!(seen.names(), ["CallerWords"]);
    assert_eq!(seen.caller_said().as_deref(), Some("I need a table. Please."));
}

/// Trap: the first words of a turn may come only while the model answers it.
#[test]
fn words_that_come_only_during_their_answer_are_no_interruption() {
    for interrupts in [true, false] {
        let mut harness = Harness::with(|_, plan| {
            if let Activity::Automatic { interrupts: automatic, .. } = &mut plan.activity {
                *automatic = interrupts;
            }
        });
        harness.make_ready(Handoff::default());
        harness.wait(2_000);
        let seen = harness.audio(3_000);
        assert_eq!(seen.names(), ["SpeechStarted", "SpeechStopped", "ResponseStarted", "FirstAudio"]);
        harness.wait(1_500);
        assert_eq!(harness.caller("A table?").names(), ["CallerWords"], "late words are no new turn");
        let seen = harness.pass(Timer::WordsSettled);
        assert_eq!(seen.caller_said().as_deref(), Some("A table?"));
        assert_eq!(harness.turn_complete().names(), ["ResponseFinished"], "and no answer is owed");
    }
}

#[test]
fn words_of_the_agent_that_follow_others_at_once_answer_nobody() {
    let mut harness = Harness::ready();
    harness.speak(ResponsePurpose::Greeting, None);
    harness.wait(2_000);
    assert_eq!(harness.audio(500).names(), ["ResponseStarted", "FirstAudio"], "this was asked for");
    harness.turn_complete();
    harness.wait(300);
    assert_eq!(harness.audio(500).names(), ["ResponseStarted", "FirstAudio"]);
}

#[test]
fn an_interim_transcript_begins_a_turn_and_is_no_words() {
    let mut harness = Harness::ready();
    let seen = harness.content(json!({"interimInputTranscription": {"text": "I nee"}}));
    assert_eq!(seen.names(), ["SpeechStarted"]);
    harness.caller("I need a table.");
    harness.audio(20);
    assert_eq!(harness.pass(Timer::WordsSettled).caller_said().as_deref(), Some("I need a table."));
}

#[test]
fn a_finished_transcript_ends_the_turn_and_an_answer_is_owed() {
    let mut harness = Harness::ready();
    let seen = harness.content(finished("A table."));
    assert_eq!(seen.names(), ["SpeechStarted", "CallerWords", "SpeechStopped", "CallerWords"]);
    assert!(harness.session.carry_over().answer);
    // Trap: a watchdog asks for an answer that does not come.
    let begun = harness.now;
    let seen = harness.pass(Timer::TurnUnanswered);
    assert_eq!(seen.text(), ("[Answer the caller now.]".to_owned(), true));
    assert_eq!(harness.now - begun, Duration::from_secs(6));
}

#[test]
fn a_caller_who_says_nothing_more_is_done() {
    let mut harness = Harness::ready();
    harness.caller("A table.");
    assert_eq!(harness.pass(Timer::CallerQuiet).names(), ["SpeechStopped"]);
    let seen = harness.caller("For two.");
    assert_eq!(seen.names(), ["CallerWords", "SpeechStarted", "CallerWords"], "that is another turn");
    assert_eq!(seen.caller_said().as_deref(), Some("A table."));
}

/// Trap: words may come long after they were said, and together with their answer.
#[test]
fn words_that_come_after_a_pause_and_with_the_answer_belong_to_their_turn() {
    let mut harness = Harness::ready();
    harness.caller("A table");
    harness.pass(Timer::CallerQuiet);
    harness.wait(3_000);
    assert_eq!(harness.audio(3_000).names(), ["ResponseStarted", "FirstAudio"]);
    assert_eq!(harness.caller(" for two.").names(), ["CallerWords"]);
    assert_eq!(harness.pass(Timer::WordsSettled).caller_said().as_deref(), Some("A table for two."));
    assert_eq!(harness.turn_complete().names(), ["ResponseFinished"]);
}

#[test]
fn noise_needs_no_answer() {
    let mut harness = Harness::ready();
    harness.caller("Hello.");
    harness.audio(20);
    harness.turn_complete();
    harness.pass(Timer::WordsSettled);
    harness.caller("[noise]");
    assert_eq!(harness.pass(Timer::CallerQuiet).names(), ["SpeechStopped"]);
    assert!(harness.session.carry_over().turn_open, "words may still come");
    let seen = harness.pass(Timer::WordsSettled);
    assert_eq!(seen.names(), ["CallerWords", "NothingOwed"]);
    assert!(seen.sent.is_empty() && harness.session.asking_deadline().is_none());
}

#[test]
fn an_answer_that_a_filter_ends_is_missed_even_if_only_noise_was_transcribed_so_far() {
    let mut harness = Harness::ready();
    harness.caller("[");
    harness.pass(Timer::CallerQuiet);
    let seen = harness.content(json!({"turnComplete": true, "turnCompleteReason": "RESPONSE_REJECTED"}));
    assert_eq!(seen.names(), ["ResponseStarted", "AnswerMissed", "ResponseFinished"]);
    assert_eq!(seen.text(), ("[Answer the caller now.]".to_owned(), true));
    // Without a reason there is nothing to answer.
    let mut harness = Harness::ready();
    harness.caller("[");
    harness.pass(Timer::CallerQuiet);
    assert_eq!(harness.turn_complete().names(), ["ResponseStarted", "NothingOwed", "ResponseFinished"]);
}

#[test]
fn an_interruption_without_words_is_a_turn_that_may_have_had_words() {
    let mut harness = Harness::ready();
    harness.audio(500);
    harness.content(json!({"interrupted": true}));
    harness.turn_complete();
    let seen = harness.pass(Timer::CallerQuiet);
    assert_eq!(seen.names(), ["SpeechStopped"], "this server has never transcribed anything");
    assert_eq!(harness.pass(Timer::TurnUnanswered).text().0, "[Answer the caller now.]");
}

#[test]
fn words_over_the_agent_are_hidden_until_the_server_takes_them_for_an_interruption() {
    let mut harness = Harness::ready();
    harness.caller("A table.");
    harness.audio(5_000);
    harness.pass(Timer::WordsSettled);
    assert!(harness.caller("Wait").reports.is_empty());
    let seen = harness.content(json!({"interrupted": true}));
    assert_eq!(seen.names(), ["SpeechStarted", "CallerWords", "ResponseFinished"]);
    // Without an interruption they are known when the agent is done.
    let mut harness = Harness::ready();
    harness.audio(5_000);
    assert!(harness.caller("Mhm").reports.is_empty());
    assert_eq!(harness.turn_complete().names(), ["ResponseFinished", "SpeechStarted", "CallerWords"]);
}

#[test]
fn where_the_call_decides_about_interruptions_it_hears_of_speech_at_once() {
    let mut harness = Harness::with(|_, plan| {
        if let Activity::Automatic { interrupts, .. } = &mut plan.activity {
            *interrupts = false;
        }
    });
    harness.make_ready(Handoff::default());
    harness.audio(5_000);
    assert_eq!(harness.caller("Wait").names(), ["SpeechStarted", "CallerWords"]);
}

#[test]
fn words_that_are_not_to_be_transcribed_stay_signs_of_speech() {
    let mut harness = Harness::with(|common, _| common.transcription = None);
    harness.make_ready(Handoff::default());
    assert_eq!(harness.caller("Hello.").names(), ["SpeechStarted"]);
    harness.audio(20);
    let seen = harness.pass(Timer::WordsSettled);
    assert!(seen.reports.is_empty() && seen.caller_said().is_none());
    harness.turn_complete();
    let transcription = Some(Some(crate::realtime::plan::Transcription::default()));
    harness.order(ModelOrder::Configure {
        backend: None,
        language: None,
        instructions: None,
        transcription,
        tools: None,
    });
    assert_eq!(harness.caller("Hello.").names(), ["SpeechStarted", "CallerWords"]);
}

#[test]
fn a_server_that_reports_speech_is_believed() {
    let mut harness = Harness::ready();
    let activity = |kind: &str| json!({"voiceActivity": {"voiceActivityType": kind, "audioOffset": "1.2s"}});
    assert_eq!(harness.hear(activity("ACTIVITY_START")).names(), ["SpeechStarted"]);
    harness.caller("A table.");
    assert_eq!(harness.hear(activity("ACTIVITY_END")).names(), ["SpeechStopped"]);
}
