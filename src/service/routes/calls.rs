//! The admin's view of calls, and the admin's orders to calls.

use std::convert::Infallible;
use std::time::Duration;

use actix::Addr;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use chrono::{DateTime, SecondsFormat, Utc};
use futures_util::future::{join, join_all};
use futures_util::stream;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use switchboard_actors::call::actor::CallActor;
use switchboard_actors::call::machine::STATES;
use switchboard_actors::call::messages::{CallSnapshot, Examine, HangUp, Inspect, PauseRecording, TransferTo};
use switchboard_actors::supervisor::messages::Find;
use switchboard_actors::transcript::messages::{ReadWords, Watch};
use switchboard_actors::transcript::recent::Remembered;
use tokio::time::{sleep, timeout};

use super::app::{AppState, header};
use super::fleet;
use super::health::live_calls;
use super::order::{Body, order};
use super::problem::Problem;
use super::watching::Next;
use crate::service::board::first_event;
use crate::service::cluster::Fleet;
use crate::service::cluster::peers::Asked;

/// The filters of `GET /calls`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Filter {
    /// Only calls in this state.
    state: Option<String>,
    /// Only calls of this agent.
    agent: Option<String>,
}

/// `GET /calls`: the live calls of all nodes.
pub(super) async fn list(
    request: HttpRequest,
    filter: Result<Query<Filter>, actix_web::Error>,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let filter = filter.map_err(|error| Problem::bad_request(format!("expected ?state= or ?agent=: {error}")))?;
    if let Some(unknown) = filter.state.as_deref().filter(|state| !STATES.contains(state)) {
        let expected = STATES.join(", ");
        return Err(Problem::bad_request(format!("found state={unknown}, expected one of {expected}")));
    }
    let listed = live_calls(&app).await.ok_or_else(unresponsive)?;
    let asked = listed.calls.iter().map(|call| call.send(Inspect).timeout(PATIENCE));
    // A call that ends during the request is no longer live.
    let mut calls: Vec<CallSnapshot> = join_all(asked).await.into_iter().filter_map(Result::ok).collect();
    let active = calls.len();
    calls.retain(|call| {
        filter.state.as_ref().is_none_or(|state| call.state == state)
            && filter.agent.as_ref().is_none_or(|agent| call.agent == *agent)
    });
    calls.sort_by(|a, b| (&a.started_at, &a.id).cmp(&(&b.started_at, &b.id)));
    let mut calls: Vec<Value> = calls.iter().map(|call| Value::Object(summary(call, &app.node).0)).collect();
    let mut list = json!({
        "active": active,
        "node_active": active,
        "max_calls": listed.max_calls,
        "draining": listed.draining,
    });
    if let Some(fleet) = app.fleet.as_ref().filter(|_| !fleet::is_of_a_node(&request)) {
        let (others, silent) = fleet.ask_all(&Asked::read(request.uri().to_string())).await;
        let of = |list: &Value, name: &str| list[name].as_u64().unwrap_or_default();
        let sum = |name: &str| others.iter().map(|(_, list)| of(list, name)).sum::<u64>();
        list["active"] = json!(active as u64 + sum("active"));
        list["max_calls"] = json!(listed.max_calls as u64 + sum("max_calls"));
        list["node_max_calls"] = json!(listed.max_calls);
        list["silent_nodes"] = json!(silent);
        let theirs = others.into_iter().filter_map(|(_, mut list)| list["calls"].as_array_mut().map(std::mem::take));
        calls.extend(theirs.flatten());
        let key = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
        calls.sort_by_cached_key(|call| (key(call, "started_at"), key(call, "id")));
    }
    list["calls"] = Value::Array(calls);
    Ok(HttpResponse::Ok().json(list))
}

/// `GET /calls/{id}`: one call in full, with its conversation; also a call that ended recently.
pub(super) async fn show(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let Some(call) = live(&app, &id).await? else { return ended(&app, &id).await };
    let (snapshot, words) = (call.send(Inspect).timeout(PATIENCE), call.send(ReadWords).timeout(PATIENCE));
    let (Ok(snapshot), words) = join(snapshot, words).await else { return ended(&app, &id).await };
    let (mut shown, detail) = summary(&snapshot, &app.node);
    if let Some(Value::Object(detail)) = detail {
        shown.extend(detail);
    }
    shown.insert("conversation".to_owned(), words.unwrap_or_default());
    Ok(HttpResponse::Ok().json(shown))
}

/// Returns a call that has ended, from its record, with the field names of a live call. Waits for
/// the call's last words.
async fn ended(app: &AppState, id: &str) -> Result<HttpResponse, Problem> {
    for _ in 0..LAST_WORDS {
        match app.recent.find(id) {
            None => break,
            Some(Remembered::Open) => sleep(A_MOMENT).await,
            Some(Remembered::Ended(record)) => {
                let record: Value = serde_json::from_slice(&record).unwrap_or_default();
                return Ok(HttpResponse::Ok().json(of_record(record)));
            }
        }
    }
    Err(gone(id))
}

/// Renames a record's fields to those of `/calls/{id}`.
fn of_record(mut record: Value) -> Value {
    let started = record["call_start_time"].as_i64().and_then(DateTime::from_timestamp_millis);
    let ended = record["call_end_time"].as_i64().and_then(DateTime::from_timestamp_millis);
    let moment = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true));
    let turns = record["latency"].as_array().map(Vec::as_slice).unwrap_or_default();
    let answer_ms = turns.iter().rev().find_map(|turn| turn["total_ms"].as_u64());
    let mut shown = json!({
        "answer_ms": answer_ms,
        "carrier_call_id": record["ucid"],
        "state": "ended",
        "started_at": moment(started),
        "ended_at": moment(ended),
        "diagnosis": record["analytics"]["audio"],
        // Records do not have this field.
        "model_setup_ms": null,
    });
    for name in ["turns", "barge_ins", "dropped_frames", "first_audio_ms"] {
        shown[name] = record["analytics"][name].take();
    }
    // The conversation contains these already.
    const SAID_ELSEWHERE: [&str; 9] = [
        "ucid",
        "call_id",
        "timestamp",
        "call_start_time",
        "call_end_time",
        "analytics",
        "transcripts",
        "rich_transcript",
        "carrier_parameters",
    ];
    if let (Value::Object(record), Value::Object(shown)) = (record, &mut shown) {
        shown.extend(record.into_iter().filter(|(name, _)| !SAID_ELSEWHERE.contains(&name.as_str())));
    }
    shown
}

/// `GET /calls/{id}/events`: states and words as server-sent events, until the call ends or the
/// reader falls behind. With `Last-Event-ID` it starts after that event, even if the call has ended
/// since.
pub(super) async fn events(
    request: HttpRequest,
    id: Path<String>,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let seen = header(&request, "last-event-id").and_then(|id| id.trim().parse::<u64>().ok());
    let post = match live(&app, &id).await? {
        Some(call) => {
            let snapshot = call.send(Inspect).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
            let (post, watcher) = app.watching.listen([snapshot.id, snapshot.carrier_call_id]);
            if let Some(watcher) = watcher {
                call.do_send(Watch(watcher));
            }
            post
        }
        None => app.watching.find(&id).filter(|_| seen.is_some()).ok_or_else(|| gone(&id))?,
    };
    let from = seen.map_or_else(|| post.newest(), |seen| seen.min(post.newest()));
    // No event is left: this response stops a browser from reconnecting.
    if post.is_over() && post.after(from) == Next::Wait {
        return Ok(HttpResponse::NoContent().finish());
    }
    let signal = post.signal();
    let body = stream::unfold((post, signal, from), |(post, mut signal, last)| async move {
        loop {
            // The mark comes before the read, so that no event is missed in between.
            signal.mark_unchanged();
            let over = post.is_over();
            match post.after(last) {
                Next::Events(text, last) => {
                    return Some((Ok::<_, Infallible>(Bytes::from(text)), (post, signal, last)));
                }
                Next::Behind => return None,
                Next::Wait if over => return None,
                Next::Wait => {}
            }
            // A comment keeps proxies from closing the silent connection. The end of the call wakes
            // the reader too.
            if timeout(KEEP_ALIVE, signal.changed()).await.is_err() {
                let quiet = Bytes::from_static(b": the call goes on\n\n");
                return Some((Ok(quiet), (post, signal, last)));
            }
        }
    });
    Ok(event_stream().streaming(Box::pin(body)))
}

/// `GET /events`: what happens on all calls as server-sent events, until the service stops or the
/// reader falls behind.
pub(super) async fn all_events(request: HttpRequest, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let list = live_calls(&app).await.ok_or_else(unresponsive)?;
    let of_a_node = fleet::is_of_a_node(&request);
    let elsewhere = app.fleet.as_ref().filter(|_| !of_a_node).map_or(0, Fleet::active_elsewhere);
    let frames = app
        .board
        .read(first_event(&list, elsewhere), of_a_node)
        .ok_or_else(|| Problem::unavailable("too many readers of /events; close some of those that are open", 10))?;
    Ok(event_stream().streaming(Box::pin(frames)))
}

fn event_stream() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"));
    response
}

/// `POST /calls/{id}/hangup`: ends the call politely. The answer is 202, because that takes a
/// moment.
pub(super) async fn hang_up(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    find(&app, &id).await?.do_send(HangUp::Operator);
    Ok(HttpResponse::Accepted().json(json!({ "status": "hanging_up" })))
}

/// `POST /calls/{id}/diagnosis`: examines the caller's audio again. The full view has the result
/// after half a second of voice.
pub(super) async fn diagnose(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    find(&app, &id).await?.do_send(Examine);
    Ok(HttpResponse::Accepted().json(json!({ "status": "examining" })))
}

/// The order to pause or resume a recording.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordingOrder {
    /// Whether to record silence.
    paused: bool,
}

/// `POST /calls/{id}/recording`: pauses or resumes the recording of a call; 409 for a call that is
/// not recorded.
pub(super) async fn recording(id: Path<String>, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let asked: RecordingOrder = order(body, r#"{"paused":true} or {"paused":false}"#)?;
    let call = find(&app, &id).await?;
    let recorded = call.send(PauseRecording(asked.paused)).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
    if recorded {
        Ok(HttpResponse::Ok().json(json!({ "recording": if asked.paused { "paused" } else { "running" } })))
    } else {
        let keys = if asked.paused { "withheld" } else { "kept" };
        Err(Problem::new(
            StatusCode::CONFLICT,
            format!(
                "this call is not recorded (recording.enabled says which calls are); what is pressed and said is {keys} from now on"
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

/// `POST /calls/{id}/transfer`: transfers the call to a named destination.
pub(super) async fn transfer(id: Path<String>, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let order: Transfer = order(body, r#"{"destination":"name"}"#)?;
    let call = find(&app, &id).await?;
    let now = app.now();
    if !now.transfers.contains(&order.destination) {
        let known: Vec<&str> = now.transfers.iter().map(String::as_str).collect();
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

/// Longest silence towards a reader. Proxies usually time out after 60 s of silence.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest wait for a call's snapshot: far more than a busy thread takes, and short enough for a
/// person.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// Number of attempts to read the record of a call that has just ended: they cover the wait for its
/// last words and a moment more.
const LAST_WORDS: u32 = 60;
const A_MOMENT: Duration = Duration::from_millis(50);

pub(super) async fn find(app: &AppState, id: &str) -> Result<Addr<CallActor>, Problem> {
    live(app, id).await?.ok_or_else(|| gone(id))
}

async fn live(app: &AppState, id: &str) -> Result<Option<Addr<CallActor>>, Problem> {
    let found = app.supervisor.send(Find(id.to_owned())).timeout(PATIENCE).await;
    found.map_err(|_| unresponsive())
}

/// Returns the call's fields in the list, and those that only the full view adds.
fn summary(call: &CallSnapshot, node: &str) -> (Map<String, Value>, Option<Value>) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(call) else { return (Map::new(), None) };
    let detail = fields.remove("detail");
    fields.insert("node".to_owned(), node.into());
    (fields, detail)
}

pub(super) fn gone(id: &str) -> Problem {
    Problem::not_found(format!(
        "no live call has the id {id}, and none of those that ended lately; `switchboard records show {id}` looks among the records"
    ))
}

fn unresponsive() -> Problem {
    Problem::unavailable("the service does not answer; it may be overloaded", 1)
}
