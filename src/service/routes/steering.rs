//! The orders of operators to the agent of a call.

use actix_web::http::StatusCode;
use actix_web::web::{Data, Path};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::json;
use switchboard_actors::call::messages::SteerCall;
use switchboard_actors::call::steps::Steer;

use super::app::AppState;
use super::calls::{PATIENCE, find, gone};
use super::order::{Body, order};
use super::problem::Problem;
use crate::service::operators::Operator;

/// Words for the agent.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    /// The words, as one line.
    text: String,
}

/// `POST /calls/{id}/say`: the agent says it to the caller.
pub(super) async fn say(
    request: HttpRequest,
    id: Path<String>,
    body: Body,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let (text, by) = (words(body)?, who(&request));
    steer(&id, Steer::Say { text, by }, "saying", &app).await
}

/// `POST /calls/{id}/whisper`: the agent is told, and the caller does not hear it.
pub(super) async fn whisper(
    request: HttpRequest,
    id: Path<String>,
    body: Body,
    app: Data<AppState>,
) -> Result<HttpResponse, Problem> {
    let (text, by) = (words(body)?, who(&request));
    steer(&id, Steer::Whisper { text, by }, "told", &app).await
}

async fn steer(id: &str, order: Steer, status: &str, app: &AppState) -> Result<HttpResponse, Problem> {
    let call = find(app, id).await?;
    match call.send(SteerCall(order)).timeout(PATIENCE).await.map_err(|_| gone(id))? {
        Ok(()) => Ok(HttpResponse::Accepted().json(json!({ "status": status }))),
        Err(refusal) => Err(Problem::new(StatusCode::CONFLICT, refusal.to_string())),
    }
}

/// The name of the token of who asks.
pub(super) fn who(request: &HttpRequest) -> String {
    request.extensions().get::<Operator>().map_or_else(|| Operator::local().name, |operator| operator.name.clone())
}

/// Reads the words of an order, as one line without blanks at its ends.
fn words(body: Body) -> Result<String, Problem> {
    let Words { text } = order(body, r#"{"text":"…"}"#).map_err(Problem::of_the_body)?;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = text.chars().count();
    if length == 0 || length > MOST_CHARACTERS || text.contains(char::is_control) {
        let found = if text.contains(char::is_control) { "control characters".to_owned() } else { format!("{length}") };
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("expected a text of 1 to {MOST_CHARACTERS} characters, found {found}"),
        ));
    }
    Ok(text)
}

/// Longest text, in characters: two minutes of speech. More is no line that anybody says at once.
const MOST_CHARACTERS: usize = 2_000;
