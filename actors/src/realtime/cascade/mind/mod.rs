//! The chat model: chat completions, streamed, with tools. Pure.
//!
//! - `history` is the conversation as the model is told it: what was heard, not what was generated.
//! - `request` builds the body of a request.
//! - `sse` splits the streamed body into messages, `chunk` reads one, `calls` assembles tool calls.
//! - `exchange` is one request and its answer, with its time limits and its end.

mod calls;
mod chunk;
mod exchange;
mod history;
mod request;
mod sse;

pub use self::calls::Call;
pub use self::chunk::ChatUsage;
pub use self::exchange::{Exchange, Finish, MindEvent, Patience};
pub use self::history::{History, Note};
pub use self::request::{Ask, ChatPlan, LimitKey, NoteRole, body};
