//! The settings of a session in final types, in words that providers share. Pure.
//!
//! The configuration reads them without knowing a provider. A provider's seat makes its own plan of
//! them ([`Given`]) and ignores those that it does not know.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use url::Url;

use super::plan::ModelAddress;
use super::seat::EngineSeat;
use crate::carrier::AudioFormat;
use crate::ids::Private;

/// Everything that a provider's part of a plan is made from.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The server, the key and the model.
    pub address: ModelAddress,
    /// The dialect of the server's protocol, where one was chosen.
    pub dialect: Option<&'a str>,
    /// The voice.
    pub voice: &'a str,
    /// The language that is spoken, as a code or a tag.
    pub language: &'a str,
    /// The engines of a provider that joins several.
    pub engines: Option<&'a Engines>,
    /// Those of other languages, to which the call may change.
    pub other_languages: &'a [OfLanguage],
    /// The audio format between us and the model.
    pub audio: ModelAudio,
    /// The options of the session.
    pub options: &'a Options,
    /// The maximum wait for the server to open a session after the upgrade.
    pub created_timeout: Duration,
    /// The maximum wait for the server to accept our configuration.
    pub updated_timeout: Duration,
}

/// The engines of a provider that joins several: for each part a list in order of preference.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Engines {
    /// Those that hear.
    pub ears: Vec<Engine>,
    /// Those that think.
    pub mind: Vec<Engine>,
    /// Those that speak.
    pub voice: Vec<Engine>,
    /// How the caller's turns end.
    pub turns: TurnEnds,
}

/// The engines of a language to which a call may change.
#[derive(Debug, Clone, PartialEq)]
pub struct OfLanguage {
    /// Its code in the configuration.
    pub code: String,
    /// The language, as engines are told it.
    pub language: String,
    /// Its engines.
    pub engines: Engines,
}

/// How the caller's turns end where we decide it. What is `None` is the provider's usual value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TurnEnds {
    /// The silence after words that sound complete.
    pub complete: Option<Duration>,
    /// The silence after other words.
    pub usual: Option<Duration>,
    /// The silence in the middle of a number that is dictated.
    pub number: Option<Duration>,
    /// The silence after words that cannot be all.
    pub incomplete: Option<Duration>,
    /// How long the words of what was said are waited for.
    pub words: Option<Duration>,
    /// Whether an answer is begun before it is certain that the turn is over.
    pub eager: Option<bool>,
}

impl TurnEnds {
    /// The same, with the values of `usual` where this has none.
    #[must_use]
    pub fn or(self, usual: Self) -> Self {
        Self {
            complete: self.complete.or(usual.complete),
            usual: self.usual.or(usual.usual),
            number: self.number.or(usual.number),
            incomplete: self.incomplete.or(usual.incomplete),
            words: self.words.or(usual.words),
            eager: self.eager.or(usual.eager),
        }
    }
}

/// An engine and its server.
#[derive(Debug, Clone, PartialEq)]
pub struct Engine {
    /// The word of its row.
    pub word: &'static str,
    /// The name of its row.
    pub name: &'static str,
    /// The API's base.
    pub url: Url,
    /// The model's name.
    pub model: String,
    /// The voice's name or id, if it speaks.
    pub voice: String,
    /// The key; `None` for a server that needs none.
    pub key: Option<Private<String>>,
    /// The variable that contains the key; `None` for a server that needs none.
    pub key_variable: Option<String>,
    /// The most tokens of an answer, if it thinks.
    pub max_tokens: Option<u32>,
    /// The temperature, if it thinks.
    pub temperature: Option<f64>,
}

impl Engine {
    /// An engine at `url` without a key, with the names of its row.
    pub fn of(seat: &EngineSeat, url: Url) -> Self {
        Self {
            word: seat.word,
            name: seat.name,
            url,
            model: seat.model.to_owned(),
            voice: seat.voice.to_owned(),
            key: None,
            key_variable: None,
            max_tokens: None,
            temperature: None,
        }
    }
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

/// The options of a session: the part of `[realtime]` that an agent may override.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Speech rate; `None` uses the server's default, 1.0.
    pub speed: Option<f32>,
    /// Most tokens of one answer; `None` sets no limit.
    pub max_output_tokens: Option<u32>,
    /// Share of a full conversation that is kept when it is cut. `None` leaves that to the server,
    /// or never cuts (`finer.never_cut`).
    pub retention_ratio: Option<f32>,
    /// Noise reduction before turn detection.
    pub noise_reduction: Option<NoiseReduction>,
    /// How turns of the caller are detected.
    pub turn_detection: TurnDetection,
    /// Transcription of the caller; `None` disables it.
    pub transcription: Option<CallerTranscription>,
    /// The finer options.
    pub finer: SessionOptions,
}

/// A separate model that transcribes the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerTranscription {
    /// The transcription model.
    pub model: String,
    /// A hint about words to expect.
    pub prompt: Option<String>,
    /// Languages that may be spoken, in place of the call's language; if empty, the call's language
    /// is used.
    pub languages: Vec<String>,
    /// Words to listen for.
    pub keywords: Vec<String>,
}

/// Turn detection. Every value is explicit, because the documented defaults differ from the live
/// ones.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnDetection {
    /// Turn detection by energy.
    Server {
        /// The energy threshold, 0.0–1.0.
        threshold: f32,
        /// Audio to keep before the detected start, in ms.
        prefix_padding_ms: u32,
        /// Silence that ends the turn, in ms.
        silence_duration_ms: u32,
        /// The silence after which the server prompts on its own, 5000–30000 ms; `None` turns it
        /// off.
        idle_timeout_ms: Option<u32>,
        /// Whether the server answers on its own at the end of a turn.
        create_response: bool,
        /// Whether the server cancels the running response at the start of speech.
        interrupt_response: bool,
    },
    /// Turn detection by meaning.
    Semantic {
        /// The eagerness: `low`, `medium`, `high` or `auto`.
        eagerness: String,
        /// Whether the server answers on its own at the end of a turn.
        create_response: bool,
        /// Whether the server cancels the running response at the start of speech.
        interrupt_response: bool,
    },
}

impl TurnDetection {
    /// Whether the server answers on its own at the end of the caller's turn.
    pub const fn answers(&self) -> bool {
        match self {
            Self::Server { create_response, .. } | Self::Semantic { create_response, .. } => *create_response,
        }
    }

    /// Whether the server cancels the running response on its own when the caller speaks.
    pub const fn interrupts(&self) -> bool {
        match self {
            Self::Server { interrupt_response, .. } | Self::Semantic { interrupt_response, .. } => *interrupt_response,
        }
    }
}

/// The server's noise reduction of the caller's audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseReduction {
    /// For a handset or headset.
    NearField,
    /// For a speakerphone or conference.
    FarField,
}

/// The finer options of a session: settings for a phone agent beside the main ones.
///
/// Every default is "not sent". The server then uses its own default, and a server without the
/// option has nothing to refuse.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionOptions {
    /// Whether our own detector says when the caller speaks, in place of the server's detection.
    pub own_detector: bool,
    /// How long the model thinks; `None` leaves it to the server. It is sent only to models that
    /// reason.
    pub reasoning: Option<Effort>,
    /// Whether the model may call several tools at once; `None` leaves it to the server. It is sent
    /// only to models that reason.
    pub parallel_tool_calls: Option<bool>,
    /// Whether the model may call tools.
    pub tool_choice: ToolChoice,
    /// Tool choices of responses that we request, keyed by the word of their purpose. A purpose
    /// that is missing uses the session's setting.
    pub tool_choices: BTreeMap<&'static str, ResponseToolChoice>,
    /// Whether the server must not cut a conversation that is longer than the model's window. It
    /// excludes a `retention_ratio`.
    pub never_cut: bool,
    /// Tokens of the conversation that are kept after the instructions. It needs a
    /// `retention_ratio`.
    pub retention_tokens: Option<u32>,
    /// The strength of noise reduction. `None` uses the server's own value, 1. It needs noise
    /// reduction.
    pub noise_strength: Option<f32>,
    /// Tracing at the provider.
    pub tracing: Tracing,
    /// Tool servers that the model's own server calls.
    pub mcp: Vec<McpServer>,
    /// Who does the work behind a full-duplex voice.
    pub delegation: Delegation,
    /// The model behind the voice; `None` is the provider's own choice.
    pub backend_model: Option<String>,
}

/// Who does the work behind a full-duplex voice. Tools belong to it, and not to the voice.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Delegation {
    /// A model that the server runs and that calls our tools.
    #[default]
    Responses,
    /// We. The server does not say what the work is, so one tool gets the caller's words.
    Client {
        /// The tool; `None` is the agent's only one of the operator's.
        tool: Option<String>,
    },
}

/// How long a model thinks before it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Hardly any thinking.
    Minimal,
    /// A little: the server's default.
    Low,
    /// A longer time.
    Medium,
    /// A long time, which a caller notices.
    High,
    /// As long as the model needs.
    Xhigh,
}

/// Whether the model may call tools. There is no `required`: as a session's setting, it makes the
/// model call tools for ever and never speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// The model may not call tools.
    None,
}

/// Whether the model may or must call a tool in one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseToolChoice {
    /// The model may not call a tool.
    None,
    /// The model must call a tool. The response is a tool call, and speech follows its result.
    Required,
}

/// Tracing at the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tracing {
    /// No tracing.
    #[default]
    Off,
    /// Tracing with the provider's own names.
    Auto,
    /// Tracing with our names.
    Named {
        /// The workflow's name.
        workflow_name: Option<String>,
        /// The id that groups traces.
        group_id: Option<String>,
        /// The metadata to filter traces by.
        metadata: BTreeMap<String, String>,
    },
}

/// A tool server (MCP) that the model's own server calls. Its calls do not pass through this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// The server's name within the session.
    pub label: String,
    /// The server's URL.
    pub url: String,
    /// The server's purpose, as a description for the model.
    pub description: Option<String>,
    /// The tools that the model may call; `None` allows all of them.
    pub allowed_tools: Option<Vec<String>>,
    /// The credential for the tool server: an OAuth token.
    pub authorization: Option<Private<String>>,
    /// Further headers for the tool server.
    pub headers: BTreeMap<String, Private<String>>,
}

/// The keys of `[realtime]` that depend on the provider, as a seat lists those that it knows. A
/// table's own key stands for all of its keys.
pub const KEYS: [&str; 40] = [
    "dialect",
    "voice",
    "audio_format",
    "speed",
    "max_output_tokens",
    "retention_ratio",
    "retention_tokens",
    "noise_reduction",
    "noise_strength",
    "reasoning_effort",
    "parallel_tool_calls",
    "tool_choice",
    "tracing",
    "mcp",
    "delegation",
    "delegation_tool",
    "backend_model",
    "safety_identifier",
    "created_timeout",
    "updated_timeout",
    "turn_detection.detector",
    "turn_detection.type",
    "turn_detection.threshold",
    "turn_detection.prefix_padding",
    "turn_detection.silence_duration",
    "turn_detection.idle_timeout",
    "turn_detection.eagerness",
    "turn_detection.create_response",
    "turn_detection.interrupt_response",
    "tool_choices.greeting",
    "tool_choices.answer",
    "tool_choices.keypad",
    "tool_choices.idle_prompt",
    "tool_choices.notice",
    "tool_choices.goodbye",
    "transcription.enabled",
    "transcription.model",
    "transcription.prompt",
    "transcription.languages",
    "transcription.keywords",
];
