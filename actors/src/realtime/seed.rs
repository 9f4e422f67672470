//! What a new session begins with: the items of a conversation that another session held. Pure.

use super::messages::{ResponseRequest, TextRole};
use crate::ids::{ResponseId, ToolCallId};

/// An item to be put into a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedItem {
    /// Its id, ours.
    pub id: String,
    /// What it is.
    pub seed: Seed,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seed {
    /// Somebody's words.
    Text(TextRole, String),
    /// What the caller said, in the model's input format: its words are not known.
    CallerAudio(Vec<u8>),
    /// The model called a tool.
    Call {
        /// The call.
        call: ToolCallId,
        /// The tool.
        name: String,
        /// The arguments, JSON in a string.
        arguments: String,
    },
    /// The result of a tool call.
    Output {
        /// The call.
        call: ToolCallId,
        /// The result.
        output: String,
    },
}

/// What a session inherits from the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handoff {
    /// The conversation so far.
    pub items: Vec<SeedItem>,
    /// Tool calls whose results are still to come.
    pub open_calls: Vec<ToolCallId>,
    /// What is to be said, in order.
    pub requests: Vec<ResponseRequest>,
    /// The caller was in the middle of a turn: an answer is due unless they go on.
    pub answer_unless_spoken: bool,
}

/// What a session leaves undone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarryOver {
    /// Requests that did not begin, in order.
    pub requests: Vec<ResponseRequest>,
    /// An answer to the caller or to a tool's result is due and has not begun.
    pub answer: bool,
    /// The response that was running and was not to be stopped.
    pub running: Option<Running>,
    /// The caller was in the middle of a turn.
    pub turn_open: bool,
}

impl CarryOver {
    /// A key of the caller's comes first: only a tool's call is still to be answered.
    pub fn overtake(&mut self) {
        self.requests.clear();
        self.answer = false;
        self.running.take_if(|running| running.progress != Progress::Called);
    }
}

/// A response that was running when its session was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its id; `None` where it was never told.
    pub response: Option<ResponseId>,
    /// The request that it answers; `None` for the server's own.
    pub request: Option<ResponseRequest>,
    /// How much of it came.
    pub progress: Progress,
}

/// How much of a response came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing that could be heard.
    Silent,
    /// Nothing to be heard, but a tool call that will be answered.
    Called,
    /// A part.
    Partly,
    /// All of it; only its end was not told.
    Whole,
}
