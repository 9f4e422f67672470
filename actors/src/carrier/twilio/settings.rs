//! Twilio's configuration, and what is opened with it. Pure.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use url::Url;

use super::control::TwilioApi;
use super::dialect::TWILIO;
use super::trust::Keys;
use super::webhook_api::{Trust, TwilioWebhookApi};
use crate::carrier::address::{public_url, without_query};
use crate::carrier::control::Control;
use crate::carrier::settings::{Described, Finding, Form, Given, Kind, Opened, Secret, Setting, Term};
use crate::carrier::webhook_api::Role;

pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "verify",
        default: "auto",
        kind: Kind::Word(&["auto", "require", "off"]),
        help: "Whether Twilio's signatures are required. \"auto\": as soon as TWILIO_AUTH_TOKEN is set or an address is not loopback. \"require\": always. \"off\": never, which is refused unless `server.bind` and `server.public_url` are loopback.",
        term: None,
    },
    Setting {
        key: "api_url",
        default: "https://api.twilio.com",
        kind: Kind::Url,
        help: "Twilio's REST API; another host for a region or a test.",
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
        key: "playout_lead",
        default: "400ms",
        kind: Kind::Duration { least: Duration::from_millis(40), most: Duration::from_secs(5) },
        help: "How far ahead of real time audio is sent to Twilio's buffer. Shorter stutters on a busy network, longer sends more that an interruption throws away.",
        term: Some(Term::Lead),
    },
    Setting {
        key: "lost_socket",
        default: "5s",
        kind: Kind::Duration { least: Duration::ZERO, most: Duration::from_secs(60) },
        help: "How long the caller of a broken stream is waited for until Twilio asks how the call goes on; the call then goes on over another stream. Shorter gives callers up whose network takes a moment, longer keeps the place of one who is gone. \"0s\" waits for nobody.",
        term: Some(Term::LostSocket),
    },
];

pub(super) const SECRETS: &[Secret] = &[
    Secret {
        name: ACCOUNT,
        form: Form::One,
        help: "the account that streams have to name",
        sounds: &["sid"],
        own: false,
        api: true,
        wanted: |given| given.transfers || has_tokens(given),
    },
    Secret {
        name: TOKEN,
        form: Form::Listed,
        help: "what signatures are checked with, each of them; several while one is rotated",
        sounds: &["twilio"],
        own: false,
        api: true,
        wanted: |given| given.transfers || verifies(given),
    },
    Secret {
        name: SHARED_KEYS,
        form: Form::Pairs,
        help: "keys that webhooks may name beside the token, by their ids",
        sounds: &[],
        own: false,
        api: false,
        wanted: |_| false,
    },
];

pub(super) const ACCOUNT: &str = "TWILIO_ACCOUNT_SID";
pub(super) const TOKEN: &str = "TWILIO_AUTH_TOKEN";
const SHARED_KEYS: &str = "TWILIO_SHARED_KEYS";

fn has_tokens(given: &Given<'_>) -> bool {
    !given.secrets.listed(TOKEN).is_empty()
}

/// Whether signatures are required: as `verify` says, or by default once the service can be reached
/// from outside.
fn verifies(given: &Given<'_>) -> bool {
    match given.settings.text("verify") {
        "require" => true,
        "off" => false,
        _ => has_tokens(given) || given.outside.is_some(),
    }
}

/// Refuses a configuration that strangers could use at our cost.
pub(super) fn check(given: &Given<'_>) -> Vec<Finding> {
    let found = match (given.settings.text("verify"), given.outside) {
        ("off", Some(outside)) => format!(
            "found \"off\" while {outside} can be reached from outside; expected \"require\" (or \"auto\") as soon as an address is not loopback; set {TOKEN}"
        ),
        ("require", _) if !has_tokens(given) => {
            format!("found \"require\" without a token to verify with; set {TOKEN}")
        }
        ("auto", Some(_)) if !has_tokens(given) => format!(
            "signatures are required because an address is not loopback; set {TOKEN}, or make server.bind and server.public_url loopback addresses"
        ),
        _ => return Vec::new(),
    };
    vec![Finding { key: "verify", text: found, refuses: true }]
}

pub(super) fn describe(given: &Given<'_>) -> Described {
    let signatures = match (verifies(given), given.outside) {
        (true, _) => "required",
        (false, None) => "not required (every address is loopback)",
        (false, Some(_)) => "not required",
    };
    Described {
        heading: "carriers",
        words: format!("twilio, signatures {signatures}"),
        facts: json!({
            "verify": if verifies(given) { "require" } else { "off" },
            "api_url": given.settings.url("api_url").map(without_query),
        }),
    }
}

pub(super) fn open(given: &Given<'_>, public: &Url) -> Opened {
    let tokens = given.secrets.listed(TOKEN);
    let account = given.secrets.one(ACCOUNT).cloned();
    let api = account.as_ref().zip(tokens.first()).zip(given.settings.url("api_url"));
    let control = api.map(|((account, token), api_url)| {
        let api: Arc<dyn Control> = Arc::new(TwilioApi {
            dialect: &TWILIO,
            api_url: Some(api_url.clone()),
            account: account.expose().clone(),
            auth_token: token.clone(),
            after_stream: public_url(public, TWILIO.path(Role::StreamEnded)),
            briefing: public_url(public, TWILIO.path(Role::CalleeAnswered)),
            callee_status: public_url(public, TWILIO.path(Role::CalleeStatus)),
        });
        api
    });
    let trust = if verifies(given) {
        Trust::Signed(Keys { auth_tokens: tokens, shared: given.secrets.pairs(SHARED_KEYS) })
    } else {
        Trust::Loopback
    };
    Opened {
        webhook_api: Arc::new(TwilioWebhookApi { dialect: &TWILIO, public_url: public.clone(), trust, account }),
        control,
        expiring: None,
    }
}
