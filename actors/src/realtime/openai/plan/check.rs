//! The rules for a session's configuration
//! (<https://platform.openai.com/docs/api-reference/realtime-client-events/session/update>).
//!
//! The server rejects a `session.update` as a whole, so one that breaks a rule is never sent. The
//! plan is checked when the configuration is read, long before a call.
//!
//! Only values that the plan can express are checked. Settings that depend on the model
//! (`reasoning`) are not sent to models that lack them.

use std::time::Duration;

use url::Url;

use super::{OpenAiPlan, TurnDetection};
use crate::carrier::AudioFormat;
use crate::realtime::openai::dialects::{Turns, VoiceShape};
use crate::realtime::openai::names::VOICES;
use crate::realtime::openai::options::{McpServer, takes_keywords};
use crate::realtime::openai::protocol::client::CUSTOM_VOICE;
use crate::realtime::plan::rules::{check_credential, check_no_model, check_tools, check_url, check_waits, expect};
use crate::realtime::plan::{Common, PlanProblem, Transcription};

/// The hosts that have only these voices.
const VOICED_HOSTS: [&str; 2] = ["api.openai.com", ".azure.com"];

/// The words for how early meaning-based turn detection ends a turn.
pub const EAGERNESS: [&str; 4] = ["low", "medium", "high", "auto"];

/// The longest of the four timeouts: no session lasts longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// Checks whether the server accepts `common` and `plan`.
///
/// # Errors
/// The first broken rule, with the field's name.
pub fn check(common: &Common, plan: &OpenAiPlan) -> Result<(), PlanProblem> {
    check_no_model(&check_url(&plan.address.endpoint)?)?;
    check_credential(&plan.address.endpoint.credential)?;
    expect(!plan.address.model.trim().is_empty(), "model", || "is empty, expected a model's name".to_owned())?;
    expect(
        [AudioFormat::PCM_24K, AudioFormat::MULAW_8K, AudioFormat::ALAW_8K].contains(&plan.format),
        "format",
        || format!("{:?} is not spoken by the server, expected PCM16 at 24000 Hz or G.711 at 8000 Hz", plan.format),
    )?;
    check_voice(plan)?;
    if let Some(speed) = plan.speed {
        in_range("speed", speed, 0.25, 1.5)?;
    }
    check_turn_detection(&plan.turn_detection, &plan.dialect.turns)?;
    // A server with transcribers of its own gets one of those.
    if let Some(transcription) = common.transcription.as_ref().filter(|_| plan.dialect.ears.own.is_none()) {
        check_transcription(transcription)?;
    }
    if let Some(tokens) = plan.max_output_tokens {
        expect((1..=4096).contains(&tokens), "max_output_tokens", || format!("{tokens} is not within 1–4096"))?;
    }
    if let Some(ratio) = plan.retention_ratio {
        in_range("retention_ratio", ratio, 0.0, 1.0)?;
    }
    check_options(plan)?;
    check_tools(&common.tools)?;
    check_servers(&plan.options.mcp)?;
    let waits = [
        ("connect_timeout", common.connect_timeout),
        ("created_timeout", plan.created_timeout),
        ("updated_timeout", plan.updated_timeout),
        ("silence_timeout", common.silence_timeout),
    ];
    check_waits(waits, LONGEST_WAIT)
}

/// Checks the voice. Only hosts of OpenAI and Azure are checked against the list, because any other
/// server has its own voices.
fn check_voice(OpenAiPlan { voice, address, dialect, .. }: &OpenAiPlan) -> Result<(), PlanProblem> {
    let url = Url::parse(&address.endpoint.url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    let by_name = dialect.voice == VoiceShape::Name;
    if !by_name || !VOICED_HOSTS.iter().any(|known| host.ends_with(known)) {
        return expect(!voice.trim().is_empty(), "voice", || "is empty, expected a voice's name".to_owned());
    }
    let custom = voice.strip_prefix(CUSTOM_VOICE).is_some_and(|rest| !rest.is_empty());
    expect(custom || VOICES.contains(&voice.as_str()), "voice", || {
        format!("`{voice}` is not a voice, expected one of {} or `{CUSTOM_VOICE}…`", VOICES.join(", "))
    })
}

fn check_turn_detection(detection: &TurnDetection, turns: &Turns) -> Result<(), PlanProblem> {
    match detection {
        TurnDetection::Server { threshold, idle_timeout_ms, .. } => {
            in_range("turn_detection.threshold", *threshold, turns.threshold.0, turns.threshold.1)?;
            if let Some(idle) = idle_timeout_ms {
                expect((5_000..=30_000).contains(idle), "turn_detection.idle_timeout_ms", || {
                    format!("{idle} is not within 5000–30000")
                })?;
            }
            Ok(())
        }
        TurnDetection::Semantic { eagerness, .. } => {
            expect(turns.semantic.is_some(), "turn_detection.type", || {
                "is by meaning, which the server does not have".to_owned()
            })?;
            expect(EAGERNESS.contains(&eagerness.as_str()), "turn_detection.eagerness", || {
                format!("`{eagerness}` is unknown, expected one of {}", EAGERNESS.join(", "))
            })
        }
    }
}

fn check_options(plan: &OpenAiPlan) -> Result<(), PlanProblem> {
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
            format!("`{language}` is not an ISO 639-1 code, expected two small letters")
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

fn check_servers(servers: &[McpServer]) -> Result<(), PlanProblem> {
    for (index, server) in servers.iter().enumerate() {
        for (key, value) in [("label", &server.label), ("url", &server.url)] {
            expect(!value.is_empty(), &format!("options.mcp[{index}].{key}"), || "is empty".to_owned())?;
        }
    }
    Ok(())
}

fn in_range(field: &str, value: f32, least: f32, most: f32) -> Result<(), PlanProblem> {
    // No range contains a NaN.
    expect((least..=most).contains(&value), field, || format!("{value} is not within {least}–{most}"))
}

#[cfg(test)]
mod tests;
