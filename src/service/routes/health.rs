//! Whether the process lives, and whether it can accept another call.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpResponse;
use actix_web::web::Data;
use futures_util::future::{select_ok, try_join_all};
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
use crate::service::cluster::Fleet;
use crate::service::overload::Overload;

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
    let now = app.now();
    let Outlook { refused, failing } = now.model.outlook().await;
    let reason = match live_calls(&app).await {
        None => Some("unresponsive"),
        Some(live_calls) if live_calls.draining => Some("draining"),
        Some(_) if app.overload.as_ref().is_some_and(Overload::refuses) => Some("overloaded"),
        Some(live_calls) if live_calls.calls.len() + live_calls.expected >= live_calls.max_calls => Some("full"),
        Some(_) => now.model.missing(refused).await,
    };
    // Calls continue without their recordings, and records wait in memory: operators need to see
    // both.
    let degraded: Vec<&str> = [
        (recordings_missing(&app), "recording_dir_missing"),
        (records_unwritable(&app), "records_unwritable"),
        (refused == Refused::SomeAgents, "model_refused"),
        (failing, "model_failing"),
        (app.fleet.as_ref().is_some_and(Fleet::is_apart), "cluster_apart"),
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
    if let Ok(refusals) = app.now().model.providers.send(CountRefusals).timeout(Duration::from_secs(1)).await {
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
    /// The candidates of each plan: the first choice and its fallbacks. The plan of most calls comes
    /// first.
    plans: Vec<Vec<Candidate>>,
    /// The first plan's candidates, with the host and the port of each server.
    servers: Vec<Vec<Vec<(String, u16)>>>,
    canary: Canary,
    providers: Addr<Providers>,
    last: Mutex<Option<(Instant, bool)>>,
}

/// The servers that a session needs: for each of its parts those of which one is enough.
pub type Candidate = Vec<Vec<ModelAddress>>;

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
    pub fn new(plans: Vec<Vec<Candidate>>, embedded: bool, canary: Canary, providers: Addr<Providers>) -> Self {
        let servers = |candidate: &Candidate| {
            candidate.iter().map(|part| part.iter().filter_map(address).collect()).collect::<Vec<_>>()
        };
        let servers = plans.first().into_iter().flatten().filter(|_| !embedded).map(servers).collect();
        Self { plans, servers, canary, providers, last: Mutex::default() }
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
        let all: Vec<ModelAddress> = self.plans.iter().flatten().flatten().flatten().cloned().collect();
        let asked = self.providers.send(Consult(all)).timeout(Duration::from_secs(1));
        // Without an answer no model counts as refused.
        let mut standings = asked.await.unwrap_or_default().into_iter();
        // A part stands as its best server does, and a session as its worst part.
        let mut of_part = |part: &Vec<ModelAddress>| standings.by_ref().take(part.len()).min();
        let mut of_candidate = |candidate: &Candidate| candidate.iter().filter_map(&mut of_part).max();
        let plans: Vec<Vec<Standing>> =
            self.plans.iter().map(|plan| plan.iter().filter_map(&mut of_candidate).collect()).collect();
        let most_calls = plans.first().map(Vec::as_slice).unwrap_or_default();
        let failing = most_calls.contains(&Standing::Doubtful) && !most_calls.contains(&Standing::Good);
        let is_blocked = |plan: &Vec<Standing>| plan.iter().all(|standing| *standing == Standing::Blocked);
        let mut refused = plans.iter().map(|plan| !plan.is_empty() && is_blocked(plan));
        let refused = match (refused.next(), refused.any(|it| it)) {
            (Some(true), _) => Refused::MostCalls,
            (_, true) => Refused::SomeAgents,
            (_, false) => Refused::Nobody,
        };
        Outlook { refused, failing }
    }

    /// Whether the servers of any candidate accept connections; true if there is no server to probe.
    async fn reachable(&self) -> bool {
        if self.servers.is_empty() {
            return true;
        }
        let now = clock::now();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = last.filter(|(at, _)| now.saturating_duration_since(*at) < KEPT) {
            return answer;
        }
        let tries = self.servers.iter().map(|parts| Box::pin(try_join_all(parts.iter().map(|part| connect(part)))));
        let answer = matches!(timeout(PATIENCE, select_ok(tries)).await, Ok(Ok(_)));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, answer));
        answer
    }
}

/// Connects to any of the servers of a part.
async fn connect(part: &[(String, u16)]) -> io::Result<()> {
    if part.is_empty() {
        return Ok(());
    }
    let tries = part.iter().map(|(host, port)| Box::pin(TcpStream::connect((host.as_str(), *port))));
    select_ok(tries).await.map(|_| ())
}

/// Returns the host and port of a model's server.
fn address(model: &ModelAddress) -> Option<(String, u16)> {
    let url = Url::parse(&model.endpoint.url).ok()?;
    let port = url.port().unwrap_or(if matches!(url.scheme(), "ws" | "http") { 80 } else { 443 });
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
    use switchboard_actors::realtime::breaker::Lesson;
    use switchboard_actors::realtime::breaker::Scope;
    use switchboard_actors::realtime::plan::{Credential, Endpoint};
    use switchboard_actors::realtime::providers::messages::Learn;
    use switchboard_actors::realtime::report::{LossClass, ModelLoss};

    use super::*;

    fn model(url: &str) -> ModelAddress {
        let endpoint = Endpoint { url: url.to_owned(), credential: Credential::None, key_variable: None };
        ModelAddress { provider: "fake", endpoint, model: "m".to_owned() }
    }

    /// A candidate of one server.
    fn alone(address: &ModelAddress) -> Candidate {
        vec![vec![address.clone()]]
    }

    #[actix_rt::test]
    async fn readiness_looks_at_every_plan_and_one_agents_refusal_is_not_all() {
        let [most, spare, sales] =
            ["ws://127.0.0.1:9/most", "ws://127.0.0.1:9/spare", "ws://127.0.0.1:9/sales"].map(model);
        let plans = vec![vec![alone(&most), alone(&spare)], vec![alone(&sales)]];
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
        let plans = vec![vec![alone(&first), alone(&spare)]];
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
            let plan = urls.iter().map(|url| alone(&model(url))).collect();
            ModelProbe::new(vec![plan], false, Canary::default(), Providers::new().start())
        };
        assert_eq!(probe(&["ws://127.0.0.1:9/v1"]).missing(Refused::Nobody).await, Some("model_unreachable"));
        assert_eq!(probe(&["ws://127.0.0.1:9/v1", &there]).missing(Refused::Nobody).await, None);
        let there = model(&there);
        let joined = |parts: Vec<Vec<ModelAddress>>| {
            ModelProbe::new(vec![vec![parts]], false, Canary::default(), Providers::new().start())
        };
        let gone = model("http://127.0.0.1:9/v1");
        let one_part_is_gone = joined(vec![vec![there.clone()], vec![gone.clone()]]);
        assert_eq!(one_part_is_gone.missing(Refused::Nobody).await, Some("model_unreachable"));
        let a_spare_engine_is_there = joined(vec![vec![gone, there.clone()], vec![there]]);
        assert_eq!(a_spare_engine_is_there.missing(Refused::Nobody).await, None);
    }

    #[actix_rt::test]
    async fn a_part_whose_engines_all_refuse_refuses_the_call() {
        let [ears, mind, spare] = ["http://127.0.0.1:9/a", "http://127.0.0.1:9/b", "http://127.0.0.1:9/c"].map(model);
        let providers = Providers::new().start();
        let plans = vec![vec![vec![vec![ears], vec![mind.clone(), spare.clone()]]]];
        let probe = ModelProbe::new(plans, true, Canary::default(), providers.clone());
        let refuse = |address: &ModelAddress| {
            let loss = ModelLoss { class: LossClass::Fatal, reason: "status 401".to_owned() };
            let lesson = Lesson::Lost { loss, scope: Scope::Key };
            providers.do_send(Learn { address: address.clone(), lesson });
        };
        refuse(&mind);
        assert_eq!(probe.outlook().await, Outlook { refused: Refused::Nobody, failing: false }, "there is a spare one");
        refuse(&spare);
        assert_eq!(probe.outlook().await, Outlook { refused: Refused::MostCalls, failing: false });
    }
}
