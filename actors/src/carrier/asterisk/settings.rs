//! The configuration, and what is opened with it. Pure.

use std::sync::Arc;

use serde_json::json;
use url::Url;

use super::Dialplan;
use super::webhook_api::AsteriskWebhookApi;
use crate::carrier::settings::{Described, Finding, Form, Given, Kind, Opened, Secret, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "enabled",
        default: "false",
        kind: Kind::Flag,
        help: "Whether an Asterisk's streams are answered (channel driver for WebSockets, 20.18, 22.8, 23.2 or later), at wss://…/asterisk/ws with ASTERISK_STREAM_TOKEN as the password of its websocket_client. `v(call=…,from=…,to=…)` in the dial string says who calls; `agent=` and `language=` there choose who answers. deploy/asterisk has the dialplan.",
        term: None,
    },
    DIAL,
];

/// The dial string of transfers.
pub(in crate::carrier) const DIAL: Setting = Setting {
    key: "dial",
    default: "PJSIP/{number}@trunk",
    kind: Kind::Text,
    help: "The dial string that the dialplan is told for a transfer, with the destination in place of {number}; a SIP address needs the form PJSIP/{number}@endpoint. How long it rings and whose number is shown is the dialplan's business.",
    term: None,
};

/// Asterisk signs nothing, in none of its ways to us.
pub(in crate::carrier) const SECRETS: &[Secret] = &[Secret {
    name: STREAM_TOKEN,
    form: Form::One,
    help: "the token of Asterisk's streams and of its dialplan's URLs",
    sounds: &["asterisk", "token"],
    own: true,
    api: false,
    wanted: is_answered,
}];

/// The secret's variable.
pub(in crate::carrier) const STREAM_TOKEN: &str = "ASTERISK_STREAM_TOKEN";

pub(in crate::carrier) fn is_answered(given: &Given<'_>) -> bool {
    given.settings.flag("enabled")
}

pub(in crate::carrier) fn check(given: &Given<'_>) -> Vec<Finding> {
    let mut found = Vec::new();
    if !is_answered(given) {
        return found;
    }
    // Nothing is signed, so everything needs the token.
    if given.secrets.one(STREAM_TOKEN).is_none() && given.outside.is_some() {
        let text = format!("found true without a token for its streams; set {STREAM_TOKEN}");
        found.push(Finding { key: "enabled", text, refuses: true });
    }
    let dial = given.settings.text("dial");
    if !dial.contains("{number}") || dial.contains([',', '&', '$', '(', ')', '"']) {
        let text = format!("found {dial:?}, expected a dial string with {{number}} and nothing of Dial()'s options");
        found.push(Finding { key: "dial", text, refuses: true });
    }
    found
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let token = given.secrets.one(STREAM_TOKEN).is_some();
    let words = if is_answered(given) {
        let token = if token { "token required" } else { "no token (loopback)" };
        format!("/asterisk/ws, {token}; transfers by the dialplan")
    } else {
        "not answered (asterisk.enabled = false)".to_owned()
    };
    Described {
        heading: "asterisk",
        words,
        facts: json!({
            "enabled": is_answered(given),
            "dial": given.settings.text("dial"),
            "stream_token_required": token,
        }),
    }
}

pub(super) fn open(given: &Given<'_>, _: &Url) -> Option<Opened> {
    let webhook_api = AsteriskWebhookApi(dialplan(given)?);
    Some(Opened { webhook_api: Arc::new(webhook_api), control: None, expiring: None })
}

/// The dialplan's side of the settings; `None` if calls are not answered.
pub(in crate::carrier) fn dialplan(given: &Given<'_>) -> Option<Dialplan> {
    is_answered(given).then(|| Dialplan {
        token: given.secrets.one(STREAM_TOKEN).cloned(),
        dial: given.settings.text("dial").to_owned(),
    })
}
