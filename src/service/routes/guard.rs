//! Access rules: requests of foreign web pages are refused, and the admin's paths require the
//! token.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest};
use log::warn;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::supervisor::events::Event;

use super::app::{self, AppState};
use super::page::{Foreign, RequestOrigin};
use super::problem::Problem;

/// Passes a request that has the admin's token. Without a configured token the listener is on
/// loopback, and [`no_page`] has judged the request.
pub(super) async fn admin(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(app) = request.app_data::<Data<AppState>>() else {
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the listener is not wired").into());
    };
    if let Some(token) = &app.admin_token {
        check_token(request.request(), token.expose())?;
    }
    check_kind(request.request())?;
    next.call(request).await
}

fn check_token(request: &HttpRequest, token: &str) -> Result<(), Problem> {
    let shown = app::header(request, "authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    // The comparison is of hashes, so its timing reveals not even the length.
    let same = |shown: &str| bool::from(Sha256::digest(shown).ct_eq(&Sha256::digest(token)));
    if shown.is_some_and(same) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNAUTHORIZED, "expected Authorization: Bearer with SWITCHBOARD_ADMIN_TOKEN")
        .with_header(header::WWW_AUTHENTICATE, "Bearer"))
}

/// The listener that received a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listener {
    /// The carriers' listener.
    Public,
    /// The operators' listener.
    Admin,
}

/// Refuses a request that a web page may have made, at paths that ask for nothing that a page
/// cannot send.
pub(super) fn no_page(request: &HttpRequest) -> Result<(), Problem> {
    let (Some(app), Some(listener)) = (request.app_data::<Data<AppState>>(), request.app_data::<Listener>()) else {
        return Ok(());
    };
    let foreign = match (listener, app.is_of_this_machine(), &app.admin_token) {
        (Listener::Public, true, _) | (Listener::Admin, _, None) => {
            judge_origin(request, |origin| origin.check_local())
        }
        (Listener::Admin, _, Some(_)) => judge_origin(request, |origin| origin.check_origin()),
        (Listener::Public, false, _) if request.headers().contains_key(header::UPGRADE) => {
            let public = app.public_url.host_str().unwrap_or_default();
            judge_origin(request, |origin| origin.check_carrier(public))
        }
        (Listener::Public, false, _) => Ok(()),
    };
    foreign.map_err(|foreign| {
        if *listener == Listener::Public {
            emit(Event::CallRefused { reason: "web_page", carrier_call: None });
        }
        if app.hints.refusals.due("web_page", clock::now()) {
            warn!(path = request.path(), foreign:%; "request refused: a web page may have made it");
        }
        Problem::forbidden(format!("expected a request that no web page has made: {foreign}"))
    })
}

/// Whether no header indicates that a web page made the request.
pub(super) fn is_of_no_page(request: &HttpRequest) -> bool {
    judge_origin(request, |origin| origin.check_local()).is_ok()
}

fn judge_origin(
    request: &HttpRequest,
    judge: impl Fn(&RequestOrigin<'_>) -> Result<(), Foreign>,
) -> Result<(), Foreign> {
    // A header that is not text matches none of our names either.
    let all = |name| request.headers().get_all(name).map(|value| value.to_str().unwrap_or_default());
    let target = request.uri().authority().map(|authority| authority.as_str());
    let hosts: Vec<_> = all("host").chain(target).collect();
    let (origins, sites): (Vec<_>, Vec<_>) = (all("origin").collect(), all("sec-fetch-site").collect());
    judge(&RequestOrigin { hosts: &hosts, origins: &origins, sites: &sites })
}

/// Refuses a body whose content type a page may send to any host without a CORS preflight.
fn check_kind(request: &HttpRequest) -> Result<(), Problem> {
    let has_body = request.headers().contains_key(header::TRANSFER_ENCODING)
        || app::header(request, "content-length").is_some_and(|length| length.trim() != "0");
    let kind = app::header(request, "content-type").unwrap_or("application/json");
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // `application/x-www-form-urlencoded` is curl's default for any body; a page that sends it also
    // sends its `Origin`.
    let good = kind == "application/json" || kind == "application/x-www-form-urlencoded" || kind.ends_with("+json");
    if has_body && !good {
        let expected = "expected the order as Content-Type: application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, expected));
    }
    Ok(())
}
