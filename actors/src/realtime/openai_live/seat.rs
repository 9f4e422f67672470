//! The row of this provider.

use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::plan::{Backend, Delegation, Effort, OpenAiLivePlan, VOICES, Verbosity};
use crate::carrier::AudioFormat;
use crate::money::Usd;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::price::Price;
use crate::realtime::seat::{Address, Future, Key, Model, Names, Seat, Sent, Servers};
use crate::realtime::settings::{self, Given, Options};

/// The embedded model with this protocol, or any server at `realtime.url` that needs no key.
pub(crate) static REHEARSAL: Seat = Seat {
    word: "rehearsal",
    embedded: Some("live"),
    names: &NAMES,
    models_at: Servers::Ending("api.openai.com"),
    voices_at: Servers::None,
    key: None,
    address: Address { default: None, example: "ws://127.0.0.1:9000/v1/live/sessions", refuses },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan,
};

/// OpenAI's GPT-Live, or any server at `realtime.url` that speaks this protocol.
pub(crate) static OPENAI_LIVE: Seat = Seat {
    word: "openai_live",
    embedded: None,
    names: &NAMES,
    models_at: Servers::Ending("api.openai.com"),
    // The list of voices is open: newer ones come without notice.
    voices_at: Servers::None,
    key: Some(Key { variable: "OPENAI_API_KEY", sent: Sent::Bearer, begins: Some("sk-") }),
    address: Address { default: Some(ENDPOINT), example: ENDPOINT, refuses },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan,
};

/// GPT-Live at Azure OpenAI. Its models, also those behind the voice, are deployments with names that
/// the account chose. Its audio is PCM at 24 kHz alone
/// (<https://learn.microsoft.com/azure/ai-foundry/openai/>).
pub(crate) static AZURE_LIVE: Seat = Seat {
    word: "azure_live",
    embedded: None,
    names: &NAMES,
    models_at: Servers::None,
    voices_at: Servers::None,
    key: Some(Key { variable: "OPENAI_API_KEY", sent: Sent::ApiKey, begins: None }),
    address: Address { default: None, example: AZURE_ENDPOINT, refuses: azure_refuses },
    knows: AZURE_KNOWS,
    lacks: |_| None,
    engines: &[],
    plan: azure_plan,
};

/// The settings of `[realtime]` that become a part of [`OpenAiLivePlan`].
const KNOWS: &[&str] = &[
    "voice",
    "audio_format",
    "max_output_tokens",
    "reasoning_effort",
    "delegation",
    "delegation_tool",
    "backend_model",
    "safety_identifier",
    "created_timeout",
    "transcription.enabled",
];

/// The same without the format, which is fixed.
const AZURE_KNOWS: &[&str] = &[
    "voice",
    "max_output_tokens",
    "reasoning_effort",
    "delegation",
    "delegation_tool",
    "backend_model",
    "safety_identifier",
    "created_timeout",
    "transcription.enabled",
];

// Projects with data residency in the EU set `eu.api.openai.com`.
const ENDPOINT: &str = "wss://api.openai.com/v1/live/sessions";
const AZURE_ENDPOINT: &str = "wss://<resource>.openai.azure.com/openai/v1/live/sessions";

/// The names of GPT-Live.
static NAMES: Names = Names {
    of: "OpenAI",
    model: "gpt-live-1.1",
    voice: "marin",
    models: &[
        Model { name: "gpt-live-1.1", future: Future::Stays },
        Model { name: "gpt-live-1", future: Future::Stays },
    ],
    voices: &VOICES,
    own_voice: Some(super::plan::CUSTOM_VOICE),
    // The model transcribes both sides itself.
    transcribers: &[],
    prices: &[("gpt-live-1.1", PRICE), ("gpt-live-1", PRICE)],
    codes: &["audio_caught_up", "audio_late", "caller_caught_up", "caller_late", "phantom_words"],
};

/// Five cents a minute, silence included. The tokens of the model behind the voice come on top, at
/// a price that depends on that model; they are counted and not priced here.
const PRICE: Price = Price { minute: Usd::from_billionths(50_000_000), ..Price::FREE };

/// Addresses that are not for new sessions.
fn refuses(url: &Url) -> Option<&'static str> {
    if url.host_str().is_some_and(|host| host.ends_with(".openai.azure.com")) {
        Some("found an address of Azure, expected realtime.provider = \"azure_live\", which sends the key its way")
    } else if url.path().ends_with("/realtime") {
        Some("found an address of the Realtime API, expected one that ends in /v1/live/sessions")
    } else if url.query_pairs().any(|(name, _)| name == "model") {
        Some("found a `model` in the URL, expected it in realtime.model")
    } else {
        None
    }
}

/// Addresses that Azure does not have.
fn azure_refuses(url: &Url) -> Option<&'static str> {
    let asks = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    if url.path().ends_with("/openai/live/sessions") || asks("api-version") || asks("deployment") {
        Some("found no address of Azure, expected wss://<resource>.openai.azure.com/openai/v1/live/sessions")
    } else if url.path().ends_with("/realtime") || asks("model") {
        refuses(url)
    } else {
        None
    }
}

fn plan(given: Given<'_>) -> ProviderPlan {
    let format = given.audio.format();
    ProviderPlan::OpenAiLive(Arc::new(plan_with(given, format, BACKEND)))
}

fn azure_plan(given: Given<'_>) -> ProviderPlan {
    // Without a name there is no deployment; the check of the plan asks for one.
    ProviderPlan::OpenAiLive(Arc::new(plan_with(given, AudioFormat::PCM_24K, "")))
}

/// A plan with this format. `backend` works behind the voice where no model was chosen for it.
fn plan_with(given: Given<'_>, format: AudioFormat, backend: &str) -> OpenAiLivePlan {
    OpenAiLivePlan {
        address: given.address,
        voice: given.voice.to_owned(),
        format,
        delegation: delegation(given.options, backend),
        acknowledgement_delay: Some(ACKNOWLEDGED_AFTER),
        started_timeout: given.created_timeout,
    }
}

fn delegation(options: &Options, backend: &str) -> Delegation {
    match &options.finer.delegation {
        settings::Delegation::Client { tool } => Delegation::Client { tool: tool.clone() },
        settings::Delegation::Responses => Delegation::Responses(Backend {
            model: options.finer.backend_model.clone().unwrap_or_else(|| backend.to_owned()),
            effort: Some(options.finer.reasoning.map_or(Effort::Low, effort)),
            verbosity: Some(Verbosity::Low),
            max_output_tokens: options.max_output_tokens,
        }),
    }
}

const fn effort(effort: settings::Effort) -> Effort {
    match effort {
        settings::Effort::Minimal => Effort::Minimal,
        settings::Effort::Low => Effort::Low,
        settings::Effort::Medium => Effort::Medium,
        settings::Effort::High => Effort::High,
        settings::Effort::Xhigh => Effort::Xhigh,
    }
}

/// The model behind the voice: a cheap and fast one.
const BACKEND: &str = "gpt-5.6-luna";
/// When the voice says that work has begun. Earlier: it speaks into results that come at once.
const ACKNOWLEDGED_AFTER: Duration = Duration::from_millis(600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_the_other_api_is_refused() {
        let refused = |url: &str| refuses(&Url::parse(url).expect("a URL")).is_some();
        assert!(!refused(ENDPOINT) && !refused("ws://127.0.0.1:9/v1/live/sessions"));
        assert!(!refused("wss://eu.api.openai.com/v1/live/sessions"));
        assert!(refused("wss://api.openai.com/v1/realtime") && refused("ws://127.0.0.1:9/v1/live/sessions?model=x"));
        assert!(refused("wss://firm.openai.azure.com/openai/v1/live/sessions"), "the key would be sent the wrong way");
    }

    #[test]
    fn an_address_that_azure_does_not_have_is_refused() {
        let refused = |rest: &str| {
            let url = format!("wss://firm.openai.azure.com/openai/{rest}");
            azure_refuses(&Url::parse(&url).expect("a URL")).is_some()
        };
        assert!(!refused("v1/live/sessions"));
        for rest in ["live/sessions", "v1/realtime", "v1/live/sessions?api-version=1", "v1/live/sessions?model=x"] {
            assert!(refused(rest), "{rest}");
        }
    }
}
