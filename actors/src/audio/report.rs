//! The reports of the AudioPipeline: what is played, what was heard, and what was lost.

use std::time::Duration;

use actix::Message;

use super::diagnosis::Diagnosis;
use super::second_opinion::Opinion;
use crate::ids::{ItemId, ResponseId};

/// A report of the AudioPipeline to the call.
#[derive(Debug, Clone, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub enum AudioReport {
    /// The first frame of this item was sent to the carrier.
    PlayoutStarted {
        /// The item's response.
        response: ResponseId,
        /// The item.
        item: ItemId,
    },
    /// The first 20 ms of this item were heard, so for the caller the answer has begun. Reported
    /// once an item.
    FirstHeard {
        /// The item's response.
        response: ResponseId,
        /// The item.
        item: ItemId,
        /// The time from sending the item's first frame until now, including earlier audio that
        /// waited at the carrier.
        after_sent: Duration,
    },
    /// The whole item was heard.
    ItemHeard(ItemPlayout),
    /// Nothing is queued and everything sent was heard. The agent is silent.
    PlayoutDrained,
    /// The immediate answer to [`crate::audio::messages::AudioOrder::TellWhenDrained`].
    Queued {
        /// The play time of the audio that is queued, or sent and not yet heard. For a paused
        /// playout it counts from the end of the pause.
        remaining: Duration,
    },
    /// The answer to the end of a [`crate::audio::messages::AudioOrder::CallerTurn`]. There is none
    /// if the caller was never heard.
    LastVoice {
        /// The time since the arrival of the caller's last frame with the energy of speech.
        ago: Duration,
    },
    /// The answer to [`crate::audio::messages::AudioOrder::ClearPlayout`]: every item not yet heard
    /// whole, in playing order. Also an item of the agent that is not played at all, because a
    /// person talks with the caller.
    Interrupted(Vec<ItemPlayout>),
    /// The turn that ended was spoken by a person who has taken the call over (`true`), or by the
    /// caller. Sent only while a person talks with the caller.
    TurnSpoken {
        /// Whether it was the person.
        by_person: bool,
    },
    /// The playout queue reached its bound: the model said more than a call may hold. Later audio
    /// was dropped.
    PlayoutOverflowed {
        /// The item that was cut.
        item: ItemId,
    },
    /// Number of caller frames dropped on the way to the model.
    FramesDropped(u64),
    /// The diagnosis of the caller's audio. It is sent once voice was judged, then again from time
    /// to time with new packet numbers.
    Diagnosed(Box<Diagnosis>),
    /// Our detector and the server were compared on one beginning of the caller's speech. A
    /// [`Diagnosed`](Self::Diagnosed) with the new counts follows.
    SpeechCompared(Opinion),
}

/// The playout of one item.
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
