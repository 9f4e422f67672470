//! A test call: an operator's browser is the phone, on a socket of the operators' listener. It is a
//! call like any other, with a record and a cost.

use actix_web::web::Data;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use switchboard_actors::carrier::Carrier;
use switchboard_actors::carrier::webhook_api::Arrival;
use switchboard_actors::ids::CallId;

use super::admission::{CALL, OPERATOR};
use super::app::AppState;
use super::problem::Problem;
use super::stream;
use crate::service::operators::Operator;

/// `GET /test-call`: the upgrade. The first message names the agent; the carrier's folder has the
/// protocol.
pub(super) async fn open(request: HttpRequest, app: Data<AppState>) -> Result<HttpResponse, Problem> {
    let operator = request.extensions().get::<Operator>().cloned().unwrap_or_else(Operator::local);
    let name = format!("TC{}", CallId::random()).replace('-', "");
    let parameters = vec![(CALL.to_owned(), name), (OPERATOR.to_owned(), operator.name)];
    stream::upgrade(Carrier::of_operators(), Arrival::Authenticated { parameters }, &request, app)
}
