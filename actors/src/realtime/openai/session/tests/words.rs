use super::*;
use crate::ids::Private;
use crate::realtime::report::TranscriptionUsage;

const DELTA: &str = "conversation.item.input_audio_transcription.delta";
const COMPLETED: &str = "conversation.item.input_audio_transcription.completed";

#[test]
fn the_callers_words_are_reported_piece_by_piece_and_then_whole() {
    let mut harness = Harness::ready();
    let piece = harness.hear(json!({"type": DELTA, "item_id": "u", "content_index": 0, "delta": "I need"}));
    assert_eq!(piece.reports, [caller_words("I need", false)]);
    assert_eq!(piece.words, [], "the record gets the whole");
    let whole = harness.hear(json!({"type": COMPLETED, "item_id": "u", "transcript": "I need help."}));
    assert_eq!(whole.reports, [caller_words("I need help.", true)]);
    assert_eq!(whole.words, [Words::CallerSaid { item: item("u"), text: Some("I need help.".to_owned()) }]);
}

#[test]
fn a_turn_without_words_is_reported_as_such() {
    let mut harness = Harness::ready();
    let silence = harness.hear(json!({"type": COMPLETED, "item_id": "u", "transcript": ""}));
    assert_eq!(silence.reports, [caller_words("", true)]);
    let failed = harness.hear(json!({"type": "conversation.item.input_audio_transcription.failed", "item_id": "u",
        "error": {"message": "m"}}));
    assert_eq!(failed.reports, [ModelReport::WordsFailed { item: item("u") }]);
}

#[test]
fn a_piece_without_words_tells_nothing() {
    let mut harness = Harness::ready();
    for delta in [json!(""), json!(null), json!(7)] {
        let seen = harness.hear(json!({"type": DELTA, "item_id": "u", "delta": delta}));
        assert!(seen.reports.is_empty() && seen.words.is_empty(), "{seen:?}");
    }
    assert!(harness.hear(json!({"type": DELTA, "item_id": "u"})).reports.is_empty());
}

#[test]
fn the_callers_words_do_not_print() {
    let seen = Harness::ready().hear(json!({"type": COMPLETED, "item_id": "u", "transcript": "my card is 4111"}));
    assert!(!format!("{:?}", seen.reports).contains("4111"));
}

#[test]
fn transcription_usage_is_reported_in_the_servers_unit() {
    let cases = [
        (
            json!({"type": "duration", "seconds": 2.5}),
            Some(TranscriptionUsage { audio_ms: 2_500, ..TranscriptionUsage::default() }),
        ),
        (
            json!({"type": "tokens", "input_tokens": 20, "output_tokens": 5, "total_tokens": 25,
                "input_token_details": {"text_tokens": 4, "audio_tokens": 16}}),
            Some(TranscriptionUsage { audio_ms: 0, input_text: 4, input_audio: 16, output_text: 5 }),
        ),
        (
            json!({"input_tokens": 20, "output_tokens": 5}),
            Some(TranscriptionUsage { audio_ms: 0, input_text: 0, input_audio: 20, output_text: 5 }),
        ),
        (json!({"type": "duration", "seconds": -1e300}), None),
        (json!({"seconds": "two"}), None),
        (json!({}), None),
        (json!(null), None),
    ];
    for (said, expected) in cases {
        let seen = Harness::ready().hear(json!({"type": COMPLETED, "item_id": "u", "transcript": "hi", "usage": said}));
        let counted: Vec<_> = seen.reports.into_iter().skip(1).collect();
        assert_eq!(counted, expected.map(ModelReport::TranscriptionUsed).into_iter().collect::<Vec<_>>(), "{said}");
    }
}

#[test]
fn the_first_audio_of_a_response_is_reported_once() {
    let mut harness = Harness::ready();
    for response in ["r1", "r2", "r3"] {
        harness.hear(json!({"type": "response.created", "response": {"id": response}}));
    }
    let first = |response: &str| ModelReport::FirstAudio { response: ResponseId::new(response) };
    assert_eq!(harness.audio("r1", "i1", 4).reports, [first("r1")]);
    assert!(harness.audio("r1", "i1", 4).reports.is_empty());
    assert!(harness.audio("r1", "i2", 4).reports.is_empty(), "another item of the same response");
    assert_eq!(harness.audio("r2", "i3", 4).reports, [first("r2")]);
    assert!(harness.audio("r1", "i1", 4).reports.is_empty(), "late audio of the one before");
    assert!(harness.audio("r3", "i4", 0).reports.is_empty(), "nothing to hear yet");
    assert_eq!(harness.audio("r3", "i4", 4).reports, [first("r3")]);
    for number in 0..100 {
        harness.audio(&format!("many_{number}"), "i", 4);
    }
    assert_eq!(harness.session.sounded.len(), MOST_SOUNDED);
}

fn caller_words(text: &str, last: bool) -> ModelReport {
    ModelReport::CallerWords { item: item("u"), text: Private::new(text.to_owned()), last }
}
