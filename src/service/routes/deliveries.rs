//! The webhook deliveries: what waits, what has failed, what was delivered lately; and another try of
//! what has failed.

use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use log::error;
use serde_json::{Value, json};
use switchboard_actors::clock;
use switchboard_actors::delivery::case::Status;
use switchboard_actors::delivery::store::Store;
use tokio::task::spawn_blocking;

use super::app::AppState;
use super::problem::Problem;
use crate::tools::deliveries::summary;

/// The deliveries of the service.
#[derive(Debug)]
pub struct Deliveries {
    store: Store,
    /// Whether this service delivers anything.
    has_endpoints: bool,
    /// The last answer: pages ask every few seconds, and it takes many files.
    last: Mutex<Option<(Instant, Value)>>,
}

impl Deliveries {
    /// The deliveries in `store`; `has_endpoints` says whether anybody delivers them.
    pub fn new(store: Store, has_endpoints: bool) -> Self {
        Self { store, has_endpoints, last: Mutex::default() }
    }

    fn remembered(&self) -> Option<Value> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |(at, _): &&(Instant, Value)| clock::now().saturating_duration_since(*at) < KEPT;
        last.as_ref().filter(fresh).map(|(_, answer)| answer.clone())
    }

    fn remember(&self, answer: Option<Value>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = answer.map(|answer| (clock::now(), answer));
    }
}

/// `GET /deliveries`: what has failed, what waits, and what was delivered lately, each newest first,
/// with the number of each. Of a delivery it has the event, the call's id, and per endpoint its name,
/// its tries and the result of the last one: neither addresses nor anything that was said.
pub(super) async fn list(app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let answer = match app.deliveries.remembered() {
        Some(answer) => answer,
        None => {
            let store = app.deliveries.store.clone();
            let read = spawn_blocking(move || listed(&store)).await.map_err(io::Error::other).and_then(|read| read);
            let answer = read.map_err(|problem| unreadable(&problem))?;
            app.deliveries.remember(Some(answer.clone()));
            answer
        }
    };
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

/// `POST /deliveries/{id}/retry`: sends a failed delivery again, under its old id; 409 for one that has
/// not failed.
pub(super) async fn retry(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let (store, id) = (app.deliveries.store.clone(), id.into_inner());
    if !app.deliveries.has_endpoints {
        return Err(conflict("no [[webhooks.endpoints]] is configured, so nothing is delivered".to_owned()));
    }
    let asked = spawn_blocking(move || {
        let Some(case) = store.find(&id)? else {
            return Ok(Err(Problem::not_found(format!(
                "there is no delivery {id}; GET /deliveries lists those there are"
            ))));
        };
        if !case.deliveries.values().any(|course| course.status == Status::Failed) {
            return Ok(Err(conflict(format!("{id} has not failed, it is {}", case.status().word()))));
        }
        store.ask_retry(&id).map(Ok)
    });
    let asked = asked.await.map_err(io::Error::other).and_then(|asked| asked);
    asked.map_err(|problem| unreadable(&problem))??;
    app.deliveries.remember(None);
    Ok(HttpResponse::Accepted().json(json!({ "status": "queued" })))
}

fn listed(store: &Store) -> io::Result<Value> {
    let mut rows = Vec::new();
    let mut counts = serde_json::Map::new();
    for (status, most) in [(Status::Failed, MOST), (Status::Pending, MOST), (Status::Completed, MOST_DONE)] {
        let (mut ids, mut all) = store.newest(status, most)?;
        if status == Status::Pending {
            let shared = store.shared()?;
            all += shared.len();
            ids.extend(shared);
            ids.truncate(most);
        }
        counts.insert(status.word().to_owned(), all.into());
        for id in ids {
            match store.find(&id) {
                // One that ends at this moment has moved to another folder, or is gone.
                Ok(case) => rows.extend(case.as_ref().map(summary)),
                // `switchboard deliveries show` tells of it.
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {}
                Err(error) => return Err(error),
            }
        }
    }
    counts.insert("deliveries".to_owned(), rows.into());
    Ok(Value::Object(counts))
}

fn conflict(detail: String) -> Problem {
    Problem::new(StatusCode::CONFLICT, detail)
}

fn unreadable(problem: &io::Error) -> Problem {
    error!(problem:%; "the deliveries cannot be read or changed");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the deliveries in `records.dir` cannot be read or changed; the service's log says why",
    )
}

/// Failed and pending deliveries that are listed, each: more than anybody reads.
const MOST: usize = 100;
/// Completed ones that are listed.
const MOST_DONE: usize = 20;
/// How long an answer is given again.
const KEPT: Duration = Duration::from_secs(2);
