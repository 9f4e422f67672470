//! A provider: OpenAI's Realtime API, and servers that speak it in a dialect.
//!
//! - `protocol` is the wire protocol. It reads server events and writes client events, and it
//!   tolerates unknown ones.
//! - `session` is the state machine of a connection.
//! - `sequencer` keeps the rule of one response at a time.
//! - `plan` is the configuration of a session, and `options` are its finer settings.
//! - `dialects` are the servers that speak it with deviations, as data.
//! - `upgrade` builds the request for the WebSocket.
//! - `capabilities` states what a session can do.
//! - `seat` has the rows of its providers, and `names` their models, voices and prices.
//!
//! All of it is pure. The layers above use it through
//! [`Conversation`](super::conversation::Conversation).

mod capabilities;
mod dialects;
mod names;
pub mod options;
pub mod plan;
pub mod protocol;
pub(super) mod seat;
pub mod sequencer;
pub mod session;
mod upgrade;

pub use self::capabilities::capabilities;
pub use self::dialects::Dialect;
pub use self::upgrade::upgrade;
