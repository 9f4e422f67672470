//! The GPT-Live API of the rehearsal model, over a primary WebSocket.
//!
//! The caller's audio is the session's clock: nothing moves without it, and everything that has a
//! time has it in milliseconds of appended audio. Only what concerns the connection itself (its
//! start, its pings, its end) follows the wall clock.
//!
//! Reading order: `seat` opens a session, and `session` is one conversation. The rest supports them:
//! `client` (incoming events), `events` (outgoing events), `shapes` (what the API accepts),
//! `settings` (the session's settings), `hearing` (the caller's turns and their words), `voice` (the
//! endless stream of the model), `backend` (the model behind the voice). All but `seat` is pure.

mod backend;
mod client;
mod events;
mod hearing;
pub(super) mod seat;
mod session;
mod settings;
mod shapes;
mod voice;
