//! A provider: OpenAI's GPT-Live over a primary WebSocket. The model listens and speaks at the same
//! time, decides alone when to talk and when to stop, and hands work to another model or to us.
//!
//! - `protocol` is the wire protocol, which shares nothing with the Realtime API.
//! - `session` is the state machine of a connection.
//! - `plan` is the configuration of a session.
//! - `seat` is its row for the configuration.
//! - `upgrade` builds the request for the WebSocket.
//! - `capabilities` states what a session can do.
//! - `failure` classifies what goes wrong.
//!
//! All of it is pure. The layers above use it through
//! [`Conversation`](super::conversation::Conversation).
#![doc = include_str!("traps.md")]

mod capabilities;
pub mod failure;
pub mod plan;
pub mod protocol;
pub(super) mod seat;
pub mod session;
mod upgrade;

pub use self::capabilities::capabilities;
pub use self::upgrade::upgrade;
