//! Reads a carrier's requests with its webhook API, reports refusals, and sends documents.

use actix_web::http::header::{CACHE_CONTROL, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse};
use log::warn;
use switchboard_actors::carrier::webhook_api::{
    Arrival, Document, Fitting, Headers, Refused, Request, Role, Verb, WebhookEvent,
};
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::supervisor::events::Event;

use super::super::app::{is_local, named};
use super::super::problem::Problem;
use super::CarrierRoutes;

/// Returns what a request asks or reports.
///
/// # Errors
/// 403 if it is not the carrier's, 400 if it cannot be read.
pub(super) fn judge(
    routes: &CarrierRoutes<'_>,
    role: Role,
    request: &HttpRequest,
    body: &[u8],
) -> Result<WebhookEvent, Problem> {
    let headers = Shown(request.headers());
    let shown = shown(request, &headers, body);
    routes.webhook_api.judge(role, &shown).map_err(|refused| refuse(routes, role, &shown, refused))
}

/// Returns how a stream is admitted.
///
/// # Errors
/// As [`judge`].
pub(super) fn upgrade(routes: &CarrierRoutes<'_>, request: &HttpRequest) -> Result<Arrival, Problem> {
    let headers = Shown(request.headers());
    let shown = shown(request, &headers, &[]);
    routes.webhook_api.upgrade(&shown).map_err(|refused| refuse(routes, Role::Stream, &shown, refused))
}

/// Returns a document as a response.
pub(super) fn written(document: Document) -> HttpResponse {
    let status = StatusCode::from_u16(document.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    if document.no_store {
        response.insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store")));
    }
    match document.content_type {
        Some(kind) => response.content_type(kind).body(document.body),
        None => response.finish(),
    }
}

/// The headers of a request.
struct Shown<'a>(&'a HeaderMap);

impl Headers for Shown<'_> {
    fn value(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.to_str().ok()
    }
}

fn shown<'a>(request: &'a HttpRequest, headers: &'a Shown<'_>, body: &'a [u8]) -> Request<'a> {
    Request {
        verb: if request.method() == Method::GET { Verb::Get } else { Verb::Post },
        target: request.uri().path_and_query().map_or("/", |target| target.as_str()),
        headers,
        body,
        is_local: is_local(request),
        at: clock::wall(),
    }
}

fn refuse(routes: &CarrierRoutes<'_>, role: Role, request: &Request<'_>, refused: Refused) -> Problem {
    let carrier_call = refused.carrier_call.as_deref();
    if let Some(stranger) = &refused.stranger {
        if stranger.mismatch {
            tell_fitting_address(routes, role, request);
        }
        let (reason, why) = (stranger.reason, stranger.why.as_str());
        emit(Event::CallRefused { reason, carrier_call });
        if routes.app.hints.refusals.due(reason, clock::now()) {
            warn!(carrier_call = named(carrier_call), path = request.path(), reason; "request refused: {why}");
        }
    }
    Problem::new(StatusCode::from_u16(refused.status).unwrap_or(StatusCode::FORBIDDEN), refused.detail)
}

/// Logs, at most once in a while, which other address a signature fits. The request is still
/// refused.
fn tell_fitting_address(routes: &CarrierRoutes<'_>, role: Role, request: &Request<'_>) {
    if !routes.app.hints.other_address.due(clock::now()) {
        return;
    }
    if let Some(Fitting { fits, tried }) = routes.webhook_api.fitting_address(role, request) {
        warn!(fits, tried; "the signature fits another address than ours: set `server.public_url` to where the carrier calls us");
    }
}
