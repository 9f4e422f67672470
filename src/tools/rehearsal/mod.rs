//! The rehearsal model: a server on a loopback port that speaks the protocols of the providers.
//!
//! The setting `provider = "rehearsal"` selects it, and `rehearsal_protocol` the protocol. It is the
//! other half of the demo, the model of the test bench, and a server that any client of a protocol
//! may use without a key. It does not understand speech. It greets, finds turns by energy, repeats
//! the caller's own turn, calls tools when a key is pressed, and misbehaves on request
//! ([`misbehaviour`]).
//!
//! `server` opens the port, `accept` a connection, and `socket` runs it. Each protocol has a folder
//! with the name of the provider that it plays, and a row there ([`protocol`]). What a protocol does
//! not change is beside them: `input` and `turns` (the caller's audio), `script` (what is said and
//! called), `agenda` (what is due when), `pace` (of a response), `speech` (the bundled lines), `sound` (audio and its formats),
//! `memory` (what callers said),
//! `outgoing` (the queue of events), `schema` and `fault` (what a strict server refuses) and `log`
//! (client events, for tests). `tls` is for clients that speak nothing else.

mod accept;
mod agenda;
mod cascade;
mod fault;
mod gemini;
mod input;
mod log;
mod memory;
pub mod misbehaviour;
mod openai;
mod openai_live;
mod outgoing;
mod pace;
mod protocol;
mod schema;
mod script;
mod server;
mod socket;
mod sound;
mod speech;
mod tls;
mod turns;

pub use log::ClientLog;
pub use server::{Rehearsal, RehearsalOptions, protocols, run_standalone};
