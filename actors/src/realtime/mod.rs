//! The model's side of the call: one Realtime session over one WebSocket, GA protocol only.
//!
//! `protocol` is the wire (events out, events in, tolerant of the unknown), `session` the connection's state machine,
//! `sequencer` the rule of one response at a time, `backlog` what the AudioPipeline could not take at once, `plan` (and
//! `options`, its finer part) what a session is configured with. `dial` opens a socket, `writer` writes to it, `incoming` is what is
//! read, `actor` joins.
//!
//! A session may be lost, a call may not. `failover_plan` says where the next one is dialled and when, `breaker` which keys and
//! servers are not worth it for now; `history` and `turn_audio` keep what was said and heard, `handoff` makes of that what the next
//! session begins with (`seed`).

pub mod actor;
pub mod backlog;
pub mod breaker;
pub mod dial;
pub mod failover_plan;
pub mod handoff;
pub mod history;
pub mod incoming;
pub mod messages;
pub mod options;
pub mod plan;
pub mod pool;
pub mod protocol;
pub mod report;
pub mod seed;
pub mod sequencer;
pub mod session;
pub mod turn_audio;
pub mod writer;
