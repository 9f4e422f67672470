//! SignalWire's configuration, and what is opened with it. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::control::TwilioApi;
use super::dialect::{Dialect, SIGNALWIRE};
use super::trust::Keys;
use super::webhook_api::{Trust, TwilioWebhookApi};
use crate::carrier::address::{public_url, without_query};
use crate::carrier::control::Control;
use crate::carrier::settings::{Described, Finding, Form, Given, Kind, Opened, Secret, Setting, Term};
use crate::carrier::webhook_api::Role;
use crate::ids::Private;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "enabled",
        default: "false",
        kind: Kind::Flag,
        help: "Whether calls over SignalWire are answered. A number's webhook for calls is /signalwire/answer, its status callback /signalwire/status, both by POST. Signatures are required as soon as SIGNALWIRE_SIGNING_KEY is set or an address is not loopback.",
        term: None,
    },
    Setting {
        key: "api_url",
        default: "",
        kind: Kind::AnyText,
        help: "The address of the account's space, `https://NAME.signalwire.com`, whose REST API ends, transfers and places calls; another host for a test. \"\" does without the API.",
        term: None,
    },
    Setting {
        key: "token_lifetime",
        default: "60s",
        kind: Kind::Duration { least: Duration::from_secs(1), most: Duration::from_secs(600) },
        help: "How long a call's place and its single-use stream token are kept between the webhook and the stream.",
        term: Some(Term::TokenLifetime),
    },
    Setting {
        key: "lost_socket",
        default: "5s",
        kind: Kind::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
        help: "How long the caller of a broken stream is waited for until SignalWire asks how the call goes on; the call then goes on over another stream. Shorter gives callers up whose network takes a moment, longer keeps the place of one who is gone. \"0s\" waits for nobody.",
        term: Some(Term::LostSocket),
    },
];

pub(super) const SECRETS: &[Secret] = &[
    Secret {
        name: PROJECT,
        form: Form::One,
        help: "the project that calls have to name, and whose API ends, transfers and places them",
        sounds: &["signalwire", "project"],
        own: false,
        api: true,
        wanted: is_answered,
    },
    Secret {
        name: TOKEN,
        form: Form::One,
        help: "the token of that API",
        sounds: &["signalwire", "token"],
        own: false,
        api: true,
        wanted: is_answered,
    },
    Secret {
        name: SIGNING_KEY,
        form: Form::Listed,
        help: "what signatures are checked with, each of them; several while one is rotated",
        sounds: &["signalwire", "key"],
        own: false,
        api: false,
        wanted: is_answered,
    },
];

pub(super) const PROJECT: &str = "SIGNALWIRE_PROJECT_ID";
pub(super) const TOKEN: &str = "SIGNALWIRE_API_TOKEN";
const SIGNING_KEY: &str = "SIGNALWIRE_SIGNING_KEY";

pub(super) fn is_answered(given: &Given<'_>) -> bool {
    given.settings.flag("enabled")
}

/// The address of the space; `None` if none is set, or it is no address.
fn space(given: &Given<'_>) -> Option<Url> {
    let url = Url::parse(given.settings.text("api_url").trim()).ok()?;
    (matches!(url.scheme(), "https" | "http") && url.has_host()).then_some(url)
}

/// Refuses a configuration that strangers could use at our cost.
pub(super) fn check(given: &Given<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if !is_answered(given) {
        return found;
    }
    let mut find = |key, text: String, refuses| found.push(Finding { key, text, refuses });
    if given.secrets.listed(SIGNING_KEY).is_empty() && given.outside.is_some() {
        let text = format!(
            "found true while an address is not loopback, without a key to check signatures with; set {SIGNING_KEY}"
        );
        find("enabled", text, true);
    }
    let written = given.settings.text("api_url").trim();
    let has_api = given.secrets.one(PROJECT).is_some() && given.secrets.one(TOKEN).is_some();
    if !written.is_empty() && space(given).is_none() {
        let text = format!("found {written:?}, expected the space's address, such as \"https://NAME.signalwire.com\"");
        find("api_url", text, true);
    } else if !has_api || written.is_empty() {
        let lacking = if has_api { "signalwire.api_url".to_owned() } else { format!("{PROJECT} and {TOKEN}") };
        let text = format!(
            "its API cannot be used: a call that an operator ends stays up until its stream is closed, and nobody is called; set {lacking}"
        );
        find("enabled", text, false);
    }
    found
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let settings = given.settings;
    let signed = !given.secrets.listed(SIGNING_KEY).is_empty();
    let api_url = space(given).map(|url| without_query(&url));
    let lost_socket = settings.duration("lost_socket").unwrap_or_default();
    let words = if is_answered(given) {
        let signatures = if signed { "signatures required" } else { "signatures not required (loopback)" };
        let has_api = given.secrets.one(PROJECT).is_some() && given.secrets.one(TOKEN).is_some();
        let api = match &api_url {
            Some(url) if has_api => url.clone(),
            Some(_) => format!("no API ({PROJECT} or {TOKEN} absent)"),
            None => "no API (signalwire.api_url absent)".to_owned(),
        };
        let lost_socket = humantime::format_duration(lost_socket);
        format!("/signalwire/answer, {signatures}; a lost stream is waited for {lost_socket}; {api}")
    } else {
        "not answered (signalwire.enabled = false)".to_owned()
    };
    Described {
        heading: "signalwire",
        words,
        facts: json!({
            "enabled": settings.flag("enabled"),
            "api_url": api_url,
            "lost_socket_ms": lost_socket.as_millis(),
            "signatures_required": signed,
        }),
    }
}

pub(super) fn open(given: &Given<'_>, public: &Url) -> Option<Opened> {
    if !is_answered(given) {
        return None;
    }
    let dialect: &'static Dialect = &SIGNALWIRE;
    let project = given.secrets.one(PROJECT).cloned();
    let api = project.as_ref().zip(given.secrets.one(TOKEN));
    let control = api.map(|(project, token)| {
        let api: Arc<dyn Control> = Arc::new(TwilioApi {
            dialect,
            api_url: space(given),
            account: project.expose().clone(),
            auth_token: token.clone(),
            after_stream: public_url(public, dialect.path(Role::StreamEnded)),
            briefing: public_url(public, dialect.path(Role::CalleeAnswered)),
            callee_status: public_url(public, dialect.path(Role::CalleeStatus)),
        });
        api
    });
    let keys: Vec<Private<String>> = given.secrets.listed(SIGNING_KEY);
    let trust =
        if keys.is_empty() { Trust::Loopback } else { Trust::Signed(Keys { auth_tokens: keys, ..Keys::default() }) };
    let webhook_api = TwilioWebhookApi { dialect, public_url: public.clone(), trust, account: project };
    Some(Opened { webhook_api: Arc::new(webhook_api), control, expiring: None })
}
