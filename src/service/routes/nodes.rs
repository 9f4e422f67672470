//! The nodes of the cluster; this process alone without one.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use serde_json::{Value, json};
use switchboard_actors::clock;
use switchboard_actors::supervisor::messages::Drain;

use super::app::AppState;
use super::health::live_calls;
use super::problem::Problem;
use crate::service::cluster::Beat;
use crate::service::cluster::peers::{Asked, passed_on};
use crate::service::operators::Operator;

/// `GET /nodes`: one row a node. Those of other nodes are at most a heartbeat old.
pub(super) async fn list(app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let live = live_calls(&app).await.ok_or_else(unresponsive)?;
    let own = json!({
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
    let others = app.fleet.iter().flat_map(|fleet| fleet.others()).map(|beat| row(&beat));
    let mut nodes: Vec<Value> = std::iter::once(own).chain(others).collect();
    nodes.sort_by_cached_key(|row| row["node"].as_str().unwrap_or_default().to_owned());
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "nodes": nodes })))
}

fn row(beat: &Beat) -> Value {
    json!({
        "node": beat.node,
        "version": beat.version,
        "configuration": beat.configuration,
        "active": beat.active,
        "max_calls": beat.max_calls,
        "draining": beat.draining,
        "drain_left_s": beat.drain_left_s,
        "uptime_s": beat.uptime_s,
        "self": false,
    })
}

/// `POST /nodes/{node}/drain`: as SIGTERM does. The node takes no more calls, those that are on have
/// `server.drain_timeout` to end, and its process exits after the last one.
pub(super) async fn drain(
    request: HttpRequest,
    node: Path<String>,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    if *node == app.node {
        // In order with what follows, so that `draining` is seen by whoever asks next.
        app.supervisor.do_send(Drain { patience: app.drain.patience() });
        app.drain.give();
        return Ok(HttpResponse::Accepted().json(json!({ "status": "draining" })));
    }
    let Some((fleet, peer)) = app.fleet.as_ref().and_then(|fleet| Some((fleet, fleet.find(&node)?))) else {
        let alone = if app.fleet.is_some() { "" } else { ", and it is alone" };
        return Err(Problem::not_found(format!("there is no node {node}; this one is {}{alone}", app.node)));
    };
    let operator = request.extensions().get::<Operator>().cloned().unwrap_or_else(Operator::local);
    let asked = Asked { reads: false, body: Bytes::new(), ..Asked::read(request.path()) }.on_behalf_of(&operator);
    let answer = fleet.ask(&peer, asked).await;
    answer.map(passed_on).map_err(|problem| Problem::unavailable(format!("node {node} does not answer: {problem}"), 5))
}

fn unresponsive() -> Problem {
    Problem::unavailable("the service does not answer; it may be overloaded", 1)
}
