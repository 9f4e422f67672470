//! Accepts a connection and opens its session.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use switchboard_actors::clock;
use uuid::Uuid;

use super::session::{Opening, Session};
use super::socket::{self, ConnectionBehaviour};
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::server::{RehearsalOptions, Visitors};

/// Answers the upgrade of a client. Its query may ask for misbehaviour.
///
/// # Errors
/// The request is no upgrade.
pub(in crate::tools::rehearsal) async fn accept(
    request: HttpRequest,
    body: web::Payload,
    options: web::Data<RehearsalOptions>,
    visitors: web::Data<Visitors>,
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
        let status = u16::try_from(status).ok().and_then(|status| StatusCode::from_u16(status).ok());
        return Ok(
            HttpResponse::build(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)).body("refused, as rehearsed")
        );
    }
    // Browsers offer subprotocols, and fail if the server selects none of them.
    let body = socket::watched(&request, body, LARGEST_MESSAGE).await?;
    let (response, sink, stream) = actix_ws::handle_with_protocols(&request, body, &["realtime"])?;
    let stream =
        stream.max_frame_size(LARGEST_MESSAGE).aggregate_continuations().max_continuation_size(LARGEST_MESSAGE);
    let opening = Opening {
        model: query.get("model").cloned(),
        beta: request.headers().get("OpenAI-Beta").is_some_and(|value| value.as_bytes().starts_with(b"realtime")),
        pace: Pace {
            delta: options.delta,
            speed: Some(options.speed).filter(|speed| *speed > 0.0).map(|speed| speed.max(0.01)),
            first_audio: Duration::ZERO,
            answer: None,
            late_deltas: 1,
        },
        transcript_after: options.transcript_after,
        lifetime: options.lifetime,
        misbehaviour: Rc::new(misbehaviour),
        seed: Uuid::new_v4().as_u64_pair().0,
        epoch_s: u64::try_from(clock::wall().timestamp()).unwrap_or_default(),
    };
    let fragment_bytes = misbehaviour.fragment_bytes.map(|bytes| usize::try_from(bytes.max(1)).unwrap_or(usize::MAX));
    let session = Session::open(&opening, clock::now());
    let deaf_at = misbehaviour.deaf_after_ms.map(|ms| clock::now() + Duration::from_millis(ms));
    let behaviour =
        ConnectionBehaviour { fragment_bytes, deaf_at, log: options.log.clone().map(|log| (log, connection)) };
    actix_web::rt::spawn(socket::carry(session, behaviour, sink, stream));
    Ok(response)
}

/// Maximum size of a message: 15 MiB of audio as base64, with the JSON around it.
const LARGEST_MESSAGE: usize = 21 * 1024 * 1024;
