//! The rules for a session's configuration.
//!
//! The server refuses a `session.start` with one wrong field, and then closes the socket. The plan
//! is checked when the configuration is read, long before a call.

use std::time::Duration;

use super::{Backend, Delegation, OpenAiLivePlan};
use crate::carrier::{AudioFormat, Encoding};
use crate::realtime::plan::rules::{check_credential, check_no_model, check_tools, check_url, check_waits, expect};
use crate::realtime::plan::{Common, PlanProblem};

/// The known voices, for a warning and not for a refusal: the server's list is open.
pub const VOICES: [&str; 31] = [
    "alloy", "ash", "ballad", "beacon", "bossa", "cedar", "cinder", "coral", "delta", "echo", "gleam", "marin",
    "meridian", "quartz", "ripple", "sage", "shida", "shimmer", "stone", "tempo", "verse", "vesper", "willow", "nuri",
    "juni", "flitz", "brise", "sillage", "nira", "harema", "noeul",
];

/// The beginning of a custom voice's id.
pub const CUSTOM_VOICE: &str = "voice_";

/// Voices of the provider's other products. The server ends a session that asks for one.
const OTHER_VOICES: [&str; 3] = ["fable", "nova", "onyx"];
/// The formats of the server. It has no PCM at 8 kHz.
const FORMATS: [AudioFormat; 4] = [
    AudioFormat::PCM_24K,
    AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 },
    AudioFormat::MULAW_8K,
    AudioFormat::ALAW_8K,
];
/// The longest prompt in bytes. The server takes 16,384 tokens, which is about this much text; a
/// longer prompt would end every session at its start.
const LONGEST_PROMPT: usize = 65_536;
/// The longest timeout: no session lasts longer.
const LONGEST_WAIT: Duration = Duration::from_secs(7_200);
/// The longest wait before work is acknowledged. A longer one is silence.
const LONGEST_DELAY: Duration = Duration::from_secs(10);

/// Checks whether the server accepts `common` and `plan`.
///
/// # Errors
/// The first broken rule, with the field's name.
pub fn check(common: &Common, plan: &OpenAiLivePlan) -> Result<(), PlanProblem> {
    check_no_model(&check_url(&plan.address.endpoint)?)?;
    check_credential(&plan.address.endpoint.credential)?;
    expect(!plan.address.model.trim().is_empty(), "model", || "is empty, expected a model's name".to_owned())?;
    expect(FORMATS.contains(&plan.format), "format", || {
        format!(
            "{:?} is not spoken by the server, expected PCM16 at 24000 or 16000 Hz, or G.711 at 8000 Hz",
            plan.format
        )
    })?;
    let voice = plan.voice.trim();
    expect(!voice.is_empty(), "voice", || "is empty, expected a voice's name".to_owned())?;
    expect(!OTHER_VOICES.contains(&voice), "voice", || {
        format!("`{voice}` is refused by the server, expected one of {} or `{CUSTOM_VOICE}…`", VOICES.join(", "))
    })?;
    if let Some(transcription) = &common.transcription {
        let asks = [
            ("transcription.prompt", transcription.prompt.is_some()),
            ("transcription.keywords", !transcription.keywords.is_empty()),
        ];
        for (field, set) in asks {
            expect(!set, field, || "is not known to the server, which transcribes by itself; remove it".to_owned())?;
        }
    }
    check_prompt("instructions", &plan.voice_prompt(common))?;
    check_delegation(common, plan)?;
    if let Some(delay) = plan.acknowledgement_delay {
        expect(delay <= LONGEST_DELAY, "acknowledgement_delay", || {
            format!("{delay:?} is not within 0s–{LONGEST_DELAY:?}")
        })?;
    }
    check_tools(&common.tools)?;
    let waits = [
        ("connect_timeout", common.connect_timeout),
        ("started_timeout", plan.started_timeout),
        ("silence_timeout", common.silence_timeout),
    ];
    check_waits(waits, LONGEST_WAIT)
}

fn check_delegation(common: &Common, plan: &OpenAiLivePlan) -> Result<(), PlanProblem> {
    match &plan.delegation {
        Delegation::Responses(backend) => {
            expect(!backend.model.trim().is_empty(), "backend_model", || {
                "is empty, expected the name of the model, or of its deployment at the same resource".to_owned()
            })?;
            check_prompt("backend.instructions", &Backend::prompt(common))?;
            let tokens = backend.max_output_tokens;
            expect(tokens.is_none_or(|tokens| tokens >= 16), "backend.max_output_tokens", || {
                format!("{} is less than 16", tokens.unwrap_or_default())
            })
        }
        Delegation::Client { tool: Some(name) } => {
            expect(common.tools.iter().any(|tool| tool.name == *name), "delegation_tool", || {
                format!("`{name}` is not one of the agent's tools")
            })
        }
        Delegation::Client { tool: None } => Ok(()),
    }
}

fn check_prompt(field: &str, prompt: &str) -> Result<(), PlanProblem> {
    expect(prompt.len() <= LONGEST_PROMPT, field, || {
        format!("has {} bytes, expected at most {LONGEST_PROMPT} (16,384 tokens)", prompt.len())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::openai_live::plan::sample;
    use crate::realtime::plan::Transcription;

    fn field_of(change: impl FnOnce(&mut Common, &mut OpenAiLivePlan)) -> String {
        let (mut common, mut plan) = (sample::common(), sample::live());
        change(&mut common, &mut plan);
        check(&common, &plan).expect_err("a broken rule").field
    }

    fn backend(plan: &mut OpenAiLivePlan) -> &mut Backend {
        match &mut plan.delegation {
            Delegation::Responses(backend) => backend,
            Delegation::Client { .. } => panic!("the sample delegates to a model"),
        }
    }

    #[test]
    fn the_sample_is_valid_in_every_format_of_the_server_and_in_no_other() {
        for format in FORMATS {
            assert_eq!(check(&sample::common(), &OpenAiLivePlan { format, ..sample::live() }), Ok(()));
        }
        assert_eq!(field_of(|_, plan| plan.format = AudioFormat::PCM_8K), "format");
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_by_name() {
        assert_eq!(field_of(|_, plan| plan.address.endpoint.url = "https://x".to_owned()), "endpoint.url");
        assert_eq!(field_of(|_, plan| plan.address.endpoint.url.push_str("?model=x")), "endpoint.url");
        assert_eq!(field_of(|_, plan| plan.address.model.clear()), "model");
        assert_eq!(field_of(|_, plan| plan.voice = "nova".to_owned()), "voice");
        assert_eq!(field_of(|common, _| common.instructions = "x".repeat(65_537)), "instructions");
        assert_eq!(field_of(|_, plan| backend(plan).model.clear()), "backend_model");
        assert_eq!(field_of(|_, plan| backend(plan).max_output_tokens = Some(15)), "backend.max_output_tokens");
        let tool = Some("absent".to_owned());
        assert_eq!(field_of(|_, plan| plan.delegation = Delegation::Client { tool }), "delegation_tool");
        let hint = Transcription { prompt: Some("names".to_owned()), ..Transcription::default() };
        assert_eq!(field_of(|common, _| common.transcription = Some(hint)), "transcription.prompt");
        assert_eq!(field_of(|_, plan| plan.started_timeout = Duration::ZERO), "started_timeout");
        assert_eq!(field_of(|common, _| common.tools.push(sample::tool("a b"))), "tools[0].name");
    }
}
