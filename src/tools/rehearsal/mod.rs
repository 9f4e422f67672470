//! The rehearsal model: a Realtime API server (GA protocol) on a loopback port.
//!
//! The setting `provider = "rehearsal"` selects it. It is the other half of the demo, the model of
//! the test bench, and a server that any GA client may use without a key. It does not understand
//! speech. It greets, finds turns by energy, repeats the caller's own turn, calls tools when a key
//! is pressed, and misbehaves on request ([`misbehaviour`]).
//!
//! Reading order: `server` opens the port, `socket` runs one connection, and `session` is one
//! conversation and pure. The rest supports them: `client` (incoming events), `events` (outgoing
//! events), `schema` and `shapes` (what the API accepts), `settings` (the session's settings),
//! `input` and `turns` (the caller's audio), `conversation` and `item`, `script` (what to say),
//! `performance` (streaming a response), `transcripts` (of the caller), `usage` (token counts),
//! `speech` (the bundled lines), `sound` (audio and its formats). Only `server`, `socket` and `log`
//! (client events, for tests) use actix, tokio, the clock or random numbers.

mod client;
mod conversation;
mod events;
mod fault;
mod input;
mod item;
mod log;
pub mod misbehaviour;
mod pace;
mod performance;
mod schema;
mod script;
mod server;
mod session;
mod settings;
mod shapes;
mod socket;
mod sound;
mod speech;
mod streamed_item;
mod transcripts;
mod turns;
mod usage;

pub use log::ClientLog;
pub use server::{Rehearsal, RehearsalOptions, run_standalone};
