//! A small, valid plan that tests can change.

use std::sync::Arc;
use std::time::Duration;

use super::{Backend, Delegation, Effort, OpenAiLivePlan, Verbosity};
use crate::carrier::AudioFormat;
use crate::ids::Private;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::plan::{Common, Credential, Endpoint, ModelAddress, Resilience, SessionPlan};
use crate::tools::spec::ToolSpec;

pub(crate) fn plan() -> SessionPlan {
    SessionPlan {
        common: Arc::new(common()),
        provider: ProviderPlan::OpenAiLive(Arc::new(live())),
        resilience: Resilience::default(),
    }
}

pub(crate) fn common() -> Common {
    Common {
        instructions: "Be brief.".to_owned(),
        backend: None,
        transcription: None,
        language: None,
        tools: Vec::new(),
        connect_timeout: Duration::from_secs(10),
        silence_timeout: Duration::from_secs(45),
        ping_timeout: Duration::ZERO,
        detector: None,
        clips: None,
    }
}

pub(crate) fn live() -> OpenAiLivePlan {
    OpenAiLivePlan {
        address: ModelAddress {
            provider: "openai_live",
            endpoint: Endpoint {
                url: "ws://127.0.0.1:1/v1/live/sessions".to_owned(),
                credential: Credential::Bearer(Private::new("key".to_owned())),
                key_variable: None,
            },
            model: "gpt-live-1.1".to_owned(),
        },
        voice: "marin".to_owned(),
        format: AudioFormat::MULAW_8K,
        delegation: Delegation::Responses(Backend {
            model: "gpt-5.6-luna".to_owned(),
            effort: Some(Effort::Low),
            verbosity: Some(Verbosity::Low),
            max_output_tokens: Some(600),
        }),
        acknowledgement_delay: Some(Duration::from_millis(600)),
        started_timeout: Duration::from_secs(10),
    }
}

pub(crate) fn tool(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: format!("Does {name}."),
        parameters: serde_json::json!({"type": "object", "properties": {}}),
    }
}
