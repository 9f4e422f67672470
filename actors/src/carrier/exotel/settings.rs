//! Exotel's configuration, and what is opened with it. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::control::ExotelApi;
use super::webhook_api::ExotelWebhookApi;
use crate::carrier::control::Control;
use crate::carrier::settings::{Described, Finding, Form, Given, Kind, Opened, Secret, Setting, Term};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "enabled",
        default: "false",
        kind: Kind::Flag,
        help: "Whether Exotel's Voicebot streams are answered. In the applet: wss://…/exotel/ws?token=<EXOTEL_STREAM_TOKEN> or, asked for each call, https://…/exotel/answer?token=<EXOTEL_STREAM_TOKEN>; `&agent=` and `&language=` choose who answers. Transfers need a Passthru and a Connect applet behind it.",
        term: None,
    },
    Setting {
        key: "api_url",
        default: "https://api.in.exotel.com",
        kind: Kind::Url,
        help: "The root of Exotel's REST API, which places calls, without the path of a version: this one is Mumbai's, \"https://api.exotel.com\" Singapore's.",
        term: None,
    },
    Setting {
        key: "sample_rate",
        default: "8000",
        kind: Kind::Word(&["8000", "16000", "24000"]),
        help: "Samples per second of the streams that /exotel/answer names. The telephone network has 8000; more is sent in smaller pieces, so that an interruption is heard sooner.",
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
        help: "the token in the URLs that Exotel is given, or the password there",
        sounds: &["exotel", "stream"],
        own: true,
        api: false,
        wanted: is_answered,
    },
    Secret {
        name: API_KEY,
        form: Form::One,
        help: "the name of the credentials with which calls are placed",
        sounds: &["exotel", "key"],
        own: false,
        api: true,
        wanted: |_| false,
    },
    Secret {
        name: API_TOKEN,
        form: Form::One,
        help: "the password of these credentials",
        sounds: &["exotel", "token"],
        own: false,
        api: true,
        wanted: |_| false,
    },
    Secret {
        name: ACCOUNT,
        form: Form::One,
        help: "the account over which calls are placed",
        sounds: &["exotel", "sid"],
        own: false,
        api: true,
        wanted: |_| false,
    },
];

pub(super) const STREAM_TOKEN: &str = "EXOTEL_STREAM_TOKEN";
pub(super) const API_KEY: &str = "EXOTEL_API_KEY";
pub(super) const API_TOKEN: &str = "EXOTEL_API_TOKEN";
pub(super) const ACCOUNT: &str = "EXOTEL_ACCOUNT_SID";

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
    found
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let settings = given.settings;
    let token = given.secrets.one(STREAM_TOKEN).is_some();
    let (rate, lost_socket) = (settings.text("sample_rate"), settings.duration("lost_socket").unwrap_or_default());
    let words = if is_answered(given) {
        let token = if token { "token required" } else { "no token (loopback)" };
        let calls = if api(given).is_some() { "; places calls" } else { "" };
        format!("/exotel/ws and /exotel/answer, {token}; {rate} Hz; transfers by the flow{calls}")
    } else {
        "not answered (exotel.enabled = false)".to_owned()
    };
    Described {
        heading: "exotel",
        words,
        facts: json!({
            "enabled": settings.flag("enabled"),
            "sample_rate": rate,
            "lost_socket_ms": lost_socket.as_millis(),
            "stream_token_required": token,
        }),
    }
}

pub(super) fn open(given: &Given<'_>, public: &Url) -> Option<Opened> {
    if !is_answered(given) {
        return None;
    }
    let webhook_api = ExotelWebhookApi {
        public_url: public.clone(),
        token: given.secrets.one(STREAM_TOKEN).cloned(),
        sample_rate: given.settings.text("sample_rate").to_owned(),
    };
    Some(Opened { webhook_api: Arc::new(webhook_api), control: api(given), expiring: None })
}

/// The API that places calls, if all its secrets are given.
fn api(given: &Given<'_>) -> Option<Arc<dyn Control>> {
    let [account, api_key, api_token] = [ACCOUNT, API_KEY, API_TOKEN].map(|name| given.secrets.one(name).cloned());
    let api_url = given.settings.url("api_url")?.clone();
    Some(Arc::new(ExotelApi { api_url, account: account?, api_key: api_key?, api_token: api_token? }))
}
