use serde_json::json;

use super::*;
use crate::ids::Private;
use crate::realtime::openai::plan::sample;
use crate::realtime::plan::Credential;
use crate::tools::spec::ToolSpec;

fn broken(change: impl FnOnce(&mut OpenAiPlan)) -> String {
    let mut plan = sample::openai();
    change(&mut plan);
    check(&sample::common(), &plan).expect_err("a broken rule").field
}

fn broken_for_all(change: impl FnOnce(&mut Common)) -> String {
    let mut common = sample::common();
    change(&mut common);
    check(&common, &sample::openai()).expect_err("a broken rule").field
}

fn tool(name: &str) -> ToolSpec {
    let parameters = json!({"type": "object"});
    ToolSpec { name: name.to_owned(), description: "d".to_owned(), parameters }
}

fn server(label: &str, url: &str) -> McpServer {
    McpServer {
        label: label.to_owned(),
        url: url.to_owned(),
        description: None,
        allowed_tools: None,
        authorization: None,
        headers: std::collections::BTreeMap::new(),
    }
}

fn server_vad(threshold: f32, idle_timeout_ms: Option<u32>) -> TurnDetection {
    TurnDetection::Server {
        threshold,
        prefix_padding_ms: 300,
        silence_duration_ms: 500,
        idle_timeout_ms,
        create_response: true,
        interrupt_response: true,
    }
}

#[test]
fn a_plan_that_keeps_the_rules_passes() {
    let (mut common, mut plan) = (sample::common(), sample::openai());
    assert_eq!(check(&common, &plan), Ok(()));
    plan.voice = "voice_abc".to_owned();
    plan.speed = Some(1.5);
    plan.max_output_tokens = Some(1);
    plan.retention_ratio = Some(0.8);
    plan.turn_detection = server_vad(1.0, Some(5_000));
    plan.options.mcp = vec![server("crm", "https://crm.example/mcp")];
    common.tools = vec![tool("end_call")];
    assert_eq!(check(&common, &plan), Ok(()));
}

#[test]
fn each_broken_rule_names_its_field() {
    assert_eq!(
        broken(|plan| plan.address.endpoint.url = "https://api.openai.com/v1/realtime".to_owned()),
        "endpoint.url"
    );
    assert_eq!(broken(|plan| plan.address.endpoint.url = "wss://x/v1/realtime?model=a".to_owned()), "endpoint.url");
    assert_eq!(broken(|plan| plan.address.endpoint.url = "here".to_owned()), "endpoint.url");
    assert_eq!(
        broken(|plan| plan.address.endpoint.credential = Credential::Bearer(Private::new("sk\n".to_owned()))),
        "endpoint.credential"
    );
    assert_eq!(broken(|plan| plan.address.model = " ".to_owned()), "model");
    assert_eq!(broken(|plan| plan.format = AudioFormat::PCM_8K), "format");
    for (url, voice, taken) in [
        ("wss://api.openai.com/v1/realtime", "zorg", false),
        ("wss://firm.openai.azure.com/openai/v1/realtime", "voice_", false),
        ("wss://api.openai.com/v1/realtime", "voice_1", true),
        ("ws://10.0.0.5/v1/realtime", "zorg", true),
        ("ws://10.0.0.5/v1/realtime", " ", false),
    ] {
        let mut plan = OpenAiPlan { voice: voice.to_owned(), ..sample::openai() };
        plan.address.endpoint.url = url.to_owned();
        assert_eq!(check(&sample::common(), &plan).is_ok(), taken, "{voice} at {url}");
    }
    assert_eq!(broken(|plan| plan.speed = Some(9.0)), "speed");
    assert_eq!(broken(|plan| plan.speed = Some(f32::NAN)), "speed");
    assert_eq!(broken(|plan| plan.turn_detection = server_vad(7.5, None)), "turn_detection.threshold");
    assert_eq!(broken(|plan| plan.turn_detection = server_vad(0.5, Some(4_999))), "turn_detection.idle_timeout_ms");
    let semantic =
        TurnDetection::Semantic { eagerness: "x".to_owned(), create_response: true, interrupt_response: true };
    assert_eq!(broken(|plan| plan.turn_detection = semantic), "turn_detection.eagerness");
    assert_eq!(broken(|plan| plan.max_output_tokens = Some(999_999)), "max_output_tokens");
    assert_eq!(broken(|plan| plan.max_output_tokens = Some(0)), "max_output_tokens");
    assert_eq!(broken(|plan| plan.retention_ratio = Some(1.1)), "retention_ratio");
    assert_eq!(broken_for_all(|common| common.silence_timeout = Duration::ZERO), "silence_timeout");
    assert_eq!(broken_for_all(|common| common.connect_timeout = Duration::MAX), "connect_timeout");
}

#[test]
fn each_broken_rule_of_transcription_names_its_field() {
    let with = |model: &str, language: Option<&str>, prompt: Option<&str>| {
        let transcription = Transcription {
            model: model.to_owned(),
            language: language.map(str::to_owned),
            prompt: prompt.map(str::to_owned),
            ..Transcription::default()
        };
        broken_for_all(|common| common.transcription = Some(transcription))
    };
    assert_eq!(with("", None, None), "transcription.model");
    assert_eq!(with("gpt-realtime-whisper", None, None), "transcription.model");
    assert_eq!(with("gpt-live-transcribe", Some("en-US"), None), "transcription.language");
    assert_eq!(with("gpt-4o-transcribe-diarize", None, Some("p")), "transcription.prompt");
}

#[test]
fn each_broken_rule_of_tools_names_its_tool_and_field() {
    let with = |tools: Vec<ToolSpec>| broken_for_all(|common| common.tools = tools);
    assert_eq!(with(vec![tool("")]), "tools[0].name");
    assert_eq!(with(vec![tool("end call")]), "tools[0].name");
    assert_eq!(with(vec![tool(&"x".repeat(65))]), "tools[0].name");
    assert_eq!(with(vec![tool("x"), tool("x")]), "tools[1].name");
    assert_eq!(with(vec![ToolSpec { parameters: json!([]), ..tool("x") }]), "tools[0].parameters");
    let with = |servers: Vec<McpServer>| broken(|plan| plan.options.mcp = servers);
    assert_eq!(with(vec![server("", "u")]), "options.mcp[0].label");
    assert_eq!(with(vec![server("l", "")]), "options.mcp[0].url");
}
