//! The rehearsal model: a Realtime API server (GA protocol) on a loopback port.
//!
//! It is what `provider = "rehearsal"` talks to: the demo's other half, the test bench's model, and a server that any GA
//! client may use without a key. It understands no speech and has no opinions. It greets, finds turns by energy, says
//! the caller's own turn back, calls tools when a key is pressed, and misbehaves on request ([`misbehaviour`]).
//!
//! Reading order: `server` opens the port, `socket` carries one connection, `session` is one conversation and pure.
//! Under it: `client` (events in), `events` (events out), `schema` and `shapes` (what the API accepts), `settings` (what
//! a session is set to), `input` and `turns` (the caller's audio), `conversation` and `item`, `script` (what to say),
//! `performance` (saying it), `transcripts` (of the caller), `usage` (what it would cost), `speech` (the bundled lines), `sound` (audio and its formats).
//! Only `server`, `socket` and `log` (what clients said, for tests) know of actix, tokio, the clock and chance.

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
