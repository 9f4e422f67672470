//! The engines of a [`Listener`](super::Listener), and what follows for them and the call. Pure.

use crate::realtime::cascade::ears::{EarsKind, EarsPlan, ToEars, Turn};
use crate::realtime::cascade::failure::Failure;
use crate::realtime::cascade::turns::TurnAction;

/// An engine that hears.
#[derive(Debug, Clone, PartialEq)]
pub enum EarsEngine {
    /// One with a socket.
    Socket {
        /// Its kind.
        kind: EarsKind,
        /// What it is asked to do.
        plan: EarsPlan,
    },
    /// One that takes each utterance as an upload.
    Uploads {
        /// What it is asked to do.
        plan: EarsPlan,
    },
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum ListenerAction {
    /// Open a socket to this engine, in place of any other.
    Open {
        /// Its place in the list.
        engine: usize,
    },
    /// Close the socket.
    Close,
    /// Send this message.
    Send(ToEars),
    /// Send this request to this engine.
    Upload {
        /// The engine's place in the list.
        engine: usize,
        /// The request. Its answer carries its number back.
        turn: Turn,
    },
    /// The caller's turn began, changed or ended.
    Turn(TurnAction),
    /// A complaint of the engine, which goes on.
    Complained {
        /// The engine's code.
        code: String,
        /// Its words.
        message: String,
    },
    /// Another engine hears from here on.
    TookOver {
        /// Its place in the list.
        engine: usize,
        /// Why.
        failure: Failure,
    },
    /// No engine hears.
    Lost(Failure),
}
