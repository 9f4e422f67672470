//! The configuration that runs, its reload, and which agent answers whom by it.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Data;
use serde::Deserialize;
use serde_json::json;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::line::identity::Direction;

use super::app::{AppState, Asked};
use super::order::{Body, order};
use super::problem::Problem;
use crate::service::reload::NotReloaded;

/// `GET /configuration`: as `check --json` prints it; secrets are present or absent.
pub(super) async fn show(app: Data<AppState>) -> HttpResponse {
    let now = app.now();
    let mut shown = now.configuration.clone();
    shown["version"] = now.version.as_str().into();
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(shown)
}

/// `POST /reload`: reads the configuration again, as SIGHUP does. 200 with the keys that changed; 422
/// with every problem, and nothing has changed.
pub(super) async fn reload(app: Data<AppState>) -> Result<HttpResponse, Problem> {
    match app.reload.give("POST /reload").await {
        Ok(done) => Ok(HttpResponse::Ok().json(done)),
        Err(NotReloaded::Impossible(why)) => Err(Problem::new(StatusCode::CONFLICT, why)),
        Err(NotReloaded::Problems(error)) => {
            let all: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
            let detail = format!("the configuration has problems, and nothing has changed: {}", all.join("; "));
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
                .with("problems", error.summary()["problems"].clone()))
        }
    }
}

/// A call that has not been made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Imagined {
    carrier: String,
    from: String,
    to: String,
}

/// `POST /configuration/route`: who would answer an inbound call with these numbers. No call is
/// made, and nothing is kept.
pub(super) async fn route(body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let imagined: Imagined = order(body, r#"{"carrier":"…","from":"+1…","to":"+1…"}"#)?;
    let carrier = Carrier::named(&imagined.carrier).ok_or_else(|| {
        let known: Vec<_> = Carrier::all().map(Carrier::name).collect();
        Problem::bad_request(format!("found carrier {:?}, expected one of {}", imagined.carrier, known.join(", ")))
    })?;
    let profile = (app.profiles)(&Asked {
        carrier,
        direction: Direction::Inbound,
        from: &imagined.from,
        to: &imagined.to,
        parameters: &[],
    });
    Ok(HttpResponse::Ok().json(json!({
        "agent": profile.agent,
        "language": profile.language,
        "recorded": profile.recording.is_some(),
    })))
}
