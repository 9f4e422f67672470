//! The rules that hold between sections and secrets: nothing starts that a stranger could use at our cost. Pure.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use url::Url;

use super::kinds::{is_loopback, looks_secret};
use super::layers::{Node, Value, Variable};
use super::problem::Origin;
use super::provider::Provider;
use super::reader::{Reader, Section};
use super::secrets::Secrets;
use super::server::Server;

/// Whether a carrier's signatures are required.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verify {
    /// Nothing unsigned is answered.
    Require,
    /// Not looked at: only while every address is loopback.
    Off,
}

/// Decides `twilio.verify`, which is `None` for `"auto"`.
pub(super) fn decide_verify(
    asked: Option<Verify>,
    server: &Server,
    secrets: &Secrets,
    section: &Section<'_>,
) -> Verify {
    let local = server.is_local();
    let token = !secrets.twilio_auth_tokens.is_empty();
    let verify = asked.unwrap_or(if token || !local { Verify::Require } else { Verify::Off });
    match (asked, verify) {
        (Some(Verify::Off), _) if !local => {
            let outside = if server.bind.ip().is_loopback() { "server.public_url" } else { "server.bind" };
            let next =
                "expected \"require\" (or \"auto\") as soon as an address is not loopback; set TWILIO_AUTH_TOKEN";
            section.problem("verify", format!("found \"off\" while {outside} can be reached from outside; {next}"));
        }
        (None, Verify::Require) if !token => {
            let next = "set TWILIO_AUTH_TOKEN, or make server.bind and server.public_url loopback addresses";
            section.problem("verify", format!("signatures are required because an address is not loopback; {next}"));
        }
        (Some(Verify::Require), _) if !token => {
            section.problem("verify", "found \"require\" without a token to verify with; set TWILIO_AUTH_TOKEN");
        }
        (Some(_) | None, Verify::Require | Verify::Off) => {}
    }
    verify
}

/// Checks the operators' listener against the carriers' and its token.
pub(super) fn check_admin(bind: SocketAddr, server: Option<&Server>, secrets: &Secrets, section: &Section<'_>) {
    if !bind.ip().is_loopback() && secrets.admin_token.is_none() {
        let next =
            "found an address that can be reached from outside; set SWITCHBOARD_ADMIN_TOKEN, or bind it to 127.0.0.1";
        section.problem("bind", next);
    }
    if server.is_some_and(|server| server.bind == bind) && bind.port() != 0 {
        section.problem("bind", "found the address of server.bind, expected one of its own");
    }
}

/// Checks that streams which cannot be signed bring a token.
pub(super) fn check_waybeo(enabled: bool, server: &Server, secrets: &Secrets, section: &Section<'_>) {
    if enabled && secrets.waybeo_stream_token.is_none() && !server.is_local() {
        section.problem("enabled", "found true without a token for its streams; set WAYBEO_STREAM_TOKEN");
    }
}

/// Checks that who answers is who is meant to: people who call a number must not hear their own voice back.
pub(super) fn check_model(
    (provider, url): (Provider, Option<&Url>),
    allowed: bool,
    server: &Server,
    secrets: &Secrets,
    section: &Section<'_>,
) {
    let local = server.is_local();
    match provider {
        // At a URL of its own it is a server that asks for no key.
        Provider::Rehearsal if url.is_none() => {
            if !local && !allowed {
                let outside = if server.bind.ip().is_loopback() { "server.public_url" } else { "server.bind" };
                let found = format!(
                    "found \"rehearsal\" while {outside} can be reached from outside: callers would hear a model that repeats their words"
                );
                let next = "set realtime.provider = \"openai\", or realtime.rehearsal_in_public = true";
                section.problem("provider", format!("{found}; {next}"));
            }
            if secrets.openai_api_key.is_some() {
                let note = "\"rehearsal\" answers although OPENAI_API_KEY is set; callers reach the model with provider = \"openai\"";
                section.note("provider", note);
            }
        }
        Provider::Rehearsal => {}
        Provider::OpenAi | Provider::Azure if is_loopback(&server.public_url) => {
            let note = format!(
                "{:?} while server.public_url is a loopback address: carriers cannot reach this service",
                provider.word()
            );
            section.note("provider", &note);
        }
        Provider::OpenAi | Provider::Azure => {}
    }
}

/// Notes tokens of our own that can be guessed.
pub(super) fn weigh_tokens(secrets: &Secrets, reader: &Reader) {
    let tokens =
        [("SWITCHBOARD_ADMIN_TOKEN", &secrets.admin_token), ("WAYBEO_STREAM_TOKEN", &secrets.waybeo_stream_token)];
    for (name, token) in tokens {
        if token.as_ref().is_some_and(|token| token.expose().len() < SHORTEST) {
            let next = "so it can be guessed; `openssl rand -hex 32` makes a good one";
            reader.note(format!("{name}: shorter than {SHORTEST} signs, {next}"));
        }
    }
}

/// Refuses a list of shared keys that cannot be read: half of what was meant would be believed.
pub(super) fn check_shared_keys(variables: &BTreeMap<String, Variable>, secrets: &Secrets, reader: &Reader) {
    const NAME: &str = "TWILIO_SHARED_KEYS";
    let Some(variable) = variables.get(NAME) else { return };
    let listed = variable.value.split(',').filter(|key| !key.trim().is_empty()).count();
    if listed != secrets.twilio_shared_keys.len() {
        let read = secrets.twilio_shared_keys.len();
        let found = format!("found {listed} entries of which {read} can be told apart and read");
        let message = format!("{found}, expected `id=secret`, several separated by commas");
        let origin = Origin::Variable { name: NAME.to_owned(), dotenv: variable.dotenv };
        reader.problem(NAME, origin, message);
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
