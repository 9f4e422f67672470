//! The configuration of a session of this API, beside the part that all providers share. Pure.

mod check;
#[cfg(test)]
pub(crate) mod sample;

use std::time::Duration;

use url::Url;

pub use self::check::{VOICES, check};
use super::models::Family;
use crate::carrier::AudioFormat;
use crate::realtime::plan::ModelAddress;

/// This provider's part of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct GeminiPlan {
    /// The endpoint and the model, with or without `models/`.
    pub address: ModelAddress,
    /// The voice.
    pub voice: String,
    /// The format of the caller's audio: PCM16 at 8, 16 or 24 kHz. The model's own is 16 kHz, and the
    /// server converts the others. The agent's audio is always PCM16 at 24 kHz.
    pub input: AudioFormat,
    /// How the caller's turns are detected.
    pub activity: Activity,
    /// The maximum of tokens per response; `None` uses the server's.
    pub max_output_tokens: Option<u32>,
    /// Whether the transcription's languages and words are sent as hints. Not every model accepts
    /// them, and one that does not refuses the whole session.
    pub transcription_hints: bool,
    /// How the context is kept from growing over its limit.
    pub compression: Compression,
    /// The maximum wait for the server to accept the configuration (default 5 s).
    pub setup_timeout: Duration,
}

/// How the caller's turns are detected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// By the server.
    Automatic {
        /// How readily a beginning of speech is believed.
        start: Sensitivity,
        /// How readily an end of speech is believed.
        end: Sensitivity,
        /// Speech that is needed before a beginning is believed, in ms.
        prefix_padding_ms: u32,
        /// Silence that is needed before an end is believed, in ms. Servers do not follow it
        /// exactly.
        silence_duration_ms: u32,
        /// Whether the caller's speech stops the running response.
        interrupts: bool,
    },
    /// By us: beginning and end are told to the server, and no audio is sent between turns.
    Manual {
        /// Whether the beginning of the caller's speech stops the running response.
        interrupts: bool,
    },
}

impl Activity {
    /// Whether the caller's speech stops the running response.
    pub const fn interrupts(self) -> bool {
        match self {
            Self::Automatic { interrupts, .. } | Self::Manual { interrupts } => interrupts,
        }
    }

    /// Whether we tell the server when the caller speaks.
    pub const fn is_manual(self) -> bool {
        matches!(self, Self::Manual { .. })
    }
}

/// How readily turn detection believes a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sensitivity {
    /// Early, and more often wrongly.
    High,
    /// Late: noise and echo seldom count.
    Low,
}

/// Limits of the context. Without them a session with audio ends after 15 minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Compression {
    /// The tokens at which the oldest turns are forgotten; `None` uses the server's share of the
    /// model's window. Every turn is charged for the whole context.
    pub trigger_tokens: Option<u32>,
    /// The tokens that are kept then; `None` keeps half.
    pub target_tokens: Option<u32>,
}

impl GeminiPlan {
    /// The same plan with another model on the same server.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        let address = ModelAddress { model: model.to_owned(), ..self.address.clone() };
        Self { address, ..self.clone() }
    }

    /// The same plan for a waiting caller: no step of opening a session takes longer than `most`.
    #[must_use]
    pub fn hurried(&self, most: Duration) -> Self {
        Self { setup_timeout: self.setup_timeout.min(most), ..self.clone() }
    }

    /// What the model accepts.
    pub fn family(&self) -> Family {
        let family = Family::of(&self.address.model);
        if self.is_vertex() { Family { announces_history: false, ..family } } else { family }
    }

    /// Whether the server is Vertex AI, which accepts other fields than the Developer API.
    pub fn is_vertex(&self) -> bool {
        let url = Url::parse(&self.address.endpoint.url).ok();
        url.as_ref().and_then(Url::host_str).is_some_and(|host| host.ends_with(VERTEX))
    }

    /// The model's name as the server expects it.
    pub fn model_path(&self) -> String {
        let model = &self.address.model;
        if model.contains('/') { model.clone() } else { format!("models/{model}") }
    }
}

/// The end of the host of Vertex AI.
const VERTEX: &str = "aiplatform.googleapis.com";
/// The format of the agent's audio.
pub const OUTPUT: AudioFormat = AudioFormat::PCM_24K;
