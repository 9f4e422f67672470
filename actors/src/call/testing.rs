//! What tests of this crate hold a call with.

use std::sync::Arc;
use std::time::Duration;

use super::brief::{Brief, Greeting, Limits};
use crate::realtime::plan::{Credential, Endpoint, SessionPlan, TurnDetection};
use crate::wire::AudioFormat;

/// A brief with a spoken greeting and a server that interrupts by itself.
pub(crate) fn brief() -> Brief {
    Brief {
        agent: "reception".to_owned(),
        language: "en".to_owned(),
        model: Arc::new(plan()),
        greeting: Greeting::Spoken("Greet the caller.".to_owned()),
        limits: Limits {
            max_duration: Duration::from_secs(600),
            line_silence: Duration::from_secs(60),
            goodbye: Duration::from_secs(6),
            model_setup: Duration::from_secs(10),
        },
        playout_lead: Duration::from_millis(200),
    }
}

/// The session of [`brief`].
pub(crate) fn plan() -> SessionPlan {
    SessionPlan {
        endpoint: Endpoint { url: "ws://127.0.0.1:1/v1/realtime".to_owned(), credential: Credential::None },
        model: "rehearsal".to_owned(),
        instructions: "Be helpful.".to_owned(),
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
        connect_timeout: Duration::from_secs(5),
        created_timeout: Duration::from_secs(10),
        updated_timeout: Duration::from_secs(5),
        silence_timeout: Duration::from_secs(45),
    }
}
