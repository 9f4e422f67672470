//! Messages to the [`Clips`](super::actor::Clips) actor.

use std::sync::Arc;

use actix::Message;

use super::plan::ClipOrder;

/// Asks for a recording: 8 kHz mono. The answer waits until it is made; the asker limits the wait. An
/// error says in a few words why there is none.
#[derive(Debug, Message)]
#[rtype(result = "Result<Arc<[i16]>, String>")]
pub struct FetchClip(pub ClipOrder);
