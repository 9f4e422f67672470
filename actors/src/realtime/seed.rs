//! The start of a new session: the items of a conversation that another session had. Pure.

use super::messages::{ResponseRequest, TextRole};
use crate::ids::{Private, ResponseId, ToolCallId};

/// How a session of a call begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Opening {
    /// The number of the session in its call. Ids that the session makes by itself contain it, so
    /// that no two sessions of a call make the same.
    pub number: u64,
    /// Whether there is a conversation that the session will take over.
    pub continues: bool,
    /// The handle with which the server continues that conversation from its own memory. Only what
    /// came after the handle is then handed over.
    pub resumption: Option<ResumptionHandle>,
    /// A salted hash of the caller, for a provider that takes it with the first message.
    pub caller: Option<String>,
}

/// A server's handle of a conversation up to some moment. Another session of the same model
/// continues from there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResumptionHandle(pub Private<String>);

/// An item to put into a new session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeedItem {
    /// Its id, chosen by us.
    pub id: String,
    /// Its content.
    pub seed: Seed,
}

/// The content of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seed {
    /// Words of either side, or a system text.
    Text(TextRole, String),
    /// Caller audio in the model's input format, in place of words that are not known.
    CallerAudio(Vec<u8>),
    /// A tool call of the model.
    Call {
        /// The call.
        call: ToolCallId,
        /// The tool.
        name: String,
        /// The arguments: JSON in a string.
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

/// What a session takes over from the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Handoff {
    /// The conversation so far; after a resumption only what the server does not know of it.
    pub items: Vec<SeedItem>,
    /// Tool calls whose results are still to come.
    pub open_calls: Vec<ToolCallId>,
    /// What the model still has to say, in order.
    pub requests: Vec<ResponseRequest>,
    /// The caller was in the middle of a turn: an answer is due unless the caller continues.
    pub answer_unless_spoken: bool,
}

/// What a session leaves unfinished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CarryOver {
    /// Requests that did not begin, in order.
    pub requests: Vec<ResponseRequest>,
    /// An answer to the caller or to a tool result is due and has not begun.
    pub answer: bool,
    /// The response that was running and was not meant to stop.
    pub running: Option<Running>,
    /// The caller was in the middle of a turn.
    pub turn_open: bool,
}

impl CarryOver {
    /// Drops everything but the answer to a tool call, because a key of the caller comes first.
    pub fn overtake(&mut self) {
        self.requests.clear();
        self.answer = false;
        self.running.take_if(|running| running.progress != Progress::Called);
    }
}

/// A response that was running when its session was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// Its id; `None` if the server never sent it.
    pub response: Option<ResponseId>,
    /// The request that it answers; `None` for the server's own answer.
    pub request: Option<ResponseRequest>,
    /// How much of it arrived.
    pub progress: Progress,
}

/// How much of a response arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Nothing audible.
    Silent,
    /// Nothing audible, but a tool call that will be answered.
    Called,
    /// A part.
    Partly,
    /// All of it; only its end was not reported.
    Whole,
}
