//! The configuration of a call's sessions: final types, validated before a port is bound. Pure.
//!
//! [`Common`] is the part that every provider's session has. The rest is one provider's own part
//! ([`ProviderPlan`]): the server, the model and its own settings. The failover list contains
//! complete provider plans, so that a call may continue with another provider.

pub(in crate::realtime) mod rules;

use std::sync::Arc;
use std::time::Duration;

use super::capabilities::Capabilities;
use super::clips::plan::{ClipOrder, ClipPlan};
use super::conversation::ProviderPlan;
use crate::audio::detector::DetectorPlan;
use crate::audio::resample::RATES_HZ;
use crate::carrier::AudioFormat;
use crate::ids::Private;
use crate::tools::spec::ToolSpec;

/// Everything the RealtimeLlm needs to open and configure its sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionPlan {
    /// The part that every provider's session has. It is shared, because most calls use it
    /// unchanged.
    pub common: Arc<Common>,
    /// The provider that is tried first, with its own part.
    pub provider: ProviderPlan,
    /// What keeps a lost session from becoming a lost call.
    pub resilience: Resilience,
}

/// The part of a configuration that every provider's session has.
#[derive(Debug, Clone, PartialEq)]
pub struct Common {
    /// The complete prompt: agent and language together.
    pub instructions: String,
    /// The complete prompt of a model that works behind the voice; `None` is the same as
    /// `instructions`. Providers without such a model ignore it.
    pub backend: Option<String>,
    /// Transcription of the caller; `None` turns it off.
    pub transcription: Option<Transcription>,
    /// The language to which the call has changed, by its code in the configuration. `None`: the one
    /// for which the provider's part was made.
    pub language: Option<String>,
    /// The tools that the model may call.
    pub tools: Vec<ToolSpec>,
    /// The time limit for dialling, TLS and upgrade included.
    pub connect_timeout: Duration,
    /// A socket without data or ping for this long counts as dead (45 s by default).
    pub silence_timeout: Duration,
    /// A socket counts as dead if a server that has answered pings before does not answer one for
    /// this long. With zero, pings are sent only as `silence_timeout` needs them.
    pub ping_timeout: Duration,
    /// Our own speech detector for models that do not report the caller's speech. `None` leaves it to
    /// the loudness of the line.
    pub detector: Option<DetectorPlan>,
    /// The recordings of words that have to be exact. `None` leaves all words to the model.
    pub clips: Option<Arc<ClipPlan>>,
}

impl Common {
    /// A session with the default times, without tools and without transcription.
    pub fn new(instructions: impl Into<String>) -> Self {
        Self {
            instructions: instructions.into(),
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
}

impl SessionPlan {
    /// The capabilities of a session of this plan.
    pub fn capabilities(&self) -> Capabilities {
        self.provider.capabilities(&self.common)
    }

    /// Which opened sessions wait for calls of this plan: none if they cannot wait.
    pub fn waiting(&self) -> PoolPlan {
        if self.capabilities().runs_by_audio { PoolPlan::default() } else { self.resilience.waiting }
    }

    /// Whether a session of this plan may need recordings of exact words.
    pub fn needs_clips(&self) -> bool {
        let needs = |candidate: &ProviderPlan| !candidate.capabilities(&self.common).verbatim;
        let always = self.common.clips.as_ref().is_some_and(|clips| clips.always);
        always || self.candidates().iter().any(needs)
    }

    /// The recordings that can be made before a call needs them.
    pub fn clips_ahead(&self) -> Vec<ClipOrder> {
        let clips = self.common.clips.as_ref();
        clips.map(|clips| clips.ahead(self.needs_clips())).unwrap_or_default()
    }

    /// How a line is recorded that is played when no model can speak; `None` if another recording
    /// of it is played, or none can be made.
    pub fn line(&self, words: &str) -> Option<ClipOrder> {
        self.common.clips.as_ref()?.line(words, self.needs_clips())
    }

    /// The name of the model that is tried first.
    pub fn model(&self) -> &str {
        &self.provider.address().model
    }

    /// The same plan with another provider part.
    #[must_use]
    pub fn with(&self, provider: ProviderPlan) -> Self {
        Self { provider, ..self.clone() }
    }

    /// All provider plans that may serve this conversation, in order of preference.
    pub fn candidates(&self) -> Vec<ProviderPlan> {
        std::iter::once(self.provider.clone()).chain(self.resilience.fallbacks.iter().cloned()).collect()
    }

    /// The address of each of the [`candidates`](Self::candidates).
    pub fn addresses(&self) -> Vec<ModelAddress> {
        self.candidates().iter().map(|candidate| candidate.address().clone()).collect()
    }

    /// The addresses that its sessions learn about: those of all servers and engines.
    pub fn known_by(&self) -> Vec<ModelAddress> {
        self.candidates().iter().flat_map(|candidate| candidate.addresses().into_iter().cloned()).collect()
    }

    /// The common part, for changes.
    pub fn common_mut(&mut self) -> &mut Common {
        Arc::make_mut(&mut self.common)
    }

    /// Checks that the server of every candidate would accept this plan.
    ///
    /// # Errors
    /// The first rule that the plan breaks, with the field's name.
    pub fn check(&self) -> Result<(), PlanProblem> {
        for candidate in &self.candidates() {
            candidate.check(&self.common)?;
            // A call that continues with another candidate converts between the formats of both.
            let can = candidate.capabilities(&self.common);
            for AudioFormat { rate_hz, .. } in [can.input, can.output] {
                rules::expect(RATES_HZ.contains(&rate_hz), "format", || {
                    let model = &candidate.address().model;
                    format!("that of `{model}` has {rate_hz} Hz, expected one of {RATES_HZ:?}")
                })?;
            }
        }
        Ok(())
    }

    /// The message that configures a session, without secrets, for display.
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
    /// What is wrong with it, and what was expected.
    pub problem: String,
}

/// What keeps a lost session from becoming a lost call. The default is nothing: one server, one
/// try, no rotation.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resilience {
    /// The plans to continue with when the first is unavailable, in order of preference. They may
    /// belong to any provider.
    pub fallbacks: Vec<ProviderPlan>,
    /// How long another session is sought before the model is given up. Zero: not at all. Shorter:
    /// the call gives up during a restart of the server. Longer: the caller hears only a filler.
    pub patience: Duration,
    /// How long before its end a session is replaced by a fresh one, at the next quiet moment; zero
    /// means never.
    pub rotate_before: Duration,
    /// How long before its end a session is replaced even in the middle of a word.
    pub rotate_latest: Duration,
    /// The opened sessions that wait for calls: this plan's share of what its thread keeps.
    pub waiting: PoolPlan,
}

/// The opened sessions that a thread keeps for later calls. The default is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolPlan {
    /// The number for each server, key and model.
    pub sessions: usize,
    /// The age limit of a waiting session. An older session would expire during the call that takes
    /// it.
    pub max_age: Duration,
}

/// A model at a server, with the key that is used for it. Refusals and outages are recorded for
/// this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelAddress {
    /// The word of its provider, as records name it.
    pub provider: &'static str,
    /// The server.
    pub endpoint: Endpoint,
    /// The model's name there.
    pub model: String,
}

/// A provider's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its URL: `wss://…` or `ws://…`.
    pub url: String,
    /// How we authenticate.
    pub credential: Credential,
    /// The environment variable that contains the key, for the operator who has to correct it;
    /// `None` if there is no key.
    pub key_variable: Option<String>,
}

/// The credential of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// `Authorization: Bearer …`.
    Bearer(Private<String>),
    /// `api-key: …`.
    ApiKey(Private<String>),
    /// No credential: the rehearsal model.
    None,
}

/// Transcription of the caller's speech, as far as a provider supports the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Transcription {
    /// The transcription model, if it is a separate model.
    pub model: String,
    /// ISO-639-1 code. Without it, 8 kHz speech is often detected as the wrong language.
    pub language: Option<String>,
    /// A hint of words to expect.
    pub prompt: Option<String>,
    /// ISO-639-1 codes of the languages that may be spoken, in place of `language`; may be empty.
    pub languages: Vec<String>,
    /// Words to listen for, such as names of products and places; may be empty.
    pub keywords: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::fake::FakePlan;
    use crate::realtime::openai::plan::sample;

    #[test]
    fn sessions_that_run_by_audio_do_not_wait_for_a_call() {
        let mut plan = sample::plan();
        plan.resilience.waiting = PoolPlan { sessions: 2, max_age: Duration::from_secs(600) };
        assert_eq!(plan.waiting().sessions, 2);
        let can = Capabilities { runs_by_audio: true, ..plan.capabilities() };
        plan.provider = ProviderPlan::Fake(Arc::new(FakePlan { address: sample::address("", "m"), can }));
        assert_eq!(plan.waiting().sessions, 0);
    }

    #[test]
    fn a_fallback_may_have_other_audio_if_it_can_be_converted() {
        let mut plan = sample::plan();
        let can = |input| Capabilities { input, ..sample::plan().capabilities() };
        let fallback = |input| {
            let address = sample::address("other", "spare");
            ProviderPlan::Fake(Arc::new(FakePlan { address, can: can(input) }))
        };
        plan.resilience.fallbacks = vec![fallback(AudioFormat::PCM_24K), fallback(AudioFormat::MULAW_8K)];
        assert_eq!(plan.check(), Ok(()));
        plan.resilience.fallbacks.push(fallback(AudioFormat { rate_hz: 44_100, ..AudioFormat::PCM_24K }));
        let problem = plan.check().expect_err("a rate that no resampler has");
        assert_eq!(problem.field, "format");
        assert!(problem.problem.contains("`spare`"), "{problem}");
    }
}
