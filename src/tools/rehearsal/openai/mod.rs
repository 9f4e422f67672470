//! The Realtime API of the rehearsal model, GA protocol.
//!
//! Reading order: `accept` opens a connection, `socket` runs it, and `session` is one conversation
//! and pure. The rest supports them: `client` (incoming events), `events` (outgoing events),
//! `schema` and `shapes` (what the API accepts), `settings` (the session's settings), `conversation`
//! and `item`, `script` (what to say), `performance` (streaming a response), `transcripts` (of the
//! caller), `usage` (token counts). Only `accept` and `socket` use actix, tokio, the clock or random
//! numbers.

mod accept;
mod client;
mod conversation;
mod events;
mod fault;
mod item;
mod performance;
mod schema;
mod script;
mod session;
mod settings;
mod shapes;
mod socket;
mod streamed_item;
mod transcripts;
mod usage;

pub(super) use accept::accept;
