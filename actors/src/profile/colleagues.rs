//! The agents that a call may be given to. Pure.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::CallProfile;

/// The profiles of all agents in all their languages. Each of them is without colleagues of its own:
/// an agent that takes a call over gets those of the one before.
#[derive(Clone, Default)]
pub struct Colleagues(Arc<Profiles>);

/// Profiles by agent and language.
type Profiles = BTreeMap<(String, String), Arc<CallProfile>>;

impl Colleagues {
    /// These profiles, by agent and language.
    pub fn new(profiles: BTreeMap<(String, String), Arc<CallProfile>>) -> Self {
        Self(Arc::new(profiles))
    }

    /// The profile of an agent in `language`, or in another one if it does not speak it.
    pub fn get(&self, agent: &str, language: &str) -> Option<&Arc<CallProfile>> {
        let of = |code: &str| self.0.get(&(agent.to_owned(), code.to_owned()));
        of(language).or_else(|| {
            let all = self.0.iter().find(|((name, _), _)| name == agent);
            all.map(|(_, profile)| profile)
        })
    }
}

impl CallProfile {
    /// The profile with which `agent` goes on with this call; `None` if this agent may not give the
    /// call to it. What belongs to the call stays: its limits, recording, variant, values, and who
    /// called.
    pub fn handed_over(&self, agent: &str, language: &str) -> Option<Self> {
        if !self.hand_over.iter().any(|name| name == agent) {
            return None;
        }
        let next = CallProfile::clone(self.colleagues.get(agent, language)?);
        Some(Self {
            limits: self.limits,
            playout_lead: self.playout_lead,
            recording: self.recording.clone(),
            caller: self.caller.clone(),
            variant: self.variant.clone(),
            route: self.route,
            answered_by: self.answered_by,
            given: self.given.clone(),
            colleagues: self.colleagues.clone(),
            ..next
        })
    }
}

impl PartialEq for Colleagues {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl fmt::Debug for Colleagues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
