use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> ServerMessage<'_> {
    ServerMessage::parse(text).expect("an object")
}

/// Trap: several fields come in one message, and each counts.
#[test]
fn every_field_of_a_message_is_read() {
    let text = json!({
        "serverContent": {
            "modelTurn": {"role": "model", "parts": [
                {"inlineData": {"mimeType": "audio/pcm;rate=24000", "data": "AQID"}},
                {"text": "Hmm.", "thought": true},
                {"text": "not said"},
                {"inlineData": {"mimeType": "image/png", "data": "AQID"}}
            ]},
            "outputTranscription": {"text": "Your table "},
            "inputTranscription": {"text": " I need", "finished": true, "languageCode": "en-IN"},
            "interimInputTranscription": {"text": " I"},
            "interrupted": true, "generationComplete": true, "turnComplete": true,
            "turnCompleteReason": "NEED_MORE_INPUT", "interactionStatus": "IN_PROGRESS"
        },
        "setupComplete": {"sessionId": "s"},
        "toolCall": {"functionCalls": [{"id": "c", "name": "t", "args": {"data": "x"}}, {"name": "u"}, {"id": "d"}]},
        "toolCallCancellation": {"ids": ["a", "b"]},
        "goAway": {"timeLeft": "12.5s"},
        "sessionResumptionUpdate": {"newHandle": "h", "resumable": true, "lastConsumedClientMessageIndex": "4"},
        "voiceActivity": {"voiceActivityType": "ACTIVITY_START", "audioOffset": "1.200s"},
        "usageMetadata": {"promptTokenCount": 8}
    })
    .to_string();
    let call = |id: Option<&str>, name: &str, arguments: &str| FunctionCall {
        id: id.map(str::to_owned),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let expected = ServerMessage {
        setup_complete: Some("s".to_owned()),
        content: Content {
            parts: vec![
                Part::Audio { rate_hz: Some(24_000), data: "AQID".into() },
                Part::Thought,
                Part::Other,
                Part::Other,
            ],
            spoken: Some("Your table ".to_owned()),
            heard: Some(" I need".to_owned()),
            heard_all: true,
            hears: true,
            interrupted: true,
            generation_complete: true,
            turn_complete: true,
            reason: Some("NEED_MORE_INPUT".to_owned()),
            more_follows: true,
        },
        calls: vec![call(Some("c"), "t", r#"{"data":"x"}"#), call(None, "u", "{}")],
        cancelled: vec!["a".to_owned(), "b".to_owned()],
        go_away: Some(Duration::from_millis(12_500)),
        handle: Some("h".to_owned()),
        activity: Some(Activity::Start),
        usage: Some(Usage { input_text: 8, ..Usage::default() }),
    };
    assert_eq!(read(&text), expected);
    let snake = SNAKE.iter().fold(text, |text, (camel, snake)| text.replace(camel, snake));
    assert_eq!(read(&snake), expected);
}

/// The fields of that message in the other spelling; a name stands before those that it contains.
const SNAKE: [(&str, &str); 24] = [
    ("serverContent", "server_content"),
    ("modelTurn", "model_turn"),
    ("inlineData", "inline_data"),
    ("mimeType", "mime_type"),
    ("outputTranscription", "output_transcription"),
    ("interimInputTranscription", "interim_input_transcription"),
    ("inputTranscription", "input_transcription"),
    ("generationComplete", "generation_complete"),
    ("turnCompleteReason", "turn_complete_reason"),
    ("turnComplete", "turn_complete"),
    ("interactionStatus", "interaction_status"),
    ("setupComplete", "setup_complete"),
    ("sessionId", "session_id"),
    ("toolCallCancellation", "tool_call_cancellation"),
    ("toolCall", "tool_call"),
    ("functionCalls", "function_calls"),
    ("goAway", "go_away"),
    ("timeLeft", "time_left"),
    ("sessionResumptionUpdate", "session_resumption_update"),
    ("newHandle", "new_handle"),
    ("voiceActivityType", "voice_activity_type"),
    ("voiceActivity", "voice_activity"),
    ("usageMetadata", "usage_metadata"),
    ("promptTokenCount", "prompt_token_count"),
];

#[test]
fn audio_is_found_without_the_json_reader_and_in_unusual_forms_with_it() {
    let long = "QUJD".repeat(300);
    let message = |data: &str, spaces: bool| {
        let text = format!(
            r#"{{"serverContent":{{"modelTurn":{{"parts":[{{"inlineData":{{"data":"{data}","mimeType":"audio/pcm;rate=24000"}}}},{{"inlineData":{{"mimeType":"audio/pcm","data":"{data}"}}}}]}}}}}}"#
        );
        if spaces { text.replace(':', " :\n ") } else { text }
    };
    let audio = |text: &str| -> Vec<String> {
        let parts = read(text).content.parts;
        parts
            .into_iter()
            .map(|part| if let Part::Audio { data, .. } = part { data.into_owned() } else { String::new() })
            .collect()
    };
    for spaces in [false, true] {
        let text = message(&long, spaces);
        assert!(cut_audio(&text).is_some());
        assert_eq!(audio(&text), [long.clone(), long.clone()]);
    }
    let escaped = format!("{long}QQ\\u003d\\u003d");
    assert!(cut_audio(&message(&escaped, false)).is_none(), "only the reader undoes an escape");
    assert_eq!(audio(&message(&escaped, false)), [format!("{long}QQ=="), format!("{long}QQ==")]);
}

#[test]
fn the_arguments_of_a_call_are_never_taken_for_audio() {
    let text = json!({"toolCall": {"functionCalls": [{"id": "c", "name": "t", "args": {"data": "x".repeat(900)}}]}});
    let text = text.to_string();
    assert!(read(&text).calls[0].arguments.contains(&"x".repeat(900)));
}

#[test]
fn odd_fields_cost_no_other_and_what_is_no_object_is_unreadable() {
    for text in ["", "[]", "1", "\"x\"", "{", "{\"a\":}"] {
        assert!(ServerMessage::parse(text).is_err(), "{text}");
    }
    assert!(!read("{}").is_known() && !read(r#"{"somethingNew":{}}"#).is_known());
    let text = r#"{"goAway":{"timeLeft":NaN},"serverContent":{"interrupted":"true","modelTurn":7,"outputTranscription":[]},
        "toolCall":"x","usageMetadata":3,"setupComplete":{}}"#;
    let message = read(text);
    assert!(message.content.interrupted && message.calls.is_empty() && message.content.spoken.is_none());
    assert_eq!((message.go_away, message.setup_complete.as_deref()), (Some(Duration::ZERO), Some("")));
}

/// Trap: a handle is only as good as its moment.
#[test]
fn a_handle_counts_only_if_the_session_can_be_resumed_from_it() {
    let handle = |text: &str| read(&format!(r#"{{"sessionResumptionUpdate":{text}}}"#)).handle;
    assert_eq!(handle(r#"{"newHandle":"h","resumable":true}"#).as_deref(), Some("h"));
    assert_eq!(handle(r#"{"newHandle":"h","resumable":false}"#), None);
    assert_eq!(handle(r#"{"newHandle":"h"}"#), None);
    assert_eq!(handle(r#"{"newHandle":"","resumable":true}"#), None);
}

#[test]
fn the_time_that_is_left_is_a_text_with_a_unit() {
    for (text, expected) in [("50s", 50_000), ("0s", 0), ("12.5s", 12_500), ("9", 9_000), ("soon", 0), ("-3s", 0)] {
        let left = read(&json!({"goAway": {"timeLeft": text}}).to_string()).go_away;
        assert_eq!(left, Some(Duration::from_millis(expected)), "{text}");
    }
}

proptest! {
    #[test]
    fn nothing_that_is_written_panics(text in r#"[{\["\\du0-9a:,é \]}]{0,60}"#, pad in 0..700_usize) {
        let _ = ServerMessage::parse(&text);
        let long = format!(r#"{{"x":"{}","data":{text}}}"#, "y".repeat(pad));
        let _ = ServerMessage::parse(&long);
    }
}
