//! The configuration of a session of this API, beside the part that all providers share. Pure.

mod check;
#[cfg(test)]
pub(crate) mod sample;

use std::time::Duration;

pub use self::check::{EAGERNESS, check};
use super::dialects::{Dialect, OPENAI};
use crate::carrier::AudioFormat;
use crate::realtime::plan::ModelAddress;
use crate::realtime::settings::SessionOptions;
pub use crate::realtime::settings::{NoiseReduction, TurnDetection};

/// This provider's part of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenAiPlan {
    /// The address to dial, without the `model` query, and the model, which becomes that query.
    pub address: ModelAddress,
    /// The dialect of the server.
    pub dialect: &'static Dialect,
    /// The voice. It is never sent again after the first audio, because the server then locks it.
    pub voice: String,
    /// Speech rate, 0.25–1.5; `None` uses the server's default.
    pub speed: Option<f32>,
    /// The model's audio format in both directions.
    pub format: AudioFormat,
    /// How the server detects the caller's turns.
    pub turn_detection: TurnDetection,
    /// Noise reduction before turn detection.
    pub noise_reduction: Option<NoiseReduction>,
    /// The maximum of tokens per response; `None` is `"inf"`.
    pub max_output_tokens: Option<u32>,
    /// The share of the conversation that a cut keeps (`truncation.retention_ratio`); `None` uses
    /// `"auto"`.
    pub retention_ratio: Option<f32>,
    /// The finer options.
    pub options: SessionOptions,
    /// The maximum wait for `session.created` after the upgrade (default 10 s).
    pub created_timeout: Duration,
    /// The maximum wait for `session.updated` after our update (default 5 s).
    pub updated_timeout: Duration,
}

impl OpenAiPlan {
    /// A plan with the documented defaults: turn detection by energy, PCM at 24 kHz, and no limit
    /// on a response.
    pub fn new(address: ModelAddress) -> Self {
        Self {
            address,
            dialect: &OPENAI,
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
            noise_reduction: None,
            max_output_tokens: None,
            retention_ratio: None,
            options: SessionOptions::default(),
            created_timeout: Duration::from_secs(10),
            updated_timeout: Duration::from_secs(5),
        }
    }

    /// The same plan with another model on the same server.
    #[must_use]
    pub fn with_model(&self, model: &str) -> Self {
        let address = ModelAddress { model: model.to_owned(), ..self.address.clone() };
        Self { address, ..self.clone() }
    }

    /// The same plan for a waiting caller: no step of opening a session takes longer than `most`.
    #[must_use]
    pub fn hurried(&self, most: Duration) -> Self {
        Self {
            created_timeout: self.created_timeout.min(most),
            updated_timeout: self.updated_timeout.min(most),
            ..self.clone()
        }
    }
}
