//! Accepts a connection of any protocol and opens its session.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use switchboard_actors::clock;
use uuid::Uuid;

use super::memory::Memory;
use super::misbehaviour::Misbehaviour;
use super::protocol::{Protocol, Refusal, Visit};
use super::server::{RehearsalOptions, Visitors};
use super::socket::{self, ConnectionBehaviour};

/// Answers the upgrade of a client. Its query may ask for misbehaviour.
///
/// # Errors
/// The request is no upgrade.
pub(super) async fn accept(
    protocol: &'static Protocol,
    request: HttpRequest,
    body: web::Payload,
    options: web::Data<RehearsalOptions>,
    (visitors, memory): (web::Data<Visitors>, web::Data<Memory>),
    query: web::Query<HashMap<String, String>>,
) -> actix_web::Result<HttpResponse> {
    let rehearse = query.get("rehearse").map(String::as_str).unwrap_or_default();
    let misbehaviour = match options.misbehaviour.with(rehearse) {
        Ok(misbehaviour) => misbehaviour,
        Err(error) => return Ok(HttpResponse::BadRequest().body(error)),
    };
    let (connection, alike) = visitors.count(rehearse);
    let over = misbehaviour.first.is_some_and(|first| alike > first);
    let misbehaviour = if over { Misbehaviour::default() } else { misbehaviour };
    if let Some(ms) = misbehaviour.upgrade_after_ms {
        actix_web::rt::time::sleep(Duration::from_millis(ms)).await;
    }
    if let Some(status) = misbehaviour.refuse {
        return Ok(refused(Refusal::new(u16::try_from(status).unwrap_or_default(), "refused, as rehearsed")));
    }
    let visit = Visit {
        path: request.path(),
        query: &query,
        headers: request.headers(),
        options: &options,
        memory: &memory,
        misbehaviour: Rc::new(misbehaviour),
        seed: Uuid::new_v4().as_u64_pair().0,
        epoch_s: u64::try_from(clock::wall().timestamp()).unwrap_or_default(),
        now: clock::now(),
    };
    let session = match (protocol.open)(&visit) {
        Ok(session) => session,
        Err(refusal) => return Ok(refused(refusal)),
    };
    let body = socket::watched(&request, body, LARGEST_MESSAGE).await?;
    let (response, sink, stream) = actix_ws::handle_with_protocols(&request, body, protocol.subprotocols)?;
    let stream =
        stream.max_frame_size(LARGEST_MESSAGE).aggregate_continuations().max_continuation_size(LARGEST_MESSAGE);
    let fragment_bytes = misbehaviour.fragment_bytes.map(|bytes| usize::try_from(bytes.max(1)).unwrap_or(usize::MAX));
    let deaf_at = misbehaviour.deaf_after_ms.map(|ms| clock::now() + Duration::from_millis(ms));
    let behaviour =
        ConnectionBehaviour { fragment_bytes, deaf_at, log: options.log.clone().map(|log| (log, connection)) };
    actix_web::rt::spawn(socket::carry(session, behaviour, sink, stream));
    Ok(response)
}

/// The answer to an upgrade that is refused.
fn refused(refusal: Refusal) -> HttpResponse {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    if let Some(reason) = refusal.reason {
        response.append_header(reason);
    }
    response.body(refusal.body)
}

/// Maximum size of a message: 15 MiB of audio as base64, with the JSON around it.
const LARGEST_MESSAGE: usize = 21 * 1024 * 1024;
