//! The engines of a [`Mouth`](super::Mouth), and what follows for them and the call. Pure.

use crate::frame::Frame;
use crate::realtime::cascade::failure::Failure;
use crate::realtime::cascade::voice::{Request, VoiceKind, VoicePlan};
use crate::realtime::word_times::TimedLetters;

/// An engine that speaks.
#[derive(Debug, Clone, PartialEq)]
pub enum VoiceEngine {
    /// One with a socket.
    Socket {
        /// Its kind.
        kind: VoiceKind,
        /// What it is asked to do.
        plan: VoicePlan,
    },
    /// One that takes a request for each piece.
    Requests {
        /// What it is asked to do.
        plan: VoicePlan,
        /// `pcm`, or `wav` for servers that know no other format.
        response_format: String,
    },
}

/// What follows.
#[derive(Debug, Clone, PartialEq)]
pub enum MouthAction {
    /// Open a socket to this engine, in place of any other.
    Open {
        /// Its place in the list.
        engine: usize,
    },
    /// Close the socket.
    Close,
    /// Send this text message.
    Send(String),
    /// Send this request to this engine.
    Request {
        /// Its number. Everything that comes of it carries it back.
        number: u64,
        /// The engine's place in the list.
        engine: usize,
        /// The request.
        request: Request,
    },
    /// Drop the connection of this request.
    Abort {
        /// Its number.
        number: u64,
    },
    /// Audio of an answer.
    Audio {
        /// The answer.
        utterance: u64,
        /// The audio.
        audio: Frame,
    },
    /// When words of an answer are said.
    Timed {
        /// The answer.
        utterance: u64,
        /// The words, in order, counted from the beginning of the answer.
        words: Vec<TimedLetters>,
    },
    /// All audio of an answer has come.
    Complete {
        /// The answer.
        utterance: u64,
    },
    /// A complaint of the engine, which goes on.
    Complained {
        /// The engine's code.
        code: String,
        /// Its words.
        message: String,
    },
    /// Another engine speaks from here on.
    TookOver {
        /// Its place in the list.
        engine: usize,
        /// Why.
        failure: Failure,
    },
    /// No engine speaks. The answer is given up.
    Lost(Failure),
}
