//! `POST /calls`: outbound calls. The carrier dials, and requests our document when the call is
//! answered.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use actix_web::web::Data;
use log::{error, warn};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::control::{self, Control, Machine, NotPlaced, Placed, Placing};
use switchboard_actors::carrier::webhook_api::{Callbacks, WebhookApi};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::ids::{CallId, CallTag, CarrierCallId, Private};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::profile::CallProfile;
use switchboard_actors::profile::values::{Given, Values};
use switchboard_actors::supervisor::events::Event;
use switchboard_actors::supervisor::messages::{ExpectOutbound, ExpectedCall, Identify, NotBegun, Refusal};

use super::app::AppState;
use super::look_up::{self, Beginning};
use super::order::{Body, order};
use super::problem::Problem;
use crate::service::cluster::messages::{FreePlace, PlaceTaken, TakePlace};
use crate::service::config::{NotCalled, Outbound};

/// The settings and the state of outbound calls.
pub struct Dialling {
    /// The allowed numbers, and the limits.
    pub rules: Outbound,
    /// The carrier that dials.
    pub carrier: Carrier,
    /// Its API.
    pub api: Arc<dyn Control>,
    /// Its webhook API, which knows our account and our callback URLs.
    pub webhook_api: Arc<dyn WebhookApi>,
    /// Returns the profile of an agent in a language.
    pub profile: ProfileNamed,
    /// When calls were begun.
    pub pace: Arc<Mutex<Pace>>,
}

/// Returns the profile of an agent and a language for a call to a number, or why there is none.
pub type ProfileNamed = Box<dyn Fn(&str, Option<&str>, &str) -> Result<Arc<CallProfile>, String> + Send + Sync>;

/// An order to call a number.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// The number to call, in E.164.
    to: String,
    /// The number that the callee sees; `outbound.from` by default.
    from: Option<String>,
    /// The agent that speaks.
    #[serde(default = "default_agent")]
    agent: String,
    /// The first language of the call; the agent's first language by default.
    language: Option<String>,
    /// Whether to detect an answering machine.
    #[serde(default)]
    amd: Amd,
    /// Values for the agent's texts, by their names.
    #[serde(default)]
    variables: Map<String, Value>,
}

/// Whether to detect an answering machine.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Amd {
    #[default]
    Off,
    Detect,
    MessageEnd,
}

/// `POST /calls`: 202 with our id of the call, once it rings.
pub(super) async fn begin(body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let now = app.now();
    let Some(dialling) = &now.dialling else {
        return Err(Problem::forbidden("outbound calls are switched off (`outbound.enabled`)"));
    };
    let order: Order = order(body, r#"{"to":"+14155550100","agent":"default","language":"en"}"#)?;
    let (from, profile) = judge(dialling, &order)?;
    let name = CarrierCallId::new(&format!("outbound-{}", CallId::random()));
    let expected = ExpectedCall {
        carrier: dialling.carrier,
        carrier_call: name.clone(),
        account: dialling.webhook_api.account().map(str::to_owned),
        direction: Direction::Outbound,
        from: Private::new(from.clone()),
        to: Private::new(order.to.clone()),
        profile,
    };
    let expected = looked_up(&app, expected).await?;
    let share = |limit: u32| app.fleet.as_ref().map_or(limit, |fleet| fleet.share(limit));
    let (most, ring) = (share(dialling.rules.max_concurrent) as usize, dialling.rules.ring);
    app.enter(&expected).await.map_err(refused)?;
    let permit = app.supervisor.send(ExpectOutbound { call: expected, most, ring }).timeout(PATIENCE).await;
    let permit = permit.map_err(|_| unresponsive())?.map_err(refused)?;
    if let Err(problem) = take_turn(&app, dialling, permit.call).await {
        app.supervisor.do_send(NotBegun(name));
        return Err(problem);
    }
    let Some(Callbacks { document, status }) = dialling.webhook_api.callbacks(&name) else {
        give_back(&app, name, permit.call);
        return Err(not_placed(&NotPlaced::impossible()));
    };
    let placing = Placing {
        to: Private::new(order.to),
        from: Private::new(from),
        document,
        status,
        ring,
        machine: order.amd.machine(),
    };
    match control::http::place(&*dialling.api, &placing).await {
        Ok(placed) => {
            let id = permit.call.to_string();
            // A carrier that has not named the call yet names it when the call is answered.
            let carrier_call = match placed {
                Placed::Named(carrier_call) => Some(carrier_call),
                Placed::Unnamed => None,
            };
            let named = carrier_call.as_ref().map(CarrierCallId::as_str);
            let note = json!({ "status": "dialling", "id": id, "carrier_call_id": named });
            if let Some(carrier_call) = carrier_call {
                app.supervisor.do_send(Identify {
                    announced: name,
                    carrier_call,
                    picked_up: false,
                    answered_by: None,
                    note: None,
                });
            }
            Ok(HttpResponse::Accepted().json(note))
        }
        Err(problem) => {
            // The carrier has not named the call, so the log has our name, which is also in the
            // URLs for the carrier.
            let call = CallTag::new(permit.call, &name);
            warn!(call:% = call.id(), carrier_call = call.carrier_call(), problem:%; "outbound call not placed");
            emit(Event::OutboundEnded { call: &call, status: "refused" });
            // If the carrier dials after all, its webhook finds no slot and answers with a hang-up.
            give_back(&app, name, permit.call);
            Err(not_placed(&problem))
        }
    }
}

/// Asks the agent's server about the callee.
async fn looked_up(app: &AppState, call: ExpectedCall) -> Result<ExpectedCall, Problem> {
    let beginning = Beginning {
        carrier: call.carrier,
        carrier_call: &call.carrier_call,
        direction: call.direction,
        from: &call.from,
        to: &call.to,
        parameters: &BTreeMap::new(),
        profile: Arc::clone(&call.profile),
    };
    let profile = look_up::ask(app, beginning).await.map_err(|decline| {
        look_up::told(&decline, &call.carrier_call);
        Problem::new(StatusCode::CONFLICT, Refusal::Declined.to_string())
    })?;
    Ok(ExpectedCall { profile, ..call })
}

/// Counts a call towards the limits: those of this node, then those of all nodes.
async fn take_turn(app: &AppState, dialling: &Dialling, call: CallId) -> Result<(), Problem> {
    let too_fast = || {
        let detail = "the limit of outbound calls a minute is reached (`outbound.max_per_minute`)";
        Problem::new(StatusCode::TOO_MANY_REQUESTS, detail).with_header(header::RETRY_AFTER, "60")
    };
    let (most, per_minute) = (dialling.rules.max_concurrent, dialling.rules.max_per_minute);
    let share = app.fleet.as_ref().map_or(per_minute, |fleet| fleet.share(per_minute));
    if !dialling.pace.lock().unwrap_or_else(PoisonError::into_inner).take(share, clock::now()) {
        return Err(too_fast());
    }
    let Some(fleet) = &app.fleet else { return Ok(()) };
    let asked = TakePlace { call: call.to_string(), most, per_minute };
    match fleet.actor().send(asked).timeout(PATIENCE).await.map_err(|_| unresponsive())? {
        PlaceTaken::Granted => Ok(()),
        PlaceTaken::TooMany => Err(refused(Refusal::TooManyOutbound { most: most as usize })),
        PlaceTaken::TooFast => Err(too_fast()),
        // Redis has just gone: the call is within the whole limit here, and the next one within the share.
        PlaceTaken::Apart => Ok(()),
    }
}

/// A call was not placed: its place is free, on this node and among all.
fn give_back(app: &AppState, name: CarrierCallId, call: CallId) {
    app.supervisor.do_send(NotBegun(name));
    if let Some(fleet) = &app.fleet {
        fleet.actor().do_send(FreePlace { call: call.to_string() });
    }
}

/// Returns the number to show and the profile, or why the number is not called.
fn judge(dialling: &Dialling, order: &Order) -> Result<(String, Arc<CallProfile>), Problem> {
    dialling.rules.permit(&order.to).map_err(|refusal| {
        let status = match refusal {
            NotCalled::NoNumber => StatusCode::UNPROCESSABLE_ENTITY,
            NotCalled::Premium { .. } | NotCalled::CostlyArea { .. } | NotCalled::NotAllowed => StatusCode::FORBIDDEN,
        };
        Problem::new(status, refusal.to_string())
    })?;
    let unprocessable = |detail: String| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail);
    let from = order.from.clone().or_else(|| dialling.rules.from.clone());
    let from = from.ok_or_else(|| unprocessable("no caller id: give `from`, or set `outbound.from`".to_owned()))?;
    let profile = (dialling.profile)(&order.agent, order.language.as_deref(), &order.to).map_err(unprocessable)?;
    let values = Values::of_json(&order.variables)
        .map_err(|(name, unfit)| unprocessable(format!("`variables`: found {name:?} that cannot be taken: {unfit}")))?;
    let given = Given { order: values, ..profile.given.clone() };
    Ok((from, Arc::new(profile.with_given(given))))
}

impl Amd {
    const fn machine(self) -> Option<Machine> {
        match self {
            Self::Off => None,
            Self::Detect => Some(Machine::Detect),
            Self::MessageEnd => Some(Machine::MessageEnd),
        }
    }
}

/// The times of the calls begun, for the limit per minute. Pure.
#[derive(Debug, Default)]
pub struct Pace(VecDeque<Instant>);

impl Pace {
    /// Counts a call, unless `most` calls were begun within the last minute.
    fn take(&mut self, most: u32, now: Instant) -> bool {
        while self.0.front().is_some_and(|at| now.saturating_duration_since(*at) >= MINUTE) {
            self.0.pop_front();
        }
        let granted = self.0.len() < most as usize;
        if granted {
            self.0.push_back(now);
        }
        granted
    }
}

fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Draining | Refusal::Spent | Refusal::Killed => Problem::unavailable(refusal.to_string(), 60),
        Refusal::Full { .. } | Refusal::Overloaded | Refusal::TooManyOutbound { .. } | Refusal::CallerBusy { .. } => {
            Problem::new(StatusCode::TOO_MANY_REQUESTS, refusal.to_string()).with_header(header::RETRY_AFTER, "10")
        }
        Refusal::BadToken
        | Refusal::WrongCall
        | Refusal::AlreadyOn
        | Refusal::CallOver
        | Refusal::UnknownAgent
        | Refusal::Declined => {
            error!(refusal:%; "the stream's token was refused");
            unresponsive()
        }
    }
}

fn not_placed(problem: &NotPlaced) -> Problem {
    let status = if problem.busy { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::BAD_GATEWAY };
    Problem::new(status, problem.reason.clone())
}

fn unresponsive() -> Problem {
    Problem::unavailable("the service does not answer; it may be overloaded", 1)
}

fn default_agent() -> String {
    "default".to_owned()
}

const MINUTE: Duration = Duration::from_secs(60);
/// Longest wait for the Supervisor; an operator waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outbound_calls_a_minute_are_limited() {
        let (mut pace, start) = (Pace::default(), clock::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(pace.take(2, at(0)) && pace.take(2, at(30)));
        assert!(!pace.take(2, at(59)));
        assert!(pace.take(2, at(60)), "the first is a minute old");
        assert!(!pace.take(2, at(61)));
    }
}
