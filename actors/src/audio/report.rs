//! The reports of the AudioPipeline: what plays, what was heard, what was lost.

use std::time::Duration;

use actix::Message;

use super::diagnosis::Diagnosis;
use crate::ids::{ItemId, ResponseId};

/// A report of the AudioPipeline to the call.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum AudioReport {
    /// The first frame of this item was sent to the carrier.
    PlayoutStarted {
        /// Its response.
        response: ResponseId,
        /// The item.
        item: ItemId,
    },
    /// The first 20 ms of this item were heard: what the caller calls the answer. Once an item.
    FirstHeard {
        /// Its response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// From sending its first frame until now; what waited at the carrier before it is in it.
        after_sent: Duration,
    },
    /// Everything of this item was heard.
    ItemHeard(ItemPlayout),
    /// Nothing is queued and everything sent was heard: the agent is silent.
    PlayoutDrained,
    /// The answer at once to [`crate::audio::messages::AudioOrder::TellWhenDrained`].
    Queued {
        /// How long what is queued or sent and was not yet heard will play; for a paused playout, from when it goes on.
        remaining: Duration,
    },
    /// The answer to the end of a [`crate::audio::messages::AudioOrder::CallerTurn`]; none if the caller was never heard.
    LastVoice {
        /// How long ago the last of the caller's frames arrived that had the energy of speech.
        ago: Duration,
    },
    /// The answer to [`crate::audio::messages::AudioOrder::ClearPlayout`]: every item that was not yet heard whole, in playing order.
    Interrupted(Vec<ItemPlayout>),
    /// The playout queue reached its bound: the model said more than a call may hold; what came after was dropped.
    PlayoutOverflowed {
        /// The item that was cut.
        item: ItemId,
    },
    /// Number of caller frames dropped on the way to the model.
    FramesDropped(u64),
    /// What the caller's audio is like: once voice was judged, then again from time to time with the packets' numbers.
    Diagnosed(Box<Diagnosis>),
}

/// Where the playout of one item stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPlayout {
    /// The response it belongs to.
    pub response: ResponseId,
    /// The item.
    pub item: ItemId,
    /// Audio received from the model.
    pub received: Duration,
    /// Audio that the caller has heard.
    pub heard: Duration,
}
