//! `[realtime]`: the model's server and the setup of its sessions. They are checked offline against
//! the server's rules, because the server rejects a whole session update for one wrong value. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_actors::realtime::capabilities::Capabilities;
use switchboard_actors::realtime::plan::{Common, Credential, Endpoint, ModelAddress, PoolPlan};
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::realtime::settings::{self, ModelAudio, Options, TurnDetection};
use url::Url;

use super::fallbacks::Fallback;
use super::keys::{self, Given, ServerKey};
use super::kinds::{MILLISECOND, MINUTE, SECOND, any_text, duration, flag, list, or_word, text, url, whole, word};
use super::layers::Variable;
use super::options::{self, McpServers};
use super::provider::{At, dialect, protocol, provider, read_url};
use super::reader::Section;
use super::secrets::Secrets;
use super::server::Server;
use super::trust;

/// `[realtime]`: the model's server and its sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Realtime {
    /// The provider, which also decides how we authenticate.
    pub provider: Provider,
    /// The protocol of the embedded model, a word of [`Provider::protocols`].
    pub rehearsal_protocol: &'static str,
    /// The server's URL; `None` means the embedded rehearsal model.
    pub url: Option<Url>,
    /// The key of the server and its variable; `None` for a server that needs none.
    pub key: Option<ServerKey>,
    /// The model (for some providers the deployment) of agents without their own.
    pub model: String,
    /// The model that was configured, even if the embedded model uses its own name.
    imitated: String,
    /// Models for failover if `model` is not available.
    pub fallback_models: Vec<String>,
    /// Servers and keys for failover after those models, in order of preference.
    pub fallbacks: Vec<Fallback>,
    /// How long a call tries to open another session before it gives the model up.
    pub failover_patience: Duration,
    /// How often a test session is opened to check that the model is available; `None` means never.
    pub canary_every: Option<Duration>,
    /// How long before its expiry a session is replaced, at the next quiet moment; zero means
    /// never.
    pub rotate_before: Duration,
    /// How long before its expiry a session is replaced even while someone is speaking.
    pub rotate_latest: Duration,
    /// Opened sessions that each thread keeps ready for its next calls.
    pub waiting: PoolPlan,
    /// The dialect that the server speaks; `None` means the provider's own.
    pub dialect: Option<&'static str>,
    /// The audio format between us and the model.
    pub audio_format: ModelAudio,
    /// The voice of agents and languages without their own.
    pub voice: String,
    /// Session options of agents without their own.
    pub options: Options,
    /// Whether the provider receives a salted hash of the caller's number.
    pub safety_identifier: bool,
    /// Longest time to connect, including TLS and upgrade.
    pub connect_timeout: Duration,
    /// Longest time from the upgrade to `session.created`.
    pub created_timeout: Duration,
    /// Longest time from our update to `session.updated`.
    pub updated_timeout: Duration,
    /// The socket counts as dead after this long without data and ping.
    pub silence_timeout: Duration,
    /// The socket counts as dead after this long without an answer to a ping, if the server has
    /// answered one before. Zero sends no extra pings.
    pub ping_timeout: Duration,
}

impl Realtime {
    /// The model that `model` stands for: the configured one if the embedded model uses its own
    /// name, otherwise `model` itself.
    pub fn imitated<'a>(&'a self, model: &'a str) -> &'a str {
        if model == self.provider.word() && self.is_free() { &self.imitated } else { model }
    }

    /// Whether the embedded model answers under its own name, which costs nothing.
    pub fn is_free(&self) -> bool {
        self.provider.is_embedded() && self.url.is_none() && self.model == self.provider.word()
    }

    /// Whether the embedded model has to be started: as the first one, or for failover.
    pub fn needs_embedded(&self) -> bool {
        self.provider.is_embedded() || self.fallbacks.iter().any(|fallback| fallback.is_here(self.provider))
    }

    /// Whether a server uses the key in this variable.
    pub fn uses_key(&self, variable: &str) -> bool {
        self.key.as_ref().is_some_and(|key| key.variable == variable)
            || self.fallbacks.iter().any(|fallback| fallback.key_variable.as_deref() == Some(variable))
    }

    /// Whether the first server's provider or that of a fallback knows a key of `[realtime]`.
    pub fn knows(&self, key: &str) -> bool {
        let others = self.fallbacks.iter().map(|fallback| fallback.provider);
        std::iter::once(self.provider).chain(others).any(|provider| provider.knows(key))
    }

    /// Whether a call may use the engines of a provider that joins several.
    pub(super) fn joins_engines(&self) -> bool {
        let others = self.fallbacks.iter().map(|fallback| fallback.provider);
        std::iter::once(self.provider).chain(others).any(|provider| !provider.engines().is_empty())
    }

    /// What a session of the first server can do with these options.
    pub fn capabilities(&self, options: &Options) -> Capabilities {
        // No address and no key change what a session can do, but for the host.
        let url = self.url.as_ref().map(ToString::to_string).unwrap_or_default();
        let endpoint = Endpoint { url, credential: Credential::None, key_variable: None };
        let plan = self.provider.plan(settings::Given {
            address: ModelAddress { provider: self.provider.word(), endpoint, model: self.model.clone() },
            dialect: self.dialect,
            voice: &self.voice,
            language: "",
            engines: None,
            other_languages: &[],
            audio: self.audio_format,
            options,
            created_timeout: self.created_timeout,
            updated_timeout: self.updated_timeout,
        });
        plan.capabilities(&Common::new(String::new()))
    }

    /// Whether `turn_detection.interrupt_response = false` leaves interruptions to us. Some servers
    /// interrupt whatever is configured.
    pub fn may_leave_interruptions(&self) -> bool {
        let mut options = self.options.clone();
        let (TurnDetection::Server { interrupt_response, .. } | TurnDetection::Semantic { interrupt_response, .. }) =
            &mut options.turn_detection;
        *interrupt_response = false;
        !self.capabilities(&options).server_interrupts()
    }

    /// The server whose rules for names apply.
    pub(super) fn at(&self) -> At<'_> {
        At { provider: self.provider, url: self.url.as_ref() }
    }

    pub(super) fn read(
        section: &Section<'_>,
        secrets: &Secrets,
        mcp: &McpServers,
        variables: &BTreeMap<String, Variable>,
        server: Option<&Server>,
    ) -> Option<Self> {
        let rehearsal_protocol = section.read("rehearsal_protocol", protocol);
        let spoken = rehearsal_protocol.unwrap_or_default();
        let provider = section.read("provider", provider(spoken));
        let rehearsal_in_public = section.read("rehearsal_in_public", flag);
        let key_env = section.read("key_env", or_word("", any_text));
        let key = provider.and_then(|provider| read_key(section, provider, key_env?, secrets, variables));
        let url = section.read("url", or_word("", url(&["wss", "ws"])));
        let model = section.read("model", text);
        let fallback_models = section.read("fallback_models", list(8, text));
        let fallbacks = section.listed("fallbacks");
        let first_key = key.as_ref().and_then(Option::as_ref);
        let first = provider.map(|provider| At { provider, url: url.as_ref().and_then(Option::as_ref) });
        let read: Vec<_> = fallbacks
            .iter()
            .map(|fallback| Fallback::read(fallback, (first, first_key), spoken, secrets, variables))
            .collect();
        if let Some(first) = first {
            let others: Vec<Provider> = read.iter().flatten().map(|fallback| fallback.provider).collect();
            first.check_settings(section, &others);
        }
        let times = Times::read(section);
        let dialect = section.read("dialect", dialect);
        let audio_format = section.read("audio_format", word(AUDIO));
        let voice = section.read("voice", text);
        let options = options::read(section, provider, mcp);
        let safety_identifier = section.read("safety_identifier", flag);
        let waiting = read_pool(section);
        let (provider, url, model, voice, options) = (provider?, url?, model?, voice?, options?);
        let (model, voice) = fitting_names(section, provider, model, voice);
        options::check_model(&options, provider, section, &model);
        let at = At { provider, url: url.as_ref() };
        at.check_model(section, "model", &model);
        // The embedded model uses its own name, unless the operator chose a certain model to
        // rehearse.
        let own_name = provider.is_embedded() && url.is_none() && !section.chosen("model");
        let imitated = model.clone();
        let model = if own_name { provider.word().to_owned() } else { model };
        at.check_voice(section, &voice);
        for fallback in fallback_models.iter().flatten() {
            at.check_model(section, "fallback_models", fallback);
        }
        if let Some(server) = server {
            let allowed = rehearsal_in_public?;
            trust::check_model((provider, url.as_ref()), allowed, server, secrets, section);
            check_fallbacks(&read, &fallbacks, provider, |provider, section| {
                trust::check_embedded(provider, allowed, server, section);
            });
        }
        let url = read_url(section, provider, url);
        let times = times?;
        Some(Self {
            provider,
            rehearsal_protocol: rehearsal_protocol?,
            url: url?,
            key: key?,
            model,
            imitated,
            fallback_models: fallback_models?,
            fallbacks: read.into_iter().collect::<Option<_>>()?,
            failover_patience: times.failover_patience,
            canary_every: times.canary_every,
            rotate_before: times.rotate_before,
            rotate_latest: times.rotate_latest,
            waiting: waiting?,
            dialect: dialect?,
            audio_format: audio_format?,
            voice,
            options,
            safety_identifier: safety_identifier? && provider.knows("safety_identifier"),
            connect_timeout: times.connect_timeout,
            created_timeout: times.created_timeout,
            updated_timeout: times.updated_timeout,
            silence_timeout: times.silence_timeout,
            ping_timeout: times.ping_timeout,
        })
    }
}

/// The time limits among the settings; each is described at [`Realtime`].
struct Times {
    failover_patience: Duration,
    canary_every: Option<Duration>,
    rotate_before: Duration,
    rotate_latest: Duration,
    connect_timeout: Duration,
    created_timeout: Duration,
    updated_timeout: Duration,
    silence_timeout: Duration,
    ping_timeout: Duration,
}

impl Times {
    fn read(section: &Section<'_>) -> Option<Self> {
        let step = |key| section.read(key, duration(100 * MILLISECOND..=MINUTE));
        let failover_patience = section.read("failover_patience", or_word("off", duration(SECOND..=2 * MINUTE)));
        let canary_every = section.read("canary_every", or_word("off", duration(10 * SECOND..=24 * 60 * MINUTE)));
        let rotate_before = section.read("rotate_before", or_word("off", duration(500 * MILLISECOND..=30 * MINUTE)));
        let rotate_latest = section.read("rotate_latest", duration(100 * MILLISECOND..=10 * MINUTE));
        let (connect, created, updated) = (step("connect_timeout"), step("created_timeout"), step("updated_timeout"));
        let silence_timeout = section.read("silence_timeout", duration(25 * SECOND..=10 * MINUTE));
        let ping_timeout = section.read("ping_timeout", or_word("off", duration(SECOND..=20 * SECOND)));
        Some(Self {
            failover_patience: failover_patience?.unwrap_or_default(),
            canary_every: canary_every?,
            rotate_before: rotate_before?.unwrap_or_default(),
            rotate_latest: rotate_latest?,
            connect_timeout: connect?,
            created_timeout: created?,
            updated_timeout: updated?,
            silence_timeout: silence_timeout?,
            ping_timeout: ping_timeout?.unwrap_or_default(),
        })
    }
}

/// The model and the voice. A default that is a name of another provider's is replaced by the
/// provider's own.
fn fitting_names(section: &Section<'_>, provider: Provider, model: String, voice: String) -> (String, String) {
    let shared = provider.shares_names_with(Provider::usual());
    let fitting = |key: &str, found: String, own: &str| {
        if shared || section.chosen(key) { found } else { own.to_owned() }
    };
    (fitting("model", model, provider.names().model), fitting("voice", voice, provider.names().voice))
}

/// Checks the fallbacks that are the embedded model of this process.
fn check_fallbacks(
    read: &[Option<Fallback>],
    sections: &[Section<'_>],
    first: Provider,
    check: impl Fn(Provider, &Section<'_>),
) {
    for (fallback, section) in read.iter().zip(sections) {
        if let Some(fallback) = fallback.as_ref().filter(|it| it.is_here(first)) {
            check(fallback.provider, section);
        }
    }
}

/// Reads the key of the first server. Reports a provider that needs a key if there is none.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: no key is needed")]
fn read_key(
    section: &Section<'_>,
    provider: Provider,
    variable: Option<String>,
    secrets: &Secrets,
    variables: &BTreeMap<String, Variable>,
) -> Option<Option<ServerKey>> {
    match keys::read(section, provider, variable, secrets, variables)? {
        Given::Key(key) => Some(Some(key)),
        Given::NotNeeded => Some(None),
        Given::Missing(variable) => {
            let embedded = Provider::all().find(|it| it.is_embedded());
            let instead = embedded.map(|it| format!(", or provider = {:?}", it.word())).unwrap_or_default();
            let next = format!("set {variable}{instead}");
            section.problem("provider", format!("found {:?} without a key; {next}", provider.word()));
            None
        }
    }
}

fn read_pool(section: &Section<'_>) -> Option<PoolPlan> {
    let sessions = section.read("warm_sessions", whole(0..=16));
    let max_age = section.read("warm_max_age", duration(10 * SECOND..=50 * MINUTE));
    Some(PoolPlan { sessions: usize::try_from(sessions?).unwrap_or_default(), max_age: max_age? })
}

const AUDIO: &[(&str, ModelAudio)] = &[("pcm24k", ModelAudio::Pcm24k), ("g711", ModelAudio::G711)];
