//! The rows of the providers that speak this API: the embedded model, OpenAI and Azure. Those that
//! speak it in a dialect of their own have their rows there.

use url::Url;

pub(crate) use super::dialects::rows::{INWORLD, VOICE_LIVE, XAI};
use super::dialects::{Dialect, OPENAI as DIALECT};
use super::names::OPENAI as NAMES;
use super::options::never_reasons;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::seat::{Address, Key, Lack, Seat, Sent, Servers};
use crate::realtime::settings::Given;

/// The embedded model with this protocol, or any server at `realtime.url` that needs no key.
pub(crate) static REHEARSAL: Seat = Seat {
    word: "rehearsal",
    embedded: Some("realtime"),
    names: &NAMES,
    models_at: OWN_SERVERS,
    voices_at: OWN_SERVERS,
    key: None,
    address: Address { default: None, example: "ws://127.0.0.1:9000/v1/realtime", refuses },
    knows: DIALECT.knows,
    lacks,
    engines: &[],
    plan,
};

/// OpenAI, or any server at `realtime.url` that accepts a bearer key.
pub(crate) static OPENAI: Seat = Seat {
    word: "openai",
    embedded: None,
    names: &NAMES,
    models_at: OWN_SERVERS,
    voices_at: OWN_SERVERS,
    key: Some(Key { variable: "OPENAI_API_KEY", sent: Sent::Bearer, begins: Some("sk-") }),
    // Projects with data residency in the EU set `eu.api.openai.com`.
    address: Address {
        default: Some("wss://api.openai.com/v1/realtime"),
        example: "wss://api.openai.com/v1/realtime",
        refuses,
    },
    knows: DIALECT.knows,
    lacks,
    engines: &[],
    plan,
};

/// Azure OpenAI. Its models are deployments with names that the account chose.
pub(crate) static AZURE: Seat = Seat {
    word: "azure",
    embedded: None,
    names: &NAMES,
    models_at: Servers::None,
    voices_at: Servers::All,
    key: Some(Key { variable: "OPENAI_API_KEY", sent: Sent::ApiKey, begins: None }),
    address: Address { default: None, example: "wss://<resource>.openai.azure.com/openai/v1/realtime", refuses },
    knows: DIALECT.knows,
    lacks,
    engines: &[],
    plan,
};

/// OpenAI's own servers, whose models and voices are known.
const OWN_SERVERS: Servers = Servers::Ending("api.openai.com");
/// Addresses that these servers do not have.
fn refuses(url: &Url) -> Option<&'static str> {
    let asks = |name: &str| url.query_pairs().any(|(key, _)| key == name);
    if asks("model") {
        Some("found a `model` in the URL, expected it in realtime.model")
    } else if asks("api-version") || asks("deployment") || url.path().ends_with("/openai/realtime") {
        Some("found Azure's retired preview address, expected wss://<resource>.openai.azure.com/openai/v1/realtime")
    } else {
        None
    }
}

fn lacks(model: &str) -> Option<Lack> {
    let keys = &["reasoning_effort", "parallel_tool_calls"];
    never_reasons(model).then_some(Lack { keys, why: "which does not reason" })
}

/// The plan in the dialect that was chosen, which is the full protocol otherwise.
fn plan(given: Given<'_>) -> ProviderPlan {
    given.dialect.and_then(Dialect::named).unwrap_or(&DIALECT).plan(given)
}
