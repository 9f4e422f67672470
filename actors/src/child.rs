//! The child actors of a call, and the message that one of them has died.

use actix::Message;

/// A child actor of the call stopped without an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Message)]
#[rtype(result = "()")]
pub struct ChildLost(pub Child);

/// The actors that a call owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Child {
    /// The AudioPipeline.
    Audio,
    /// The RealtimeLlm.
    Model,
    /// The Transcript.
    Transcript,
}

impl Child {
    /// The word for it in logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Model => "model",
            Self::Transcript => "transcript",
        }
    }
}
