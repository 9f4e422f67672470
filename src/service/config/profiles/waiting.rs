//! Notes about what the plans of a configuration leave without effect, to the model, or uncounted.
//! Pure.

use switchboard_actors::profile::{CallProfile, InterruptionPolicy};
use switchboard_actors::realtime::plan::SessionPlan;

use super::{Config, Profiles, clips, costs};

/// What the plans of `config` leave without effect, which words they leave to the model, and which
/// engines are not counted.
pub fn plan_notes(config: &Config) -> Vec<String> {
    let profiles = Profiles::new(config, None);
    let mut notes = clips::notes(config, &profiles);
    notes.extend(costs::notes(config, &profiles));
    if config.realtime.waiting.sessions > 0 {
        notes.extend(idle_pool(&profiles));
    }
    for note in profiles.iter().flat_map(|profile| cannot_pause(profile)) {
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// Notes about the fallbacks with which a call cannot pause. The first server's case is refused.
fn cannot_pause(profile: &CallProfile) -> Vec<String> {
    if !matches!(profile.interruption.policy, InterruptionPolicy::PauseAndConfirm { .. }) {
        return Vec::new();
    }
    let plan = &profile.model;
    let fallbacks = plan.resilience.fallbacks.iter();
    let others = fallbacks.filter(|it| it.capabilities(&plan.common).always_interrupts());
    let note = |provider: &str, model: &str| {
        format!(
            "interruption.policy: a call that goes on with {provider:?} ({model}) is not paused, because its server interrupts \
             by itself"
        )
    };
    others.map(|it| note(it.address().provider, &it.address().model)).collect()
}

/// Providers whose sessions should wait for calls and cannot.
fn idle_pool(profiles: &Profiles) -> Vec<String> {
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
