//! A small, valid plan that tests can change.

use std::sync::Arc;

use super::OpenAiPlan;
use crate::ids::Private;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::plan::{Common, Credential, Endpoint, ModelAddress, Resilience, SessionPlan};

pub(crate) fn plan() -> SessionPlan {
    SessionPlan {
        common: Arc::new(common()),
        provider: ProviderPlan::OpenAi(Arc::new(openai())),
        resilience: Resilience::default(),
    }
}

pub(crate) fn common() -> Common {
    Common::new("Be brief.")
}

pub(crate) fn openai() -> OpenAiPlan {
    let credential = Credential::Bearer(Private::new("key".to_owned()));
    let endpoint = Endpoint { url: "ws://127.0.0.1:1/v1/realtime".to_owned(), credential, key_variable: None };
    OpenAiPlan::new(ModelAddress { provider: "openai", endpoint, model: "gpt-realtime-2.1".to_owned() })
}

/// The provider's part of [`plan`], for changes.
pub(crate) fn own(plan: &mut SessionPlan) -> &mut OpenAiPlan {
    match &mut plan.provider {
        ProviderPlan::OpenAi(own) => Arc::make_mut(own),
        ProviderPlan::Gemini(_) | ProviderPlan::OpenAiLive(_) | ProviderPlan::Cascade(_) | ProviderPlan::Fake(_) => {
            panic!("the sample is a plan of this provider")
        }
    }
}

/// A model's address on a sample server, with a key and the model's name.
pub(crate) fn address(key: &str, model: &str) -> ModelAddress {
    let credential = match key {
        "" => Credential::None,
        key => Credential::Bearer(Private::new(key.to_owned())),
    };
    let endpoint = Endpoint { url: "wss://one.example".to_owned(), credential, key_variable: None };
    ModelAddress { provider: "openai", endpoint, model: model.to_owned() }
}

/// A provider's plan that matters only by its address.
pub(crate) fn provider(address: ModelAddress) -> ProviderPlan {
    ProviderPlan::OpenAi(Arc::new(OpenAiPlan { address, ..openai() }))
}
