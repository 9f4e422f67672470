//! Whether the process lives, and whether it can take another call.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::HttpResponse;
use actix_web::web::Data;
use metrics::gauge;
use serde_json::json;
use switchboard_actors::clock;
use switchboard_actors::realtime::breaker::Standing;
use switchboard_actors::realtime::plan::Candidate;
use switchboard_actors::realtime::providers::actor::Providers;
use switchboard_actors::realtime::providers::messages::{Consult, CountRefusals};
use switchboard_actors::supervisor::messages::{CallList, ListCalls};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::app::AppState;
use crate::service::canary::Canary;

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

/// `GET /ready`: 200 when the next call would be taken, else 503 with the reason.
pub async fn ready(app: Data<AppState>) -> HttpResponse {
    let reason = match live_calls(&app).await {
        None => Some("unresponsive"),
        Some(live_calls) if live_calls.draining => Some("draining"),
        Some(live_calls) if live_calls.calls.len() + live_calls.expected >= live_calls.max_calls => Some("full"),
        Some(_) if app.model.all_refused().await => Some("model_refused"),
        Some(_) if !app.model.reachable().await => Some("model_unreachable"),
        Some(_) => None,
    };
    // Calls go on without their recordings, and records wait in memory; whoever needs them is to know.
    let degraded: Vec<&str> =
        [(recordings_missing(&app), "recording_dir_missing"), (records_unwritable(&app), "records_unwritable")]
            .into_iter()
            .filter_map(|(is_so, word)| is_so.then_some(word))
            .collect();
    match reason {
        None if !degraded.is_empty() => HttpResponse::Ok().json(json!({ "status": "ready", "degraded": degraded })),
        None => HttpResponse::Ok().json(json!({ "status": "ready" })),
        Some(reason) => HttpResponse::ServiceUnavailable().json(json!({ "status": "not_ready", "reason": reason })),
    }
}

/// Whether calls are to be recorded and the folder for that has gone since the start. Counted too.
pub(super) fn recordings_missing(app: &AppState) -> bool {
    let missing = app.recordings.as_ref().is_some_and(|dir| !dir.is_dir());
    gauge!("switchboard_recording_dir_missing").set(if missing { 1.0 } else { 0.0 });
    missing
}

/// Whether records wait in memory because their folder cannot be written. Counted too.
pub(super) fn records_unwritable(app: &AppState) -> bool {
    let unwritable = app.unwritable.is_so();
    gauge!("switchboard_records_unwritable").set(if unwritable { 1.0 } else { 0.0 });
    unwritable
}

/// Counts what refuses us and is left alone.
pub(super) async fn count_refusals(app: &AppState) {
    if let Ok(refusals) = app.model.providers.send(CountRefusals).timeout(Duration::from_secs(1)).await {
        gauge!("switchboard_model_breaker_open").set(refusals as f64);
    }
}

/// Who is on; `None` when the Supervisor does not answer in time.
pub(super) async fn live_calls(app: &AppState) -> Option<CallList> {
    app.supervisor.send(ListCalls).timeout(Duration::from_secs(1)).await.ok()
}

/// Whether the model's server takes connections. A bare TCP connection, which costs nothing there; its answer is kept for a
/// while, so that a busy load balancer does not become the model's burden.
#[derive(Debug)]
pub struct ModelProbe {
    address: Option<(String, u16)>,
    canary: Canary,
    candidates: Vec<Candidate>,
    providers: Addr<Providers>,
    last: Mutex<Option<(Instant, bool)>>,
}

impl ModelProbe {
    /// Asks `providers` which of `candidates` refuse us. Believes `canary`; until that has an answer, probes `host` at `port`. Always reachable for a model within the process.
    pub fn new(
        address: Option<(String, u16)>,
        canary: Canary,
        candidates: Vec<Candidate>,
        providers: Addr<Providers>,
    ) -> Self {
        Self { address, canary, candidates, providers, last: Mutex::default() }
    }

    /// Whether every candidate has refused us and is left alone: the next call would get no session. False for none.
    async fn all_refused(&self) -> bool {
        let asked = self.providers.send(Consult(self.candidates.clone())).timeout(Duration::from_secs(1));
        let standings = asked.await.unwrap_or_default();
        !standings.is_empty() && standings.iter().all(|standing| *standing == Standing::Blocked)
    }

    async fn reachable(&self) -> bool {
        if let Some(answer) = self.canary.answer() {
            return answer;
        }
        let Some((host, port)) = &self.address else { return true };
        let now = clock::now();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, answer)) = last.filter(|(at, _)| now.saturating_duration_since(*at) < KEPT) {
            return answer;
        }
        let answer = matches!(timeout(PATIENCE, TcpStream::connect((host.as_str(), *port))).await, Ok(Ok(_)));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, answer));
        answer
    }
}

/// How long an answer is believed. Longer sends calls to a dead model, shorter knocks too often.
const KEPT: Duration = Duration::from_secs(10);
/// How long a connection may take; probes usually give up after a few seconds themselves.
const PATIENCE: Duration = Duration::from_secs(2);
