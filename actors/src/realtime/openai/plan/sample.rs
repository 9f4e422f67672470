//! A small, valid plan that tests can change.

use std::sync::Arc;
use std::time::Duration;

use super::{OpenAiPlan, TurnDetection};
use crate::carrier::AudioFormat;
use crate::ids::Private;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::openai::options::SessionOptions;
use crate::realtime::plan::{Common, Credential, Endpoint, ModelAddress, Resilience, SessionPlan};

pub(crate) fn plan() -> SessionPlan {
    SessionPlan {
        common: Arc::new(common()),
        provider: ProviderPlan::OpenAi(Arc::new(openai())),
        resilience: Resilience::default(),
    }
}

pub(crate) fn common() -> Common {
    Common {
        instructions: "Be brief.".to_owned(),
        transcription: None,
        tools: Vec::new(),
        connect_timeout: Duration::from_secs(10),
        silence_timeout: Duration::from_secs(45),
        ping_timeout: Duration::ZERO,
    }
}

pub(crate) fn openai() -> OpenAiPlan {
    OpenAiPlan {
        address: ModelAddress {
            endpoint: Endpoint {
                url: "ws://127.0.0.1:1/v1/realtime".to_owned(),
                credential: Credential::Bearer(Private::new("key".to_owned())),
                key_variable: None,
            },
            model: "gpt-realtime-2.1".to_owned(),
        },
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

/// The provider's part of [`plan`], for changes.
pub(crate) fn own(plan: &mut SessionPlan) -> &mut OpenAiPlan {
    match &mut plan.provider {
        ProviderPlan::OpenAi(own) => Arc::make_mut(own),
        ProviderPlan::Fake(_) => panic!("the sample is a plan of this provider"),
    }
}

/// A model's address on a sample server, with a key and the model's name.
pub(crate) fn address(key: &str, model: &str) -> ModelAddress {
    let credential = match key {
        "" => Credential::None,
        key => Credential::Bearer(Private::new(key.to_owned())),
    };
    let endpoint = Endpoint { url: "wss://one.example".to_owned(), credential, key_variable: None };
    ModelAddress { endpoint, model: model.to_owned() }
}

/// A provider's plan that matters only by its address.
pub(crate) fn provider(address: ModelAddress) -> ProviderPlan {
    ProviderPlan::OpenAi(Arc::new(OpenAiPlan { address, ..openai() }))
}
