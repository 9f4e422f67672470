//! Access rules: requests of foreign web pages are refused, and the admin's paths require a token
//! whose role allows the request.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage as _, HttpRequest};
use log::warn;
use metrics::counter;
use switchboard_actors::clock;
use switchboard_actors::events::emit;
use switchboard_actors::supervisor::events::Event;

use super::app::{self, AppState};
use super::fleet;
use super::operators::{Act, SESSION_COOKIE};
use super::page::{Foreign, RequestOrigin};
use super::problem::Problem;
use super::roles;
use crate::service::operators::{Operator, Role};

/// Passes a request of somebody whose role allows it, and writes acts to the audit log.
///
/// Without a configured token the listener is on loopback, and [`no_page`] has judged the request.
pub(super) async fn admin(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(app) = request.app_data::<Data<AppState>>().cloned() else {
        return Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the listener is not wired").into());
    };
    check_kind(request.request())?;
    let rule = roles::of(request.request());
    if rule.open {
        return next.call(request).await.map(ServiceResponse::map_into_boxed_body);
    }
    let operator = match fleet::operator(request.request(), &app)?.map_or_else(|| who(request.request(), &app), Ok) {
        Ok(operator) => operator,
        Err(stranger) => {
            turned_away(stranger, &app).await;
            return Err(unknown().into());
        }
    };
    let act = rule.act.map(|act| Act::new(act, &operator, request.request()));
    if operator.role < rule.role {
        count("role");
        let problem = forbidden(&operator, rule.role);
        if let Some(act) = act {
            act.note(&app, StatusCode::FORBIDDEN).await;
        }
        return Err(problem.into());
    }
    request.extensions_mut().insert(operator.clone());
    let of_a_node = fleet::is_of_a_node(request.request());
    let answer = match fleet::elsewhere(&mut request, &app, &operator).await {
        // The node that has the call notes the act, with who asked for it: an act is one line.
        Ok(Some(response)) => return Ok(request.into_response(response)),
        Ok(None) => next.call(request).await.map(ServiceResponse::map_into_boxed_body),
        Err(problem) => Err(problem),
    };
    if let Some(act) = act {
        let result = match &answer {
            Ok(response) => response.status(),
            Err(problem) => problem.as_response_error().status_code(),
        };
        // A node that was asked for a call that it does not have was no part of the act.
        if !(of_a_node && result == StatusCode::NOT_FOUND) {
            act.note(&app, result).await;
        }
    }
    answer
}

/// Somebody who is not known, by what they showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stranger {
    /// Neither a token nor a session.
    Nothing,
    /// A bearer token that is none of ours.
    Token,
    /// A session that has ended, or that never was one.
    Session,
}

impl Stranger {
    const fn reason(self) -> &'static str {
        match self {
            Self::Nothing => "no_token",
            Self::Token => "wrong_token",
            Self::Session => "no_session",
        }
    }
}

/// Returns who sent the request: the owner of its bearer token, or of the session in its cookie.
fn who(request: &HttpRequest, app: &AppState) -> Result<Operator, Stranger> {
    if !app.operators.are_named() {
        return Ok(Operator::local());
    }
    let bearer = app::header(request, "authorization")
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim());
    if let Some(token) = bearer {
        return app.operators.by_token(token).ok_or(Stranger::Token);
    }
    let cookie = request.cookie(SESSION_COOKIE).ok_or(Stranger::Nothing)?;
    app.operators.by_session(cookie.value(), clock::wall()).ok_or(Stranger::Session)
}

/// Counts a stranger. Wrong tokens are also logged and written to the audit log, as far as there
/// are not too many of them: anybody can cause any number.
async fn turned_away(stranger: Stranger, app: &AppState) {
    count(stranger.reason());
    if stranger == Stranger::Token && app.hints.refusals.due(stranger.reason(), clock::now()) {
        warn!("request to the admin listener refused: the token is not one of ours");
        Act::unrecognised(stranger.reason()).note(app, StatusCode::UNAUTHORIZED).await;
    }
}

/// Counts a request that the admin listener refuses.
pub(super) fn count(reason: &'static str) {
    counter!("switchboard_admin_refusals_total", "reason" => reason).increment(1);
}

fn unknown() -> Problem {
    Problem::new(
        StatusCode::UNAUTHORIZED,
        "expected Authorization: Bearer with SWITCHBOARD_ADMIN_TOKEN or a token of [[admin.tokens]], or a session from POST /sign-in",
    )
    .with_header(header::WWW_AUTHENTICATE, "Bearer")
}

fn forbidden(operator: &Operator, needed: Role) -> Problem {
    let (has, needs) = (operator.role.word(), needed.word());
    Problem::forbidden(format!("the token {:?} is of a {has}; this takes a token of role {needs}", operator.name))
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
    let foreign = match (listener, app.is_of_this_machine(), app.operators.are_named()) {
        (Listener::Public, true, _) | (Listener::Admin, _, false) => {
            judge_origin(request, |origin| origin.check_local())
        }
        (Listener::Admin, _, true) => judge_origin(request, |origin| origin.check_origin()),
        (Listener::Public, false, _) if request.headers().contains_key(header::UPGRADE) => {
            let public = app.public_url.host_str().unwrap_or_default();
            judge_origin(request, |origin| origin.check_carrier(public))
        }
        (Listener::Public, false, _) => Ok(()),
    };
    foreign.map_err(|foreign| {
        if *listener == Listener::Public {
            emit(Event::CallRefused { reason: "web_page", carrier_call: None });
        } else {
            count("web_page");
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
