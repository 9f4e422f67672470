//! `[realtime]`: the model's server and how its sessions are configured, checked offline against the server's own rules,
//! because a session update with one wrong value is thrown away whole. Pure.

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

/// `[realtime]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Realtime {
    /// Whose server it is, and with it how we prove who we are.
    pub provider: Provider,
    /// Where it is; `None` is the embedded rehearsal model.
    pub url: Option<Url>,
    /// The model (for Azure the deployment) of agents that name none.
    pub model: String,
    /// The configured model, where the embedded one goes by its own name.
    imitated: String,
    /// Models to go on with when `model` cannot be had.
    pub fallback_models: Vec<String>,
    /// Other servers and keys to go on with after those, the best first.
    pub fallbacks: Vec<Fallback>,
    /// How long another session is tried for before the model is given up.
    pub failover_patience: Duration,
    /// How often a session is opened to see whether there is one to be had; `None` is never.
    pub canary_every: Option<Duration>,
    /// How long before its end a session is replaced at the next quiet moment; zero is never.
    pub rotate_before: Duration,
    /// How long before its end it is replaced whatever is being said.
    pub rotate_latest: Duration,
    /// Opened sessions that each thread keeps for its next calls.
    pub waiting: PoolPlan,
    /// How audio travels to and from the model.
    pub audio_format: ModelAudio,
    /// The voice of agents and languages that name none.
    pub voice: String,
    /// How its sessions are held, where an agent has nothing of its own.
    pub options: Options,
    /// Whether the provider is told a salted hash of the caller's number.
    pub safety_identifier: bool,
    /// How long dialling may take, TLS and upgrade included.
    pub connect_timeout: Duration,
    /// How long `session.created` may take after the upgrade.
    pub created_timeout: Duration,
    /// How long `session.updated` may take after our update.
    pub updated_timeout: Duration,
    /// No data and no ping for this long: the socket is dead.
    pub silence_timeout: Duration,
    /// No answer to a ping for this long, of a server that has answered before: the socket is dead; zero asks no more often.
    pub ping_timeout: Duration,
}

/// How audio travels to and from the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelAudio {
    /// 24 kHz PCM16, resampled from and to the line.
    Pcm24k,
    /// The line's own G.711, passed through.
    G711,
}

impl ModelAudio {
    /// The format of a session with a mu-law line.
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
    /// The model whose session the embedded one holds under its own name; any other is itself.
    pub fn imitated<'a>(&'a self, model: &'a str) -> &'a str {
        if model == EMBEDDED && self.is_free() { &self.imitated } else { model }
    }

    /// Whether the embedded model answers under its own name: it costs nothing.
    pub fn is_free(&self) -> bool {
        self.provider == Provider::Rehearsal && self.url.is_none() && self.model == EMBEDDED
    }

    /// Whose rules about names hold.
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
        // The embedded model goes by its own name, unless somebody rehearses a certain one.
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

/// Reports a provider that cannot be used without a key.
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
