//! Past calls: their list, one record, its recording, and all of them as a table.

mod table;

use actix_files::NamedFile;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentDisposition, DispositionType};
use actix_web::web::{Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use chrono::{DateTime, NaiveDate, NaiveTime};
use log::error;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use switchboard_actors::transcript::recent::Remembered;
use tokio::task::spawn_blocking;

use super::app::AppState;
use super::problem::Problem;
use crate::tools::records::Archive;
use crate::tools::records::index::{IndexTrouble, Wanted, of_record, search};

/// The filters of `GET /records`. An empty one filters nothing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Filter {
    /// The earliest beginning: RFC 3339, or a day (UTC).
    from: String,
    /// The latest beginning; a day belongs to it as a whole.
    to: String,
    agent: String,
    carrier: String,
    /// The reason of the ending.
    ending: String,
    disposition: String,
    /// Words that were said; in double quotes: one after another.
    text: String,
    /// From where to go on, as the page before said.
    cursor: String,
    /// The most calls of the page.
    limit: Option<usize>,
}

type Filters = Result<Query<Filter>, actix_web::Error>;

/// A page of past calls.
#[derive(Serialize)]
struct Answer {
    records: Vec<Box<RawValue>>,
    cursor: Option<String>,
    /// Records that are not indexed yet; only while a folder is indexed for the first time or anew.
    #[serde(skip_serializing_if = "is_small")]
    indexing: usize,
}

/// `GET /records`: past calls, newest first.
pub(super) async fn list(filters: Filters, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let archive = archive(&app)?;
    let mut answer = Answer { records: Vec::new(), cursor: None, indexing: archive.index().waiting() };
    if let Some(wanted) = wanted(filters)? {
        let page = archive.page(wanted).await.map_err(|trouble| unusable(&trouble))?;
        // A row is JSON that we wrote.
        answer.records = page.rows.into_iter().filter_map(|row| RawValue::from_string(row).ok()).collect();
        answer.cursor = page.cursor.map(|cursor| cursor.to_string());
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(answer))
}

/// `GET /records.csv`: every past call that the filters find, as a table.
pub(super) async fn csv(filters: Filters, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let archive = archive(&app)?.clone();
    let answer = || {
        let mut answer = HttpResponse::Ok();
        answer
            .content_type("text/csv; charset=utf-8; header=present")
            .insert_header((CACHE_CONTROL, "no-store"))
            .insert_header(("content-disposition", "attachment; filename=\"calls.csv\""))
            .insert_header(("x-content-type-options", "nosniff"));
        answer
    };
    let Some(wanted) = wanted(filters)? else { return Ok(answer().body(table::head())) };
    // The first page decides whether there is an answer at all.
    let first = archive.page(Wanted { most: table::AT_ONCE, ..wanted.clone() }).await;
    let first = first.map_err(|trouble| unusable(&trouble))?;
    Ok(answer().streaming(table::stream(archive, wanted, first)))
}

/// `GET /records/{id}`: one record in full.
pub(super) async fn show(id: Path<String>, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let record = find(&app, &id).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(of_record(record)))
}

/// Which recording.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Part {
    /// Counted from 1, for a call that came back from a transfer.
    part: Option<usize>,
}

/// `GET /records/{id}/audio`: the recording, caller left and agent right; also in ranges.
pub(super) async fn audio(
    request: HttpRequest,
    id: Path<String>,
    part: Result<Query<Part>, actix_web::Error>,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let part =
        part.map_err(|error| Problem::bad_request(format!("expected ?part= of the recording, or nothing: {error}")))?;
    let part = part.part.unwrap_or(1);
    let record = find(&app, &id).await?;
    let archive = archive(&app)?.clone();
    let none = || Problem::not_found(format!("the call {id} has no recording {part}, or it was removed by its limit"));
    let Some(at) = part.checked_sub(1) else { return Err(none()) };
    let opened = spawn_blocking(move || archive.recording(&record, at).map(NamedFile::open)).await.ok().flatten();
    let file = opened.ok_or_else(none)?.map_err(|problem| {
        error!(problem:%; "a recording cannot be read");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the recording cannot be read; the service's log says why")
    })?;
    let inline = ContentDisposition { disposition: DispositionType::Inline, parameters: Vec::new() };
    let mut answer =
        file.set_content_type(mime()).set_content_disposition(inline).prefer_utf8(false).into_response(&request);
    answer.headers_mut().insert(CACHE_CONTROL, actix_web::http::header::HeaderValue::from_static("private, no-cache"));
    Ok(answer)
}

fn mime() -> actix_web::mime::Mime {
    // A recording is a WAV file, whatever its name.
    "audio/wav".parse().unwrap_or(actix_web::mime::APPLICATION_OCTET_STREAM)
}

/// The record of a call, also of one that has ended at this moment.
async fn find(app: &AppState, id: &str) -> Result<Value, Problem> {
    let found = archive(app)?.record(id).await;
    if let Ok(Some(record)) = found {
        return Ok(record);
    }
    if let Some(Remembered::Ended(record)) = app.recent.find(id)
        && let Ok(record) = serde_json::from_slice(&record)
    {
        return Ok(record);
    }
    match found {
        Ok(_) => Err(Problem::not_found(format!(
            "no record of a call {id}; a call that is on has none yet, and GET /records lists those there are"
        ))),
        Err(trouble) => Err(unusable(&trouble)),
    }
}

/// Reads the filters; `None` if no call can match them.
fn wanted(filters: Filters) -> Result<Option<Wanted>, Problem> {
    let Query(filter) = filters.map_err(|error| {
        Problem::bad_request(format!(
            "expected any of ?from=&to=&agent=&carrier=&ending=&disposition=&text=&cursor=&limit=: {error}"
        ))
    })?;
    let text = |text: String| Some(text).filter(|text| !text.is_empty());
    let words = match filter.text.trim() {
        "" => None,
        // No call has a word of no letters.
        words => match search(words) {
            None => return Ok(None),
            words => words,
        },
    };
    Ok(Some(Wanted {
        from_ms: moment("from", &filter.from, NaiveTime::MIN)?,
        to_ms: moment("to", &filter.to, LAST_MOMENT)?,
        agent: text(filter.agent),
        carrier: text(filter.carrier),
        ending: text(filter.ending),
        disposition: text(filter.disposition),
        words,
        after: cursor(&filter.cursor)?,
        most: filter.limit.unwrap_or(USUAL).clamp(1, MOST),
    }))
}

/// Reads a moment in milliseconds; a day means its moment `of_day`.
fn moment(name: &str, text: &str, of_day: NaiveTime) -> Result<Option<i64>, Problem> {
    // A `+` in a query is a blank.
    let text = text.trim().replace(' ', "+");
    if text.is_empty() {
        return Ok(None);
    }
    let whole = || DateTime::parse_from_rfc3339(&text).ok().map(|at| at.timestamp_millis());
    let day = || text.parse::<NaiveDate>().ok().map(|day| day.and_time(of_day).and_utc().timestamp_millis());
    whole().or_else(day).map(Some).ok_or_else(|| {
        Problem::bad_request(format!(
            "found {name}={text}, expected a moment as 2026-11-29T03:00:00Z or a day as 2026-11-29 (UTC)"
        ))
    })
}

fn cursor(text: &str) -> Result<Option<i64>, Problem> {
    match text {
        "" => Ok(None),
        text => text
            .parse()
            .map(Some)
            .map_err(|_| Problem::bad_request(format!("found cursor={text}, expected the one of the page before"))),
    }
}

fn archive(app: &AppState) -> Result<&Archive, Problem> {
    app.archive.as_ref().ok_or_else(|| unusable(&IndexTrouble::Failed("its thread did not start".to_owned())))
}

fn unusable(trouble: &IndexTrouble) -> Problem {
    if let IndexTrouble::Failed(problem) = trouble {
        error!(problem; "past calls cannot be looked through");
    }
    Problem::unavailable(trouble.to_string(), 1)
}

/// Whether so few records wait to be indexed that nobody need know.
fn is_small(waiting: &usize) -> bool {
    *waiting < 32
}

/// Calls on a page without `limit`, and the most with it.
const USUAL: usize = 50;
const MOST: usize = 500;
/// The last moment of a day.
const LAST_MOMENT: NaiveTime = match NaiveTime::from_hms_milli_opt(23, 59, 59, 999) {
    Some(time) => time,
    None => NaiveTime::MIN,
};
