//! The first step of every request, at both listeners: it refuses requests of foreign web pages,
//! and requires the whole body in time.

use std::error::Error as StdError;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_http::Payload;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::middleware::Next;
use actix_web::web::{Bytes, BytesMut};
use actix_web::{Error, HttpMessage as _, ResponseError as _};
use futures_util::StreamExt as _;
use tokio::time::timeout;

use super::guard;
use super::problem::Problem;
use crate::service::connections::{ConnectionSlot, Served};

/// Reads a request's body and lets the request pass.
pub(crate) async fn welcome(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let judged = guard::no_page(request.request());
    let read = match judged {
        Ok(()) => read(&mut request).await,
        Err(problem) => Err(problem),
    };
    let served = request.request().conn_data::<Rc<ConnectionSlot>>().map(ConnectionSlot::serve);
    match read {
        Ok(Some(body)) => request.set_payload(Payload::from(body)),
        Ok(None) => {}
        Err(problem) => return Ok(request.into_response(problem.error_response())),
    }
    let response = next.call(request).await?;
    Ok(response.map_body(|_, body| BoxBody::new(Answer { body: body.boxed(), _served: served })))
}

/// Returns the whole body, if there is one.
async fn read(request: &mut ServiceRequest) -> Result<Option<Bytes>, Problem> {
    let mut payload = request.take_payload();
    if let Payload::None = payload {
        return Ok(None);
    }
    let promised = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    let reading = async {
        if promised.is_some_and(|length: usize| length > LARGEST_BODY) {
            return Err(PayloadError::Overflow);
        }
        let mut body = BytesMut::new();
        while let Some(piece) = payload.next().await {
            let piece = piece?;
            if body.len() + piece.len() > LARGEST_BODY {
                return Err(PayloadError::Overflow);
            }
            body.extend_from_slice(&piece);
        }
        Ok(body.freeze())
    };
    let (status, why) = match timeout(LONGEST, reading).await {
        Ok(Ok(body)) => return Ok(Some(body)),
        Ok(Err(problem)) => (problem.status_code(), format!("the body cannot be read: {problem}")),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, format!("the body did not come within {} s", LONGEST.as_secs())),
    };
    // On a connection that stayed open, the rest of the body would be read as another request.
    Err(Problem::new(status, why).with_header(header::CONNECTION, "close"))
}

/// A response in progress; its connection has a request in progress until it is complete.
struct Answer {
    body: BoxBody,
    _served: Option<Served>,
}

impl MessageBody for Answer {
    type Error = Box<dyn StdError>;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(task)
    }
}

/// How long a body may take. Longer would let peers keep connections open with half a body. A
/// carrier's body arrives with its head.
const LONGEST: Duration = Duration::from_secs(5);
/// The largest body: a webhook's form is a few KiB.
const LARGEST_BODY: usize = 64 * 1024;
