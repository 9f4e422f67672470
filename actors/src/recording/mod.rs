//! The recording of one call: what both sides heard, in stereo, on disk while the call goes on. Off unless the operator wants it.
//!
//! Left is the caller, right the agent *as heard*: what the carrier was sent, from when it plays it by the playout's clock, and nothing
//! that a clear took back. [`tape`] puts both sides on one clock and cuts off blocks. [`writer`] has one thread that decodes the
//! blocks and writes them, so that a slow disk delays no frame. [`wav`] is the file's header; it is updated every two seconds, so
//! that a crash leaves a valid WAV file.
//!
//! While a recording is paused (card numbers), it holds silence for both sides, and time goes on.

pub mod events;
pub mod report;
pub(crate) mod tape;
mod track;
mod wav;
pub(crate) mod writer;
