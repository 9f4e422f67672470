//! Who may pass the admin's door.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpRequest};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::doors::{self, Doors};
use super::problem::Problem;

/// Lets a request pass that shows the admin's token, or, where none is configured (the listener is then on loopback), one that
/// no web page can have made.
pub(super) async fn admin(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let Some(doors) = request.app_data::<Data<Doors>>() else {
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the listener is not wired").into());
    };
    match &doors.admin_token {
        Some(token) => check_token(request.request(), token.expose())?,
        None => check_local(request.request())?,
    }
    next.call(request).await
}

fn check_token(request: &HttpRequest, token: &str) -> Result<(), Problem> {
    let shown = doors::header(request, "authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    // Of equal length by hashing, so that not even the length is told by the time it takes.
    let same = |shown: &str| bool::from(Sha256::digest(shown).ct_eq(&Sha256::digest(token)));
    if shown.is_some_and(same) {
        return Ok(());
    }
    Err(Problem::new(StatusCode::UNAUTHORIZED, "expected Authorization: Bearer with SWITCHBOARD_ADMIN_TOKEN")
        .with_header(header::WWW_AUTHENTICATE, "Bearer"))
}

/// A page in the operator's browser can reach loopback too: it shows itself by its origin, or by a host name that it made to
/// point here.
fn check_local(request: &HttpRequest) -> Result<(), Problem> {
    let from_page = request.method() != Method::GET && request.headers().contains_key(header::ORIGIN);
    let host = doors::header(request, "host").unwrap_or_default();
    let name = host.strip_prefix('[').map_or_else(
        || host.rsplit_once(':').map_or(host, |(name, _)| name),
        |rest| rest.split(']').next().unwrap_or_default(),
    );
    let local = name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok();
    if from_page || !local {
        return Err(Problem::forbidden(
            "without SWITCHBOARD_ADMIN_TOKEN this listener serves only direct requests to a loopback address",
        ));
    }
    Ok(())
}
