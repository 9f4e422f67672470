//! Providers of Realtime servers, and each one's rules for addresses, models and voices. Pure.

use url::Url;

use super::kinds::{is_loopback, quoted};
use super::reader::Section;

/// The provider of the Realtime server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The embedded model, or any server at `realtime.url` that needs no key.
    Rehearsal,
    /// OpenAI, or any server at `realtime.url` that accepts a bearer key.
    OpenAi,
    /// Azure OpenAI.
    Azure,
}

/// Which provider's rules for names apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum House {
    /// OpenAI's rules: its models and voices are known.
    OpenAi,
    /// Azure's rules: its voices are known, and its models are deployments with names chosen by the
    /// account.
    Azure,
    /// No rules: another server gets names as they are written.
    Own,
}

impl Provider {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rehearsal => "rehearsal",
            Self::OpenAi => "openai",
            Self::Azure => "azure",
        }
    }
}

impl House {
    /// The rules that apply to a server.
    pub(super) fn of(provider: Provider, url: Option<&Url>) -> Self {
        match (provider, url) {
            (Provider::Azure, _) => Self::Azure,
            (Provider::Rehearsal | Provider::OpenAi, None) => Self::OpenAi,
            (Provider::Rehearsal | Provider::OpenAi, Some(url)) => {
                let openai = url.host_str().is_some_and(|host| host.ends_with("api.openai.com"));
                if openai { Self::OpenAi } else { Self::Own }
            }
        }
    }

    /// Refuses models that are retired or have no realtime sessions, and notes those that will be
    /// retired.
    pub(super) fn check_model(self, section: &Section<'_>, key: &str, model: &str) {
        if self != Self::OpenAi {
            return;
        }
        let found = quoted(model);
        let retired = model.starts_with("gpt-4o") && model.contains("realtime");
        let leaving = matches!(model, "gpt-realtime" | "gpt-realtime-mini")
            || model.starts_with("gpt-realtime-2025")
            || model.starts_with("gpt-realtime-mini-2025");
        if retired {
            section.problem(
                key,
                format!("found {found}, which OpenAI has retired; expected one like \"gpt-realtime-2.1\""),
            );
        } else if model.starts_with("gpt-audio") {
            let next =
                format!("found {found}, which holds no realtime sessions; expected one like \"gpt-realtime-2.1\"");
            section.problem(key, next);
        } else if leaving {
            section.note(key, &format!("{model} is shut down on 2027-01-20; gpt-realtime-2.1 takes its place"));
        } else if !KNOWN_MODELS.contains(&undated(model)) {
            section.note(key, &format!("this version knows no model {model} of OpenAI; is it spelled right?"));
        }
    }

    /// Refuses unknown voices. `voice_…` is the id of an account's own voice.
    pub(super) fn check_voice(self, section: &Section<'_>, voice: &str) {
        if self != Self::Own && !VOICES.contains(&voice) && !voice.starts_with("voice_") {
            let expected = format!("one of {} or an own voice's id (voice_…)", VOICES.join(", "));
            section.problem("voice", format!("found {}, expected {expected}", quoted(voice)));
        }
    }
}

/// Checks the server's address, or fills in the provider's own. Retired addresses are refused.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: the embedded model")]
pub(super) fn read_url(section: &Section<'_>, provider: Provider, url: Option<Url>) -> Option<Option<Url>> {
    if let Some(url) = &url {
        let asks = |name: &str| url.query_pairs().any(|(key, _)| key == name);
        if asks("model") {
            section.problem("url", "found a `model` in the URL, expected it in realtime.model");
            return None;
        }
        if asks("api-version") || asks("deployment") || url.path().ends_with("/openai/realtime") {
            let next =
                "found Azure's retired preview address, expected wss://<resource>.openai.azure.com/openai/v1/realtime";
            section.problem("url", next);
            return None;
        }
        if url.scheme() == "ws" && !is_loopback(url) && provider != Provider::Rehearsal {
            section.note(
                "url",
                "ws:// sends the key and the callers' speech unencrypted; keep it within a private network",
            );
        }
    }
    match (provider, url) {
        (Provider::Rehearsal, url) => Some(url),
        (Provider::OpenAi | Provider::Azure, Some(url)) => Some(Some(url)),
        (Provider::OpenAi, None) => Some(Url::parse(OPENAI).ok()),
        (Provider::Azure, None) => {
            let next = "missing, expected wss://<resource>.openai.azure.com/openai/v1/realtime with realtime.provider = \"azure\"";
            section.problem("url", next);
            None
        }
    }
}

/// A model's name without the date of its snapshot.
fn undated(model: &str) -> &str {
    let date = |text: &str| text.len() == 11 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit());
    let at = model.len().saturating_sub(11);
    model.split_at_checked(at).filter(|(_, behind)| date(behind)).map_or(model, |(name, _)| name)
}

/// OpenAI's models with realtime sessions. <https://platform.openai.com/docs/models>
const KNOWN_MODELS: [&str; 6] = [
    "gpt-realtime-2.1",
    "gpt-realtime-2.1-mini",
    "gpt-realtime-2",
    "gpt-realtime-1.5",
    "gpt-realtime",
    "gpt-realtime-mini",
];
/// OpenAI's address; projects with data residency in the EU set `eu.api.openai.com`.
const OPENAI: &str = "wss://api.openai.com/v1/realtime";
const VOICES: [&str; 10] = ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"];
pub(super) const PROVIDERS: &[(&str, Provider)] =
    &[("rehearsal", Provider::Rehearsal), ("openai", Provider::OpenAi), ("azure", Provider::Azure)];
