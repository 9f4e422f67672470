//! Messages to the [`Clips`](super::actor::Clips) actor.

use std::sync::Arc;

use actix::Message;

use super::plan::ClipOrder;

/// Asks for a recording. The answer waits until it is made; the asker limits the wait. An error says
/// in a few words why there is none.
#[derive(Debug, Message)]
#[rtype(result = "Result<FetchedClip, String>")]
pub struct FetchClip(pub ClipOrder);

/// A recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedClip {
    /// The samples: 8 kHz mono.
    pub samples: Arc<[i16]>,
    /// The characters that the server was given for it and charges for. Of all who asked for one
    /// recording, one is told so; 0 is the answer to the others.
    pub characters: u64,
}
