//! Rules between sections and secrets: a service that a stranger could use at our cost does not
//! start. Pure.

use std::net::SocketAddr;

use switchboard_actors::carrier::Carrier;
use url::Url;

use super::kinds::{is_loopback, looks_secret};
use super::layers::{Node, Value};
use super::problem::Origin;
use super::provider::Provider;
use super::reader::{Reader, Section};
use super::secrets::Secrets;
use super::server::Server;

/// Checks the address of the listener for operators against the public one, and that it has a token
/// if it needs one.
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

/// Checks that callers reach the intended model: people who call a number must not hear the
/// rehearsal model repeat their words.
pub(super) fn check_model(
    (provider, url): (Provider, Option<&Url>),
    allowed: bool,
    server: &Server,
    secrets: &Secrets,
    section: &Section<'_>,
) {
    match provider {
        // With a URL of its own, this is a server that needs no key.
        Provider::Rehearsal if url.is_none() => {
            if let Some(outside) = server.outside().filter(|_| !allowed) {
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

/// Notes tokens chosen by the operator that can be guessed.
pub(super) fn weigh_tokens(secrets: &Secrets, reader: &Reader) {
    let own = Carrier::all_secrets().filter(|secret| secret.own);
    let own = own.map(|secret| (secret.name, secrets.carriers.one(secret.name)));
    let tokens = [("SWITCHBOARD_ADMIN_TOKEN", secrets.admin_token.as_ref())].into_iter().chain(own);
    for (name, token) in tokens {
        if token.is_some_and(|token| token.expose().len() < SHORTEST) {
            let next = "so it can be guessed; `openssl rand -hex 32` makes a good one";
            reader.note(format!("{name}: shorter than {SHORTEST} signs, {next}"));
        }
    }
}

/// Refuses texts in files that have the form of an API key, whichever setting contains them.
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

/// Tokens shorter than this can be guessed by trial.
const SHORTEST: usize = 16;
