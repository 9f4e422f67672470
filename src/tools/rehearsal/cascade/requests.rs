//! Serves the engines that have no socket: one request, one answer, which may be streamed.

use std::collections::HashMap;
use std::io;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use bytes::Bytes;
use futures_util::stream;
use switchboard_actors::clock;
use uuid::Uuid;

use super::ears::upload;
use super::reply::Reply;
use super::voice::speech;
use super::{KEYS, mind};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::memory::Memory;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::server::{RehearsalOptions, Visitors};

/// Registers the paths.
pub(super) fn routes(app: &mut web::ServiceConfig) {
    let largest = web::PayloadConfig::new(LARGEST_BODY);
    app.service(web::resource("/v1/audio/transcriptions").app_data(largest.clone()).route(web::post().to(transcribed)))
        .service(web::resource("/v1/chat/completions").app_data(largest.clone()).route(web::post().to(answered)))
        .service(web::resource("/v1/audio/speech").app_data(largest).route(web::post().to(spoken)))
        .route("/v1/models", web::get().to(models));
}

type Options = web::Data<RehearsalOptions>;
type Query = web::Query<HashMap<String, String>>;

async fn transcribed(
    request: HttpRequest,
    body: Bytes,
    options: Options,
    (visitors, memory): (web::Data<Visitors>, web::Data<Memory>),
    query: Query,
) -> HttpResponse {
    let after = options.transcript_after;
    serve(&request, &options, &visitors, &query, |misbehaviour| {
        let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
        upload::answer(content_type.unwrap_or_default(), &body, misbehaviour, after, &memory)
    })
    .await
}

async fn answered(
    request: HttpRequest,
    body: Bytes,
    options: Options,
    visitors: web::Data<Visitors>,
    query: Query,
) -> HttpResponse {
    let epoch_s = u64::try_from(clock::wall().timestamp()).unwrap_or_default();
    serve(&request, &options, &visitors, &query, |misbehaviour| {
        mind::answer(&body, misbehaviour, Uuid::new_v4().as_u64_pair().0, epoch_s)
    })
    .await
}

async fn spoken(
    request: HttpRequest,
    body: Bytes,
    options: Options,
    (visitors, memory): (web::Data<Visitors>, web::Data<Memory>),
    query: Query,
) -> HttpResponse {
    serve(&request, &options, &visitors, &query, |misbehaviour| {
        speech::answer(&body, misbehaviour, Pace::of(&options), &memory)
    })
    .await
}

/// What a client asks for that keeps a connection warm.
async fn models() -> HttpResponse {
    let model = serde_json::json!({"id": "rehearsal", "object": "model", "owned_by": "rehearsal"});
    HttpResponse::Ok().json(serde_json::json!({"object": "list", "data": [model]}))
}

/// Answers a request as it is rehearsed for it.
async fn serve(
    request: &HttpRequest,
    options: &RehearsalOptions,
    visitors: &Visitors,
    query: &HashMap<String, String>,
    answer: impl FnOnce(&Misbehaviour) -> Reply,
) -> HttpResponse {
    let rehearse = query.get("rehearse").map(String::as_str).unwrap_or_default();
    let misbehaviour = match options.misbehaviour.with(rehearse) {
        Ok(misbehaviour) => misbehaviour,
        Err(error) => return HttpResponse::BadRequest().body(error),
    };
    let (_, alike) = visitors.count(&format!("{} {rehearse}", request.path()));
    let is_over = misbehaviour.first.is_some_and(|first| alike > first);
    let misbehaviour = if is_over { Misbehaviour::default() } else { misbehaviour };
    if let Some(ms) = misbehaviour.upgrade_after_ms {
        actix_web::rt::time::sleep(Duration::from_millis(ms)).await;
    }
    let has_key = KEYS.iter().any(|name| request.headers().contains_key(*name));
    let reply = if Misbehaviour::on(misbehaviour.require_key) && !has_key {
        Reply::refused(401, &Fault::request("invalid_api_key", "You didn't provide an API key."))
    } else {
        Reply::rehearsed(&misbehaviour).unwrap_or_else(|| answer(&misbehaviour)).spoilt(&misbehaviour)
    };
    sent(reply)
}

fn sent(reply: Reply) -> HttpResponse {
    let status = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.content_type(reply.content_type);
    if let Some(ms) = reply.retry_after_ms {
        response.append_header(("retry-after-ms", ms.to_string()));
    }
    let cut = reply.is_cut.then_some(None);
    let pieces = reply.pieces.into_iter().map(Some).chain(cut);
    response.streaming(stream::unfold(pieces, async |mut pieces| {
        let piece = match pieces.next()? {
            Some((after, bytes)) => {
                // A sleep of no length lets a millisecond pass.
                if !after.is_zero() {
                    actix_web::rt::time::sleep(after).await;
                }
                Ok(bytes)
            }
            // The connection breaks where the body ends with an error.
            None => Err(io::Error::from(io::ErrorKind::ConnectionAborted)),
        };
        Some((piece, pieces))
    }))
}

/// Maximum size of a request: a minute of audio at 24 kHz, and a long conversation.
const LARGEST_BODY: usize = 8 * 1024 * 1024;
