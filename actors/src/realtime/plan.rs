//! What the sessions of a call are configured with: final types, validated before a port was bound. Pure.
//!
//! What every provider's session has stands in [`Common`]; the rest is the provider's own
//! ([`ProviderPlan`]), whole: where it is, which model, how it speaks. The failover list holds such
//! plans, so that a call may go on with another provider.

use std::sync::Arc;
use std::time::Duration;

use super::capabilities::Capabilities;
use super::conversation::ProviderPlan;
use crate::ids::Private;
use crate::tools::spec::ToolSpec;

/// Everything the RealtimeLlm needs to open and configure its sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPlan {
    /// What every provider's session has. Shared: most calls use it unchanged.
    pub common: Arc<Common>,
    /// Who is asked first, and how.
    pub provider: ProviderPlan,
    /// What is done so that a lost session is not a lost call.
    pub resilience: Resilience,
}

/// What every provider's session has.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// The whole prompt: agent and language together.
    pub instructions: String,
    /// Transcription of the caller; `None` turns it off.
    pub transcription: Option<Transcription>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// How long dialling may take, TLS and upgrade included.
    pub connect_timeout: Duration,
    /// No data and no ping for this long: the socket is dead (45 s as shipped).
    pub silence_timeout: Duration,
    /// No answer to a ping for this long, of a server that has answered pings before: the socket is
    /// dead. Zero asks only as `silence_timeout` needs it.
    pub ping_timeout: Duration,
}

impl SessionPlan {
    /// What a session of this plan can do.
    pub fn capabilities(&self) -> Capabilities {
        self.provider.capabilities(&self.common)
    }

    /// The name of the model that is asked first.
    pub fn model(&self) -> &str {
        &self.provider.address().model
    }

    /// The same conversation with another provider, or with the same one otherwise.
    #[must_use]
    pub fn with(&self, provider: ProviderPlan) -> Self {
        Self { provider, ..self.clone() }
    }

    /// Every provider's plan that this conversation may be held with, the best first.
    pub fn candidates(&self) -> Vec<ProviderPlan> {
        std::iter::once(self.provider.clone()).chain(self.resilience.fallbacks.iter().cloned()).collect()
    }

    /// Where each of the [`candidates`](Self::candidates) is.
    pub fn addresses(&self) -> Vec<ModelAddress> {
        self.candidates().iter().map(|candidate| candidate.address().clone()).collect()
    }

    /// The common part, to be changed.
    pub fn common_mut(&mut self) -> &mut Common {
        Arc::make_mut(&mut self.common)
    }

    /// Whether every candidate's server would take this plan.
    ///
    /// # Errors
    /// The first rule that it breaks, with the field's name.
    pub fn check(&self) -> Result<(), PlanProblem> {
        let first = self.capabilities();
        for candidate in &self.candidates() {
            candidate.check(&self.common)?;
            // A call's audio is converted once, to the formats of the first.
            if !candidate.capabilities(&self.common).same_audio(&first) {
                let model = &candidate.address().model;
                let problem = format!("that of `{model}` is another than that of `{}`, expected one", self.model());
                return Err(PlanProblem { field: "format".to_owned(), problem });
            }
        }
        Ok(())
    }

    /// The message that configures a session, as people may see it: without secrets.
    pub fn configuration(&self) -> serde_json::Value {
        self.provider.configuration(&self.common)
    }
}

/// A rule of a provider's server that a plan breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct PlanProblem {
    /// The field, as the plan names it.
    pub field: String,
    /// What is wrong with it and what was expected.
    pub problem: String,
}

/// What is done so that a lost session is not a lost call. The default is nothing: one server, one try, no rotation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resilience {
    /// Whom to go on with when the first cannot be had, the best first. Of any provider.
    pub fallbacks: Vec<ProviderPlan>,
    /// How long another session is tried for before the model is given up. Zero: not at all. Shorter gives up in a restart of
    /// the server, longer leaves the caller with a filler and nothing else.
    pub patience: Duration,
    /// How long before its end a session is replaced by a fresh one, at the next quiet moment; zero is never.
    pub rotate_before: Duration,
    /// How long before its end it is replaced even in the middle of a word.
    pub rotate_latest: Duration,
    /// Sessions that wait, opened, for a call; a call's own share in what its thread keeps.
    pub waiting: PoolPlan,
}

/// What a thread keeps of opened sessions that no call uses yet. The default is nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolPlan {
    /// How many, for each server, key and model.
    pub sessions: usize,
    /// How old one may become. Older ones end within the call that takes them.
    pub max_age: Duration,
}

/// A model at a server, with the key that it is asked with: what a refusal or an outage concerns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAddress {
    /// The server.
    pub endpoint: Endpoint,
    /// The model's name there.
    pub model: String,
}

/// A provider's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Where it is: `wss://…` or `ws://…`.
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
    /// `api-key: …`.
    ApiKey(Private<String>),
    /// None: the rehearsal model.
    None,
}

/// Transcription of the caller's speech, as far as a provider has a say in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcription {
    /// The transcription model, where that is one of its own.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::AudioFormat;
    use crate::realtime::openai::plan::{OpenAiPlan, sample};

    #[test]
    fn a_fallback_whose_audio_is_another_is_refused_by_name() {
        let mut plan = sample::plan();
        let fallback = |format| {
            let own = OpenAiPlan { format, address: sample::address("other", "spare"), ..sample::openai() };
            ProviderPlan::OpenAi(Arc::new(own))
        };
        plan.resilience.fallbacks = vec![fallback(AudioFormat::PCM_24K)];
        assert_eq!(plan.check(), Ok(()));
        plan.resilience.fallbacks.push(fallback(AudioFormat::MULAW_8K));
        let problem = plan.check().expect_err("one call has one format");
        assert_eq!(problem.field, "format");
        assert!(problem.problem.contains("`spare`"), "{problem}");
    }
}
