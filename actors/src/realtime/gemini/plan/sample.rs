//! A small, valid plan that tests can change.

use std::time::Duration;

use super::{Activity, Compression, GeminiPlan, Sensitivity};
use crate::carrier::{AudioFormat, Encoding};
use crate::ids::Private;
use crate::realtime::plan::{Common, Credential, Endpoint, ModelAddress, Transcription};

pub(crate) const PCM_16K: AudioFormat = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };

pub(crate) fn common() -> Common {
    Common {
        instructions: "Be brief.".to_owned(),
        backend: None,
        transcription: Some(Transcription::default()),
        language: None,
        tools: Vec::new(),
        connect_timeout: Duration::from_secs(5),
        silence_timeout: Duration::from_secs(45),
        ping_timeout: Duration::ZERO,
        detector: None,
        clips: None,
    }
}

pub(crate) fn gemini() -> GeminiPlan {
    GeminiPlan {
        address: ModelAddress {
            provider: "gemini",
            endpoint: Endpoint {
                url: "ws://127.0.0.1:1/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent"
                    .to_owned(),
                credential: Credential::ApiKey(Private::new("key".to_owned())),
                key_variable: None,
            },
            model: "gemini-3.8-live".to_owned(),
        },
        voice: "Kore".to_owned(),
        input: PCM_16K,
        activity: Activity::Automatic {
            start: Sensitivity::Low,
            end: Sensitivity::High,
            prefix_padding_ms: 200,
            silence_duration_ms: 600,
            interrupts: true,
        },
        max_output_tokens: None,
        transcription_hints: false,
        compression: Compression::default(),
        setup_timeout: Duration::from_secs(5),
    }
}
