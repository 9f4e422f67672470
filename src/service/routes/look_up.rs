//! The look-up before a call: who is calling, asked of the agent's server, and what follows for the
//! call's profile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::events::emit;
use switchboard_actors::ids::{CarrierCallId, Private, logged};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::look_up::known::KnownAnswers;
use switchboard_actors::look_up::plan::{LookUpPlan, Question};
use switchboard_actors::look_up::{Answer, Decline};
use switchboard_actors::profile::CallProfile;
use switchboard_actors::profile::values::Given;
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::{Find, Refusal};

use super::app::AppState;

/// The look-ups of all agents, and their answers.
#[derive(Debug, Default)]
pub struct LookUps {
    plans: BTreeMap<String, Arc<LookUpPlan>>,
    known: KnownAnswers,
}

impl LookUps {
    /// Those of agents that have one, by the agents' names.
    pub fn new(plans: impl Iterator<Item = (String, Arc<LookUpPlan>)>) -> Self {
        Self { plans: plans.collect(), known: KnownAnswers::default() }
    }
}

/// A call that is about to begin.
pub(super) struct Beginning<'a> {
    pub(super) carrier: Carrier,
    pub(super) carrier_call: &'a CarrierCallId,
    pub(super) direction: Direction,
    pub(super) from: &'a Private<String>,
    pub(super) to: &'a Private<String>,
    /// What the carrier has told of it.
    pub(super) parameters: &'a BTreeMap<String, String>,
    /// How it would be handled.
    pub(super) profile: Arc<CallProfile>,
}

/// Asks the agent's server about a call, and returns how it is handled; unchanged if there is nobody
/// to ask, no answer, or if the call is on already.
///
/// # Errors
/// The call is refused.
pub(super) async fn ask(app: &AppState, call: Beginning<'_>) -> Result<Arc<CallProfile>, Decline> {
    let Beginning { carrier, carrier_call, direction, from, to, parameters, profile } = call;
    let live = app.live.now();
    let Some(plan) = live.look_ups.plans.get(&profile.agent) else { return Ok(profile) };
    if !carrier_call.as_str().is_empty() {
        let on = app.supervisor.send(Find(carrier_call.as_str().to_owned())).timeout(PATIENCE).await;
        if on.is_ok_and(|call| call.is_some()) {
            return Ok(profile);
        }
    }
    let question = Question {
        carrier: carrier.name(),
        carrier_call: carrier_call.as_str().to_owned(),
        direction,
        from: from.clone(),
        to: to.clone(),
        agent: profile.agent.clone(),
        language: profile.language.clone(),
        variables: profile.given.so_far(&profile.variables),
    };
    let unknown = |problem: String| {
        let given = Given { unknown: Some(problem), ..profile.given.clone() };
        Ok(Arc::new(profile.with_given(given)))
    };
    let answer = match live.look_ups.known.ask(plan, &question).await {
        Ok(Answer { decline: Some(decline), .. }) => return Err(decline),
        Ok(answer) => answer,
        Err(problem) => return unknown(problem.to_string()),
    };
    let other = match direction {
        Direction::Inbound => from,
        Direction::Outbound => to,
    };
    let wish = (answer.agent.as_deref(), answer.language.as_deref());
    match live.profiles.moved(carrier, &profile, wish, other.expose()) {
        Ok(found) => {
            let mut given = Given { looked_up: answer.values, ..profile.given.clone() };
            given.announced(&found.variables, parameters);
            Ok(Arc::new(found.with_given(given)))
        }
        Err(problem) => {
            let carrier_call = logged(carrier_call.as_str());
            warn!(agent = question.agent, carrier_call, problem; "the look-up names what there is not, and the call goes on without it");
            unknown(format!("an answer that cannot be used: {problem}"))
        }
    }
}

/// The profile of a call of ours or of a stream that nobody has announced, after its look-up. A
/// refusal with words is a call in which the agent says them; one without closes the line.
///
/// # Errors
/// The call is refused without a word.
pub(super) async fn ask_in_call(app: &AppState, call: Beginning<'_>) -> Result<Arc<CallProfile>, Refusal> {
    let (usual, name) = (Arc::clone(&call.profile), call.carrier_call.clone());
    match ask(app, call).await {
        Ok(profile) => Ok(profile),
        Err(decline) => {
            told(&decline, &name);
            let words = decline.words.ok_or(Refusal::Declined)?;
            Ok(Arc::new(usual.declined(&words)))
        }
    }
}

/// Logs and counts a call that is refused.
pub(super) fn told(decline: &Decline, carrier_call: &CarrierCallId) {
    let name = carrier_call.as_str();
    emit(Event::CallRefused { reason: Refusal::Declined.word(), carrier_call: Some(name) });
    let reason = decline.reason.as_deref().unwrap_or("-");
    info!(carrier_call = logged(name), reason; "the look-up refuses the call");
}

/// Longest wait for the Supervisor.
const PATIENCE: Duration = Duration::from_secs(2);
