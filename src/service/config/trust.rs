//! Rules between sections and secrets: a service that a stranger could use at our cost does not
//! start. Pure.

use std::net::SocketAddr;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::realtime::seat::Provider;
use url::Url;

use super::kinds::{is_loopback, looks_secret};
use super::layers::{Node, Value};
use super::problem::Origin;
use super::reader::{Reader, Section};
use super::secrets::Secrets;
use super::server::Server;

/// Checks the address of the listener for operators against the public one, and that it has a token
/// if it needs one.
pub(super) fn check_admin(bind: SocketAddr, has_token: bool, server: Option<&Server>, section: &Section<'_>) {
    if !bind.ip().is_loopback() && !has_token {
        let next =
            "found an address that can be reached from outside; set SWITCHBOARD_ADMIN_TOKEN, or bind it to 127.0.0.1";
        section.problem("bind", next);
    }
    if server.is_some_and(|server| server.bind == bind) && bind.port() != 0 {
        section.problem("bind", "found the address of server.bind, expected one of its own");
    }
}

/// Checks that callers reach the intended model, whose provider is the first one.
pub(super) fn check_model(
    (provider, url): (Provider, Option<&Url>),
    allowed: bool,
    server: &Server,
    secrets: &Secrets,
    section: &Section<'_>,
) {
    // With a URL of its own, this is a server that needs no key.
    if provider.is_embedded() && url.is_none() {
        check_embedded(provider, allowed, server, section);
        let given = |other: &Provider| secrets.model_keys.of(*other).is_some();
        if let Some((other, key)) = Provider::all().find(given).and_then(|other| Some((other, other.key()?))) {
            let next = format!("callers reach the model with provider = {:?}", other.word());
            section
                .note("provider", &format!("{:?} answers although {} is set; {next}", provider.word(), key.variable));
        }
    } else if !provider.is_embedded() && is_loopback(&server.public_url) {
        let note = format!(
            "{:?} while server.public_url is a loopback address: carriers cannot reach this service",
            provider.word()
        );
        section.note("provider", &note);
    }
}

/// Refuses the embedded model where people who call a number would hear it repeat their words.
pub(super) fn check_embedded(provider: Provider, allowed: bool, server: &Server, section: &Section<'_>) {
    if let Some(outside) = server.outside().filter(|_| !allowed) {
        let found = format!(
            "found {:?} while {outside} can be reached from outside: callers would hear a model that repeats their words",
            provider.word()
        );
        let instead = Provider::usual().word();
        let next = format!("set realtime.provider = {instead:?}, or realtime.rehearsal_in_public = true");
        section.problem("provider", format!("{found}; {next}"));
    }
}

/// Notes tokens chosen by the operator that can be guessed.
pub(super) fn weigh_tokens(secrets: &Secrets, reader: &Reader) {
    let own = Carrier::all_secrets().filter(|secret| secret.own);
    let own = own.map(|secret| (secret.name, secrets.carriers.one(secret.name)));
    let service = [
        ("SWITCHBOARD_ADMIN_TOKEN", secrets.admin_token.as_ref()),
        ("SWITCHBOARD_CLUSTER_TOKEN", secrets.cluster_token.as_ref()),
    ];
    let tokens = service.into_iter().chain(own);
    for (name, token) in tokens {
        if token.is_some_and(|token| token.expose().len() < SHORTEST) {
            reader.note(guessable(name));
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
            let key = Provider::key_beginning(text.trim()).filter(|_| looks_secret(text));
            if let Some(key) = key.filter(|_| matches!(node.origin, Origin::File { .. })) {
                let next = "secrets come only from the environment: take it out of the file and set";
                reader.problem(path, node.origin.clone(), format!("found an API key; {next} {}", key.variable));
            }
        }
        Value::Integer(_) | Value::Float(_) | Value::Flag(_) | Value::Raw(_) | Value::Other(_) => {}
    }
}

/// The note on a token in `variable` that is shorter than [`SHORTEST`].
pub(super) fn guessable(variable: &str) -> String {
    let next = "so it can be guessed; `openssl rand -hex 32` makes a good one";
    format!("{variable}: shorter than {SHORTEST} signs, {next}")
}

/// Tokens shorter than this can be guessed by trial.
pub(super) const SHORTEST: usize = 16;
