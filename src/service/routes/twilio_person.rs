//! Twilio's webhooks for the person whom a warm transfer calls: what they are told, whether they take the call, how their line ended.
//!
//! The call that they are called for stands in the query, which we wrote and the carrier has signed.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use switchboard_actors::call::messages::{Inspect, Next, OfPerson, PersonNews, ReadBriefing};
use switchboard_actors::call::transfer::DialOutcome;
use switchboard_actors::ids::CarrierCallId;

use super::app::AppState;
use super::form::Form;
use super::order::{Body, bytes};
use super::problem::Problem;
use super::twilio::{PATIENCE, TERMINAL, answer, find, is_pressed, room, unanswered, unusable};
use switchboard_actors::carrier::twilio::answer::{self as twiml, Side};

/// `/twilio/person/briefing`: the person, or a machine of theirs, has answered and is told what the call is about.
pub(super) async fn briefing(request: HttpRequest, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    app.accept_webhook(&request, &bytes(body)?)?;
    let call = caller(&request)?;
    let (words, language) = match find(&app, &call).await {
        Some(on) => (
            on.send(ReadBriefing).timeout(PATIENCE).await.ok().flatten(),
            on.send(Inspect).timeout(PATIENCE).await.map(|shown| shown.language).unwrap_or_default(),
        ),
        None => (None, String::new()),
    };
    let taken = format!("/twilio/person/taken?{}", request.query_string());
    // The caller has gone meanwhile, or is back with the agent: nobody is to be joined.
    Ok(answer(
        words.map_or_else(twiml::hang_up, |words| twiml::ask_to_take(&app.public_url, &taken, &words, &language)),
    ))
}

/// `/twilio/person/taken`: they have pressed a key and join the caller, who waits.
pub(super) async fn taken(request: HttpRequest, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    let call = caller(&request)?;
    let waits = is_pressed(&form) && tell(&app, &call, PersonNews::Took).await == Next::Meet;
    Ok(answer(if waits { twiml::meet(&app.public_url, &room(&call), Side::Person) } else { twiml::hang_up() }))
}

/// `/twilio/person/status`: their line is down.
pub(super) async fn status(request: HttpRequest, body: Body, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let form = app.accept_webhook(&request, &bytes(body)?)?;
    let call = caller(&request)?;
    let status = form.value("CallStatus").unwrap_or_default();
    if TERMINAL.contains(&status) {
        let outcome = if status == "completed" { DialOutcome::Bridged } else { unanswered(status) };
        tell(&app, &call, PersonNews::Ended(outcome)).await;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The call that the person is called for.
fn caller(request: &HttpRequest) -> Result<CarrierCallId, Problem> {
    let query = Form::parse(request.query_string().as_bytes()).map_err(unusable)?;
    Ok(CarrierCallId::new(query.id("call").map_err(unusable)?))
}

/// Tells the call; how the person goes on. A call that is no longer on is over.
async fn tell(app: &AppState, call: &CarrierCallId, news: PersonNews) -> Next {
    let Some(call) = find(app, call).await else { return Next::HangUp };
    call.send(OfPerson(news)).timeout(PATIENCE).await.unwrap_or(Next::HangUp)
}
