use serde_json::{Value, json};

use super::*;
use crate::ids::Private;
use crate::realtime::gemini::plan::{Activity, Compression, sample};
use crate::realtime::plan::Transcription;
use crate::realtime::seed::ResumptionHandle;
use crate::tools::spec::ToolSpec;

fn written(message: &ClientMessage<'_>) -> Value {
    serde_json::from_str(&message.to_json()).expect("our own JSON")
}

fn tool() -> ToolSpec {
    ToolSpec {
        name: "check_table".to_owned(),
        description: "Is a table free?".to_owned(),
        parameters: json!({"type": "object", "properties": {}, "additionalProperties": false}),
    }
}

#[test]
fn the_setup_is_the_documented_one_and_no_field_more() {
    let (mut common, mut plan) = (sample::common(), sample::gemini());
    common.tools = vec![tool()];
    plan.max_output_tokens = Some(2_048);
    plan.compression = Compression { trigger_tokens: Some(100_000), target_tokens: Some(50_000) };
    assert_eq!(
        setup(&common, &plan),
        json!({"setup": {
            "model": "models/gemini-3.8-live",
            "generationConfig": {
                "responseModalities": ["AUDIO"],
                "maxOutputTokens": 2048,
                "speechConfig": {"voiceConfig": {"prebuiltVoiceConfig": {"voiceName": "Kore"}}}
            },
            "systemInstruction": {"parts": [{"text": prompt("Be brief.")}]},
            "tools": [{"functionDeclarations": [{
                "name": "check_table",
                "description": "Is a table free?",
                "parametersJsonSchema": {"type": "object", "properties": {}, "additionalProperties": false},
                "behavior": "NON_BLOCKING"
            }]}],
            "realtimeInputConfig": {
                "automaticActivityDetection": {
                    "disabled": false,
                    "startOfSpeechSensitivity": "START_SENSITIVITY_LOW",
                    "endOfSpeechSensitivity": "END_SENSITIVITY_HIGH",
                    "prefixPaddingMs": 200,
                    "silenceDurationMs": 600
                },
                "activityHandling": "START_OF_ACTIVITY_INTERRUPTS",
                "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY"
            },
            "inputAudioTranscription": {},
            "outputAudioTranscription": {},
            "sessionResumption": {},
            "contextWindowCompression": {"triggerTokens": "100000", "slidingWindow": {"targetTokens": "50000"}}
        }})
    );
}

/// Trap: fields that a model does not know close the socket.
#[test]
fn each_family_gets_the_fields_that_it_knows() {
    let mut common = sample::common();
    common.tools = vec![tool()];
    let of = |model: &str| setup(&common, &sample::gemini().with_model(model))["setup"].clone();
    let thinking = |model: &str| of(model)["generationConfig"]["thinkingConfig"].clone();
    assert_eq!(thinking("gemini-3.8-live"), Value::Null);
    assert_eq!(thinking("gemini-3.8-live-extended-thinking"), json!({"thinkingLevel": "LOW"}));
    assert_eq!(thinking("gemini-3.1-flash-live-preview"), json!({"thinkingLevel": "MINIMAL"}));
    assert_eq!(thinking("gemini-2.5-flash-native-audio-preview-12-2025"), json!({"thinkingBudget": 0}));
    let behavior = |model: &str| of(model)["tools"][0]["functionDeclarations"][0]["behavior"].clone();
    assert_eq!(behavior("gemini-3.1-flash-live-preview"), Value::Null);
    assert_eq!(behavior("gemini-2.5-flash-native-audio-preview-12-2025"), "NON_BLOCKING");
    for model in ["gemini-3.8-live", "gemini-3.1-flash-live-preview", "gemini-2.5-flash"] {
        for absent in ["temperature", "proactivity", "enableAffectiveDialog"] {
            assert!(!of(model).to_string().contains(absent), "{model} {absent}");
        }
    }
}

#[test]
fn history_is_announced_only_to_a_server_that_awaits_it_and_not_together_with_a_handle() {
    let common = sample::common();
    let announced = |model: &str, url: Option<&str>, opening: Opening| {
        let mut plan = sample::gemini().with_model(model);
        plan.address.endpoint.url = url.map_or(plan.address.endpoint.url, str::to_owned);
        let setup = written(&ClientMessage::Setup(Box::new(Setup::of(&common, &plan, "m", "p", &opening))));
        (setup["setup"].get("historyConfig").is_some(), setup["setup"]["sessionResumption"].clone())
    };
    let continues = || Opening { number: 2, continues: true, resumption: None, caller: None };
    let resumes = || Opening { resumption: Some(ResumptionHandle(Private::new("h".to_owned()))), ..continues() };
    let vertex = "wss://us-central1-aiplatform.googleapis.com/ws/x";
    assert_eq!(announced("gemini-3.8-live", None, Opening::default()), (false, json!({})));
    assert_eq!(announced("gemini-3.8-live", None, continues()), (true, json!({})));
    assert_eq!(announced("gemini-3.8-live", None, resumes()), (false, json!({"handle": "h"})));
    assert_eq!(announced("gemini-3.8-live", Some(vertex), continues()), (false, json!({})));
    assert_eq!(announced("gemini-2.5-flash-native-audio", None, continues()), (false, json!({})));
}

#[test]
fn hints_are_sent_only_where_they_are_known_to_be_accepted() {
    let mut common = sample::common();
    common.transcription = Some(Transcription {
        language: Some("hi-IN".to_owned()),
        keywords: vec!["Devanand".to_owned()],
        ..Transcription::default()
    });
    let mut plan = sample::gemini();
    assert_eq!(setup(&common, &plan)["setup"]["inputAudioTranscription"], json!({}));
    plan.transcription_hints = true;
    assert_eq!(
        setup(&common, &plan)["setup"]["inputAudioTranscription"],
        json!({"languageCodes": ["hi-IN"], "customVocabulary": ["Devanand"]})
    );
}

#[test]
fn manual_detection_has_no_settings_of_the_automatic_one() {
    let mut plan = sample::gemini();
    plan.activity = Activity::Manual { interrupts: false };
    assert_eq!(
        setup(&sample::common(), &plan)["setup"]["realtimeInputConfig"],
        json!({
            "automaticActivityDetection": {"disabled": true},
            "activityHandling": "NO_INTERRUPTION",
            "turnCoverage": "TURN_INCLUDES_ONLY_ACTIVITY"
        })
    );
}

#[test]
fn messages_are_written_as_documented() {
    let input = |input| written(&ClientMessage::RealtimeInput(input));
    assert_eq!(input(RealtimeInput::ActivityStart(Empty {})), json!({"realtimeInput": {"activityStart": {}}}));
    assert_eq!(input(RealtimeInput::ActivityEnd(Empty {})), json!({"realtimeInput": {"activityEnd": {}}}));
    assert_eq!(input(RealtimeInput::AudioStreamEnd(true)), json!({"realtimeInput": {"audioStreamEnd": true}}));
    assert_eq!(input(RealtimeInput::Text("[Hi.]")), json!({"realtimeInput": {"text": "[Hi.]"}}));
    let content = ClientContent { turns: vec![Content::of(Role::User, "Hi.")], turn_complete: true };
    assert_eq!(
        written(&ClientMessage::ClientContent(content)),
        json!({"clientContent": {"turns": [{"role": "user", "parts": [{"text": "Hi."}]}], "turnComplete": true}})
    );
    let response = |id, scheduling| {
        let response =
            FunctionResponse { id, name: "check_table", response: json!({"output": {"free": true}}), scheduling };
        written(&ClientMessage::ToolResponse(ToolResponse { function_responses: [response] }))
    };
    assert_eq!(
        response(Some("call-1"), Some(Scheduling::WhenIdle)),
        json!({"toolResponse": {"functionResponses": [{"id": "call-1", "name": "check_table",
            "response": {"output": {"free": true}}, "scheduling": "WHEN_IDLE"}]}})
    );
    assert_eq!(
        response(None, None),
        json!({"toolResponse": {"functionResponses": [{"name": "check_table", "response": {"output": {"free": true}}}]}})
    );
    let update = ContextUpdate {
        system_instruction: Some(Content::prompt("New.")),
        tools: Some(ToolList { tools: FunctionTools::of(&[], Tools::NonBlocking) }),
    };
    assert_eq!(
        written(&ClientMessage::ContextUpdate(update)),
        json!({"contextUpdate": {"systemInstruction": {"parts": [{"text": "New."}]}, "tools": {"tools": []}}})
    );
}

#[test]
fn audio_is_written_with_its_rate() {
    for rate_hz in [8_000, 16_000, 24_000] {
        let frame = audio(&[1, 2, 3, 4], rate_hz);
        let message: Value = serde_json::from_slice(&frame).expect("JSON");
        let mime_type = format!("audio/pcm;rate={rate_hz}");
        assert_eq!(message, json!({"realtimeInput": {"audio": {"data": "AQIDBA==", "mimeType": mime_type}}}));
    }
}

/// Trap: the model repeats a call whose result is empty or odd.
#[test]
fn a_result_is_always_an_object_that_says_something() {
    for (output, expected) in [
        ("", json!({"output": {"status": "ok"}})),
        ("null", json!({"output": {"status": "ok"}})),
        ("{}", json!({"output": {"status": "ok"}})),
        ("free", json!({"output": "free"})),
        ("[1]", json!({"output": [1]})),
        (r#"{"free":true}"#, json!({"output": {"free": true}})),
        (r#"{"error":"closed"}"#, json!({"error": "closed", "retryable": false})),
        (r#"{"error":"busy","retryable":true}"#, json!({"error": "busy", "retryable": true})),
    ] {
        assert_eq!(result_of(output), expected, "{output}");
    }
}
