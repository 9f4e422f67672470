//! The configuration, and what is opened with it. Pure.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use url::Url;

use super::asterisk;
use super::webhook_api::AudioSocketWebhookApi;
use crate::carrier::settings::{Described, Finding, Given, Kind, Opened, Setting};

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "enabled",
        default: "false",
        kind: Kind::Flag,
        help: "Whether calls of an Asterisk without the channel driver for WebSockets are answered (AudioSocket; 16.8, 18 and later). Its dialplan asks /audiosocket/answer?token=<ASTERISK_STREAM_TOKEN> for a UUID with the call's numbers and connects to `bind` with it; deploy/asterisk has the dialplan.",
        term: None,
    },
    Setting {
        key: "bind",
        default: "127.0.0.1:9092",
        kind: Kind::Text,
        help: "Where AudioSocket's TCP connections are taken. They are neither encrypted nor authenticated but by their UUID: loopback, or an address in a private network with the PBX.",
        term: None,
    },
    asterisk::DIAL,
];

/// The address of the TCP listener.
fn bind(given: &Given<'_>) -> Option<SocketAddr> {
    given.settings.text("bind").parse().ok()
}

pub(super) fn check(given: &Given<'_>) -> Vec<Finding> {
    let mut found = asterisk::check(given);
    if bind(given).is_none() {
        let text =
            format!("found {:?}, expected an address and a port, such as 10.0.0.5:9092", given.settings.text("bind"));
        found.push(Finding { key: "bind", text, refuses: true });
    } else if bind(given).is_some_and(|bind| !bind.ip().is_loopback())
        && given.secrets.one(asterisk::STREAM_TOKEN).is_none()
    {
        let text = format!("found an address outside this machine without a token; set {}", asterisk::STREAM_TOKEN);
        found.push(Finding { key: "bind", text, refuses: asterisk::is_answered(given) });
    }
    found
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let token = given.secrets.one(asterisk::STREAM_TOKEN).is_some();
    let (answered, bind) = (asterisk::is_answered(given), given.settings.text("bind"));
    let words = if answered {
        let token = if token { "token required" } else { "no token (loopback)" };
        format!("TCP at {bind}, /audiosocket/answer, {token}; transfers by the dialplan")
    } else {
        "not answered (audiosocket.enabled = false)".to_owned()
    };
    Described {
        heading: "audiosocket",
        words,
        facts: json!({
            "enabled": answered,
            "bind": bind,
            "dial": given.settings.text("dial"),
            "stream_token_required": token,
        }),
    }
}

pub(super) fn open(given: &Given<'_>, _: &Url) -> Option<Opened> {
    let webhook_api = AudioSocketWebhookApi { dialplan: asterisk::dialplan(given)?, bind: bind(given)? };
    Some(Opened { webhook_api: Arc::new(webhook_api), control: None, expiring: None })
}
