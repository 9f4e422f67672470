//! Tests of the reader with events of every shape.

use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> ServerEvent<'_> {
    ServerEvent::parse(text).expect("a readable event")
}

#[test]
fn an_audio_delta_borrows_its_audio() {
    let text = r#"{"type":"response.output_audio.delta","event_id":"e","response_id":"resp_1","item_id":"item_1",
        "output_index":0,"content_index":0,"delta":"AAAA","obfuscation":"xyz"}"#;
    let ServerEvent::AudioDelta(delta) = parse(text) else { panic!("not a delta") };
    assert!(matches!(delta.delta, Cow::Borrowed("AAAA")));
    assert_eq!((&*delta.item_id, &*delta.response_id), ("item_1", "resp_1"));
}

#[test]
fn audio_is_read_wherever_it_stands_and_however_it_is_written() {
    for fields in [
        r#""delta":"AAAA","response_id":"resp_1","item_id":"item_1""#,
        r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA""#,
        r#""response_id":"resp_1","item_id":"item_1","delta" : "AAAA""#,
        r#""x":{"delta":"BBBB"},"response_id":"resp_1","item_id":"item_1","delta":"AAAA""#,
        r#""x":"\"delta\":\"BBBB\"","response_id":"resp_1","item_id":"item_1","delta":"AAAA""#,
        r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA","x":{"delta":"BBBB"}"#,
        r#""response_id":"resp_1","item_id":"item_1","delta":"\u0041AAA""#,
    ] {
        let text = format!(r#"{{"type":"response.output_audio.delta",{fields}}}"#);
        let ServerEvent::AudioDelta(delta) = parse(&text) else { panic!("not a delta") };
        let read = (&*delta.response_id, &*delta.item_id, &*delta.delta);
        assert_eq!(read, ("resp_1", "item_1", "AAAA"), "{fields}");
    }
    for fields in [
        r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA"#,
        r#""response_id":"resp_1","item_id":"item_1","delta":"AAAA",,"x":1"#,
    ] {
        let text = format!(r#"{{"type":"response.output_audio.delta",{fields}}}"#);
        assert!(ServerEvent::parse(&text).is_err(), "{fields}");
    }
}

#[test]
fn an_escaped_delta_is_read_all_the_same() {
    let text = r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AA\/A"}"#;
    let ServerEvent::AudioDelta(delta) = parse(text) else { panic!("not a delta") };
    assert_eq!(delta.delta, "AA/A");
}

#[test]
fn the_beta_spellings_are_the_same_events() {
    let beta = r#"{"type":"response.audio.delta","response_id":"r","item_id":"i","delta":"AAAA"}"#;
    assert!(matches!(parse(beta), ServerEvent::AudioDelta(_)));
    let beta = r#"{"type":"response.audio_transcript.delta","response_id":"r","item_id":"i","delta":"hi"}"#;
    assert!(matches!(parse(beta), ServerEvent::WordsDelta(_)));
    let beta = r#"{"type":"response.text.done","response_id":"r","item_id":"i","text":"hi"}"#;
    assert!(matches!(parse(beta), ServerEvent::WordsDone(WordsDone { content_index: None, .. })));
    let beta = r#"{"type":"conversation.item.created","item":{"id":"i","type":"message","role":"user"}}"#;
    assert!(matches!(parse(beta), ServerEvent::ItemPlaced(_)));
}

#[test]
fn the_type_may_stand_anywhere_and_be_escaped() {
    let text = r#" {"event_id":"e","item_id":"item_1","type":"input_audio_buffer.speech_started"}"#;
    assert!(matches!(parse(text), ServerEvent::SpeechStarted(ItemRef { item_id: Cow::Borrowed("item_1") })));
    let text = r#"{"error":{"type":"t","message":"m"},"type":"error"}"#;
    assert!(matches!(parse(text), ServerEvent::Error(_)));
    let text = r#"{"event_id":"\"type\":\"x\"","type":"error","error":{"type":"t","message":"m"}}"#;
    assert!(matches!(parse(text), ServerEvent::Error(_)));
    let text = r#"{"type":"err\u006fr","error":{"type":"t","message":"m"}}"#;
    assert!(matches!(parse(text), ServerEvent::Error(_)));
}

#[test]
fn an_unknown_type_survives_with_its_name() {
    assert_eq!(
        parse(r#"{"type":"response.telepathy.delta","x":1}"#),
        ServerEvent::Other(Cow::Borrowed("response.telepathy.delta"))
    );
}

#[test]
fn a_known_type_that_is_no_json_is_an_error_with_its_name_and_without_its_content() {
    let error = ServerEvent::parse(r#"{"type":"error","error":"my card number is 4111" 4111}"#).expect_err("no JSON");
    assert_eq!(error.to_string(), "read a `error` event: not JSON at column 50");
}

#[test]
fn what_is_no_event_is_an_error() {
    for text in ["", "null", "[]", "{}", r#"{"type":1}"#, r#"{"type":"error""#, "\u{0}", r#"{"type":""#] {
        assert!(ServerEvent::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_response_with_unknown_extras_still_ends() {
    let text = r#"{"type":"response.done","response":{"id":"resp_1","status":"completed","status_details":"odd",
        "output":{"not":"a list"},"metadata":[1],"usage":{"input_tokens":-1}}}"#;
    let ServerEvent::ResponseDone(response) = parse(text) else { panic!("not done") };
    assert_eq!((&*response.id, response.request, response.usage), ("resp_1", None, None));
    assert_eq!(response.output, [ItemInfo::default()]);
}

#[test]
fn nulls_are_as_good_as_absent() {
    let text = r#"{"type":"error","event_id":"e","error":{"type":"invalid_request_error","code":null,
        "message":"m","param":null,"event_id":null}}"#;
    let ServerEvent::Error(error) = parse(text) else { panic!("not an error") };
    assert_eq!((error.word(), error.text()), ("invalid_request_error", "m"));
    assert_eq!(error.event_id, None);
    let text = r#"{"type":"response.created","response":{"id":"r","status":"in_progress","status_details":null,
        "output":[],"conversation_id":null,"metadata":null,"usage":null}}"#;
    let ServerEvent::ResponseCreated(response) = parse(text) else { panic!("not created") };
    assert_eq!((response.request, response.usage, response.output.len()), (None, None, 0));
}

/// Unexpected values for a field.
const UNUSUAL: [&str; 9] =
    ["null", "7", "7.5", "true", "\"word\"", "\"half \\ud83d\"", "[]", "[1,{}]", "{\"x\":{\"y\":null}}"];

/// Every event that the reader knows, with all of its fields.
const WHOLE: [&str; 20] = [
    r#"{"type":"session.created","session":{"id":"s","audio":{"input":{"format":{"type":"audio/pcm","rate":24000}}},"expires_at":1}}"#,
    r#"{"type":"session.updated","session":{"id":"s","audio":{"output":{"format":{"type":"audio/pcm","rate":24000}}}}}"#,
    r#"{"type":"error","error":{"type":"t","code":"c","message":"m","param":"p","event_id":"say-1"}}"#,
    r#"{"type":"input_audio_buffer.speech_started","item_id":"i","audio_start_ms":1}"#,
    r#"{"type":"input_audio_buffer.speech_stopped","item_id":"i","audio_end_ms":1}"#,
    r#"{"type":"input_audio_buffer.committed","item_id":"i","previous_item_id":"h"}"#,
    r#"{"type":"conversation.item.added","previous_item_id":"h","item":{"id":"i","type":"message","role":"user"}}"#,
    r#"{"type":"conversation.item.input_audio_transcription.delta","item_id":"i","delta":"hi"}"#,
    r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"hi","usage":{"seconds":1}}"#,
    r#"{"type":"conversation.item.input_audio_transcription.failed","item_id":"i","error":{"message":"m"}}"#,
    r#"{"type":"response.created","response":{"id":"r","status":"in_progress","metadata":{"wish":"1"}}}"#,
    r#"{"type":"response.done","response":{"id":"r","status":"failed","status_details":{"error":{"code":"c"}},"output":[{"type":"function_call"}],"usage":{"input_tokens":1}}}"#,
    r#"{"type":"response.output_item.added","response_id":"r","item":{"id":"i","type":"message"}}"#,
    r#"{"type":"response.output_item.done","response_id":"r","item":{"id":"i","type":"function_call","call_id":"c","name":"n","arguments":"{}"}}"#,
    r#"{"type":"response.output_audio.delta","response_id":"r","item_id":"i","delta":"AAAA"}"#,
    r#"{"type":"response.output_audio.done","response_id":"r","item_id":"i"}"#,
    r#"{"type":"response.output_audio_transcript.delta","response_id":"r","item_id":"i","delta":"hi"}"#,
    r#"{"type":"response.output_audio_transcript.done","response_id":"r","item_id":"i","content_index":0,"transcript":"hi"}"#,
    r#"{"type":"response.output_text.done","response_id":"r","item_id":"i","text":"hi"}"#,
    r#"{"type":"response.function_call_arguments.done","response_id":"r","item_id":"i","call_id":"c","name":"n","arguments":"{}"}"#,
];

#[test]
fn one_field_of_another_shape_loses_no_event() {
    use serde_json::Value;
    fn spoil(value: &Value, unusual: &Value, done: &mut Vec<Value>) {
        let Value::Object(fields) = value else { return };
        for (name, inner) in fields.iter().filter(|(name, _)| *name != "type") {
            let with = |inner: Value| {
                let mut spoilt = fields.clone();
                spoilt.insert(name.clone(), inner);
                Value::Object(spoilt)
            };
            done.push(with(unusual.clone()));
            let mut missing = fields.clone();
            missing.remove(name);
            done.push(Value::Object(missing));
            let mut deeper = Vec::new();
            spoil(inner, unusual, &mut deeper);
            done.extend(deeper.into_iter().map(with));
        }
    }
    for whole in WHOLE {
        let kind = variant(whole);
        let value: Value = serde_json::from_str(whole).expect("JSON");
        for unusual in UNUSUAL {
            // A `Value` cannot contain half of a surrogate pair. A placeholder stands for it until
            // the event is text.
            let marked = serde_json::from_str(&unusual.replace("\\ud83d", "HALF")).expect("JSON");
            let mut spoilt = Vec::new();
            spoil(&value, &marked, &mut spoilt);
            for text in spoilt.iter().map(|value| value.to_string().replace("HALF", "\\ud83d")) {
                assert_eq!(variant(&text), kind, "{text}");
            }
        }
    }
}

fn variant(text: &str) -> String {
    format!("{:?}", parse(text)).split('(').next().unwrap_or_default().to_owned()
}

#[test]
fn an_error_is_understood_in_any_shape() {
    for (text, code, message) in [
        (
            r#"{"type":"error","error":"backend send config: EOF","code":"backend_error"}"#,
            "backend_error",
            "backend send config: EOF",
        ),
        (r#"{"type":"error","error":{"code":503,"message":{"text":"busy"}}}"#, "503", "busy"),
        (r#"{"type":"error","error":[{"code":"one","message":"first"},"second thing"]}"#, "one", "first"),
        (r#"{"type":"error","error":"insufficient_quota"}"#, "insufficient_quota", "insufficient_quota"),
        (r#"{"type":"error","error":{"error":{"code":"deep","message":"down"}}}"#, "deep", "down"),
        (r#"{"type":"error","code":429,"message":"slow down"}"#, "429", "slow down"),
        (r#"{"type":"error","error":null,"detail":[{"msg":"no such field","loc":["a"]}]}"#, "unknown", "no such field"),
        (r#"{"type":"error","error":503}"#, "503", "503"),
        (
            r#"{"type":"error","error":{"type":"server_error","code":null,"message":"half \ud83d"}}"#,
            "server_error",
            "half \u{fffd}",
        ),
        (r#"{"type":"error"}"#, "unknown", ""),
    ] {
        let ServerEvent::Error(error) = parse(text) else { panic!("not an error: {text}") };
        assert_eq!((error.word(), error.text()), (code, message), "{text}");
    }
}

#[test]
fn arguments_may_be_an_object_and_spoil_no_other_call() {
    let text = r#"{"type":"response.done","response":{"id":"r","status":"completed","output":[
        {"type":"function_call","call_id":"a","name":"switch_language","arguments":{"language":"hi"}},
        7,{"type":"function_call","call_id":"b","name":"end_call","arguments":"{}"}]}}"#;
    let ServerEvent::ResponseDone(response) = parse(text) else { panic!("not done") };
    let arguments: Vec<_> = response.output.iter().map(|item| item.arguments.as_deref()).collect();
    assert_eq!(arguments, [Some(r#"{"language":"hi"}"#), None, Some("{}")]);
}

#[test]
fn half_a_surrogate_pair_costs_one_character() {
    let text = r#"{"type":"response.output_audio_transcript.done","response_id":"r","item_id":"i","transcript":"open \ud83d from nine"}"#;
    let ServerEvent::WordsDone(done) = parse(text) else { panic!("not words") };
    assert_eq!(done.transcript.as_deref(), Some("open \u{fffd} from nine"));
    let text =
        r#"{"type":"conversation.item.input_audio_transcription.completed","item_id":"i","transcript":"hours \ude00"}"#;
    let ServerEvent::CallerTranscribed(turn) = parse(text) else { panic!("no transcript") };
    assert_eq!(turn.transcript, "hours \u{fffd}");
}

#[test]
fn formats_are_known_by_all_their_spellings() {
    for (format, kind, rate) in [
        (r#""pcm16""#, Some("audio/pcm"), None),
        (r#"{"type":"audio/pcm","rate":24000.0}"#, Some("audio/pcm"), Some(24_000)),
        (r#"{"type":"audio/PCM","rate":"24000"}"#, Some("audio/PCM"), Some(24_000)),
        (r#"{"type":"g711_ulaw"}"#, Some("audio/pcmu"), None),
        (r#""opus""#, Some("opus"), None),
        ("{}", None, None),
        ("[1]", None, None),
    ] {
        let text = format!(r#"{{"type":"session.updated","session":{{"audio":{{"input":{{"format":{format}}}}}}}}}"#);
        let ServerEvent::SessionUpdated(session) = parse(&text) else { panic!("not updated") };
        let input = session.input.as_ref();
        assert_eq!(input.map(|format| &*format.kind), kind, "{format}");
        assert_eq!(input.and_then(|format| format.rate), rate, "{format}");
    }
}

#[test]
fn usage_is_found_within_the_response_and_beside_it() {
    let text = r#"{"type":"response.done","response":{"id":"r","status":"completed","usage":{}},
        "usage":{"output_tokens":87,"output_token_details":{"text_tokens":7,"audio_tokens":80}}}"#;
    let ServerEvent::ResponseDone(response) = parse(text) else { panic!("not done") };
    let usage = response.usage.expect("usage");
    assert_eq!((usage.output_text, usage.output_audio), (7, 80));
}

#[test]
fn nan_and_infinity_of_python_are_read() {
    let text = r#"{"type":"response.output_audio.done","response_id":"r","item_id":"i","logprob":-Infinity}"#;
    assert!(ServerEvent::parse(text).is_err());
    let mended = mended(text).expect("an odd number");
    assert!(matches!(parse(&mended), ServerEvent::AudioDone(_)));
}

proptest! {
    #[test]
    fn nothing_a_server_sends_panics(text in r#"\{"type":"(error|response\.done|response\.output_audio\.delta|session\.updated)",.{0,80}\}?"#) {
        let _ = ServerEvent::parse(&text);
    }
}
