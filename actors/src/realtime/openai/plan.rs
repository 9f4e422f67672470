//! What a session of this API is configured with, beside what every provider's has. Pure.

mod check;
#[cfg(test)]
pub(crate) mod sample;

use std::time::Duration;

pub use self::check::{EAGERNESS, VOICES, check};
use super::options::SessionOptions;
use crate::carrier::AudioFormat;
use crate::realtime::plan::ModelAddress;

/// This provider's part of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAiPlan {
    /// Where to dial, without the `model` query, and the model, which becomes that.
    pub address: ModelAddress,
    /// The voice; never sent again after the first audio (the voice lock).
    pub voice: String,
    /// Speech rate, 0.25–1.5; `None` leaves the server's default.
    pub speed: Option<f32>,
    /// The model's audio format, both directions.
    pub format: AudioFormat,
    /// How the server finds the caller's turns.
    pub turn_detection: TurnDetection,
    /// Noise reduction before turn detection.
    pub noise_reduction: Option<NoiseReduction>,
    /// Most tokens of one response; `None` is `"inf"`.
    pub max_output_tokens: Option<u32>,
    /// Share of the conversation kept when it is cut (`truncation.retention_ratio`); `None` leaves `"auto"`.
    pub retention_ratio: Option<f32>,
    /// The finer options.
    pub options: SessionOptions,
    /// How long `session.created` may take after the upgrade (10 s as shipped).
    pub created_timeout: Duration,
    /// How long `session.updated` may take after our update (5 s as shipped).
    pub updated_timeout: Duration,
}

impl OpenAiPlan {
    /// The same plan with another model of the same server.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        let address = ModelAddress { model: model.to_owned(), ..self.address.clone() };
        Self { address, ..self.clone() }
    }

    /// The same plan for a caller who waits: no step of opening a session takes longer than `most`.
    #[must_use]
    pub fn hurried(&self, most: Duration) -> Self {
        Self {
            created_timeout: self.created_timeout.min(most),
            updated_timeout: self.updated_timeout.min(most),
            ..self.clone()
        }
    }
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

/// Noise reduction of the caller's audio, on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoiseReduction {
    /// Handset or headset.
    NearField,
    /// Speakerphone or conference.
    FarField,
}
