//! The rules for a session's configuration (<https://ai.google.dev/api/live>).
//!
//! The server closes the socket on a configuration that breaks a rule, so such a plan is refused
//! when the configuration is read, long before a call.

use std::collections::BTreeSet;
use std::time::Duration;

use url::Url;

use super::{Activity, GeminiPlan};
use crate::carrier::Encoding;
use crate::realtime::plan::rules::{check_credential, check_url, check_waits, expect};
use crate::realtime::plan::{Common, Endpoint, PlanProblem};
use crate::tools::spec::ToolSpec;

/// The voices of every model.
pub const VOICES: [&str; 30] = [
    "Zephyr",
    "Puck",
    "Charon",
    "Kore",
    "Fenrir",
    "Leda",
    "Orus",
    "Aoede",
    "Callirrhoe",
    "Autonoe",
    "Enceladus",
    "Iapetus",
    "Umbriel",
    "Algieba",
    "Despina",
    "Erinome",
    "Algenib",
    "Rasalgethi",
    "Laomedeia",
    "Achernar",
    "Alnilam",
    "Schedar",
    "Gacrux",
    "Pulcherrima",
    "Achird",
    "Zubenelgenubi",
    "Vindemiatrix",
    "Sadachbia",
    "Sadaltager",
    "Sulafat",
];

/// The hosts that have only these voices.
const VOICED_HOST: &str = ".googleapis.com";
/// Rates of the caller's audio that our resampler makes and the server accepts.
const RATES_HZ: [u32; 3] = [8_000, 16_000, 24_000];
/// The longest of the timeouts: no session lasts longer.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
/// More silence or padding than any pause in speech, in ms.
const LONGEST_PAUSE_MS: u32 = 10_000;
/// The most tokens of a response.
const MOST_TOKENS: u32 = 65_536;

/// Checks whether the server accepts `common` and `plan`.
///
/// # Errors
/// The first broken rule, with the field's name.
pub fn check(common: &Common, plan: &GeminiPlan) -> Result<(), PlanProblem> {
    check_endpoint(&plan.address.endpoint)?;
    expect(!plan.address.model.trim().is_empty(), "model", || "is empty, expected a model's name".to_owned())?;
    let pcm = plan.input.encoding == Encoding::Pcm16 && RATES_HZ.contains(&plan.input.rate_hz);
    expect(pcm, "format", || {
        format!("{:?} is not understood by the server, expected PCM16 at 8000, 16000 or 24000 Hz", plan.input)
    })?;
    check_voice(plan)?;
    expect(!plan.activity.is_manual() || common.detector.is_some(), "turn_detection.detector", || {
        "is \"ours\" without our detector, expected speech_detector.enabled = \"auto\"".to_owned()
    })?;
    if let Activity::Automatic { prefix_padding_ms, silence_duration_ms, .. } = plan.activity {
        for (field, ms) in [("prefix_padding_ms", prefix_padding_ms), ("silence_duration_ms", silence_duration_ms)] {
            expect(ms <= LONGEST_PAUSE_MS, &format!("turn_detection.{field}"), || {
                format!("{ms} is not within 0–{LONGEST_PAUSE_MS}")
            })?;
        }
    }
    if let Some(tokens) = plan.max_output_tokens {
        expect((1..=MOST_TOKENS).contains(&tokens), "max_output_tokens", || {
            format!("{tokens} is not within 1–{MOST_TOKENS}")
        })?;
    }
    if let (Some(trigger), Some(target)) = (plan.compression.trigger_tokens, plan.compression.target_tokens) {
        expect(target < trigger, "compression.target_tokens", || {
            format!("{target} is not below the {trigger} tokens at which the context is cut")
        })?;
    }
    check_tools(&common.tools)?;
    let waits = [
        ("connect_timeout", common.connect_timeout),
        ("setup_timeout", plan.setup_timeout),
        ("silence_timeout", common.silence_timeout),
    ];
    check_waits(waits, LONGEST_WAIT)
}

fn check_endpoint(endpoint: &Endpoint) -> Result<(), PlanProblem> {
    let url = check_url(endpoint)?;
    expect(!url.query_pairs().any(|(name, _)| SECRETS.contains(&&*name)), "endpoint.url", || {
        "holds a key in its query, where it would be logged; expected the key in its own variable".to_owned()
    })?;
    check_credential(&endpoint.credential)
}

/// Checks the voice. A server of somebody else has its own voices.
fn check_voice(GeminiPlan { voice, address, .. }: &GeminiPlan) -> Result<(), PlanProblem> {
    let url = Url::parse(&address.endpoint.url).ok();
    let host = url.as_ref().and_then(Url::host_str).unwrap_or_default();
    if !host.ends_with(VOICED_HOST) {
        return expect(!voice.trim().is_empty(), "voice", || "is empty, expected a voice's name".to_owned());
    }
    expect(VOICES.contains(&voice.as_str()), "voice", || {
        format!("`{voice}` is not a voice, expected one of {}", VOICES.join(", "))
    })
}

fn check_tools(tools: &[ToolSpec]) -> Result<(), PlanProblem> {
    let mut names = BTreeSet::new();
    for (index, ToolSpec { name, parameters, .. }) in tools.iter().enumerate() {
        let field = |key: &str| format!("tools[{index}].{key}");
        let callable = (1..=64).contains(&name.len())
            && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        expect(callable, &field("name"), || {
            format!("`{name}`: expected 1–64 letters, digits, `_` or `-`, and no digit or `-` first")
        })?;
        expect(names.insert(name), &field("name"), || format!("`{name}` is there twice"))?;
        expect(parameters.is_object(), &field("parameters"), || "expected a JSON schema object".to_owned())?;
    }
    Ok(())
}

/// Names of secrets in the query of an endpoint.
const SECRETS: [&str; 2] = ["key", "access_token"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::AudioFormat;
    use crate::ids::Private;
    use crate::realtime::gemini::plan::sample;
    use crate::realtime::plan::Credential;
    use crate::tools::spec::ToolSpec;

    fn refused(change: impl FnOnce(&mut Common, &mut GeminiPlan)) -> String {
        let (mut common, mut plan) = (sample::common(), sample::gemini());
        change(&mut common, &mut plan);
        check(&common, &plan).expect_err("a rule is broken").to_string()
    }

    #[test]
    fn the_sample_and_all_rates_are_accepted() {
        for rate_hz in RATES_HZ {
            let input = AudioFormat { encoding: Encoding::Pcm16, rate_hz };
            assert_eq!(check(&sample::common(), &GeminiPlan { input, ..sample::gemini() }), Ok(()), "{rate_hz}");
        }
    }

    #[test]
    fn what_the_server_would_refuse_is_refused_by_name() {
        let tool = |name: &str| ToolSpec {
            name: name.to_owned(),
            description: String::new(),
            parameters: serde_json::json!({"type": "object"}),
        };
        let google = "wss://generativelanguage.googleapis.com/ws/x".to_owned();
        for (said, field) in [
            (refused(|_, plan| plan.input = AudioFormat::MULAW_8K), "format"),
            (refused(|_, plan| plan.address.model = " ".to_owned()), "model"),
            (refused(|_, plan| plan.address.endpoint.url = "https://one.example".to_owned()), "endpoint.url"),
            (refused(|_, plan| plan.address.endpoint.url = "wss://one.example?key=SECRET".to_owned()), "endpoint.url"),
            (
                refused(|_, plan| {
                    plan.address.endpoint.credential = Credential::ApiKey(Private::new("SECRET\n".to_owned()));
                }),
                "endpoint.credential",
            ),
            (
                refused(|_, plan| {
                    plan.address.endpoint.url = google;
                    plan.voice = "marin".to_owned();
                }),
                "voice",
            ),
            (refused(|_, plan| plan.max_output_tokens = Some(0)), "max_output_tokens"),
            (
                refused(|_, plan| {
                    (plan.compression.trigger_tokens, plan.compression.target_tokens) = (Some(10), Some(10));
                }),
                "compression.target_tokens",
            ),
            (refused(|_, plan| plan.setup_timeout = Duration::ZERO), "setup_timeout"),
            (refused(|common, _| common.tools = vec![tool("a"), tool("a")]), "tools[1].name"),
            (refused(|common, _| common.tools = vec![tool("1a")]), "tools[0].name"),
        ] {
            assert!(said.starts_with(&format!("{field}: ")), "{said}");
            assert!(!said.contains("SECRET"), "{said}");
        }
    }
}
