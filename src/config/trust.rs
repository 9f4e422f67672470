//! The rules that hold between sections and secrets: nothing starts that a stranger could use at our cost. Pure.

use super::Config;
use super::kinds::looks_secret;
use super::layers::{Node, Value};
use super::problem::Origin;
use super::reader::{Reader, Section};
use super::realtime::Provider;
use super::service::{Verify, is_loopback};

/// Whether every address of the service is loopback.
pub(super) fn all_loopback(config: &Config) -> bool {
    config.server.bind.ip().is_loopback() && is_loopback(&config.server.public_url)
}

/// Decides `twilio.verify` and checks what goes with it. `asked` is `None` for `"auto"`.
pub(super) fn decide_verify(config: &mut Config, asked: Option<Verify>, twilio: &Section<'_>) {
    let local = all_loopback(config);
    let token = !config.secrets.twilio_auth_tokens.is_empty();
    config.twilio.verify = asked.unwrap_or(if token || !local { Verify::Require } else { Verify::Off });
    match (asked, config.twilio.verify) {
        (Some(Verify::Off), _) if !local => {
            let outside = if config.server.bind.ip().is_loopback() { "server.public_url" } else { "server.bind" };
            let next =
                "expected \"require\" (or \"auto\") as soon as an address is not loopback; set TWILIO_AUTH_TOKEN";
            twilio.problem("verify", format!("found \"off\" while {outside} can be reached from outside; {next}"));
        }
        (None, Verify::Require) if !token => {
            let next = "set TWILIO_AUTH_TOKEN, or make server.bind and server.public_url loopback addresses";
            twilio.problem("verify", format!("signatures are required because an address is not loopback; {next}"));
        }
        (Some(Verify::Require), _) if !token => {
            twilio.problem("verify", "found \"require\" without a token to verify with; set TWILIO_AUTH_TOKEN");
        }
        (Some(_) | None, Verify::Require | Verify::Off) => {}
    }
}

/// Checks that every secret is there that the settings need.
pub(super) fn check_secrets(config: &Config, top: &Section<'_>, reader: &Reader) {
    let (realtime, admin) = (top.again("realtime"), top.again("admin"));
    let provider = config.realtime.provider;
    if provider != Provider::Rehearsal && config.secrets.openai_api_key.is_none() {
        let word = provider.word();
        realtime.problem(
            "provider",
            format!("found {word:?} without a key; set OPENAI_API_KEY, or provider = \"rehearsal\""),
        );
    }
    if !config.admin.bind.ip().is_loopback() && config.secrets.admin_token.is_none() {
        let next =
            "found an address that can be reached from outside; set SWITCHBOARD_ADMIN_TOKEN, or bind it to 127.0.0.1";
        admin.problem("bind", next);
    }
    if config.waybeo.enabled && config.secrets.waybeo_stream_token.is_none() && !all_loopback(config) {
        let next = "found true without a token for its streams; set WAYBEO_STREAM_TOKEN";
        top.again("waybeo").problem("enabled", next);
    }
    if config.server.bind == config.admin.bind && config.server.bind.port() != 0 {
        admin.problem("bind", "found the address of server.bind, expected one of its own");
    }
    let weak = |secret: &Option<_>| {
        secret.as_ref().is_some_and(|it: &switchboard_actors::ids::Private<String>| it.expose().len() < SHORTEST)
    };
    for (name, short) in [
        ("SWITCHBOARD_ADMIN_TOKEN", weak(&config.secrets.admin_token)),
        ("WAYBEO_STREAM_TOKEN", weak(&config.secrets.waybeo_stream_token)),
    ] {
        if short {
            reader.note(format!(
                "{name}: shorter than {SHORTEST} signs, so it can be guessed; `openssl rand -hex 32` makes one"
            ));
        }
    }
}

/// Refuses texts in files that are keys by their form, whatever setting they stand in.
pub(super) fn refuse_secrets(node: &Node, path: &str, reader: &Reader) {
    match &node.value {
        Value::Table(entries) => {
            for (key, entry) in entries {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                refuse_secrets(entry, &path, reader);
            }
        }
        Value::List(entries) => entries.iter().for_each(|entry| refuse_secrets(entry, path, reader)),
        Value::Text(text) => {
            let key = text.trim().starts_with("sk-") && looks_secret(text);
            if key && matches!(node.origin, Origin::File { .. }) {
                let next = "found an API key; secrets come only from the environment: take it out of the file and set OPENAI_API_KEY";
                reader.problem(path, node.origin.clone(), next);
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Raw(_) | Value::Other(_) => {}
    }
}

/// Tokens shorter than this can be guessed by trying.
const SHORTEST: usize = 16;
