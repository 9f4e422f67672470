//! The configuration that runs, and which agent answers whom by it.

use actix_web::HttpResponse;
use actix_web::web::Data;
use serde::Deserialize;
use serde_json::json;
use switchboard_actors::carrier::Carrier;
use switchboard_actors::line::identity::Direction;

use super::app::{AppState, Asked};
use super::order::{Body, order};
use super::problem::Problem;

/// `GET /configuration`: as `check --json` prints it; secrets are present or absent.
pub(super) async fn show(app: Data<AppState>) -> HttpResponse {
    HttpResponse::Ok().json(&app.configuration)
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
