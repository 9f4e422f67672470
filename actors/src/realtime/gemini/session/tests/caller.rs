//! The caller's turns and words.

use super::*;

fn finished(text: &str) -> Value {
    json!({"inputTranscription": {"text": text, "finished": true}})
}

/// Trap: there is no report of speech; it is learned from words, interruptions and answers.
#[test]
fn a_turn_begins_with_the_first_words_and_ends_with_the_answer() {
    let mut desk = Desk::ready();
    assert_eq!(desk.caller(" I need").names(), ["SpeechStarted", "CallerWords"]);
    assert_eq!(desk.caller(" a table.").names(), ["CallerWords"]);
    assert_eq!(desk.audio(20).names(), ["SpeechStopped", "ResponseStarted", "FirstAudio"]);
    // Trap: words are not in order with the audio and have no reliable end.
    assert_eq!(desk.caller(" Please.").names(), ["CallerWords"], "late words are no new turn");
    let seen = desk.pass(Timer::WordsSettled);
    assert_eq!(seen.names(), ["CallerWords"]);
    assert_eq!(seen.caller_said().as_deref(), Some("I need a table. Please."));
}

#[test]
fn an_interim_transcript_begins_a_turn_and_is_no_words() {
    let mut desk = Desk::ready();
    let seen = desk.content(json!({"interimInputTranscription": {"text": "I nee"}}));
    assert_eq!(seen.names(), ["SpeechStarted"]);
    desk.caller("I need a table.");
    desk.audio(20);
    assert_eq!(desk.pass(Timer::WordsSettled).caller_said().as_deref(), Some("I need a table."));
}

#[test]
fn a_finished_transcript_ends_the_turn_and_an_answer_is_owed() {
    let mut desk = Desk::ready();
    let seen = desk.content(finished("A table."));
    assert_eq!(seen.names(), ["SpeechStarted", "CallerWords", "SpeechStopped", "CallerWords"]);
    assert!(desk.session.carry_over().answer);
    // Trap: a watchdog asks for an answer that does not come.
    let begun = desk.now;
    let seen = desk.pass(Timer::TurnUnanswered);
    assert_eq!(seen.text(), ("[Answer the caller now.]".to_owned(), true));
    assert_eq!(desk.now - begun, Duration::from_secs(6));
}

#[test]
fn a_caller_who_says_nothing_more_is_done() {
    let mut desk = Desk::ready();
    desk.caller("A table.");
    let seen = desk.pass(Timer::CallerQuiet);
    assert_eq!(seen.names(), ["SpeechStopped", "CallerWords"]);
    assert_eq!(desk.caller("For two.").names(), ["SpeechStarted", "CallerWords"], "that is another turn");
}

#[test]
fn noise_needs_no_answer() {
    let mut desk = Desk::ready();
    desk.caller("Hello.");
    desk.audio(20);
    desk.turn_complete();
    desk.pass(Timer::WordsSettled);
    desk.caller("[noise]");
    let seen = desk.pass(Timer::CallerQuiet);
    assert_eq!(seen.names(), ["SpeechStopped", "CallerWords", "NothingOwed"]);
    assert!(seen.sent.is_empty() && desk.session.asking_deadline().is_none());
}

#[test]
fn an_interruption_without_words_is_a_turn_that_may_have_had_words() {
    let mut desk = Desk::ready();
    desk.audio(500);
    desk.content(json!({"interrupted": true}));
    desk.turn_complete();
    let seen = desk.pass(Timer::CallerQuiet);
    assert_eq!(seen.names(), ["SpeechStopped", "CallerWords"], "this server has never transcribed anything");
    assert_eq!(desk.pass(Timer::TurnUnanswered).text().0, "[Answer the caller now.]");
}

#[test]
fn words_over_the_agent_are_hidden_until_the_server_takes_them_for_an_interruption() {
    let mut desk = Desk::ready();
    desk.caller("A table.");
    desk.audio(5_000);
    desk.pass(Timer::WordsSettled);
    assert!(desk.caller("Wait").reports.is_empty());
    let seen = desk.content(json!({"interrupted": true}));
    assert_eq!(seen.names(), ["SpeechStarted", "CallerWords", "ResponseFinished"]);
    // Without an interruption they are known when the agent is done.
    let mut desk = Desk::ready();
    desk.audio(5_000);
    assert!(desk.caller("Mhm").reports.is_empty());
    assert_eq!(desk.turn_complete().names(), ["ResponseFinished", "SpeechStarted", "CallerWords"]);
}

#[test]
fn where_the_call_decides_about_interruptions_it_hears_of_speech_at_once() {
    let mut desk = Desk::with(|_, plan| {
        if let Activity::Automatic { interrupts, .. } = &mut plan.activity {
            *interrupts = false;
        }
    });
    desk.make_ready(Handoff::default());
    desk.audio(5_000);
    assert_eq!(desk.caller("Wait").names(), ["SpeechStarted", "CallerWords"]);
}

#[test]
fn words_that_are_not_to_be_transcribed_stay_signs_of_speech() {
    let mut desk = Desk::with(|common, _| common.transcription = None);
    desk.make_ready(Handoff::default());
    assert_eq!(desk.caller("Hello.").names(), ["SpeechStarted"]);
    desk.audio(20);
    let seen = desk.pass(Timer::WordsSettled);
    assert!(seen.reports.is_empty() && seen.caller_said().is_none());
    desk.turn_complete();
    let transcription = Some(Some(crate::realtime::plan::Transcription::default()));
    desk.order(ModelOrder::Configure { instructions: None, transcription, tools: None });
    assert_eq!(desk.caller("Hello.").names(), ["SpeechStarted", "CallerWords"]);
}

#[test]
fn a_server_that_reports_speech_is_believed() {
    let mut desk = Desk::ready();
    let activity = |kind: &str| json!({"voiceActivity": {"voiceActivityType": kind, "audioOffset": "1.2s"}});
    assert_eq!(desk.hear(activity("ACTIVITY_START")).names(), ["SpeechStarted"]);
    desk.caller("A table.");
    assert_eq!(desk.hear(activity("ACTIVITY_END")).names(), ["SpeechStopped"]);
}
