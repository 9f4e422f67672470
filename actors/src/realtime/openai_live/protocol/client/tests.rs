use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::carrier::AudioFormat;
use crate::realtime::openai_live::plan::{Delegation, sample};

fn value(event: &ClientEvent<'_>) -> Value {
    serde_json::from_str(&event.to_json()).expect("JSON")
}

#[test]
fn a_start_has_what_the_server_knows_and_nothing_else() {
    let mut common = sample::common();
    common.tools = vec![sample::tool("end_call")];
    let plan = sample::live();
    let input = [
        Message::new(Role::Developer, "Be kind.".to_owned()),
        Message::new(Role::User, "Hello?".to_owned()),
        Message::new(Role::Assistant, "Hi.".to_owned()),
    ];
    let session = Box::new(Session::fresh(&common, &plan, &input, Some("hash")));
    let start = value(&ClientEvent::Start { event_id: EventId::Start, session });
    let mut bare = start.clone();
    let prompt = bare["session"]["instructions"].take();
    let backend = bare["session"]["delegation"]["responses"]["instructions"].take();
    assert_eq!(
        bare,
        json!({"type": "session.start", "event_id": "start", "session": {
            "model": "gpt-live-1.1",
            "instructions": null,
            "audio": {"format": {"type": "audio/pcmu", "rate": 8000}, "output": {"voice": "marin"}},
            "delegation": {"type": "responses", "acknowledgement_delay_ms": 600, "responses": {
                "model": "gpt-5.6-luna", "instructions": null, "parallel_tool_calls": false, "tool_choice": "auto",
                "reasoning": {"effort": "low"}, "text": {"verbosity": "low"}, "max_output_tokens": 600,
                "tools": [{"type": "function", "name": "end_call", "description": "Does end_call.",
                    "parameters": {"type": "object", "properties": {}}, "strict": false}]}},
            "input": [
                {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "Be kind."}]},
                {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello?"}]},
                {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Hi."}]}],
            "safety_identifier": "hash",
            "store": false}})
    );
    let prompt = prompt.as_str().unwrap_or_default();
    assert!(prompt.starts_with("Be brief.") && prompt.contains("Delegation policy"), "{prompt}");
    assert!(prompt.contains("- end_call: Does end_call."), "the voice knows what there is: {prompt}");
    assert!(backend.as_str().is_some_and(|text| text.starts_with("Be brief.") && text.contains("no Markdown")));
}

#[test]
fn the_two_prompts_can_differ_and_a_client_has_no_backend() {
    let (common, mut plan) = (sample::common(), sample::live());
    let common = Common { backend: Some("Look things up.".to_owned()), ..common };
    let start = session_start(&common, &plan);
    let reported = &start["session"]["delegation"]["responses"]["instructions"];
    assert!(reported.as_str().is_some_and(|text| text.starts_with("Look things up.")));
    assert!(start["session"]["instructions"].as_str().is_some_and(|text| text.contains("no backend tools")));
    plan.delegation = Delegation::Client { tool: None };
    let delegation = &session_start(&common, &plan)["session"]["delegation"];
    assert_eq!(*delegation, json!({"type": "client", "acknowledgement_delay_ms": 600}));
}

#[test]
fn every_format_has_its_rate_and_a_custom_voice_its_id() {
    let wide = AudioFormat { rate_hz: 16_000, ..AudioFormat::PCM_24K };
    for (format, kind, rate) in [
        (AudioFormat::PCM_24K, "audio/pcm", 24_000),
        (wide, "audio/pcm", 16_000),
        (AudioFormat::MULAW_8K, "audio/pcmu", 8_000),
        (AudioFormat::ALAW_8K, "audio/pcma", 8_000),
    ] {
        let mut plan = sample::live();
        (plan.format, plan.voice) = (format, "voice_123".to_owned());
        let audio = &session_start(&sample::common(), &plan)["session"]["audio"];
        assert_eq!(audio["format"], json!({"type": kind, "rate": rate}));
        assert_eq!(audio["output"]["voice"], json!({"id": "voice_123"}));
    }
}

#[test]
fn an_append_always_has_its_delegation_even_if_there_is_none() {
    let append = |delegation| Append::new(3, "Hi.", delegation);
    for (event, kind, delegation) in [
        (ClientEvent::Commentary(append(None)), "session.commentary.append", Value::Null),
        (ClientEvent::Thinking(append(Some("d"))), "session.thinking.append", json!("d")),
        (ClientEvent::Instructions(append(None)), "session.instructions.append", Value::Null),
    ] {
        let expected = json!({"type": kind, "event_id": "append-3", "content": "Hi.", "delegation_id": delegation});
        assert_eq!(value(&event), expected);
    }
}

#[test]
fn the_other_events_are_as_small_as_the_server_wants_them() {
    let item = FunctionOutput::new("call_1", "{}");
    let output = ClientEvent::Output { event_id: EventId::Output(1), item };
    assert_eq!(
        value(&output),
        json!({"type": "response.item.create", "event_id": "output-1",
            "item": {"type": "function_call_output", "call_id": "call_1", "output": "{}"}})
    );
    let goes_on = ClientEvent::GoOn { event_id: EventId::GoOn(2) };
    assert_eq!(value(&goes_on), json!({"type": "response.create", "event_id": "go-on-2"}));
    let close = ClientEvent::Close { event_id: EventId::Close };
    assert_eq!(value(&close), json!({"type": "session.close", "event_id": "close"}));
    let update = ClientEvent::Update { event_id: EventId::Update(1), session: Change::of(Some("New."), None) };
    assert_eq!(
        value(&update),
        json!({"type": "session.update", "event_id": "update-1",
            "session": {"delegation": {"type": "responses", "responses": {"instructions": "New."}}}})
    );
}

#[test]
fn caller_audio_is_written_without_serde_and_reads_as_json() {
    let event = append_audio(1_203, &[0xFF; 160]);
    let event: Value = serde_json::from_slice(&event).expect("JSON");
    let audio = base64_simd::STANDARD.encode_to_string([0xFF; 160]);
    assert_eq!(event, json!({"type": "session.input_audio.append", "event_id": "audio-1203", "audio": audio}));
}

#[test]
fn a_long_text_is_split_between_sentences() {
    let text = format!("{} {} {}", "One two.".repeat(40), "Three four!".repeat(30), "x".repeat(20));
    let parts = parts(&text);
    assert!(parts.len() >= 2 && parts.iter().all(|part| part.len() <= MOST_APPENDED));
    assert!(parts[0].ends_with(['.', '!']), "{}", parts[0]);
}

proptest! {
    #[test]
    fn no_part_is_blank_or_too_long_and_no_word_is_lost(text in "[a-z .!\u{0939}\u{093E}\u{0901}\n]{0,3000}") {
        let parts = parts(&text);
        for part in &parts {
            prop_assert!(!part.trim().is_empty() && part.len() <= MOST_APPENDED);
        }
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(letters(&parts.concat()), letters(&text));
    }
}
