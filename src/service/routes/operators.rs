//! Signing in and out, who is signed in, and the audit log.

use actix_web::cookie::time::Duration as CookieDuration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::{StatusCode, header};
use actix_web::web::{Data, Query};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use log::{error, info, warn};
use serde::Deserialize;
use serde_json::json;
use switchboard_actors::clock;
use tokio::task::spawn_blocking;

use super::app::{AppState, header};
use super::guard;
use super::order::{Body, order};
use super::problem::Problem;
use crate::service::operators::Operator;
use crate::service::operators::audit::Entry;

/// The cookie of a session.
pub(super) const SESSION_COOKIE: &str = "switchboard_session";

/// A token, from the page's form.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    token: String,
}

/// `POST /sign-in`: opens a session for the owner of a token.
pub(super) async fn sign_in(request: HttpRequest, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let SignIn { token } = order(body, r#"{"token":"…"}"#)?;
    if !app.operators.are_named() {
        return Ok(HttpResponse::Ok().json(shown(&Operator::local())));
    }
    let Some((operator, cookie)) = app.operators.sign_in(token.trim(), clock::wall()) else {
        guard::count("sign_in");
        // Anybody can cause any number of these.
        if app.hints.refusals.due("sign_in", clock::now()) {
            warn!("sign-in refused: the token is not one of ours");
            Act::unrecognised("sign_in").note(&app, StatusCode::UNAUTHORIZED).await;
        }
        return Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "this token is not one of SWITCHBOARD_ADMIN_TOKEN and [[admin.tokens]]",
        ));
    };
    Act::new("sign_in", &operator, &request).note(&app, StatusCode::OK).await;
    let lifetime = CookieDuration::try_from(app.operators.session_lifetime()).unwrap_or(CookieDuration::MAX);
    Ok(HttpResponse::Ok().cookie(session(cookie, &request).max_age(lifetime).finish()).json(shown(&operator)))
}

/// `POST /sign-out`: ends the session of the cookie.
pub(super) async fn sign_out(request: HttpRequest, app: Data<AppState>) -> HttpResponse {
    if let Some(cookie) = request.cookie(SESSION_COOKIE) {
        let now = clock::wall();
        if let Some(operator) = app.operators.by_session(cookie.value(), now) {
            Act::new("sign_out", &operator, &request).note(&app, StatusCode::NO_CONTENT).await;
        }
        app.operators.sign_out(cookie.value(), now);
    }
    let mut gone = session(String::new(), &request).finish();
    gone.make_removal();
    HttpResponse::NoContent().cookie(gone).finish()
}

/// `GET /me`: the name and the role of who asks.
pub(super) async fn me(request: HttpRequest) -> HttpResponse {
    let operator = request.extensions().get::<Operator>().cloned().unwrap_or_else(Operator::local);
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(shown(&operator))
}

fn shown(operator: &Operator) -> serde_json::Value {
    json!({ "name": operator.name, "role": operator.role.word() })
}

/// No script reads it, no other site sends it, and no unencrypted connection carries it if this
/// one was encrypted.
fn session(value: String, request: &HttpRequest) -> actix_web::cookie::CookieBuilder<'static> {
    let encrypted = header(request, "x-forwarded-proto").is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
    Cookie::build(SESSION_COOKIE, value).path("/").http_only(true).same_site(SameSite::Strict).secure(encrypted)
}

/// A page of the audit log.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// From where to go on, as the page before said.
    cursor: Option<u64>,
}

/// `GET /audit`: what operators did, newest first.
pub(super) async fn audit(
    page: Result<Query<Page>, actix_web::Error>,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let page = page.map_err(|error| Problem::bad_request(format!("expected ?cursor= of the page before: {error}")))?;
    let log = app.audit.clone();
    let read = spawn_blocking(move || log.page(page.cursor, ENTRIES)).await;
    match read {
        Ok(Ok((entries, cursor))) => Ok(HttpResponse::Ok().json(json!({ "entries": entries, "cursor": cursor }))),
        Ok(Err(problem)) => Err(unreadable(&problem.to_string())),
        Err(problem) => Err(unreadable(&problem.to_string())),
    }
}

fn unreadable(problem: &str) -> Problem {
    error!(problem:%; "the audit log cannot be read");
    Problem::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "the audit log (`admin.audit`) cannot be read; the service's log says why",
    )
}

/// An act in progress.
pub(super) struct Act {
    name: &'static str,
    who: String,
    role: &'static str,
    target: String,
}

impl Act {
    /// An act of `operator`; its target is what the path names.
    pub(super) fn new(name: &'static str, operator: &Operator, request: &HttpRequest) -> Self {
        // The parts of the path are not known before the scope has passed the request on.
        let pattern = request.match_pattern().unwrap_or_default();
        let mut parts = pattern.split('/').zip(request.path().split('/'));
        let target = parts.find(|(pattern, _)| pattern.starts_with('{')).map_or("", |(_, part)| part);
        Self { name, who: operator.name.clone(), role: operator.role.word(), target: target.to_owned() }
    }

    /// An act of somebody who was not recognised.
    pub(super) fn unrecognised(name: &'static str) -> Self {
        Self { name, who: String::new(), role: "", target: String::new() }
    }

    /// Writes the act with its result to the audit log.
    pub(super) async fn note(self, app: &AppState, result: StatusCode) {
        let Self { name, who, role, target } = self;
        info!(act = name, who = who.as_str(), status = result.as_u16(); "an operator's act");
        let entry = Entry::new(clock::wall(), &who, role, name, &target, result.as_u16());
        let log = app.audit.clone();
        let written = spawn_blocking(move || log.append(&entry)).await;
        if let Ok(Err(problem)) = written {
            error!(problem:%, act = name; "an act could not be written to the audit log");
        }
    }
}

/// Entries on a page.
const ENTRIES: usize = 100;
