//! The child actors of a call, and the message that one of them is gone.

use actix::Message;

/// One of the call's actors is gone without having been told to go.
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
    /// The word in logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Model => "model",
            Self::Transcript => "transcript",
        }
    }
}
