//! The Realtime API of the rehearsal model, GA protocol.
//!
//! Reading order: `seat` opens a session, and `session` is one conversation. The rest supports them:
//! `client` (incoming events), `events` (outgoing events), `shapes` (what the API accepts),
//! `settings` (the session's settings), `conversation` and `item`, `answers` (what to say),
//! `performance` (streaming a response), `transcripts` (of the caller), `usage` (token counts),
//! `dialect` (translation for other servers). All but `seat` is pure.

mod answers;
mod client;
mod conversation;
mod dialect;
mod events;
mod item;
mod performance;
pub(super) mod seat;
mod session;
mod settings;
mod shapes;
mod streamed_item;
mod transcripts;
mod usage;
