//! `[realtime]`: the model's server and the setup of its sessions. They are checked offline against
//! the server's rules, because the server rejects a whole session update for one wrong value. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_actors::carrier::AudioFormat;
use switchboard_actors::realtime::plan::PoolPlan;
use url::Url;

use super::fallbacks::Fallback;
use super::kinds::{MILLISECOND, MINUTE, SECOND, duration, flag, list, or_word, text, url, whole, word};
use super::layers::Variable;
use super::options::{McpServers, Options};
use super::provider::{House, PROVIDERS, Provider, read_url};
use super::reader::Section;
use super::secrets::Secrets;
use super::server::Server;
use super::trust;

/// `[realtime]`: the model's server and its sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Realtime {
    /// The provider, which also decides how we authenticate.
    pub provider: Provider,
    /// The server's URL; `None` means the embedded rehearsal model.
    pub url: Option<Url>,
    /// The model (for Azure the deployment) of agents without their own.
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

/// The audio format between us and the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelAudio {
    /// 24 kHz PCM16, resampled from and to the line's format.
    Pcm24k,
    /// The line's own G.711, unchanged.
    G711,
}

impl ModelAudio {
    /// The audio format of a session with a mu-law line.
    pub const fn format(self) -> AudioFormat {
        match self {
            Self::Pcm24k => AudioFormat::PCM_24K,
            Self::G711 => AudioFormat::MULAW_8K,
        }
    }

    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pcm24k => "pcm24k",
            Self::G711 => "g711",
        }
    }
}

impl Realtime {
    /// The model that `model` stands for: the configured one if the embedded model uses its own
    /// name, otherwise `model` itself.
    pub fn imitated<'a>(&'a self, model: &'a str) -> &'a str {
        if model == EMBEDDED && self.is_free() { &self.imitated } else { model }
    }

    /// Whether the embedded model answers under its own name, which costs nothing.
    pub fn is_free(&self) -> bool {
        self.provider == Provider::Rehearsal && self.url.is_none() && self.model == EMBEDDED
    }

    /// The provider whose rules for names apply.
    pub(super) fn house(&self) -> House {
        House::of(self.provider, self.url.as_ref())
    }

    pub(super) fn read(
        section: &Section<'_>,
        secrets: &Secrets,
        mcp: &McpServers,
        variables: &BTreeMap<String, Variable>,
        server: Option<&Server>,
    ) -> Option<Self> {
        let provider = section.read("provider", word(PROVIDERS));
        let rehearsal_in_public = section.read("rehearsal_in_public", flag);
        if let Some(provider) = provider {
            check_key(section, provider, secrets);
        }
        let url = section.read("url", or_word("", url(&["wss", "ws"])));
        let model = section.read("model", text);
        let fallback_models = section.read("fallback_models", list(8, text));
        let fallbacks = section.listed("fallbacks");
        let fallbacks: Vec<_> =
            fallbacks.iter().map(|fallback| Fallback::read(fallback, provider, secrets, variables)).collect();
        let failover_patience = section.read("failover_patience", or_word("off", duration(SECOND..=2 * MINUTE)));
        let canary_every = section.read("canary_every", or_word("off", duration(10 * SECOND..=24 * 60 * MINUTE)));
        let rotate_before = section.read("rotate_before", or_word("off", duration(500 * MILLISECOND..=30 * MINUTE)));
        let rotate_latest = section.read("rotate_latest", duration(100 * MILLISECOND..=10 * MINUTE));
        let audio_format = section.read("audio_format", word(AUDIO));
        let voice = section.read("voice", text);
        let options = Options::read(section, mcp);
        let safety_identifier = section.read("safety_identifier", flag);
        let connect_timeout = section.read("connect_timeout", duration(100 * MILLISECOND..=MINUTE));
        let created_timeout = section.read("created_timeout", duration(100 * MILLISECOND..=MINUTE));
        let updated_timeout = section.read("updated_timeout", duration(100 * MILLISECOND..=MINUTE));
        let silence_timeout = section.read("silence_timeout", duration(25 * SECOND..=10 * MINUTE));
        let waiting = read_pool(section);
        let ping_timeout = section.read("ping_timeout", or_word("off", duration(SECOND..=20 * SECOND)));
        let (provider, url, model, voice, options) = (provider?, url?, model?, voice?, options?);
        options.check_model(section, &model);
        let house = House::of(provider, url.as_ref());
        house.check_model(section, "model", &model);
        // The embedded model uses its own name, unless the operator chose a certain model to
        // rehearse.
        let own_name = provider == Provider::Rehearsal && url.is_none() && !section.chosen("model");
        let imitated = model.clone();
        let model = if own_name { EMBEDDED.to_owned() } else { model };
        house.check_voice(section, &voice);
        for fallback in fallback_models.iter().flatten() {
            house.check_model(section, "fallback_models", fallback);
        }
        if let Some(server) = server {
            trust::check_model((provider, url.as_ref()), rehearsal_in_public?, server, secrets, section);
        }
        let url = read_url(section, provider, url);
        Some(Self {
            provider,
            url: url?,
            model,
            imitated,
            fallback_models: fallback_models?,
            fallbacks: fallbacks.into_iter().collect::<Option<_>>()?,
            failover_patience: failover_patience?.unwrap_or_default(),
            canary_every: canary_every?,
            rotate_before: rotate_before?.unwrap_or_default(),
            rotate_latest: rotate_latest?,
            waiting: waiting?,
            audio_format: audio_format?,
            voice,
            options,
            safety_identifier: safety_identifier?,
            connect_timeout: connect_timeout?,
            created_timeout: created_timeout?,
            updated_timeout: updated_timeout?,
            silence_timeout: silence_timeout?,
            ping_timeout: ping_timeout?.unwrap_or_default(),
        })
    }
}

/// Reports a provider that needs a key if there is none.
fn check_key(section: &Section<'_>, provider: Provider, secrets: &Secrets) {
    if provider != Provider::Rehearsal && secrets.openai_api_key.is_none() {
        let next = "set OPENAI_API_KEY, or provider = \"rehearsal\"";
        section.problem("provider", format!("found {:?} without a key; {next}", provider.word()));
    }
}

fn read_pool(section: &Section<'_>) -> Option<PoolPlan> {
    let sessions = section.read("warm_sessions", whole(0..=16));
    let max_age = section.read("warm_max_age", duration(10 * SECOND..=50 * MINUTE));
    Some(PoolPlan { sessions: usize::try_from(sessions?).unwrap_or_default(), max_age: max_age? })
}

/// The embedded model's name in records, lists and metrics.
const EMBEDDED: &str = "rehearsal";

const AUDIO: &[(&str, ModelAudio)] = &[("pcm24k", ModelAudio::Pcm24k), ("g711", ModelAudio::G711)];
