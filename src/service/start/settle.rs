//! What follows from a configuration and can be replaced while the service runs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use actix::Addr;
use actix_rt::task::JoinHandle;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::Control;
use switchboard_actors::carrier::webhook_api::WebhookApi;
use switchboard_actors::ids::Private;
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::plan::{ModelAddress, SessionPlan};
use switchboard_actors::realtime::providers::actor::Providers;

use crate::service::canary::Canary;
use crate::service::config::{Config, Profiles, RouteInput};
use crate::service::live::{InForce, Live};
use crate::service::routes::app::{Asked, NamedFor, ProfileFor, StreamRules};
use crate::service::routes::health::{Candidate, ModelProbe};
use crate::service::routes::look_up::LookUps;
use crate::service::routes::outbound::{Dialling, Pace};

/// What the settings in force are made of.
pub(in crate::service) struct Parts<'a> {
    pub(in crate::service) config: &'a Config,
    pub(in crate::service) profiles: Arc<Profiles>,
    pub(in crate::service) providers: &'a Addr<Providers>,
    pub(in crate::service) apis: &'a HashMap<Carrier, Arc<dyn Control>>,
    pub(in crate::service) webhook_apis: &'a HashMap<Carrier, Arc<dyn WebhookApi>>,
    /// When calls were begun, if there was a configuration before.
    pub(in crate::service) pace: Option<Arc<Mutex<Pace>>>,
}

/// Makes the settings in force, and starts the canary, if there is one.
pub(in crate::service) fn settle(parts: Parts<'_>) -> (InForce, Option<JoinHandle<()>>) {
    let config = parts.config;
    let (model, canary) = watch_model(config, &parts.profiles, parts.providers);
    let in_force = InForce {
        version: config.settings.version().to_owned(),
        dialling: dialling(&parts),
        profiles: parts.profiles,
        agents: config.agents.keys().cloned().collect(),
        transfers: config.transfers.keys().cloned().collect(),
        voicemail: config.outbound.voicemail,
        stream: StreamRules {
            start_timeout: config.limits.start_timeout,
            stall_timeout: config.limits.line_silence,
            max_message: config.limits.max_message,
        },
        configuration: config.summary(),
        model,
        look_ups: LookUps::new(
            config.agents.iter().filter_map(|(name, agent)| Some((name.clone(), agent.look_up.clone()?))),
        ),
    };
    (in_force, canary)
}

/// Returns what readiness checks of the model, and the canary, if there is one.
fn watch_model(
    config: &Config,
    profiles: &Profiles,
    providers: &Addr<Providers>,
) -> (ModelProbe, Option<JoinHandle<()>>) {
    let (canary, plans) = (Canary::default(), plans(profiles));
    let addresses = plans.iter().map(|plan| plan.candidates().iter().map(servers).collect()).collect();
    let embedded = config.realtime.provider.is_embedded();
    let every = config.realtime.canary_every.filter(|_| !embedded);
    let watching = every.map(|every| canary.start(plans, every, providers.clone()));
    (ModelProbe::new(addresses, embedded, canary, providers.clone()), watching)
}

/// Returns the settings of outbound calls, if the operator enabled them.
fn dialling(parts: &Parts<'_>) -> Option<Dialling> {
    let Parts { config, profiles, apis, webhook_apis, pace, .. } = parts;
    let profiles = Arc::clone(profiles);
    let named = config.outbound.carrier;
    let is_meant = |carrier: &Carrier| named.is_none_or(|name| carrier.name() == name);
    let mut callers = Carrier::all().filter(|carrier| carrier.calls_callees() && apis.contains_key(carrier));
    let carrier = callers.find(is_meant)?;
    let api = apis.get(&carrier).filter(|_| config.outbound.enabled)?;
    Some(Dialling {
        rules: config.outbound.clone(),
        carrier,
        api: Arc::clone(api),
        webhook_api: Arc::clone(webhook_apis.get(&carrier)?),
        profile: Box::new(move |agent, language, to| profiles.named(carrier, agent, language, to)),
        pace: pace.clone().unwrap_or_default(),
    })
}

/// Chooses among the profiles that are in force.
pub(super) fn named_for(live: Live) -> NamedFor {
    Box::new(move |carrier, agent, language, number| live.now().profiles.named(carrier, agent, language, number))
}

/// Chooses among the profiles that are in force.
pub(super) fn profile_for(live: Live) -> ProfileFor {
    Box::new(move |asked: &Asked<'_>| {
        live.now().profiles.for_call(&RouteInput {
            carrier: asked.carrier,
            direction: asked.direction,
            from: Private::new(asked.from.to_owned()),
            to: Private::new(asked.to.to_owned()),
            parameters: asked.parameters.iter().cloned().collect(),
        })
    })
}

/// The servers that a session of a candidate needs.
fn servers(candidate: &ProviderPlan) -> Candidate {
    let one = || vec![vec![candidate.address().clone()]];
    candidate.parts().map_or_else(one, |parts| parts.map(<[ModelAddress]>::to_vec).to_vec())
}

/// Returns the plan of most calls, for checks before the first call.
pub(super) fn first_plan(profiles: &Profiles) -> Option<Arc<SessionPlan>> {
    let profile = profiles.iter().find(|profile| profile.agent == "default").or_else(|| profiles.iter().next())?;
    Some(Arc::clone(&profile.model))
}

/// Returns every plan that calls use, the most common first. Plans that differ only in their texts
/// count as one.
fn plans(profiles: &Profiles) -> Vec<Arc<SessionPlan>> {
    let mut plans: Vec<Arc<SessionPlan>> = Vec::new();
    for plan in first_plan(profiles).into_iter().chain(profiles.iter().map(|profile| Arc::clone(&profile.model))) {
        if !plans.iter().any(|known| known.known_by() == plan.known_by()) {
            plans.push(plan);
        }
    }
    plans
}
