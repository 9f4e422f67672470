//! A seat: OpenAI's Realtime API, GA protocol only, and what speaks the same.
//!
//! `protocol` is the wire (events out, events in, tolerant of the unknown), `session` the connection's state machine, `sequencer`
//! the rule of one response at a time, `plan` what a session is configured with and `options` the finer part of that, `upgrade` how its socket is
//! asked for, `capabilities` what it can do. All of it is pure. Whoever stands above knows it as a
//! [`Conversation`](super::conversation::Conversation).

mod capabilities;
pub mod options;
pub mod plan;
pub mod protocol;
pub mod sequencer;
pub mod session;
mod upgrade;

pub use self::capabilities::capabilities;
pub use self::upgrade::upgrade;
