use super::*;

/// Events, each with the code and the param of its refusal.
const REFUSED: [(&str, &str, Option<&str>); 24] = [
    (r#"{"type":"#, "invalid_json", None),
    ("[]", "invalid_event", None),
    ("{}", "missing_required_parameter", Some("type")),
    (r#"{"type":"session.close"}"#, "invalid_value", Some("type")),
    (r#"{"type":"session.update"}"#, "missing_required_parameter", Some("session")),
    (r#"{"type":"session.update","session":{}}"#, "missing_required_parameter", Some("session.type")),
    (
        r#"{"type":"session.update","session":{"type":"realtime","voice":"alloy"}}"#,
        "unknown_parameter",
        Some("session.voice"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","turn_detection":null}}"#,
        "unknown_parameter",
        Some("session.turn_detection"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","audio":{"output":{"format":{"type":"audio/pcm"}}}}}"#,
        "missing_required_parameter",
        Some("session.audio.output.format.rate"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcm","rate":16000}}}}}"#,
        "integer_below_min_value",
        Some("session.audio.input.format.rate"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":{"type":"audio/pcmu","rate":8000}}}}}"#,
        "unknown_parameter",
        Some("session.audio.input.format.rate"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"format":"g711_ulaw"}}}}"#,
        "invalid_type",
        Some("session.audio.input.format"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":{"type":"semantic_vad","threshold":0.5}}}}}"#,
        "unknown_parameter",
        Some("session.audio.input.turn_detection.threshold"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":{"type":"server_vad","threshold":7.5}}}}}"#,
        "decimal_above_max_value",
        Some("session.audio.input.turn_detection.threshold"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","audio":{"output":{"voice":"zorg"}}}}"#,
        "invalid_value",
        Some("session.audio.output.voice"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","tools":[{"type":"function","function":{"name":"f"}}]}}"#,
        "unknown_parameter",
        Some("session.tools[0].function"),
    ),
    (
        r#"{"type":"session.update","session":{"type":"realtime","max_output_tokens":999999}}"#,
        "integer_above_max_value",
        Some("session.max_output_tokens"),
    ),
    (
        r#"{"type":"response.create","response":{"modalities":["audio"]}}"#,
        "unknown_parameter",
        Some("response.modalities"),
    ),
    (
        r#"{"type":"response.create","response":{"audio":{"output":{"speed":1.0}}}}"#,
        "unknown_parameter",
        Some("response.audio.output.speed"),
    ),
    (
        r#"{"type":"conversation.item.create","item":{"type":"message","role":"assistant","content":[{"type":"output_audio","transcript":"x"}]}}"#,
        "missing_required_parameter",
        Some("item.content[0].text"),
    ),
    (
        r#"{"type":"conversation.item.create","item":{"type":"message","role":"user","content":[{"type":"output_text","text":"x"}]}}"#,
        "invalid_value",
        Some("item.content[0].type"),
    ),
    (
        r#"{"type":"conversation.item.create","item":{"id":"0123456789012345678901234567890123","type":"message","role":"user","content":[]}}"#,
        "string_above_max_length",
        Some("item.id"),
    ),
    (
        r#"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"c","output":{}}}"#,
        "invalid_type",
        Some("item.output"),
    ),
    (
        r#"{"type":"conversation.item.truncate","item_id":"i","audio_end_ms":1}"#,
        "missing_required_parameter",
        Some("content_index"),
    ),
];

#[test]
fn every_refusal_has_its_code_and_names_its_field() {
    for (text, code, param) in REFUSED {
        let refused = read(text).expect_err(text);
        assert_eq!((refused.fault.code, refused.fault.param.as_deref()), (code, param), "{text}");
    }
}

#[test]
fn a_refusal_carries_the_clients_event_id() {
    let refused = read(r#"{"type":"nonsense","event_id":"mine"}"#).unwrap_err();
    assert_eq!(refused.event_id.as_deref(), Some("mine"));
}

#[test]
fn an_append_is_read_without_copying_in_any_order_of_its_fields() {
    for text in [
        r#"{"type":"input_audio_buffer.append","audio":"AAAA"}"#,
        r#"{"audio":"AAAA","event_id":"a","type":"input_audio_buffer.append"}"#,
    ] {
        assert!(matches!(read(text), Ok(Incoming::Append("AAAA"))), "{text}");
    }
}

#[test]
fn the_whole_session_of_the_reference_is_accepted() {
    let text = r#"{"type":"session.update","event_id":"cfg-1","session":{
            "type":"realtime","model":"m","output_modalities":["audio"],"instructions":"...",
            "audio":{"input":{"format":{"type":"audio/pcmu"},"noise_reduction":{"type":"near_field"},
              "transcription":{"model":"gpt-live-transcribe","language":"en"},
              "turn_detection":{"type":"server_vad","threshold":0.6,"prefix_padding_ms":300,"silence_duration_ms":500,
                "idle_timeout_ms":null,"create_response":true,"interrupt_response":true}},
              "output":{"format":{"type":"audio/pcma"},"voice":{"id":"voice_1"},"speed":1.0}},
            "tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object","properties":{}}}],
            "tool_choice":{"type":"function","name":"f"},"max_output_tokens":4096,"tracing":"auto","include":null,
            "parallel_tool_calls":true,"reasoning":{"effort":"low"},"prompt":null,
            "truncation":{"type":"retention_ratio","retention_ratio":0.8,"token_limits":{"post_instructions":8000}}}}"#;
    assert!(read(text).is_ok(), "{:?}", read(text));
}
