//! What one model session is configured with: final types, validated before a port was bound. Pure.

use std::time::Duration;

use serde_json::Value;

use super::capabilities::Capabilities;
use super::conversation::Conversation;
use super::openai::options::SessionOptions;
use crate::carrier::AudioFormat;
use crate::ids::Private;

/// Everything the RealtimeLlm needs to open and configure its session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPlan {
    /// Where to dial and how to prove who we are.
    pub endpoint: Endpoint,
    /// The model's name; goes into the URL's query.
    pub model: String,
    /// The whole prompt: agent and language together.
    pub instructions: String,
    /// The voice; never sent again after the first audio (the voice lock).
    pub voice: String,
    /// Speech rate, 0.25–1.5; `None` leaves the server's default.
    pub speed: Option<f32>,
    /// The model's audio format, both directions.
    pub format: AudioFormat,
    /// How the server finds the caller's turns.
    pub turn_detection: TurnDetection,
    /// Transcription of the caller; `None` turns it off.
    pub transcription: Option<Transcription>,
    /// Noise reduction before turn detection.
    pub noise_reduction: Option<NoiseReduction>,
    /// Tools in the protocol's flat form: `{"type":"function","name":…,"description":…,"parameters":{…}}`.
    pub tools: Vec<Value>,
    /// Most tokens of one response; `None` is `"inf"`.
    pub max_output_tokens: Option<u32>,
    /// Share of the conversation kept when it is cut (`truncation.retention_ratio`); `None` leaves `"auto"`.
    pub retention_ratio: Option<f32>,
    /// The finer options.
    pub options: SessionOptions,
    /// How long dialling may take, TLS and upgrade included.
    pub connect_timeout: Duration,
    /// How long `session.created` may take after the upgrade (10 s as shipped).
    pub created_timeout: Duration,
    /// How long `session.updated` may take after our update (5 s as shipped).
    pub updated_timeout: Duration,
    /// No data and no ping for this long: the socket is dead (45 s as shipped).
    pub silence_timeout: Duration,
    /// No answer to a ping for this long, of a server that has answered pings before: the socket is dead. Zero asks only as
    /// `silence_timeout` needs it.
    pub ping_timeout: Duration,
    /// What is done so that a lost session is not a lost call.
    pub resilience: Resilience,
}

impl SessionPlan {
    /// What a session of this plan can do.
    pub fn capabilities(&self) -> Capabilities {
        Conversation::capabilities(self)
    }

    /// The server and model that this session is held with first.
    pub fn candidate(&self) -> Candidate {
        Candidate { endpoint: self.endpoint.clone(), model: self.model.clone() }
    }

    /// The same session at another server or with another model. The one place that knows what of a plan is a candidate's.
    #[must_use]
    pub fn at(&self, candidate: &Candidate) -> Self {
        let Candidate { endpoint, model } = candidate.clone();
        Self { endpoint, model, ..self.clone() }
    }

    /// Every server and model that this session may be held with, the best first.
    pub fn candidates(&self) -> Vec<Candidate> {
        std::iter::once(self.candidate()).chain(self.resilience.fallbacks.iter().cloned()).collect()
    }
}

/// What is done so that a lost session is not a lost call. The default is nothing: one server, one try, no rotation.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resilience {
    /// Servers and models to go on with when the first cannot be had, the best first.
    pub fallbacks: Vec<Candidate>,
    /// How long another session is tried for before the model is given up. Zero: not at all. Shorter gives up in a restart of
    /// the server, longer leaves the caller with a filler and nothing else.
    pub patience: Duration,
    /// How long before its end a session is replaced by a fresh one, at the next quiet moment; zero is never.
    pub rotate_before: Duration,
    /// How long before its end it is replaced even in the middle of a word.
    pub rotate_latest: Duration,
    /// Sessions that wait, opened, for a call; a call's own share in what its thread keeps.
    pub warm: Warmth,
}

/// What a thread keeps of opened sessions that no call uses yet. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Warmth {
    /// How many, for each server, key and model.
    pub sessions: usize,
    /// How old one may become. Older ones end within the call that takes them.
    pub max_age: Duration,
}

/// A server and a model on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The server.
    pub endpoint: Endpoint,
    /// The model's name; goes into the URL's query.
    pub model: String,
}

/// A Realtime server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `wss://…/v1/realtime` or `ws://…`, without the `model` query.
    pub url: String,
    /// How to prove who we are.
    pub credential: Credential,
    /// The environment variable that holds the key, for those who are to mend it; `None` where there is no key.
    pub key_variable: Option<String>,
}

/// The credential of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Bearer …`.
    Bearer(Private<String>),
    /// `api-key: …` (Azure).
    ApiKey(Private<String>),
    /// None: the rehearsal model.
    None,
}

/// Turn detection; every value explicit, because the documented and the live defaults differ.
#[derive(Debug, Clone, PartialEq)]
pub enum TurnDetection {
    /// By energy.
    Server {
        /// 0.0–1.0.
        threshold: f32,
        /// Audio kept before the detected start, ms.
        prefix_padding_ms: u32,
        /// Silence that ends the turn, ms.
        silence_duration_ms: u32,
        /// The server prompts by itself after this long, 5000–30000 ms; `None` is off.
        idle_timeout_ms: Option<u32>,
        /// Answer by itself at the end of a turn.
        create_response: bool,
        /// Cancel the running response at the start of speech.
        interrupt_response: bool,
    },
    /// By meaning.
    Semantic {
        /// `low`, `medium`, `high` or `auto`.
        eagerness: String,
        /// Answer by itself at the end of a turn.
        create_response: bool,
        /// Cancel the running response at the start of speech.
        interrupt_response: bool,
    },
}

impl TurnDetection {
    /// Whether the server answers by itself at the end of the caller's turn.
    pub const fn answers(&self) -> bool {
        match self {
            Self::Server { create_response, .. } | Self::Semantic { create_response, .. } => *create_response,
        }
    }

    /// Whether the server cancels the running response by itself when the caller speaks.
    pub const fn interrupts(&self) -> bool {
        match self {
            Self::Server { interrupt_response, .. } | Self::Semantic { interrupt_response, .. } => *interrupt_response,
        }
    }
}

/// Transcription of the caller's speech by a separate model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcription {
    /// The transcription model.
    pub model: String,
    /// ISO-639-1; 8 kHz speech is misdetected without it.
    pub language: Option<String>,
    /// A hint of words to expect.
    pub prompt: Option<String>,
    /// ISO-639-1 codes of what may be spoken, in place of `language`; empty for none.
    pub languages: Vec<String>,
    /// Words to listen for: names of products and places; empty for none.
    pub keywords: Vec<String>,
}

/// Noise reduction of the caller's audio, on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseReduction {
    /// Handset or headset.
    NearField,
    /// Speakerphone or conference.
    FarField,
}

/// A plan for tests: small, valid, to be changed where a test needs it otherwise.
#[cfg(test)]
pub(crate) mod sample {
    use super::*;

    pub(crate) fn plan() -> SessionPlan {
        SessionPlan {
            endpoint: Endpoint {
                url: "ws://127.0.0.1:1/v1/realtime".to_owned(),
                credential: Credential::Bearer(Private::new("key".to_owned())),
                key_variable: None,
            },
            model: "gpt-realtime-2.1".to_owned(),
            instructions: "Be brief.".to_owned(),
            voice: "marin".to_owned(),
            speed: None,
            format: AudioFormat::PCM_24K,
            turn_detection: TurnDetection::Server {
                threshold: 0.5,
                prefix_padding_ms: 300,
                silence_duration_ms: 500,
                idle_timeout_ms: None,
                create_response: true,
                interrupt_response: true,
            },
            transcription: None,
            noise_reduction: None,
            tools: Vec::new(),
            max_output_tokens: None,
            retention_ratio: None,
            options: SessionOptions::default(),
            connect_timeout: Duration::from_secs(10),
            created_timeout: Duration::from_secs(10),
            updated_timeout: Duration::from_secs(5),
            silence_timeout: Duration::from_secs(45),
            ping_timeout: Duration::ZERO,
            resilience: Resilience::default(),
        }
    }
}
