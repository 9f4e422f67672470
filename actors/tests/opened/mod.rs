//! A carrier as a service opens it, and its requests as a service receives them.

use std::time::Duration;

use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::fake::{self, Part};
use switchboard_actors::carrier::settings::{Form, Given, Kind, Opened, Secrets, Setting, Settings, Value};
use switchboard_actors::carrier::webhook_api::{Arrival, Refused, Request, Role, Verb, WebhookApi, WebhookEvent};
use switchboard_actors::ids::Private;
use url::Url;

/// A carrier as a service opens it.
pub(crate) struct Service {
    pub(crate) opened: Opened,
    pub(crate) public: Url,
}

impl Service {
    /// The carrier at a public address, with `secret` as every secret; without secrets at a local
    /// address.
    pub(crate) fn of(carrier: Carrier, secret: Option<&str>) -> Self {
        let mut settings: Settings =
            carrier.settings().iter().map(|it| (it.key, value(it).expect("a default"))).collect();
        // Options that are off by default are on here.
        let on =
            carrier.settings().iter().filter(|it| matches!(it.kind, Kind::Flag)).map(|it| (it.key, Value::Flag(true)));
        settings.extend(on);
        let written = |form, secret: &str| if form == Form::Pairs { format!("k={secret}") } else { secret.to_owned() };
        let played = carrier.fake().zip(secret);
        let played = played.map_or_else(Vec::new, |(fake, it)| fake.setup(Part::Played { secret: Some(it) }).secrets);
        let secrets: Secrets = carrier
            .secrets()
            .iter()
            .filter_map(|it| Some((it.name, Private::new(written(it.form, secret?)))))
            // What the carrier's own requests are checked with may be another text than their secret.
            .chain(played.into_iter().map(|(name, secret)| (name, Private::new(secret))))
            .collect();
        let given =
            Given { settings: &settings, secrets: &secrets, outside: secret.map(|_| "server.bind"), transfers: true };
        assert!(carrier.check(&given).iter().all(|finding| !finding.refuses), "{carrier:?}");
        let described = carrier.describe(&given);
        let shown = format!("{} {}", described.words, described.facts);
        assert!(!described.words.is_empty() && !shown.contains(secret.unwrap_or("\0")), "{described:?}");
        let public = Url::parse("https://voice.example.com").expect("a URL");
        let opened = carrier.open(&given, &public).expect("answered");
        let has_api = secret.is_some() && carrier.secrets().iter().any(|it| it.api);
        assert_eq!(opened.control.is_some(), has_api, "{carrier:?}: an API without its secrets, or none with them");
        Self { opened, public }
    }

    pub(crate) fn webhook_api(&self) -> &dyn WebhookApi {
        &*self.opened.webhook_api
    }

    /// How the webhook API understands a request of the carrier.
    pub(crate) fn judge(&self, role: Role, request: &fake::Request) -> Result<WebhookEvent, Refused> {
        received(request, |request| self.webhook_api().judge(role, request))
    }

    /// How the webhook API understands an upgrade of the carrier.
    pub(crate) fn knocks(&self, request: &fake::Request) -> Result<Arrival, Refused> {
        received(request, |request| self.webhook_api().upgrade(request))
    }
}

/// Passes a request of a carrier on as the service receives it.
fn received<T>(request: &fake::Request, judge: impl FnOnce(&Request<'_>) -> T) -> T {
    let (kind, body) = request.body.as_ref().map_or(("", ""), |(kind, body)| (*kind, body.as_str()));
    let mut headers: Vec<(String, String)> =
        request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone())).collect();
    headers.push(("content-type".to_owned(), kind.to_owned()));
    let shown: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let target = match request.url.query() {
        Some(query) => format!("{}?{query}", request.url.path()),
        None => request.url.path().to_owned(),
    };
    let verb = match request.method {
        fake::Method::Get => Verb::Get,
        fake::Method::Post => Verb::Post,
    };
    judge(&Request {
        verb,
        target: &target,
        headers: &shown,
        body: body.as_bytes(),
        is_local: false,
        at: chrono::DateTime::UNIX_EPOCH,
    })
}

/// The default value of a setting.
pub(crate) fn value(setting: &Setting) -> Option<Value> {
    let text = setting.default;
    match setting.kind {
        Kind::Flag => text.parse().ok().map(Value::Flag),
        Kind::Text => (!text.is_empty()).then(|| Value::Text(text.to_owned())),
        Kind::AnyText => Some(Value::Text(text.to_owned())),
        Kind::Url => text.parse().ok().map(Value::Url),
        Kind::Word(words) => words.iter().find(|word| **word == text).map(|word| Value::Word(word)),
        Kind::Duration { least, most } => humantime::parse_duration(text)
            .ok()
            .filter(|duration: &Duration| (least..=most).contains(duration))
            .map(Value::Duration),
    }
}
