//! Waybeo's configuration, and what is opened with it. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::control::{WaybeoApi, expiry};
use super::webhook_api::WaybeoWebhookApi;
use crate::carrier::address::without_query;
use crate::carrier::control::Control;
use crate::carrier::settings::{Described, Expiring, Finding, Form, Given, Kind, Opened, Secret, Setting, Term};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "enabled",
        default: "false",
        kind: Kind::Flag,
        help: "Whether Waybeo's (and Ozonetel's) streams are answered, at /waybeo/ws?token=<WAYBEO_STREAM_TOKEN>; `&agent=` and `&language=` choose who answers. /waybeo/answer?token=… is Ozonetel's answer URL. Transfers and hang-ups need WAYBEO_AUTH_TOKEN.",
        term: None,
    },
    Setting {
        key: "api_url",
        default: "https://pbx-uat.waybeo.com/bot-call",
        kind: Kind::Url,
        help: "Its HTTP API; the default is the test system, which is the only address its documents name.",
        term: None,
    },
    Setting {
        key: "transfer_command",
        default: "transfer",
        kind: Kind::Text,
        help: "The word its API takes for a transfer: \"transfer\", on newer systems \"transfer_call\".",
        term: None,
    },
    Setting {
        key: "hangup_command",
        default: "hangup_call",
        kind: Kind::Text,
        help: "The word its API takes for a hang-up.",
        term: None,
    },
    Setting {
        key: "inactivity",
        default: "60s",
        kind: Kind::Duration { least: Duration::from_secs(5), most: Duration::from_secs(3600) },
        help: "No audio from its stream for this long: the call is over, because Waybeo may forget to say so. Shorter ends calls on hold.",
        term: Some(Term::LineSilence),
    },
    Setting {
        key: "did",
        default: "caller",
        kind: Kind::Word(&["caller", "dialled"]),
        help: "Whose number its `did` is: \"caller\" (Waybeo; `vmn` is the dialled one) or \"dialled\" (Ozonetel). The record keeps both as they came.",
        term: None,
    },
    Setting {
        key: "sip_id",
        default: "",
        kind: Kind::AnyText,
        help: "The SIP id in Ozonetel's answer document. Empty is the one that the request names.",
        term: None,
    },
];

pub(super) const SECRETS: &[Secret] = &[
    Secret {
        name: STREAM_TOKEN,
        form: Form::One,
        help: "the token in the stream's URL",
        sounds: &["waybeo", "stream"],
        own: true,
        api: false,
        wanted: is_answered,
    },
    Secret {
        name: TOKEN,
        form: Form::One,
        help: "the bearer of Waybeo's API",
        sounds: &["waybeo"],
        own: false,
        api: true,
        wanted: is_answered,
    },
];

pub(super) const TOKEN: &str = "WAYBEO_AUTH_TOKEN";
const STREAM_TOKEN: &str = "WAYBEO_STREAM_TOKEN";

pub(super) fn is_answered(given: &Given<'_>) -> bool {
    given.settings.flag("enabled")
}

pub(super) fn check(given: &Given<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if !is_answered(given) {
        return found;
    }
    if given.secrets.one(TOKEN).is_none() {
        let text = format!("its callers cannot be transferred and are hung up on by closing the stream; set {TOKEN}");
        found.push(Finding { key: "enabled", text, refuses: false });
    }
    // Streams cannot be signed, so they need a token.
    if given.secrets.one(STREAM_TOKEN).is_none() && given.outside.is_some() {
        let text = format!("found true without a token for its streams; set {STREAM_TOKEN}");
        found.push(Finding { key: "enabled", text, refuses: true });
    }
    found
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let (settings, secrets) = (given.settings, given.secrets);
    let token = secrets.one(STREAM_TOKEN).is_some();
    let inactivity = settings.duration("inactivity").unwrap_or_default();
    let api_url = settings.url("api_url").map(without_query);
    let words = if is_answered(given) {
        let token = if token { "token required" } else { "no token (loopback)" };
        let api = match secrets.one(TOKEN) {
            Some(_) => api_url.clone().unwrap_or_default(),
            None => format!("no API ({TOKEN} absent)"),
        };
        let inactivity = humantime::format_duration(inactivity);
        format!("/waybeo/ws, {token}; over after {inactivity} without audio; {api}")
    } else {
        "not answered (waybeo.enabled = false)".to_owned()
    };
    Described {
        heading: "waybeo",
        words,
        facts: json!({
            "enabled": settings.flag("enabled"),
            "api_url": api_url,
            "transfer_command": settings.text("transfer_command"),
            "hangup_command": settings.text("hangup_command"),
            "inactivity_ms": inactivity.as_millis(),
            "did": settings.text("did"),
            "sip_id": settings.text("sip_id"),
            "stream_token_required": token,
        }),
    }
}

pub(super) fn open(given: &Given<'_>, public: &Url) -> Option<Opened> {
    let settings = given.settings;
    if !is_answered(given) {
        return None;
    }
    let token = given.secrets.one(TOKEN);
    let control = token.zip(settings.url("api_url")).map(|(token, api_url)| {
        let api: Arc<dyn Control> = Arc::new(WaybeoApi {
            api_url: api_url.clone(),
            token: token.clone(),
            transfer_command: settings.text("transfer_command").to_owned(),
            hangup_command: settings.text("hangup_command").to_owned(),
        });
        api
    });
    let webhook_api = WaybeoWebhookApi {
        public_url: public.clone(),
        token: given.secrets.one(STREAM_TOKEN).cloned(),
        did_is_caller: settings.text("did") == "caller",
        sip_id: settings.text("sip_id").to_owned(),
    };
    let expires = token.and_then(|token| expiry(token.expose()));
    Some(Opened {
        webhook_api: Arc::new(webhook_api),
        control,
        expiring: expires.map(|at| Expiring { name: TOKEN, at }),
    })
}
