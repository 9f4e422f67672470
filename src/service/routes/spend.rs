//! Today's spending, and the kill switch.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;
use serde_json::json;
use switchboard_actors::profile::spending::Budget;
use switchboard_actors::supervisor::messages::{Kill, ShowSpend, SpendReport};

use super::app::AppState;
use super::order::{Body, order};
use super::problem::Problem;
use crate::service::cluster::messages::SwitchKill;

/// `GET /spend`: today's spending (UTC), and its limits.
pub(super) async fn show(app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let spend_report = app.supervisor.send(ShowSpend).timeout(PATIENCE).await.map_err(|_| unresponsive())?;
    Ok(answer(&spend_report))
}

/// The kill switch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    /// Whether to switch it on.
    on: bool,
}

/// `POST /spend/kill`: with `{"on":true}` no call is accepted and live calls are closed politely.
pub(super) async fn kill(body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let Order { on } = order(body, r#"{"on":true} or {"on":false}"#)?;
    if let Some(fleet) = &app.fleet {
        // The other nodes follow with their next heartbeat.
        fleet.actor().do_send(SwitchKill { on });
    }
    let spend_report = app.supervisor.send(Kill { on }).timeout(PATIENCE).await.map_err(|_| unresponsive())?;
    Ok(answer(&spend_report))
}

fn answer(spend_report: &SpendReport) -> HttpResponse {
    let budget = |budget: Budget| json!({"soft_usd": budget.soft, "hard_usd": budget.hard});
    HttpResponse::Ok().json(json!({
        "today_usd": spend_report.today,
        "callers": spend_report.callers,
        "killed": spend_report.killed,
        "limits": {"caller": budget(spend_report.limits.caller), "day": budget(spend_report.limits.day)},
    }))
}

fn unresponsive() -> Problem {
    Problem::unavailable("the service does not answer; it may be overloaded", 1)
}

/// Longest wait for the Supervisor.
const PATIENCE: Duration = Duration::from_secs(1);
