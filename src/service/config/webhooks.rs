//! `[webhooks]` and `[delivery]`: which receivers are notified of calls, and where deliveries wait.
//! Pure; the environment is a parameter.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use switchboard_actors::delivery::notice::Kind;
use switchboard_actors::delivery::payload::Payload;
use switchboard_actors::delivery::plan::EndpointPlan;
use switchboard_actors::delivery::schedule::RetryPlan;
use switchboard_actors::delivery::signature::Secrets;
use switchboard_actors::ids::Private;
use url::{Host, Url};

use super::headers::read_header;
use super::kinds::{
    Expected, HOUR, MILLISECOND, MINUTE, SECOND, any_text, duration, is_loopback, list, machine, quoted, text, texts,
    url, whole, word,
};
use super::layers::{Node, Variable};
use super::names::is_variable;
use super::reader::Section;

/// `[webhooks]`: the receivers and the retries.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhooks {
    /// The receivers.
    pub endpoints: Vec<EndpointPlan>,
    /// How failed deliveries are retried.
    pub retry: RetryPlan,
    /// How long a finished delivery can still be looked up.
    pub keep: Duration,
}

/// `[delivery]`: where deliveries wait.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryQueue {
    /// The Redis that several nodes share, including its password; `None` means this node's disk.
    pub redis_url: Option<Private<String>>,
}

impl DeliveryQueue {
    pub(super) fn read(section: &Section<'_>, variables: &BTreeMap<String, Variable>) -> Option<Self> {
        let backend = section.read("backend", word(BACKENDS));
        let redis_url = section.read("redis_url", redis);
        let (backend, url) = (backend?, redis_url?);
        Some(Self {
            redis_url: match backend {
                Backend::Files => None,
                Backend::Redis => Some(with_password(url, variables)),
            },
        })
    }
}

/// The address of a Redis with the password of the environment, if it has one.
pub(super) fn with_password(mut url: Url, variables: &BTreeMap<String, Variable>) -> Private<String> {
    let password = variables.get(REDIS_PASSWORD).map(|variable| variable.value.trim());
    if let Some(password) = password.filter(|password| !password.is_empty()) {
        // This URL has a host, so it accepts a password.
        let _ = url.set_password(Some(password));
    }
    Private::new(url.into())
}

/// A Redis and the number of its database.
pub(super) fn redis(node: &Node) -> Result<Url, Expected> {
    let url = url(&["redis"])(node)?;
    let database = url.path().trim_matches('/');
    if database.is_empty() || database.parse::<u16>().is_ok() {
        return Ok(url);
    }
    Err(Expected::new("a URL whose path is the number of a database, as redis://127.0.0.1:6379/0").hidden())
}

#[derive(Debug, Clone, Copy)]
enum Backend {
    Files,
    Redis,
}

impl Webhooks {
    pub(super) fn read(section: &Section<'_>, variables: &BTreeMap<String, Variable>) -> Option<Self> {
        let keep = section.read("keep", duration(HOUR..=365 * 24 * HOUR));
        let retry = section.table("retry");
        let initial = retry.read("initial", duration(100 * MILLISECOND..=HOUR));
        let max = retry.read("max", duration(SECOND..=24 * HOUR));
        let give_up_after = retry.read("give_up_after", duration(MINUTE..=30 * 24 * HOUR));
        if let (Some(initial), Some(max)) = (initial, max)
            && initial > max
        {
            retry.problem("initial", "found a first pause longer than webhooks.retry.max, expected a shorter one");
        }
        let endpoints: Vec<_> =
            section.listed("endpoints").iter().map(|endpoint| read_endpoint(endpoint, variables)).collect();
        let endpoints = endpoints.into_iter().collect::<Option<Vec<_>>>()?;
        for (at, endpoint) in endpoints.iter().enumerate() {
            if endpoints[..at].iter().any(|other| other.name == endpoint.name) {
                section.problem(
                    "endpoints",
                    format!("found two endpoints named {}, expected names of their own", quoted(&endpoint.name)),
                );
            }
        }
        let retry = RetryPlan { initial: initial?, max: max?, give_up_after: give_up_after? };
        Some(Self { endpoints, retry, keep: keep? })
    }
}

fn read_endpoint(section: &Section<'_>, variables: &BTreeMap<String, Variable>) -> Option<EndpointPlan> {
    let name = section.read("name", text);
    let url = section.read("url", url(&["https", "http"]));
    let events = section.read_if_set("events", list(EVENTS.len(), word(EVENTS)));
    let payload = section.read_if_set("payload", payload);
    let secret_env = section.read_if_set("secret_env", any_text);
    let bearer_env = section.read_if_set("bearer_env", any_text);
    let headers = section.read_if_set("headers", texts);
    let timeout = section.read_if_set("timeout", duration(100 * MILLISECOND..=2 * MINUTE));
    let concurrency = section.read_if_set("concurrency", whole(1..=256));
    let allow_private = section.read_if_set("allow_private", list(64, machine));
    let payload = payload?.unwrap_or(Payload::Switchboard);
    let environment = Environment { section, variables };
    let secrets = environment.secrets(secret_env?.as_deref(), payload);
    let bearer = environment.bearer(bearer_env?, payload);
    let headers = environment.headers(&headers?.unwrap_or_default(), bearer.as_ref().is_some_and(Option::is_some));
    let plan = EndpointPlan {
        name: name?,
        url: url?,
        events: events?.unwrap_or_else(|| payload.kinds().to_vec()),
        payload,
        secrets: secrets?,
        bearer: bearer?,
        headers: headers?,
        timeout: timeout?.unwrap_or(10 * SECOND),
        concurrency: concurrency?.unwrap_or(4) as usize,
        allow_private: allow_private?.unwrap_or_default(),
    };
    check_events(&plan, section);
    check_reach(&plan.url, |address| plan.may_reach(address), "what callers say", section);
    Some(plan)
}

/// The environment from which an endpoint's secrets are read.
struct Environment<'r> {
    section: &'r Section<'r>,
    variables: &'r BTreeMap<String, Variable>,
}

impl Environment<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty())
    }

    /// Reads the signing secrets. The outer `None` means that a problem was reported.
    fn secrets(&self, named: Option<&str>, payload: Payload) -> Option<Option<Secrets>> {
        let variable = named.unwrap_or(SECRET);
        if !self.is_named(variable, "secret_env") {
            return None;
        }
        match self.value(variable).map(Secrets::parse) {
            Some(Ok(secrets)) => Some(Some(secrets)),
            Some(Err(problem)) => {
                let next = "expected `whsec_` and the base64 of 24 to 64 random bytes, as `echo whsec_$(openssl rand -base64 32)` makes one";
                self.refuse("secret_env", &format!("found {variable}, but {problem}; {next}"))
            }
            None if named.is_none() && !payload.is_signed() => Some(None),
            None => {
                let absent = format!("the secret to sign with is not in the environment; set {variable}");
                self.refuse("secret_env", &absent)
            }
        }
    }

    fn bearer(&self, named: Option<String>, payload: Payload) -> Option<Option<Private<String>>> {
        let house = match payload {
            Payload::Carrier(payload) => Some(payload.bearer.to_owned()),
            Payload::Switchboard | Payload::SingleInterfaceV2 => None,
        };
        let Some(variable) = named.or(house) else { return Some(None) };
        if !self.is_named(&variable, "bearer_env") {
            return None;
        }
        match self.value(&variable) {
            Some(value) if value.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) => {
                Some(Some(Private::new(value.to_owned())))
            }
            Some(_) => self.refuse("bearer_env", &format!("the value of {variable} cannot be sent in a header")),
            None => self.refuse("bearer_env", &format!("{variable} is not in the environment; set {variable}")),
        }
    }

    /// Reads the operator's own headers. Headers by which a receiver verifies us are refused.
    fn headers(&self, named: &BTreeMap<String, String>, has_bearer: bool) -> Option<Vec<(String, Private<String>)>> {
        let read = |(header, variable): (&String, &String)| {
            if SIGNED.iter().any(|signed| header.eq_ignore_ascii_case(signed)) {
                return self.refuse(
                    "headers",
                    &format!("found {header:?}, which every delivery sets by itself, expected another header"),
                );
            }
            if has_bearer && header.eq_ignore_ascii_case("Authorization") {
                return self
                    .refuse("headers", "found \"Authorization\" and a bearer (bearer_env), expected one of the two");
            }
            read_header((header, variable), "headers", self.section, self.variables)
        };
        let read: Vec<_> = named.iter().map(read).collect();
        read.into_iter().collect()
    }

    fn is_named(&self, variable: &str, key: &str) -> bool {
        let named = is_variable(variable);
        if !named {
            let message = "expected the name of an environment variable, in capitals; the secret itself is never written in a file";
            self.section.problem(key, message);
        }
        named
    }

    fn refuse<T>(&self, key: &str, message: &str) -> Option<T> {
        self.section.problem(key, message);
        None
    }
}

/// Reads the name of a payload.
fn payload(node: &Node) -> Result<Payload, Expected> {
    let listed = || Payload::all().map(|it| format!("\"{}\"", it.name())).collect::<Vec<_>>().join(" or ");
    let found = any_text(node).map_err(|_| Expected::new(listed()))?;
    Payload::all().find(|it| it.name() == found.trim()).ok_or_else(|| Expected::new(listed()))
}

fn check_events(plan: &EndpointPlan, section: &Section<'_>) {
    let known = plan.payload.kinds();
    if let Some(stranger) = plan.events.iter().find(|kind| !known.contains(kind)) {
        let names: Vec<&str> = known.iter().map(|kind| kind.name()).collect();
        let message = format!(
            "found {}, which the payload {} cannot tell; expected {}",
            stranger.name(),
            plan.payload.name(),
            names.join(", ")
        );
        section.problem("events", message);
    }
}

/// Reports an address that could never be reached, because it is private and not allowed, and one
/// that gets `what` unencrypted.
pub(super) fn check_reach(url: &Url, may_reach: impl Fn(IpAddr) -> bool, what: &str, section: &Section<'_>) {
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(_)) | None => None,
    };
    match address {
        Some(address) if !may_reach(address) => {
            let next = "expected one on the internet, or the same one in allow_private";
            section.problem("url", format!("found the private address {address}, {next}"));
        }
        Some(_) | None if url.scheme() == "http" && !is_loopback(url) => {
            section.note("url", &format!("http:// sends {what} unencrypted; keep it within a private network"));
        }
        Some(_) | None => {}
    }
}

/// The headers by which a receiver identifies and verifies a delivery.
const SIGNED: [&str; 4] = ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature", "User-Agent"];
const SECRET: &str = "SWITCHBOARD_WEBHOOK_SECRET";
const REDIS_PASSWORD: &str = "SWITCHBOARD_REDIS_PASSWORD";
const BACKENDS: &[(&str, Backend)] = &[("files", Backend::Files), ("redis", Backend::Redis)];
const EVENTS: &[(&str, Kind)] = &[
    ("call.started", Kind::CallStarted),
    ("call.ended", Kind::CallEnded),
    ("call.transferred", Kind::CallTransferred),
    ("transcript.ready", Kind::TranscriptReady),
];
