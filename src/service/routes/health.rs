//! Whether the process lives, and whether it can accept another call.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpResponse;
use actix_web::web::Data;
use futures_util::future::select_ok;
use metrics::gauge;
use serde_json::json;
use switchboard_actors::clock;
use switchboard_actors::realtime::breaker::Standing;
use switchboard_actors::realtime::plan::ModelAddress;
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::providers::messages::{Consult, CountRefusals};
use switchboard_actors::supervisor::messages::{CallList, ListCalls};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use super::app::AppState;
use crate::service::canary::{Canary, Seen};

/// `GET /health`: 200 while the process lives, whatever else is wrong.
pub async fn health(app: Data<AppState>) -> HttpResponse {
    let live_calls = live_calls(&app).await;
    HttpResponse::Ok().json(json!({
        "status": "ok",
        "active_calls": live_calls.map(|live_calls| live_calls.calls.len()),
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": clock::now().saturating_duration_since(app.started).as_secs(),
    }))
}

/// `GET /ready`: 200 if the next call would be accepted, else 503 with the reason.
pub async fn ready(app: Data<AppState>) -> HttpResponse {
    let Outlook { refused, failing } = app.model.outlook().await;
    let reason = match live_calls(&app).await {
        None => Some("unresponsive"),
        Some(live_calls) if live_calls.draining => Some("draining"),
        Some(live_calls) if live_calls.calls.len() + live_calls.expected >= live_calls.max_calls => Some("full"),
        Some(_) => app.model.missing(refused).await,
    };
    // Calls continue without their recordings, and records wait in memory: operators need to see
    // both.
    let degraded: Vec<&str> = [
        (recordings_missing(&app), "recording_dir_missing"),
        (records_unwritable(&app), "records_unwritable"),
        (refused == Refused::SomeAgents, "model_refused"),
        (failing, "model_failing"),
    ]
    .into_iter()
    .filter_map(|(is_so, word)| is_so.then_some(word))
    .collect();
    match reason {
        None if !degraded.is_empty() => HttpResponse::Ok().json(json!({ "status": "ready", "degraded": degraded })),
        None => HttpResponse::Ok().json(json!({ "status": "ready" })),
        Some(reason) => HttpResponse::ServiceUnavailable().json(json!({ "status": "not_ready", "reason": reason })),
    }
}

/// Whether calls should be recorded and the folder has disappeared since the start. Updates the
/// metric too.
pub(super) fn recordings_missing(app: &AppState) -> bool {
    let missing = app.recordings.as_ref().is_some_and(|dir| !dir.is_dir());
    gauge!("switchboard_recording_dir_missing").set(if missing { 1.0 } else { 0.0 });
    missing
}

/// Whether records wait in memory because their folder is not writable. Updates the metric too.
pub(super) fn records_unwritable(app: &AppState) -> bool {
    let unwritable = app.unwritable.is_so();
    gauge!("switchboard_records_unwritable").set(if unwritable { 1.0 } else { 0.0 });
    unwritable
}

/// Updates the metric of open breakers.
pub(super) async fn count_refusals(app: &AppState) {
    if let Ok(refusals) = app.model.providers.send(CountRefusals).timeout(Duration::from_secs(1)).await {
        gauge!("switchboard_model_breaker_open").set(refusals as f64);
    }
}

/// Returns the live calls; `None` if the Supervisor does not answer in time.
pub(super) async fn live_calls(app: &AppState) -> Option<CallList> {
    app.supervisor.send(ListCalls).timeout(Duration::from_secs(1)).await.ok()
}

/// Predicts whether the next call would get a model session, from the breakers, the canary and a
/// connection to the server. The last is a bare TCP connection, which costs the server nothing. Its
/// result is cached, so that a busy load balancer does not burden the model.
#[derive(Debug)]
pub struct ModelProbe {
    /// The models of each plan: the first choice and its fallbacks. The plan of most calls comes
    /// first.
    plans: Vec<Vec<ModelAddress>>,
    addresses: Vec<(String, u16)>,
    canary: Canary,
    providers: Addr<Providers>,
    last: Mutex<Option<(Instant, bool)>>,
}

/// The agents for which every model of the plan is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Refused {
    /// No agent.
    Nobody,
    /// Some agents; most calls are unaffected.
    SomeAgents,
    /// The agent of most calls.
    MostCalls,
}

/// What the breakers say about the next call's model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Outlook {
    refused: Refused,
    /// Whether every model that is left for most calls failed several times in a row.
    failing: bool,
}

impl ModelProbe {
    /// Creates a probe. It asks `providers` which models of `plans` are refused; the plan of most
    /// calls comes first. It believes `canary`. Until the canary has a result, it probes the
    /// servers of the first plan, unless the model is `embedded` in this process.
    pub fn new(plans: Vec<Vec<ModelAddress>>, embedded: bool, canary: Canary, providers: Addr<Providers>) -> Self {
        let mut addresses: Vec<_> =
            plans.first().into_iter().flatten().filter(|_| !embedded).filter_map(address).collect();
        addresses.dedup();
        Self { plans, addresses, canary, providers, last: Mutex::default() }
    }

    /// Returns why the next call would probably get no session.
    async fn missing(&self, refused: Refused) -> Option<&'static str> {
        match (refused, self.canary.answer()) {
            (Refused::MostCalls, _) | (_, Some(Seen::Refused)) => Some("model_refused"),
            (_, Some(Seen::Unreachable)) => Some("model_unreachable"),
            (_, Some(Seen::Alive)) => None,
            (_, None) => (!self.reachable().await).then_some("model_unreachable"),
        }
    }

    async fn outlook(&self) -> Outlook {
        let all = self.plans.concat();
        let asked = self.providers.send(Consult(all)).timeout(Duration::from_secs(1));
        // Without an answer no model counts as refused.
        let standings = asked.await.unwrap_or_default();
        let most_calls = &standings[..standings.len().min(self.plans.first().map_or(0, Vec::len))];
        let failing = most_calls.contains(&Standing::Doubtful) && !most_calls.contains(&Standing::Good);
        let mut standings = standings.iter().copied();
        let mut refused = self.plans.iter().map(|plan| {
            let plan: Vec<_> = standings.by_ref().take(plan.len()).collect();
            !plan.is_empty() && plan.iter().all(|standing| *standing == Standing::Blocked)
        });
        let refused = match (refused.next(), refused.any(|it| it)) {
            (Some(true), _) => Refused::MostCalls,
            (_, true) => Refused::SomeAgents,
            (_, false) => Refused::Nobody,
        };
        Outlook { refused, failing }
    }

    /// Whether any of the servers accepts connections; true if there is no server to probe.
    async fn reachable(&self) -> bool {
        if self.addresses.is_empty() {
            return true;
        }
        let now = clock::now();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = last.filter(|(at, _)| now.saturating_duration_since(*at) < KEPT) {
            return answer;
        }
        let tries = self.addresses.iter().map(|(host, port)| Box::pin(TcpStream::connect((host.as_str(), *port))));
        let answer = matches!(timeout(PATIENCE, select_ok(tries)).await, Ok(Ok(_)));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, answer));
        answer
    }
}

/// Returns the host and port of a model's server.
fn address(model: &ModelAddress) -> Option<(String, u16)> {
    let url = Url::parse(&model.endpoint.url).ok()?;
    let port = url.port().unwrap_or(if url.scheme() == "ws" { 80 } else { 443 });
    Some((url.host_str()?.to_owned(), port))
}

/// How long a result is cached. Longer would send calls to a dead model; shorter would connect too
/// often.
const KEPT: Duration = Duration::from_secs(10);
/// Longest wait for a connection. Load balancers usually give up after a few seconds themselves.
const PATIENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use actix::Actor;
    use switchboard_actors::realtime::breaker::Scope;
    use switchboard_actors::realtime::plan::{Credential, Endpoint};
    use switchboard_actors::realtime::providers::messages::Learn;
    use switchboard_actors::realtime::report::{LossClass, ModelLoss};
    use switchboard_actors::realtime::sessions::Lesson;

    use super::*;

    fn model(url: &str) -> ModelAddress {
        let endpoint = Endpoint { url: url.to_owned(), credential: Credential::None, key_variable: None };
        ModelAddress { provider: "fake", endpoint, model: "m".to_owned() }
    }

    #[actix_rt::test]
    async fn readiness_looks_at_every_plan_and_one_agents_refusal_is_not_all() {
        let [most, spare, sales] =
            ["ws://127.0.0.1:9/most", "ws://127.0.0.1:9/spare", "ws://127.0.0.1:9/sales"].map(model);
        let plans = vec![vec![most.clone(), spare.clone()], vec![sales.clone()]];
        let providers = Providers::new().start();
        let probe = ModelProbe::new(plans, true, Canary::default(), providers.clone());
        let refuse = |address: &ModelAddress| {
            let loss = ModelLoss { class: LossClass::Fatal, reason: "upgrade answered with status 401".to_owned() };
            let lesson = Lesson::Lost { loss, scope: Scope::Key };
            providers.do_send(Learn { address: address.clone(), lesson });
        };
        let seen = async || {
            let refused = probe.outlook().await.refused;
            (refused, probe.missing(refused).await)
        };
        refuse(&most);
        assert_eq!(seen().await, (Refused::Nobody, None), "there is a spare one");
        refuse(&sales);
        assert_eq!(seen().await, (Refused::SomeAgents, None));
        refuse(&spare);
        assert_eq!(seen().await, (Refused::MostCalls, Some("model_refused")));
    }

    #[actix_rt::test]
    async fn a_model_that_fails_again_and_again_is_reported_while_nothing_better_is_left() {
        let [first, spare] = ["ws://127.0.0.1:9/first", "ws://127.0.0.1:9/spare"].map(model);
        let providers = Providers::new().start();
        let plans = vec![vec![first.clone(), spare.clone()]];
        let probe = ModelProbe::new(plans, true, Canary::default(), providers.clone());
        let fail = |address: &ModelAddress, class: LossClass, scope: Scope| {
            let loss = ModelLoss { class, reason: "upgrade answered with status 500".to_owned() };
            providers.do_send(Learn { address: address.clone(), lesson: Lesson::Lost { loss, scope } });
        };
        for _ in 0..5 {
            fail(&first, LossClass::Retryable, Scope::Session);
        }
        assert!(!probe.outlook().await.failing, "there is a spare one");
        fail(&spare, LossClass::Fatal, Scope::Model);
        assert_eq!(probe.outlook().await, Outlook { refused: Refused::Nobody, failing: true });
        fail(&first, LossClass::Fatal, Scope::Model);
        assert_eq!(probe.outlook().await, Outlook { refused: Refused::MostCalls, failing: false });
    }

    #[actix_rt::test]
    async fn one_healthy_fallback_keeps_the_service_ready() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let there = format!("ws://{}/v1", listener.local_addr().expect("an address"));
        let probe = |urls: &[&str]| {
            let plan = urls.iter().map(|url| model(url)).collect();
            ModelProbe::new(vec![plan], false, Canary::default(), Providers::new().start())
        };
        assert_eq!(probe(&["ws://127.0.0.1:9/v1"]).missing(Refused::Nobody).await, Some("model_unreachable"));
        assert_eq!(probe(&["ws://127.0.0.1:9/v1", &there]).missing(Refused::Nobody).await, None);
    }
}
