//! Runs: responses and items of ours, interruptions, ends.

use super::*;
use crate::incident::IncidentKind;

/// Trap: the protocol names no responses and no items.
#[test]
fn a_run_is_one_response_with_one_item() {
    let mut harness = Harness::ready();
    harness.caller("A table?");
    let seen = harness.words("Your ");
    assert_eq!(seen.names(), ["SpeechStopped", "ResponseStarted"]);
    let seen = harness.audio(100);
    assert_eq!(seen.names(), ["FirstAudio"]);
    let [(response, item, bytes)] = &seen.audio[..] else { panic!("{seen:?}") };
    assert_eq!((response.as_str(), item.as_str(), bytes.len()), ("response_1_1", "item_1_2", 4_800));
    harness.words("table.");
    assert!(harness.audio(100).reports.is_empty(), "the first audio is reported once");
    // Trap: an item is complete when it is generated, long before the end of the turn.
    let seen = harness.content(json!({"generationComplete": true}));
    assert_eq!((seen.complete, seen.reports.len()), (vec!["item_1_2".to_owned()], 0));
    let seen = harness.hear(json!({"serverContent": {"turnComplete": true},
        "usageMetadata": {"promptTokenCount": 8, "responseTokenCount": 5}}));
    assert_eq!(seen.agent_said(), Some("Your table."));
    let [ModelReport::ResponseFinished { outcome: ResponseOutcome::Completed, usage: Some(usage), .. }] =
        &seen.reports[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!((usage.input_text, usage.output_audio), (8, 5));
    assert!(seen.complete.is_empty());
    let seen = harness.audio(20);
    assert_eq!(seen.audio[0].0, "response_1_2", "the next run is another response");
}

#[test]
fn a_text_that_is_not_spoken_begins_nothing() {
    let mut harness = Harness::ready();
    let seen = harness.content(json!({"modelTurn": {"parts": [{"text": "So"}, {"executableCode": {"code": "1"}}]}}));
    assert!(seen.reports.is_empty(), "{seen:?}");
    // The caller's turn is known at once, because no response seems to run.
    assert_eq!(harness.caller("A table?").names().first().map(String::as_str), Some("SpeechStarted"));
    let seen = harness.content(json!({"modelTurn": {"parts": [{"thought": true, "text": "Hm"}]}}));
    assert!(seen.names().contains(&"ResponseStarted".to_owned()), "{seen:?}");
}

#[test]
fn items_are_placed_in_the_order_in_which_they_come() {
    let mut harness = Harness::ready();
    let placed = |seen: &Seen| {
        seen.words.iter().find_map(|words| {
            let Words::Placed { item, speaker, previous } = words else { return None };
            Some((item.to_string(), *speaker, previous.as_ref().map(ToString::to_string)))
        })
    };
    let owned = |text: &str| text.to_owned();
    assert_eq!(placed(&harness.audio(20)), Some((owned("item_1_1"), Speaker::Agent, None)));
    harness.turn_complete();
    assert_eq!(placed(&harness.caller("Hi.")), Some((owned("item_1_2"), Speaker::Caller, Some(owned("item_1_1")))));
    assert_eq!(placed(&harness.audio(20)), Some((owned("item_1_3"), Speaker::Agent, Some(owned("item_1_2")))));
}

/// Trap: `interrupted` means to stop playing now.
#[test]
fn an_interruption_is_the_callers_speech_and_ends_the_response() {
    let mut harness = Harness::ready();
    harness.audio(500);
    harness.words("Your table is");
    let seen = harness.content(json!({"interrupted": true}));
    assert_eq!(seen.names(), ["SpeechStarted", "ResponseFinished"]);
    assert_eq!((seen.outcome(), seen.complete.len()), (Some(&ResponseOutcome::Cancelled), 1));
    let seen = harness.audio(500);
    assert!(seen.audio.is_empty() && seen.reports.is_empty(), "late audio is dropped");
    assert!(harness.turn_complete().reports.is_empty(), "and so is the end of the turn");
    harness.caller("Wait.");
    assert_eq!(harness.audio(20).names(), ["SpeechStopped", "ResponseStarted", "FirstAudio"]);
}

/// Trap: an interruption may come after everything was generated, and even after the end of the turn.
#[test]
fn an_interruption_may_come_late() {
    let mut harness = Harness::ready();
    harness.audio(500);
    harness.content(json!({"generationComplete": true}));
    assert_eq!(harness.content(json!({"interrupted": true})).names(), ["SpeechStarted", "ResponseFinished"]);
    let mut harness = Harness::ready();
    harness.audio(500);
    harness.turn_complete();
    assert_eq!(harness.content(json!({"interrupted": true})).names(), ["SpeechStarted"]);
    assert!(harness.content(json!({"interrupted": true})).reports.is_empty(), "once");
}

/// Trap: one message may hold audio, words and both ends.
#[test]
fn all_fields_of_one_message_are_handled_in_order() {
    let mut harness = Harness::ready();
    let mut content = audio_of(20, 60);
    content["inputTranscription"] = json!({"text": "Hi.", "finished": true});
    content["outputTranscription"] = json!({"text": "Hello."});
    content["generationComplete"] = json!(true);
    content["turnComplete"] = json!(true);
    let seen = harness.content(content);
    assert_eq!(
        seen.names(),
        [
            "SpeechStarted",
            "CallerWords",
            "SpeechStopped",
            "CallerWords",
            "ResponseStarted",
            "FirstAudio",
            "ResponseFinished"
        ]
    );
    assert_eq!((seen.audio.len(), seen.complete.len()), (1, 1));
    assert_eq!((seen.caller_said().as_deref(), seen.agent_said()), (Some("Hi."), Some("Hello.")));
}

/// Trap: words come before, with or after their audio, and rarely after the end of the turn.
#[test]
fn late_words_belong_to_the_response_that_is_over() {
    let mut harness = Harness::ready();
    harness.words("Good ");
    harness.audio(100);
    harness.turn_complete();
    harness.wait(500);
    let seen = harness.words("day.");
    assert_eq!((seen.agent_said(), seen.reports.len()), (Some("Good day."), 0));
    harness.wait(1_000);
    let seen = harness.words("Anything else?");
    assert_eq!(seen.names(), ["SpeechStarted", "SpeechStopped", "ResponseStarted"], "the caller must have spoken");
    let mut harness = Harness::ready();
    harness.audio(100);
    harness.turn_complete();
    harness.speak(ResponsePurpose::Notice, Some("One minute left."));
    assert_eq!(harness.words("One").names(), ["ResponseStarted"], "an answer is awaited");
}

/// Trap: thoughts are never said and never recorded.
#[test]
fn thoughts_and_texts_are_not_said() {
    let mut harness = Harness::ready();
    let seen =
        harness.content(json!({"modelTurn": {"parts": [{"text": "Secret.", "thought": true}, {"text": "Shown."}]}}));
    assert_eq!(seen.names(), ["ResponseStarted"]);
    assert!(seen.words.is_empty() && seen.audio.is_empty());
}

#[test]
fn half_a_sample_is_completed_by_the_next_piece() {
    let mut harness = Harness::ready();
    let piece = |bytes: &[u8]| {
        let data = base64_simd::STANDARD.encode_to_string(bytes);
        json!({"modelTurn": {"parts": [{"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": data}}]}})
    };
    assert_eq!(harness.content(piece(&[1, 2, 3])).audio[0].2, [1, 2]);
    assert_eq!(harness.content(piece(&[4, 5, 6])).audio[0].2, [3, 4, 5, 6]);
}

/// Trap: the model may answer with silence, or reject its own answer.
#[test]
fn an_empty_answer_is_asked_for_again_and_then_left_to_another_session() {
    for (reason, kind) in [(None, IncidentKind::AnswerEmpty), (Some("RESPONSE_REJECTED"), IncidentKind::AnswerFiltered)]
    {
        let mut harness = Harness::ready();
        harness.content(json!({"inputTranscription": {"text": "A table?", "finished": true}}));
        let end = || match reason {
            Some(reason) => json!({"turnComplete": true, "turnCompleteReason": reason}),
            None => json!({"turnComplete": true}),
        };
        let seen = harness.content(end());
        let missed = seen.reports.iter().find_map(|report| {
            let ModelReport::AnswerMissed { kind, again, .. } = report else { return None };
            Some((*kind, *again))
        });
        assert_eq!(missed, Some((kind, true)), "{seen:?}");
        assert_eq!(seen.names(), ["ResponseStarted", "AnswerMissed", "ResponseFinished"]);
        assert_eq!(seen.text(), ("[Answer the caller now.]".to_owned(), true));
        harness.content(end());
        harness.pass(Timer::RetryDue);
        let seen = harness.content(end());
        assert_eq!(seen.names(), ["ResponseStarted", "AnswerMissed", "ResponseFinished", "Muted"]);
    }
}

#[test]
fn a_model_with_nothing_to_say_is_not_asked_again() {
    let mut harness = Harness::ready();
    harness.content(json!({"inputTranscription": {"text": "Hm, wait.", "finished": true}}));
    let seen = harness.content(json!({"turnComplete": true, "turnCompleteReason": "NEED_MORE_INPUT"}));
    assert_eq!(seen.names(), ["ResponseStarted", "NothingOwed", "ResponseFinished"]);
    assert_eq!(seen.outcome(), Some(&ResponseOutcome::Completed));
    assert!(seen.sent.is_empty());
    let seen = harness.turn_complete();
    assert!(seen.reports.is_empty(), "and an end without a beginning changes nothing");
}

#[test]
fn an_answer_that_is_silent_is_left_to_another_session() {
    let mut harness = Harness::ready();
    harness.caller("A table?");
    harness.content(audio_of(1_500, 0));
    let seen = harness.turn_complete();
    assert_eq!(seen.names(), ["AnswerMissed", "ResponseFinished", "Muted"]);
    assert!(seen.words.iter().any(|words| matches!(words, Words::Inaudible { .. })));
}

#[test]
fn a_failed_turn_has_its_reason() {
    let mut harness = Harness::ready();
    harness.audio(500);
    let seen = harness.content(json!({"turnComplete": true, "turnCompleteReason": "GENERATED_AUDIO_SAFETY"}));
    assert_eq!(seen.outcome(), Some(&ResponseOutcome::Failed("generated_audio_safety".to_owned())));
    assert!(seen.lost.is_none() && harness.audio(500).names().contains(&"ResponseStarted".to_owned()), "it goes on");
}

#[test]
fn a_run_whose_end_does_not_come_is_given_up_and_its_late_end_is_no_empty_answer() {
    let mut harness = Harness::ready();
    harness.audio(1_000);
    harness.content(json!({"generationComplete": true}));
    let begun = harness.now;
    let seen = harness.pass(Timer::RunStalled);
    assert_eq!(harness.now - begun, Duration::from_secs(4), "its audio and three seconds");
    assert_eq!(
        (seen.names(), seen.outcome()),
        (vec!["Complained".to_owned(), "ResponseFinished".to_owned()], Some(&ResponseOutcome::Completed))
    );
    harness.content(json!({"inputTranscription": {"text": "A table?", "finished": true}}));
    assert!(harness.turn_complete().reports.is_empty(), "it is the end of the run before");
    assert_eq!(harness.audio(20).names(), ["ResponseStarted", "FirstAudio"]);
    let mut harness = Harness::ready();
    harness.audio(1_000);
    assert_eq!(harness.pass(Timer::RunStalled).outcome(), Some(&ResponseOutcome::Completed), "it went silent");
}

#[test]
fn tokens_of_all_messages_of_a_turn_are_added() {
    let mut harness = Harness::ready();
    let usage = |tokens: u32| json!({"usageMetadata": {"promptTokenCount": tokens}});
    harness.audio(20);
    harness.hear(usage(10));
    harness.hear(usage(20));
    let used = |seen: &Seen| match &seen.reports[..] {
        [ModelReport::ResponseFinished { usage, .. }] => usage.map(|usage| usage.input_text),
        _ => panic!("{seen:?}"),
    };
    assert_eq!(used(&harness.turn_complete()), Some(30));
    harness.hear(usage(5));
    harness.audio(20);
    assert_eq!(used(&harness.turn_complete()), Some(5), "what came after the end counts with the next one");
}
