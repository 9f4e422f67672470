//! What follows from the events of a [`Dialogue`](super::Dialogue). Pure.

use std::time::Duration;

use crate::frame::Frame;
use crate::realtime::cascade::failure::{Failure, Part};
use crate::realtime::cascade::listener::ListenerAction;
use crate::realtime::cascade::mind::ChatUsage;
use crate::realtime::cascade::mouth::MouthAction;
use crate::realtime::cascade::thinker::{Order, Outcome, ThinkerAction};
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::word_times::TimedLetters;

/// What has to be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// An answer of the model.
    Think(Order),
    /// These words.
    Say {
        /// The words.
        words: String,
        /// The purpose; `None` is the answer to the caller.
        purpose: Option<ResponsePurpose>,
    },
}

/// What follows for the engines and the call.
#[derive(Debug, Clone, PartialEq)]
pub enum DialogueAction {
    /// For the ears' engine: open, close, send, upload.
    Ears(ListenerAction),
    /// For the mind's engine: ask, abort.
    Mind(ThinkerAction),
    /// For the voice's engine: open, close, send, request, abort.
    Voice(MouthAction),
    /// The caller began to speak.
    CallerBegan {
        /// The turn.
        turn: u64,
    },
    /// The caller's words so far.
    CallerSays {
        /// The turn.
        turn: u64,
        /// All words of it.
        text: String,
    },
    /// The caller's turn is over. It is answered.
    CallerSaid {
        /// The turn.
        turn: u64,
        /// All words of it.
        text: String,
    },
    /// What sounded like speech was none.
    CallerSaidNothing {
        /// The turn.
        turn: u64,
    },
    /// A response began.
    ResponseBegan {
        /// The response.
        response: u64,
        /// What it is for.
        wish: Wish,
    },
    /// The agent's next words, ahead of their audio.
    AgentSays {
        /// The response.
        response: u64,
        /// The words.
        text: String,
    },
    /// How long the parts took for a response, which sounds from here on.
    Took {
        /// The response.
        response: u64,
        /// The mind: from the beginning to the first words for the voice.
        mind: Duration,
        /// The voice: from there to its first audio.
        voice: Duration,
    },
    /// When words of the agent are said. They were told before.
    Timed {
        /// The response.
        response: u64,
        /// The words, in order.
        words: Vec<TimedLetters>,
    },
    /// Audio for the caller.
    Audio {
        /// The response.
        response: u64,
        /// The audio.
        audio: Frame,
    },
    /// All audio of a response has come.
    AudioComplete {
        /// The response.
        response: u64,
    },
    /// Run a tool.
    CallTool {
        /// The response.
        response: u64,
        /// The key under which its result is given.
        key: String,
        /// The tool.
        name: String,
        /// The arguments as the model wrote them.
        arguments: String,
    },
    /// A response is over.
    ResponseEnded {
        /// The response.
        response: u64,
        /// How it ended.
        outcome: Outcome,
        /// What the mind cost.
        usage: ChatUsage,
    },
    /// An eager answer became the answer, or was thrown away.
    Eager {
        /// Whether it became the answer.
        kept: bool,
    },
    /// An eager answer was thrown away after it cost so much.
    Wasted(ChatUsage),
    /// The engines of another language serve from here on. What follows is for them.
    Speaks,
    /// Another engine of the failure's part serves from here on.
    TookOver {
        /// Its place in the list.
        engine: usize,
        /// Why.
        failure: Failure,
    },
    /// A complaint of an engine, which goes on.
    Complained {
        /// The part.
        part: Part,
        /// The engine's code.
        code: String,
        /// Its words.
        message: String,
    },
    /// No engine of a part is left.
    Lost(Failure),
}
