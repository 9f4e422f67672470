//! `[realtime]`: the model's server and how its sessions are configured, checked offline against the server's own rules,
//! because a session update with one wrong value is thrown away whole. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use switchboard_actors::realtime::plan::{NoiseReduction, TurnDetection};
use switchboard_actors::wire::AudioFormat;
use url::Url;

use super::fallbacks::Fallback;
use super::kinds::{any_text, duration, flag, list, number, or_word, quoted, text, url, whole, word};
use super::layers::Variable;
use super::reader::Section;
use super::secrets::Secrets;
use super::service::{MILLISECOND, MINUTE, SECOND, is_loopback};

/// `[realtime]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Realtime {
    /// Whose server it is, and with it how we prove who we are.
    pub provider: Provider,
    /// Where it is; `None` is the embedded rehearsal model.
    pub url: Option<Url>,
    /// The model (for Azure the deployment) of agents that name none.
    pub model: String,
    /// Models to go on with when `model` cannot be had.
    pub fallback_models: Vec<String>,
    /// Other servers and keys to go on with after those, the best first.
    pub fallbacks: Vec<Fallback>,
    /// How long another session is tried for before the model is given up.
    pub failover_patience: Duration,
    /// How long before its end a session is replaced at the next quiet moment; zero is never.
    pub rotate_before: Duration,
    /// How long before its end it is replaced whatever is being said.
    pub rotate_latest: Duration,
    /// How audio travels to and from the model.
    pub audio_format: ModelAudio,
    /// The voice of agents and languages that name none.
    pub voice: String,
    /// Speech rate; `None` is the server's own, 1.0.
    pub speed: Option<f32>,
    /// Most tokens of one answer; `None` is no limit of ours.
    pub max_output_tokens: Option<u32>,
    /// Share of a full conversation that is kept; `None` leaves it to the server.
    pub retention_ratio: Option<f32>,
    /// Noise reduction before turn detection.
    pub noise_reduction: Option<NoiseReduction>,
    /// How the caller's turns are found.
    pub turn_detection: TurnDetection,
    /// Transcription of the caller; `None` is off.
    pub transcription: Option<CallerTranscription>,
    /// How long dialling may take, TLS and upgrade included.
    pub connect_timeout: Duration,
    /// How long `session.created` may take after the upgrade.
    pub created_timeout: Duration,
    /// How long `session.updated` may take after our update.
    pub updated_timeout: Duration,
    /// No data and no ping for this long: the socket is dead.
    pub silence_timeout: Duration,
}

/// Whose Realtime server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// The embedded one, or any server at `realtime.url` that asks for no key.
    Rehearsal,
    /// OpenAI, or any server at `realtime.url` that takes a bearer key.
    OpenAi,
    /// Azure OpenAI.
    Azure,
}

/// How audio travels to and from the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelAudio {
    /// 24 kHz PCM16, resampled from and to the line.
    Pcm24k,
    /// The line's own G.711, passed through.
    G711,
}

/// `[realtime.transcription]`: a separate model that writes down what the caller says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerTranscription {
    /// The transcription model.
    pub model: String,
    /// A hint of words to expect.
    pub prompt: Option<String>,
}

impl Provider {
    /// The word in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rehearsal => "rehearsal",
            Self::OpenAi => "openai",
            Self::Azure => "azure",
        }
    }
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
    /// Whose rules about names hold.
    pub(super) fn house(&self) -> House {
        House::of(self.provider, self.url.as_ref())
    }

    pub(super) fn read(
        section: &Section<'_>,
        secrets: &Secrets,
        variables: &BTreeMap<String, Variable>,
    ) -> Option<Self> {
        let provider = section.read("provider", word(PROVIDERS));
        if let Some(provider @ (Provider::OpenAi | Provider::Azure)) = provider
            && secrets.openai_api_key.is_none()
        {
            let next = "set OPENAI_API_KEY, or provider = \"rehearsal\"";
            section.problem("provider", format!("found {:?} without a key; {next}", provider.word()));
        }
        let url = section.read("url", or_word("", url(&["wss", "ws"])));
        let model = section.read("model", text);
        let fallback_models = section.read("fallback_models", list(8, text));
        let fallbacks = section.listed("fallbacks");
        let fallbacks: Vec<_> =
            fallbacks.iter().map(|fallback| Fallback::read(fallback, provider, secrets, variables)).collect();
        let failover_patience = section.read("failover_patience", or_word("off", duration(SECOND..=2 * MINUTE)));
        let rotate_before = section.read("rotate_before", or_word("off", duration(500 * MILLISECOND..=30 * MINUTE)));
        let rotate_latest = section.read("rotate_latest", duration(100 * MILLISECOND..=10 * MINUTE));
        let audio_format = section.read("audio_format", word(AUDIO));
        let voice = section.read("voice", text);
        let speed = section.read("speed", number(0.25..=1.5));
        let max_output_tokens = section.read("max_output_tokens", or_word("inf", whole(1..=4096)));
        let retention_ratio = section.read("retention_ratio", or_word("auto", number(0.1..=1.0)));
        let noise_reduction = section.read("noise_reduction", word(NOISE));
        let turn_detection = read_turn_detection(&section.table("turn_detection"));
        let transcription = read_transcription(&section.table("transcription"));
        let connect_timeout = section.read("connect_timeout", duration(100 * MILLISECOND..=MINUTE));
        let created_timeout = section.read("created_timeout", duration(100 * MILLISECOND..=MINUTE));
        let updated_timeout = section.read("updated_timeout", duration(100 * MILLISECOND..=MINUTE));
        let silence_timeout = section.read("silence_timeout", duration(25 * SECOND..=10 * MINUTE));
        let (provider, url, model, voice) = (provider?, url?, model?, voice?);
        let house = House::of(provider, url.as_ref());
        house.check_model(section, "model", &model);
        house.check_voice(section, &voice);
        for fallback in fallback_models.iter().flatten() {
            house.check_model(section, "fallback_models", fallback);
        }
        let url = read_url(section, provider, url);
        Some(Self {
            provider,
            url: url?,
            model,
            fallback_models: fallback_models?,
            fallbacks: fallbacks.into_iter().collect::<Option<_>>()?,
            failover_patience: failover_patience?.unwrap_or_default(),
            rotate_before: rotate_before?.unwrap_or_default(),
            rotate_latest: rotate_latest?,
            audio_format: audio_format?,
            voice,
            speed: speed.map(|speed| (speed != 1.0).then_some(speed))?,
            max_output_tokens: max_output_tokens?,
            retention_ratio: retention_ratio?,
            noise_reduction: noise_reduction?,
            turn_detection: turn_detection?,
            transcription: transcription?,
            connect_timeout: connect_timeout?,
            created_timeout: created_timeout?,
            updated_timeout: updated_timeout?,
            silence_timeout: silence_timeout?,
        })
    }
}

/// The server's address: the provider's own where none is given, and none of the retired ones.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: the embedded model")]
pub(super) fn read_url(section: &Section<'_>, provider: Provider, url: Option<Url>) -> Option<Option<Url>> {
    if let Some(url) = &url {
        let asks = |name: &str| url.query_pairs().any(|(key, _)| key == name);
        if asks("model") {
            section.problem("url", "found a `model` in the URL, expected it in realtime.model");
            return None;
        }
        if asks("api-version") || asks("deployment") || url.path().ends_with("/openai/realtime") {
            let next =
                "found Azure's retired preview address, expected wss://<resource>.openai.azure.com/openai/v1/realtime";
            section.problem("url", next);
            return None;
        }
        if url.scheme() == "ws" && !is_loopback(url) && provider != Provider::Rehearsal {
            section.note(
                "url",
                "ws:// sends the key and the callers' speech unencrypted; keep it within a private network",
            );
        }
    }
    match (provider, url) {
        (Provider::Rehearsal, url) => Some(url),
        (Provider::OpenAi | Provider::Azure, Some(url)) => Some(Some(url)),
        (Provider::OpenAi, None) => Some(Url::parse(OPENAI).ok()),
        (Provider::Azure, None) => {
            let next = "missing, expected wss://<resource>.openai.azure.com/openai/v1/realtime with realtime.provider = \"azure\"";
            section.problem("url", next);
            None
        }
    }
}

/// Whose rules about names hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum House {
    /// OpenAI's: its models and voices are known.
    OpenAi,
    /// Azure's: its voices are known, models are deployments that anybody may call as they like.
    Azure,
    /// A server of its own: names are passed on as written.
    Own,
}

impl House {
    /// The rules of a server.
    pub(super) fn of(provider: Provider, url: Option<&Url>) -> Self {
        match (provider, url) {
            (Provider::Azure, _) => Self::Azure,
            (Provider::Rehearsal | Provider::OpenAi, None) => Self::OpenAi,
            (Provider::Rehearsal | Provider::OpenAi, Some(url)) => {
                let openai = url.host_str().is_some_and(|host| host.ends_with("api.openai.com"));
                if openai { Self::OpenAi } else { Self::Own }
            }
        }
    }

    /// Refuses models that are gone or hold no sessions; notes those that will go.
    pub(super) fn check_model(self, section: &Section<'_>, key: &str, model: &str) {
        if self != Self::OpenAi {
            return;
        }
        let found = quoted(model);
        let retired = model.starts_with("gpt-4o") && model.contains("realtime");
        let leaving = matches!(model, "gpt-realtime" | "gpt-realtime-mini")
            || model.starts_with("gpt-realtime-2025")
            || model.starts_with("gpt-realtime-mini-2025");
        if retired {
            section.problem(
                key,
                format!("found {found}, which OpenAI has retired; expected one like \"gpt-realtime-2.1\""),
            );
        } else if model.starts_with("gpt-audio") {
            let next =
                format!("found {found}, which holds no realtime sessions; expected one like \"gpt-realtime-2.1\"");
            section.problem(key, next);
        } else if leaving {
            section.note(key, &format!("{model} is shut down on 2027-01-20; gpt-realtime-2.1 takes its place"));
        }
    }

    /// Refuses voices that nobody has. `voice_…` is an account's own.
    pub(super) fn check_voice(self, section: &Section<'_>, voice: &str) {
        if self != Self::Own && !VOICES.contains(&voice) && !voice.starts_with("voice_") {
            let expected = format!("one of {} or an own voice's id (voice_…)", VOICES.join(", "));
            section.problem("voice", format!("found {}, expected {expected}", quoted(voice)));
        }
    }
}

fn read_turn_detection(section: &Section<'_>) -> Option<TurnDetection> {
    let kind = section.read("type", word(DETECTION));
    let threshold = section.read("threshold", number(0.0..=1.0));
    let prefix_padding = section.read("prefix_padding", duration(Duration::ZERO..=5 * SECOND));
    let silence_duration = section.read("silence_duration", duration(100 * MILLISECOND..=10 * SECOND));
    let idle_timeout = section.read("idle_timeout", or_word("off", duration(5 * SECOND..=30 * SECOND)));
    let eagerness = section.read("eagerness", word(EAGERNESS));
    let create_response = section.read("create_response", flag);
    let interrupt_response = section.read("interrupt_response", flag);
    if create_response == Some(false) {
        section.note("create_response", "the model answers no turn by itself");
    }
    let kind = kind?;
    let (mine, other) = match kind {
        Detection::Server => ("server_vad", ["eagerness"].as_slice()),
        Detection::Semantic => {
            ("semantic_vad", ["threshold", "prefix_padding", "silence_duration", "idle_timeout"].as_slice())
        }
    };
    for key in other.iter().filter(|key| section.chosen(key)) {
        section.problem(
            key,
            format!("found with type = \"{mine}\", which has no such setting; expected it with the other type alone"),
        );
    }
    Some(match kind {
        Detection::Server => TurnDetection::Server {
            threshold: threshold?,
            prefix_padding_ms: milliseconds(prefix_padding?),
            silence_duration_ms: milliseconds(silence_duration?),
            idle_timeout_ms: idle_timeout?.map(milliseconds),
            create_response: create_response?,
            interrupt_response: interrupt_response?,
        },
        Detection::Semantic => TurnDetection::Semantic {
            eagerness: eagerness?.to_owned(),
            create_response: create_response?,
            interrupt_response: interrupt_response?,
        },
    })
}

#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: switched off")]
fn read_transcription(section: &Section<'_>) -> Option<Option<CallerTranscription>> {
    let enabled = section.read("enabled", flag);
    let model = section.read("model", text);
    let prompt = section.read("prompt", any_text);
    let (enabled, model, prompt) = (enabled?, model?, prompt?);
    if model == "gpt-realtime-whisper" {
        let next = "found \"gpt-realtime-whisper\", which works only without turn detection; expected one like \"gpt-live-transcribe\"";
        section.problem("model", next);
    }
    if model.contains("diarize") && !prompt.trim().is_empty() {
        section.problem("prompt", format!("found with model {}, which takes no prompt; expected \"\"", quoted(&model)));
    }
    if model == "whisper-1" || model.starts_with("gpt-4o") {
        section.note("model", &format!("{model} is shut down on 2027-02-26; gpt-live-transcribe takes its place"));
    }
    let prompt = (!prompt.trim().is_empty()).then(|| prompt.trim().to_owned());
    Some(enabled.then_some(CallerTranscription { model, prompt }))
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// OpenAI's address; projects resident in the EU set `eu.api.openai.com`.
const OPENAI: &str = "wss://api.openai.com/v1/realtime";
const VOICES: [&str; 10] = ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"];
pub(super) const PROVIDERS: &[(&str, Provider)] =
    &[("rehearsal", Provider::Rehearsal), ("openai", Provider::OpenAi), ("azure", Provider::Azure)];
const AUDIO: &[(&str, ModelAudio)] = &[("pcm24k", ModelAudio::Pcm24k), ("g711", ModelAudio::G711)];
const NOISE: &[(&str, Option<NoiseReduction>)] =
    &[("near_field", Some(NoiseReduction::NearField)), ("far_field", Some(NoiseReduction::FarField)), ("off", None)];
const DETECTION: &[(&str, Detection)] = &[("server_vad", Detection::Server), ("semantic_vad", Detection::Semantic)];
const EAGERNESS: &[(&str, &str)] = &[("auto", "auto"), ("low", "low"), ("medium", "medium"), ("high", "high")];

/// The two ways of finding turns.
#[derive(Clone, Copy)]
enum Detection {
    Server,
    Semantic,
}
