//! The admin's view of the calls, and the admin's hand on them.

use std::convert::Infallible;
use std::time::Duration;

use actix::Addr;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpResponse, http::StatusCode};
use futures_util::future::join_all;
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use switchboard_actors::call::actor::CallActor;
use switchboard_actors::call::messages::{CallSnapshot, Examine, HangUp, Inspect, PauseRecording, TransferTo, Watch};
use switchboard_actors::call::watch::Watcher;
use switchboard_actors::supervisor::messages::Find;

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::doors::Doors;
use super::health::roll;
use super::order::{Body, order};
use super::problem::Problem;

/// The filters of `GET /calls`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Only calls in this state.
    state: Option<String>,
    /// Only calls of this agent.
    agent: Option<String>,
}

/// `GET /calls`: who is on.
pub(super) async fn list(
    filter: Result<Query<Filter>, actix_web::Error>,
    doors: Data<Doors>,
) -> Result<HttpResponse, Problem> {
    let filter = filter.map_err(|error| Problem::bad_request(format!("expected ?state= or ?agent=: {error}")))?;
    let roll = roll(&doors).await.ok_or_else(unresponsive)?;
    let asked = roll.calls.iter().map(|call| call.send(Inspect).timeout(PATIENCE));
    // A call that ends while it is asked is no longer on.
    let mut calls: Vec<CallSnapshot> = join_all(asked).await.into_iter().filter_map(Result::ok).collect();
    let active = calls.len();
    calls.retain(|call| {
        filter.state.as_ref().is_none_or(|state| call.state == state)
            && filter.agent.as_ref().is_none_or(|agent| call.agent == *agent)
    });
    calls.sort_by(|a, b| (&a.started_at, &a.id).cmp(&(&b.started_at, &b.id)));
    let calls: Vec<Value> = calls.iter().map(|call| Value::Object(brief(call).0)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "active": active,
        "max_calls": roll.max_calls,
        "draining": roll.draining,
        "calls": calls,
    })))
}

/// `GET /calls/{id}`: one call in full.
pub(super) async fn show(id: Path<String>, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let call = find(&doors, &id).await?;
    let snapshot = call.send(Inspect).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
    let (mut shown, detail) = brief(&snapshot);
    if let Some(Value::Object(detail)) = detail {
        shown.extend(detail);
    }
    Ok(HttpResponse::Ok().json(shown))
}

/// `GET /calls/{id}/events`: states and words as they come, as server-sent events, until the call ends or the reader falls behind.
pub(super) async fn events(id: Path<String>, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let (watcher, news) = mpsc::channel(NEWS_KEPT);
    let watcher = Watcher::new(move |told| watcher.try_send(told).is_ok());
    find(&doors, &id).await?.do_send(Watch(watcher));
    let told = stream::unfold(news, |mut news| async {
        let text = match timeout(KEEP_ALIVE, news.recv()).await {
            Ok(Some(told)) => format!("event: {}\ndata: {}\n\n", told.event, told.data),
            // The call is over.
            Ok(None) => return None,
            // A comment, so that no proxy takes the quiet for an end.
            Err(_) => ": the call goes on\n\n".to_owned(),
        };
        Some((Ok::<_, Infallible>(Bytes::from(text)), news))
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(told)))
}

/// `POST /calls/{id}/hangup`: ends the call politely; 202, for it takes a moment.
pub(super) async fn hang_up(id: Path<String>, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    find(&doors, &id).await?.do_send(HangUp::Operator);
    Ok(HttpResponse::Accepted().json(json!({ "status": "hanging_up" })))
}

/// `POST /calls/{id}/diagnosis`: examines the caller's audio again; the result is in the full view once half a second of voice came.
pub(super) async fn diagnose(id: Path<String>, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    find(&doors, &id).await?.do_send(Examine);
    Ok(HttpResponse::Accepted().json(json!({ "status": "examining" })))
}

/// What a recording is to do.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingOrder {
    /// Silence is recorded.
    paused: bool,
}

/// `POST /calls/{id}/recording`: pauses the recording of a call, or goes on with it; 409 for a call that is not recorded.
pub(super) async fn recording(id: Path<String>, body: Body, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let told: RecordingOrder = order(body, r#"{"paused":true} or {"paused":false}"#)?;
    let call = find(&doors, &id).await?;
    let recorded = call.send(PauseRecording(told.paused)).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
    if recorded {
        Ok(HttpResponse::Ok().json(json!({ "recording": if told.paused { "paused" } else { "running" } })))
    } else {
        let keys = if told.paused { "withheld" } else { "kept" };
        Err(Problem::new(
            StatusCode::CONFLICT,
            format!(
                "this call is not recorded (recording.enabled says which calls are); its keys are {keys} from now on"
            ),
        ))
    }
}

/// The order to transfer a call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Transfer {
    /// A name of `[transfers.<name>]`; never a number.
    destination: String,
}

/// `POST /calls/{id}/transfer`: passes the call on to a named destination.
pub(super) async fn transfer(id: Path<String>, body: Body, doors: Data<Doors>) -> Result<HttpResponse, Problem> {
    let order: Transfer = order(body, r#"{"destination":"name"}"#)?;
    let call = find(&doors, &id).await?;
    if !doors.transfers.contains(&order.destination) {
        let known: Vec<&str> = doors.transfers.iter().map(String::as_str).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("there is no destination of this name in [transfers]; configured: {known}"),
        ));
    }
    let ordered = call.send(TransferTo(order.destination)).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
    match ordered {
        Ok(()) => Ok(HttpResponse::Accepted().json(json!({ "status": "transferring" }))),
        Err(refusal) => Err(Problem::new(StatusCode::CONFLICT, refusal.to_string())),
    }
}

/// News that wait for a reader: some seconds of a fast speaker's words.
const NEWS_KEPT: usize = 256;
/// How long nothing is said to a reader. Proxies give up after 60 s of silence by habit.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest wait for a call to show itself: far more than a busy thread takes, little enough for a person.
const PATIENCE: Duration = Duration::from_secs(1);

async fn find(doors: &Doors, id: &str) -> Result<Addr<CallActor>, Problem> {
    let found = doors.supervisor.send(Find(id.to_owned())).timeout(PATIENCE).await;
    found.map_err(|_| unresponsive())?.ok_or_else(|| gone(id))
}

/// The call's fields as the list shows them, and what only the full view adds.
fn brief(call: &CallSnapshot) -> (Map<String, Value>, Option<Value>) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(call) else { return (Map::new(), None) };
    let detail = fields.remove("detail");
    (fields, detail)
}

fn gone(id: &str) -> Problem {
    Problem::not_found(format!("no live call has the id {id}"))
}

fn unresponsive() -> Problem {
    Problem::unavailable("the service does not answer; it may be overloaded", 1)
}
