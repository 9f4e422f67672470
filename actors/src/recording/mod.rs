//! The recording of one call: all sides as heard, written to disk during the call. Off by default.
//!
//! The first channel is the caller. The second is the agent *as heard*: audio sent to the carrier,
//! placed where the playout clock plays it, without what a clear removed. A call that a person took
//! over has a third channel: that person, as heard. [`tape`] puts the sides on one clock and cuts
//! blocks from them. [`writer`] has one thread that decodes the
//! blocks and writes them, so a slow disk delays no frame. [`wav`] is the file's header; it is
//! updated every two seconds, so a crash leaves a valid WAV file.
//!
//! While a recording is paused (for card numbers), all sides are silent and time goes on.

pub mod events;
pub mod report;
pub(crate) mod tape;
mod track;
mod wav;
pub(crate) mod writer;
