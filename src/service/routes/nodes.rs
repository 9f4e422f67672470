//! The nodes: this process alone, without a cluster.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use serde_json::json;
use switchboard_actors::clock;
use switchboard_actors::supervisor::messages::Drain;

use super::app::AppState;
use super::health::live_calls;
use super::problem::Problem;

/// `GET /nodes`: one row a node.
pub(super) async fn list(app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let live = live_calls(&app).await.ok_or_else(unresponsive)?;
    let row = json!({
        "node": app.node,
        "version": env!("CARGO_PKG_VERSION"),
        "configuration": app.now().version,
        "active": live.calls.len(),
        "max_calls": live.max_calls,
        "draining": live.draining,
        "drain_left_s": live.patience_left.map(|left| left.as_secs()),
        "uptime_s": clock::now().saturating_duration_since(app.started).as_secs(),
        "self": true,
    });
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "nodes": [row] })))
}

/// `POST /nodes/{node}/drain`: as SIGTERM does. The node takes no more calls, those that are on have
/// `server.drain_timeout` to end, and its process exits after the last one.
pub(super) async fn drain(node: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    if *node != app.node {
        return Err(Problem::not_found(format!("there is no node {node}; this one is {}, and it is alone", app.node)));
    }
    // In order with what follows, so that `draining` is seen by whoever asks next.
    app.supervisor.do_send(Drain { patience: app.drain.patience() });
    app.drain.give();
    Ok(HttpResponse::Accepted().json(json!({ "status": "draining" })))
}

fn unresponsive() -> Problem {
    Problem::unavailable("the service does not answer; it may be overloaded", 1)
}
