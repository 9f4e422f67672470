//! The model's side of the call: one Realtime session over one WebSocket, GA protocol only.
//!
//! `protocol` is the wire (events out, events in, tolerant of the unknown), `session` the connection's state machine,
//! `sequencer` the rule of one response at a time, `backlog` what the AudioPipeline could not take at once, `plan` (and
//! `options`, its finer part) what a session is configured with. `socket` dials and reads, `writer` writes, `actor` joins.

pub mod actor;
pub mod backlog;
pub mod messages;
pub mod options;
pub mod plan;
pub mod protocol;
pub mod sequencer;
pub mod session;
pub mod socket;
pub mod writer;
