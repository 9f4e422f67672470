use serde_json::{Value, json};

use super::*;
use crate::carrier::AudioFormat;
use crate::realtime::messages::TextRole;
use crate::realtime::openai::plan::sample;
use crate::realtime::openai::plan::{NoiseReduction, TurnDetection};
use crate::realtime::plan::Transcription;
use crate::tools::spec::ToolSpec;

fn update(common: &Common, plan: &OpenAiPlan) -> Value {
    let session = Session::fresh(common, plan);
    let event = ClientEvent::SessionUpdate { event_id: EventId::Configure(1), session }.to_json();
    serde_json::from_str(&event).expect("our own JSON")
}

#[test]
fn a_session_update_names_every_value_and_nothing_else() {
    assert_eq!(
        update(&sample::common(), &sample::openai()),
        json!({"type": "session.update", "event_id": "configure-1", "session": {
            "type": "realtime",
            "output_modalities": ["audio"],
            "instructions": "Be brief.",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": 24000},
                    "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                        "silence_duration_ms": 500, "create_response": true, "interrupt_response": true},
                },
                "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
            },
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
        }})
    );
}

#[test]
fn a_full_session_update_holds_what_the_plan_holds() {
    let (mut common, mut plan) = (sample::common(), sample::openai());
    plan.format = AudioFormat::MULAW_8K;
    plan.voice = "voice_123".to_owned();
    plan.speed = Some(1.25);
    plan.noise_reduction = Some(NoiseReduction::NearField);
    common.transcription = Some(Transcription {
        model: "gpt-live-transcribe".to_owned(),
        language: Some("hi".to_owned()),
        prompt: Some("names of towns".to_owned()),
        ..Transcription::default()
    });
    plan.turn_detection =
        TurnDetection::Semantic { eagerness: "low".to_owned(), create_response: true, interrupt_response: false };
    let [name, description] = ["end_call", "Ends."].map(str::to_owned);
    common.tools = vec![ToolSpec { name, description, parameters: json!({"type": "object"}) }];
    plan.max_output_tokens = Some(4096);
    plan.retention_ratio = Some(0.75);
    let session = &update(&common, &plan)["session"];
    assert_eq!(
        session["audio"],
        json!({
            "input": {
                "format": {"type": "audio/pcmu"},
                "noise_reduction": {"type": "near_field"},
                "transcription": {"model": "gpt-live-transcribe", "language": "hi", "prompt": "names of towns"},
                "turn_detection": {"type": "semantic_vad", "eagerness": "low",
                    "create_response": true, "interrupt_response": false},
            },
            "output": {"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_123"}, "speed": 1.25},
        })
    );
    let declared = json!({"type": "function", "name": "end_call", "description": "Ends.",
        "parameters": {"type": "object"}});
    assert_eq!(session["tools"], json!([declared]));
    assert_eq!(session["max_output_tokens"], 4096);
    assert_eq!(session["truncation"], json!({"type": "retention_ratio", "retention_ratio": 0.75}));
}

#[test]
fn an_append_event_is_what_serde_would_have_written() {
    for (number, audio) in [(0, &b"\x00"[..]), (7, b"abc"), (u64::MAX, &[0xff; 961])] {
        let out = append(number, audio);
        assert!(out.len() <= audio.len().div_ceil(3) * 4 + MOST_AROUND_AUDIO);
        let value: Value = serde_json::from_slice(&out).expect("valid JSON");
        assert_eq!(
            value,
            json!({"type": "input_audio_buffer.append", "event_id": EventId::Audio(number).to_string(),
                "audio": base64_simd::STANDARD.encode_to_string(audio)})
        );
    }
}

#[test]
fn items_and_responses_have_the_keys_of_the_protocol() {
    let create = |item| {
        serde_json::to_value(ClientEvent::ItemCreate { event_id: EventId::Text(1), previous_item_id: None, item })
            .expect("plain data")
    };
    assert_eq!(
        create(Item::text("sb_1", TextRole::Assistant, "Hello", "output_text"))["item"],
        json!({"type": "message", "id": "sb_1", "role": "assistant",
            "content": [{"type": "output_text", "text": "Hello"}]})
    );
    assert_eq!(
        create(Item::text("sb_2", TextRole::System, "x", "output_text"))["item"]["content"][0]["type"],
        "input_text"
    );
    assert_eq!(
        create(Item::FunctionCallOutput { call_id: "call_1", output: "" })["item"],
        json!({"type": "function_call_output", "call_id": "call_1", "output": ""})
    );
    let cancel = ClientEvent::ResponseCancel { event_id: EventId::Stop(2), response_id: None }.to_json();
    assert_eq!(cancel, r#"{"type":"response.cancel","event_id":"stop-2"}"#);
}
