//! Smartflo's configuration, and what is opened with it. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::control::SmartfloApi;
use super::webhook_api::SmartfloWebhookApi;
use crate::carrier::address::without_query;
use crate::carrier::control::Control;
use crate::carrier::settings::{Described, Finding, Form, Given, Kind, Opened, Secret, Setting, Term};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "enabled",
        default: "false",
        kind: Kind::Flag,
        help: "Whether Smartflo's Voice Bot streams are answered, and Acefone's. The channel's static address is wss://…/smartflo/ws?token=<SMARTFLO_STREAM_TOKEN>, the dynamic one https://…/smartflo/answer?token=<SMARTFLO_STREAM_TOKEN>; `&agent=` and `&language=` choose who answers.",
        term: None,
    },
    Setting {
        key: "api_url",
        default: "https://api-smartflo.tatateleservices.com",
        kind: Kind::Url,
        help: "The root of the REST API, without the path of a version; \"https://api.acefone.in\" for Acefone.",
        term: None,
    },
    Setting {
        key: "transfer_to",
        default: "",
        kind: Kind::AnyText,
        help: "Whom the carrier puts callers through to in transfers with `carrier = true`: a number, an extension or a department of the panel. A transfer with a `number` needs none.",
        term: None,
    },
    Setting {
        key: "lost_socket",
        default: "5s",
        kind: Kind::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
        help: "How long the caller of a lost stream may come back on another one. \"0s\" waits for nobody.",
        term: Some(Term::LostSocket),
    },
];

pub(super) const SECRETS: &[Secret] = &[
    Secret {
        name: STREAM_TOKEN,
        form: Form::One,
        help: "the token in the URLs that the carrier is given",
        sounds: &["smartflo", "stream"],
        own: true,
        api: false,
        wanted: is_answered,
    },
    Secret {
        name: API_TOKEN,
        form: Form::One,
        help: "the panel's token of the API that transfers and ends calls",
        sounds: &["smartflo", "token"],
        own: false,
        api: true,
        wanted: |given| is_answered(given) && given.transfers,
    },
];

pub(super) const STREAM_TOKEN: &str = "SMARTFLO_STREAM_TOKEN";
pub(super) const API_TOKEN: &str = "SMARTFLO_API_TOKEN";

pub(super) fn is_answered(given: &Given<'_>) -> bool {
    given.settings.flag("enabled")
}

pub(super) fn check(given: &Given<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if !is_answered(given) {
        return found;
    }
    // Nothing is signed, so everything needs the token.
    if given.secrets.one(STREAM_TOKEN).is_none() && given.outside.is_some() {
        let text = format!("found true without a token for its URLs; set {STREAM_TOKEN}");
        found.push(Finding { key: "enabled", text, refuses: true });
    }
    let has_api = given.secrets.one(API_TOKEN).is_some();
    let knows = !given.settings.text("transfer_to").is_empty();
    if !has_api && (knows || given.transfers) {
        let text = format!("its callers are transferred to nobody without the API; set {API_TOKEN}");
        found.push(Finding { key: "transfer_to", text, refuses: false });
    } else if has_api && !knows {
        let text = "found \"\": its callers are transferred to numbers alone; set a number, an extension or a department for transfers with `carrier = true`";
        found.push(Finding { key: "transfer_to", text: text.to_owned(), refuses: false });
    }
    found
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let settings = given.settings;
    let token = given.secrets.one(STREAM_TOKEN).is_some();
    let transfers = given.secrets.one(API_TOKEN).is_some();
    let lost_socket = settings.duration("lost_socket").unwrap_or_default();
    let words = if is_answered(given) {
        let token = if token { "token required" } else { "no token (loopback)" };
        let transfers = if transfers { "transfers by the API" } else { "no transfers" };
        format!("/smartflo/ws and /smartflo/answer, {token}; {transfers}")
    } else {
        "not answered (smartflo.enabled = false)".to_owned()
    };
    Described {
        heading: "smartflo",
        words,
        facts: json!({
            "enabled": settings.flag("enabled"),
            "api_url": settings.url("api_url").map(without_query),
            "transfers": transfers,
            "lost_socket_ms": lost_socket.as_millis(),
            "stream_token_required": token,
        }),
    }
}

pub(super) fn open(given: &Given<'_>, public: &Url) -> Option<Opened> {
    if !is_answered(given) {
        return None;
    }
    let webhook_api =
        SmartfloWebhookApi { public_url: public.clone(), token: given.secrets.one(STREAM_TOKEN).cloned() };
    let api = given.secrets.one(API_TOKEN).zip(given.settings.url("api_url"));
    let control = api.map(|(token, api_url)| {
        let to = given.settings.text("transfer_to");
        let api: Arc<dyn Control> = Arc::new(SmartfloApi {
            api_url: api_url.clone(),
            token: token.clone(),
            transfer_to: Some(to.to_owned()).filter(|to| !to.is_empty()),
        });
        api
    });
    Some(Opened { webhook_api: Arc::new(webhook_api), control, expiring: None })
}
