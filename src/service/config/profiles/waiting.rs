//! Notes about sessions that should wait for calls and cannot. Pure.

use switchboard_actors::realtime::plan::SessionPlan;

use super::{Config, Profiles};

/// What the plans of `config` leave without effect.
pub fn plan_notes(config: &Config) -> Vec<String> {
    let asked = config.realtime.waiting;
    if asked.sessions == 0 {
        return Vec::new();
    }
    let profiles = Profiles::new(config, None);
    let can_wait = |plan: &SessionPlan| plan.candidates().into_iter().any(|it| plan.with(it).waiting().sessions > 0);
    let mut idle: Vec<&str> =
        profiles.iter().filter(|it| !can_wait(&it.model)).map(|it| it.model.provider.address().provider).collect();
    idle.dedup();
    let note = |provider: &str| {
        format!(
            "realtime.warm_sessions: has no effect with {provider:?}, whose sessions run by the caller's audio and cannot wait \
             for a call"
        )
    };
    idle.into_iter().map(note).collect()
}
