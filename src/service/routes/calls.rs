//! The admin's view of the calls, and the admin's hand on them.

use std::convert::Infallible;
use std::time::Duration;

use actix::Addr;
use actix_web::http::StatusCode;
use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
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
use super::health::live_calls;
use super::order::{Body, order};
use super::problem::Problem;
use super::watching::Next;

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
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let filter = filter.map_err(|error| Problem::bad_request(format!("expected ?state= or ?agent=: {error}")))?;
    if let Some(unknown) = filter.state.as_deref().filter(|state| !STATES.contains(state)) {
        let expected = STATES.join(", ");
        return Err(Problem::bad_request(format!("found state={unknown}, expected one of {expected}")));
    }
    let listed = live_calls(&app).await.ok_or_else(unresponsive)?;
    let asked = listed.calls.iter().map(|call| call.send(Inspect).timeout(PATIENCE));
    // A call that ends while it is asked is no longer on.
    let mut calls: Vec<CallSnapshot> = join_all(asked).await.into_iter().filter_map(Result::ok).collect();
    let active = calls.len();
    calls.retain(|call| {
        filter.state.as_ref().is_none_or(|state| call.state == state)
            && filter.agent.as_ref().is_none_or(|agent| call.agent == *agent)
    });
    calls.sort_by(|a, b| (&a.started_at, &a.id).cmp(&(&b.started_at, &b.id)));
    let calls: Vec<Value> = calls.iter().map(|call| Value::Object(summary(call).0)).collect();
    Ok(HttpResponse::Ok().json(json!({
        "active": active,
        "max_calls": listed.max_calls,
        "draining": listed.draining,
        "calls": calls,
    })))
}

/// `GET /calls/{id}`: one call in full, with what was said; also one of those that have ended lately.
pub(super) async fn show(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let Some(call) = live(&app, &id).await? else { return ended(&app, &id).await };
    let (snapshot, words) = (call.send(Inspect).timeout(PATIENCE), call.send(ReadWords).timeout(PATIENCE));
    let (Ok(snapshot), words) = join(snapshot, words).await else { return ended(&app, &id).await };
    let (mut shown, detail) = summary(&snapshot);
    if let Some(Value::Object(detail)) = detail {
        shown.extend(detail);
    }
    shown.insert("conversation".to_owned(), words.unwrap_or_default());
    Ok(HttpResponse::Ok().json(shown))
}

/// A call that has ended, as its record tells it, under the names that a live one has. The last words of one are waited for.
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

/// What of a record stands under which name in `/calls/{id}`.
fn of_record(mut record: Value) -> Value {
    let started = record["call_start_time"].as_i64().and_then(DateTime::from_timestamp_millis);
    let ended = record["call_end_time"].as_i64().and_then(DateTime::from_timestamp_millis);
    let moment = |at: Option<DateTime<Utc>>| at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true));
    let mut shown = json!({
        "carrier_call_id": record["ucid"],
        "state": "ended",
        "started_at": moment(started),
        "ended_at": moment(ended),
        "diagnosis": record["analytics"]["audio"],
        // No record has it.
        "model_setup_ms": null,
    });
    for name in ["turns", "barge_ins", "dropped_frames", "first_audio_ms"] {
        shown[name] = record["analytics"][name].take();
    }
    // The conversation says what these say.
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

/// `GET /calls/{id}/events`: states and words as they come, as server-sent events, until the call ends or the reader falls behind. With
/// `Last-Event-ID`, from behind that event on, also when the call has ended meanwhile.
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
    // Nothing is left to be told: a browser that asks again and again is told to stop.
    if post.is_over() && post.after(from) == Next::Wait {
        return Ok(HttpResponse::NoContent().finish());
    }
    let bell = post.bell();
    let told = stream::unfold((post, bell, from), |(post, mut bell, last)| async move {
        loop {
            // Looked at before the news, so that none comes between.
            bell.mark_unchanged();
            let over = post.is_over();
            match post.after(last) {
                Next::Events(text, last) => return Some((Ok::<_, Infallible>(Bytes::from(text)), (post, bell, last))),
                Next::Behind => return None,
                Next::Wait if over => return None,
                Next::Wait => {}
            }
            // A comment, so that no proxy takes the quiet for an end. The end of the call rings as well.
            if timeout(KEEP_ALIVE, bell.changed()).await.is_err() {
                let quiet = Bytes::from_static(b": the call goes on\n\n");
                return Some((Ok(quiet), (post, bell, last)));
            }
        }
    });
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("cache-control", "no-store"))
        .insert_header(("x-accel-buffering", "no"))
        .streaming(Box::pin(told)))
}

/// `POST /calls/{id}/hangup`: ends the call politely; 202, for it takes a moment.
pub(super) async fn hang_up(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    find(&app, &id).await?.do_send(HangUp::Operator);
    Ok(HttpResponse::Accepted().json(json!({ "status": "hanging_up" })))
}

/// `POST /calls/{id}/diagnosis`: examines the caller's audio again; the result is in the full view once half a second of voice came.
pub(super) async fn diagnose(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    find(&app, &id).await?.do_send(Examine);
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
pub(super) async fn recording(id: Path<String>, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let told: RecordingOrder = order(body, r#"{"paused":true} or {"paused":false}"#)?;
    let call = find(&app, &id).await?;
    let recorded = call.send(PauseRecording(told.paused)).timeout(PATIENCE).await.map_err(|_| gone(&id))?;
    if recorded {
        Ok(HttpResponse::Ok().json(json!({ "recording": if told.paused { "paused" } else { "running" } })))
    } else {
        let keys = if told.paused { "withheld" } else { "kept" };
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

/// `POST /calls/{id}/transfer`: passes the call on to a named destination.
pub(super) async fn transfer(id: Path<String>, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let order: Transfer = order(body, r#"{"destination":"name"}"#)?;
    let call = find(&app, &id).await?;
    if !app.transfers.contains(&order.destination) {
        let known: Vec<&str> = app.transfers.iter().map(String::as_str).collect();
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

/// How long nothing is said to a reader. Proxies give up after 60 s of silence by habit.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// Longest wait for a call to show itself: far more than a busy thread takes, little enough for a person.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often the record of a call that has just ended is looked for: for as long as its last words are waited for, and a moment.
const LAST_WORDS: u32 = 60;
const A_MOMENT: Duration = Duration::from_millis(50);

async fn find(app: &AppState, id: &str) -> Result<Addr<CallActor>, Problem> {
    live(app, id).await?.ok_or_else(|| gone(id))
}

async fn live(app: &AppState, id: &str) -> Result<Option<Addr<CallActor>>, Problem> {
    let found = app.supervisor.send(Find(id.to_owned())).timeout(PATIENCE).await;
    found.map_err(|_| unresponsive())
}

/// The call's fields as the list shows them, and what only the full view adds.
fn summary(call: &CallSnapshot) -> (Map<String, Value>, Option<Value>) {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(call) else { return (Map::new(), None) };
    let detail = fields.remove("detail");
    (fields, detail)
}

fn gone(id: &str) -> Problem {
    Problem::not_found(format!(
        "no live call has the id {id}, and none of those that ended lately; `switchboard records show {id}` looks among the records"
    ))
}

fn unresponsive() -> Problem {
    Problem::unavailable("the service does not answer; it may be overloaded", 1)
}
