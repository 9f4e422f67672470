//! Telnyx's configuration, and what is opened with it. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::control::TelnyxApi;
use super::trust::PublicKey;
use super::webhook_api::{TelnyxWebhookApi, Trust};
use crate::carrier::address::{public_url, without_query};
use crate::carrier::control::Control;
use crate::carrier::settings::{Described, Finding, Form, Given, Kind, Opened, Secret, Setting, Term};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "enabled",
        default: "false",
        kind: Kind::Flag,
        help: "Whether calls over Telnyx are answered. The voice URL of its TeXML application is /telnyx/answer, the status callback /telnyx/status, both by POST. Signatures are required as soon as TELNYX_PUBLIC_KEY is set or an address is not loopback.",
        term: None,
    },
    Setting {
        key: "api_url",
        default: "https://api.telnyx.com",
        kind: Kind::Url,
        help: "The root of Telnyx's REST API, without the path of a version; another host for a test.",
        term: None,
    },
    Setting {
        key: "application",
        default: "",
        kind: Kind::AnyText,
        help: "The id of the TeXML application over which calls are placed, a long number in the portal. \"\" places none.",
        term: None,
    },
    Setting {
        key: "account",
        default: "",
        kind: Kind::AnyText,
        help: "The account's id, the `AccountSid` of its webhooks. A warm transfer needs it beside `application`; \"\" makes none.",
        term: None,
    },
    Setting {
        key: "lost_socket",
        default: "10s",
        kind: Kind::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
        help: "How long the call of a lost stream may come back on another one before Telnyx is told to end it. Shorter gives callers up whose network takes a moment, longer bills more silence. \"0s\" waits for nobody.",
        term: Some(Term::LostSocket),
    },
];

pub(super) const SECRETS: &[Secret] = &[
    Secret {
        name: PUBLIC_KEY,
        form: Form::Listed,
        help: "what signatures are checked with, each of them; several while one is rotated",
        sounds: &["telnyx", "public"],
        own: false,
        api: false,
        wanted: is_answered,
    },
    Secret {
        name: API_KEY,
        form: Form::One,
        help: "the key of the API that ends and places calls",
        sounds: &["telnyx", "key"],
        own: false,
        api: true,
        wanted: is_answered,
    },
];

const PUBLIC_KEY: &str = "TELNYX_PUBLIC_KEY";
pub(super) const API_KEY: &str = "TELNYX_API_KEY";

pub(super) fn is_answered(given: &Given<'_>) -> bool {
    given.settings.flag("enabled")
}

/// Refuses a configuration that strangers could use at our cost.
pub(super) fn check(given: &Given<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if !is_answered(given) {
        return found;
    }
    let mut find = |key, text: String, refuses| found.push(Finding { key, text, refuses });
    let shown = given.secrets.listed(PUBLIC_KEY);
    if shown.iter().any(|key| PublicKey::parse(key.expose()).is_none()) {
        let text =
            format!("{PUBLIC_KEY} holds no key, expected base64 of 32 bytes; copy it from the portal's page on keys");
        find("enabled", text, true);
    } else if shown.is_empty() && given.outside.is_some() {
        let text = format!(
            "found true while an address is not loopback, without a key to check signatures with; set {PUBLIC_KEY}"
        );
        find("enabled", text, true);
    }
    if given.secrets.one(API_KEY).is_none() {
        let text = format!(
            "its API cannot be used: a call whose stream is lost may stay up until the caller hangs up, and nobody is called; set {API_KEY}"
        );
        find("enabled", text, false);
    } else if given.transfers && given.settings.text("application").is_empty() {
        let text = "found \"\": no calls are placed over it, and no warm transfers are made; set the TeXML application's id, and the account's for the latter";
        find("application", text.to_owned(), false);
    }
    found
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let settings = given.settings;
    let signed = !given.secrets.listed(PUBLIC_KEY).is_empty();
    let api_url = settings.url("api_url").map(without_query);
    let lost_socket = settings.duration("lost_socket").unwrap_or_default();
    let application = settings.text("application");
    let words = if is_answered(given) {
        let signatures = if signed { "signatures required" } else { "signatures not required (loopback)" };
        let api = match given.secrets.one(API_KEY) {
            Some(_) => api_url.clone().unwrap_or_default(),
            None => format!("no API ({API_KEY} absent)"),
        };
        let lost_socket = humantime::format_duration(lost_socket);
        format!("/telnyx/answer, {signatures}; a lost stream is waited for {lost_socket}; {api}")
    } else {
        "not answered (telnyx.enabled = false)".to_owned()
    };
    Described {
        heading: "telnyx",
        words,
        facts: json!({
            "enabled": settings.flag("enabled"),
            "api_url": api_url,
            "application": application,
            "lost_socket_ms": lost_socket.as_millis(),
            "signatures_required": signed,
        }),
    }
}

pub(super) fn open(given: &Given<'_>, public: &Url) -> Option<Opened> {
    if !is_answered(given) {
        return None;
    }
    let keys = given.secrets.listed(PUBLIC_KEY);
    let keys: Vec<PublicKey> = keys.iter().filter_map(|key| PublicKey::parse(key.expose())).collect();
    let api = given.secrets.one(API_KEY).zip(given.settings.url("api_url"));
    let control = api.map(|(api_key, api_url)| {
        let set = |key| Some(given.settings.text(key).to_owned()).filter(|text| !text.is_empty());
        let api: Arc<dyn Control> = Arc::new(TelnyxApi {
            api_url: api_url.clone(),
            api_key: api_key.clone(),
            application: set("application"),
            account: set("account"),
            after_stream: public_url(public, "/telnyx/after-stream"),
            briefing: public_url(public, "/telnyx/person/briefing"),
            callee_status: public_url(public, "/telnyx/person/status"),
        });
        api
    });
    let trust = if keys.is_empty() { Trust::Loopback } else { Trust::Signed(keys) };
    let webhook_api = TelnyxWebhookApi { public_url: public.clone(), trust };
    Some(Opened { webhook_api: Arc::new(webhook_api), control, expiring: None })
}
