//! A WebSocket's payload without the wake-up that it does not need.
//!
//! The task that reads a connection feeds the payload and then polls the response, which reads the payload, all in one turn; and
//! yet a payload that is fed wakes its reader. That is the same task, so every message of a carrier would cost a second turn of it
//! in which there is nothing to do.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt as _};

/// The payload of a connection whose own response reads it, over HTTP/1.1.
pub(super) struct Fed(pub(super) Payload);

impl Stream for Fed {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        // Data, end and error of the payload come from the turn that polls this.
        self.0.poll_next_unpin(&mut Context::from_waker(Waker::noop()))
    }
}
