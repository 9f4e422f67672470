//! The rules a session's configuration must keep (<https://platform.openai.com/docs/api-reference/realtime-client-events/session/update>). A rejected `session.update` is lost whole, so
//! one that breaks a rule is never sent: the plan is checked when the configuration is read, long before a call.
//!
//! What the plan cannot say cannot be wrong; what depends on the model (`reasoning`) is left out where the model lacks it.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use url::Url;

use super::client::CUSTOM_VOICE;
use crate::carrier::AudioFormat;
use crate::realtime::openai::options::{McpServer, takes_keywords};
use crate::realtime::plan::{Credential, Endpoint, SessionPlan, Transcription, TurnDetection};

/// A rule that a plan breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct PlanProblem {
    /// The field, as the plan names it.
    pub field: String,
    /// What is wrong with it and what was expected.
    pub problem: String,
}

/// The voices that every account has.
pub const VOICES: [&str; 10] =
    ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"];

/// The words for how soon meaning-based turn detection takes a turn for ended.
pub const EAGERNESS: [&str; 4] = ["low", "medium", "high", "auto"];

/// The longest of the four waits: a session lasts no longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Whether the server would take `plan`.
///
/// # Errors
/// The first rule that it breaks, with the field's name.
pub fn check_plan(plan: &SessionPlan) -> Result<(), PlanProblem> {
    check_endpoint(&plan.endpoint)?;
    expect(!plan.model.trim().is_empty(), "model", || "is empty, expected a model's name".to_owned())?;
    expect(
        [AudioFormat::PCM_24K, AudioFormat::MULAW_8K, AudioFormat::ALAW_8K].contains(&plan.format),
        "format",
        || format!("{:?} is not spoken by the server, expected PCM16 at 24000 Hz or G.711 at 8000 Hz", plan.format),
    )?;
    check_voice(&plan.voice)?;
    if let Some(speed) = plan.speed {
        in_range("speed", speed, 0.25, 1.5)?;
    }
    check_turn_detection(&plan.turn_detection)?;
    if let Some(transcription) = &plan.transcription {
        check_transcription(transcription)?;
    }
    if let Some(tokens) = plan.max_output_tokens {
        expect((1..=4096).contains(&tokens), "max_output_tokens", || format!("{tokens} is not within 1–4096"))?;
    }
    if let Some(ratio) = plan.retention_ratio {
        in_range("retention_ratio", ratio, 0.0, 1.0)?;
    }
    check_options(plan)?;
    check_tools(&plan.tools)?;
    check_tools(&plan.options.mcp.iter().map(McpServer::declaration).collect::<Vec<_>>())?;
    for (field, wait) in [
        ("connect_timeout", plan.connect_timeout),
        ("created_timeout", plan.created_timeout),
        ("updated_timeout", plan.updated_timeout),
        ("silence_timeout", plan.silence_timeout),
    ] {
        expect(!wait.is_zero() && wait <= LONGEST_WAIT, field, || {
            format!("{wait:?} is not within 1ms–{LONGEST_WAIT:?}")
        })?;
    }
    Ok(())
}

fn check_endpoint(endpoint: &Endpoint) -> Result<(), PlanProblem> {
    let url = Url::parse(&endpoint.url).map_err(|error| problem("endpoint.url", format!("is no URL: {error}")))?;
    expect(matches!(url.scheme(), "ws" | "wss"), "endpoint.url", || {
        format!("has scheme `{}`, expected ws or wss", url.scheme())
    })?;
    expect(url.host_str().is_some_and(|host| !host.is_empty()), "endpoint.url", || "has no host".to_owned())?;
    expect(!url.query_pairs().any(|(key, _)| key == "model"), "endpoint.url", || {
        "names a model in its query, expected it in `model`".to_owned()
    })?;
    let secret = match &endpoint.credential {
        Credential::Bearer(secret) | Credential::ApiKey(secret) => secret.expose(),
        Credential::None => return Ok(()),
    };
    // What a header cannot carry would fail at the first call; a line break is the usual leftover of a file.
    let carried = !secret.is_empty() && secret.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
    expect(carried, "endpoint.credential", || "is empty or holds characters that a header cannot carry".to_owned())
}

fn check_voice(voice: &str) -> Result<(), PlanProblem> {
    let custom = voice.strip_prefix(CUSTOM_VOICE).is_some_and(|rest| !rest.is_empty());
    expect(custom || VOICES.contains(&voice), "voice", || {
        format!("`{voice}` is no voice, expected one of {} or `{CUSTOM_VOICE}…`", VOICES.join(", "))
    })
}

fn check_turn_detection(detection: &TurnDetection) -> Result<(), PlanProblem> {
    match detection {
        TurnDetection::Server { threshold, idle_timeout_ms, .. } => {
            in_range("turn_detection.threshold", *threshold, 0.0, 1.0)?;
            if let Some(idle) = idle_timeout_ms {
                expect((5_000..=30_000).contains(idle), "turn_detection.idle_timeout_ms", || {
                    format!("{idle} is not within 5000–30000")
                })?;
            }
            Ok(())
        }
        TurnDetection::Semantic { eagerness, .. } => {
            expect(EAGERNESS.contains(&eagerness.as_str()), "turn_detection.eagerness", || {
                format!("`{eagerness}` is unknown, expected one of {}", EAGERNESS.join(", "))
            })
        }
    }
}

fn check_options(plan: &SessionPlan) -> Result<(), PlanProblem> {
    let options = &plan.options;
    if let Some(strength) = options.noise_strength {
        in_range("options.noise_strength", strength, 0.0, 1.0)?;
        expect(plan.noise_reduction.is_some(), "options.noise_strength", || "needs noise reduction".to_owned())?;
    }
    if let Some(tokens) = options.retention_tokens {
        expect(plan.retention_ratio.is_some(), "options.retention_tokens", || "needs a retention ratio".to_owned())?;
        expect(tokens > 0, "options.retention_tokens", || "is 0, expected at least 1".to_owned())?;
    }
    expect(!(options.never_cut && plan.retention_ratio.is_some()), "options.never_cut", || {
        "excludes a retention ratio".to_owned()
    })
}

fn check_transcription(transcription: &Transcription) -> Result<(), PlanProblem> {
    let model = transcription.model.as_str();
    expect(!model.trim().is_empty(), "transcription.model", || "is empty, expected a model's name".to_owned())?;
    expect(model != "gpt-realtime-whisper", "transcription.model", || {
        "`gpt-realtime-whisper` needs turn detection off, and a phone call needs it on".to_owned()
    })?;
    if let Some(language) = &transcription.language {
        let iso = language.len() == 2 && language.bytes().all(|byte| byte.is_ascii_lowercase());
        expect(iso, "transcription.language", || {
            format!("`{language}` is no ISO 639-1 code, expected two small letters")
        })?;
    }
    for (field, list) in [("languages", &transcription.languages), ("keywords", &transcription.keywords)] {
        let taken = list.is_empty() || takes_keywords(model);
        expect(taken, &format!("transcription.{field}"), || format!("are not taken by `{model}`"))?;
    }
    expect(transcription.prompt.is_none() || !model.ends_with("-diarize"), "transcription.prompt", || {
        format!("is not taken by `{model}`")
    })
}

fn check_tools(tools: &[Value]) -> Result<(), PlanProblem> {
    let mut names = BTreeSet::new();
    for (index, tool) in tools.iter().enumerate() {
        let field = |key: &str| format!("tools[{index}]{key}");
        let Some(object) = tool.as_object() else {
            return Err(problem(field(""), "is no object".to_owned()));
        };
        match object.get("type").and_then(Value::as_str) {
            Some("function") => {}
            Some("mcp") => {
                check_mcp(object, &field)?;
                continue;
            }
            _ => return Err(problem(field(".type"), "expected `function` or `mcp`".to_owned())),
        }
        only_keys(object, &["type", "name", "description", "parameters"], &field)?;
        let name = object.get("name").and_then(Value::as_str).unwrap_or_default();
        let speakable = (1..=64).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        expect(speakable, &field(".name"), || "expected 1–64 letters, digits, `_` or `-`".to_owned())?;
        expect(names.insert(name), &field(".name"), || format!("`{name}` is there twice"))?;
        expect(object.get("description").is_none_or(Value::is_string), &field(".description"), || {
            "expected a string".to_owned()
        })?;
        expect(object.get("parameters").is_none_or(Value::is_object), &field(".parameters"), || {
            "expected a JSON schema object".to_owned()
        })?;
    }
    Ok(())
}

fn check_mcp(object: &serde_json::Map<String, Value>, field: &impl Fn(&str) -> String) -> Result<(), PlanProblem> {
    let known = [
        "type",
        "server_label",
        "server_url",
        "connector_id",
        "tunnel_id",
        "authorization",
        "headers",
        "allowed_tools",
        "require_approval",
        "server_description",
        "defer_loading",
        "allowed_callers",
    ];
    only_keys(object, &known, field)?;
    let label = object.get("server_label").and_then(Value::as_str).unwrap_or_default();
    expect(!label.is_empty(), &field(".server_label"), || "is missing or empty".to_owned())?;
    let places = ["server_url", "connector_id", "tunnel_id"];
    let named = places.iter().filter(|key| object.contains_key(**key)).count();
    expect(named == 1, &field(""), || format!("expected one of {}, got {named}", places.join(", ")))
}

fn only_keys(
    object: &serde_json::Map<String, Value>,
    known: &[&str],
    field: &impl Fn(&str) -> String,
) -> Result<(), PlanProblem> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(problem(field(&format!(".{key}")), "is not known to the server".to_owned())),
        None => Ok(()),
    }
}

fn in_range(field: &str, value: f32, least: f32, most: f32) -> Result<(), PlanProblem> {
    // A NaN is within nothing.
    expect((least..=most).contains(&value), field, || format!("{value} is not within {least}–{most}"))
}

fn expect(holds: bool, field: &str, said: impl FnOnce() -> String) -> Result<(), PlanProblem> {
    if holds { Ok(()) } else { Err(problem(field, said())) }
}

fn problem(field: impl Into<String>, problem: String) -> PlanProblem {
    PlanProblem { field: field.into(), problem }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ids::Private;
    use crate::realtime::plan::sample;

    fn broken(change: impl FnOnce(&mut SessionPlan)) -> String {
        let mut plan = sample::plan();
        change(&mut plan);
        check_plan(&plan).expect_err("a broken rule").field
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
        let mut plan = sample::plan();
        assert_eq!(check_plan(&plan), Ok(()));
        plan.voice = "voice_abc".to_owned();
        plan.speed = Some(1.5);
        plan.max_output_tokens = Some(1);
        plan.retention_ratio = Some(0.8);
        plan.turn_detection = server_vad(1.0, Some(5_000));
        plan.tools = vec![
            json!({"type": "function", "name": "end_call", "description": "d", "parameters": {"type": "object"}}),
            json!({"type": "mcp", "server_label": "crm", "server_url": "https://crm.example/mcp"}),
        ];
        assert_eq!(check_plan(&plan), Ok(()));
    }

    #[test]
    fn each_broken_rule_names_its_field() {
        assert_eq!(broken(|plan| plan.endpoint.url = "https://api.openai.com/v1/realtime".to_owned()), "endpoint.url");
        assert_eq!(broken(|plan| plan.endpoint.url = "wss://x/v1/realtime?model=a".to_owned()), "endpoint.url");
        assert_eq!(broken(|plan| plan.endpoint.url = "here".to_owned()), "endpoint.url");
        assert_eq!(
            broken(|plan| plan.endpoint.credential = Credential::Bearer(Private::new("sk\n".to_owned()))),
            "endpoint.credential"
        );
        assert_eq!(broken(|plan| plan.model = " ".to_owned()), "model");
        assert_eq!(broken(|plan| plan.format = AudioFormat::PCM_8K), "format");
        assert_eq!(broken(|plan| plan.voice = "zorg".to_owned()), "voice");
        assert_eq!(broken(|plan| plan.voice = "voice_".to_owned()), "voice");
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
        assert_eq!(broken(|plan| plan.silence_timeout = Duration::ZERO), "silence_timeout");
        assert_eq!(broken(|plan| plan.connect_timeout = Duration::MAX), "connect_timeout");
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
            broken(|plan| plan.transcription = Some(transcription))
        };
        assert_eq!(with("", None, None), "transcription.model");
        assert_eq!(with("gpt-realtime-whisper", None, None), "transcription.model");
        assert_eq!(with("gpt-live-transcribe", Some("en-US"), None), "transcription.language");
        assert_eq!(with("gpt-4o-transcribe-diarize", None, Some("p")), "transcription.prompt");
    }

    #[test]
    fn each_broken_rule_of_tools_names_its_tool_and_field() {
        let with = |tools: Vec<Value>| broken(|plan| plan.tools = tools);
        assert_eq!(with(vec![json!("end_call")]), "tools[0]");
        assert_eq!(with(vec![json!({"name": "x"})]), "tools[0].type");
        assert_eq!(with(vec![json!({"type": "function", "function": {"name": "x"}})]), "tools[0].function");
        assert_eq!(with(vec![json!({"type": "function", "name": "x", "strict": true})]), "tools[0].strict");
        assert_eq!(with(vec![json!({"type": "function"})]), "tools[0].name");
        assert_eq!(with(vec![json!({"type": "function", "name": "end call"})]), "tools[0].name");
        let twice = json!({"type": "function", "name": "x"});
        assert_eq!(with(vec![twice.clone(), twice]), "tools[1].name");
        assert_eq!(with(vec![json!({"type": "function", "name": "x", "parameters": []})]), "tools[0].parameters");
        assert_eq!(with(vec![json!({"type": "mcp", "server_url": "u"})]), "tools[0].server_label");
        assert_eq!(with(vec![json!({"type": "mcp", "server_label": "l"})]), "tools[0]");
    }
}
