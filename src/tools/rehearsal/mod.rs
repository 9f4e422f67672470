//! The rehearsal model: a Realtime API server (GA protocol) on a loopback port.
//!
//! The setting `provider = "rehearsal"` selects it. It is the other half of the demo, the model of
//! the test bench, and a server that any GA client may use without a key. It does not understand
//! speech. It greets, finds turns by energy, repeats the caller's own turn, calls tools when a key
//! is pressed, and misbehaves on request ([`misbehaviour`]).
//!
//! `server` opens the port. Each protocol has a folder with the name of the provider that it plays.
//! What a protocol does not change is beside them: `input` and `turns` (the caller's audio), `pace`
//! (of a response), `speech` (the bundled lines), `sound` (audio and its formats) and `log` (client
//! events, for tests).

mod input;
mod log;
pub mod misbehaviour;
mod openai;
mod pace;
mod server;
mod sound;
mod speech;
mod turns;

pub use log::ClientLog;
pub use server::{Rehearsal, RehearsalOptions, run_standalone};
