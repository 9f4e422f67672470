//! The transcript of a call: written during the call, filed as a record when the call ends.
//!
//! These modules are pure:
//!
//! - `log` puts words in order.
//! - `happenings` keeps the other events.
//! - `record` shapes the record's files, and `legacy` the files in the predecessor service's
//!   format.
//! - `answers` sums up the agent's questions.
//! - `pause` withholds what is said while the recording is paused.
//! - `journal` defines the lines that outlive a crash.
//!
//! `journal::writer` writes those lines and `writer` files records, each on its own thread, so that
//! a slow disk never delays a frame. `recovery` makes records of the journals that a dead process
//! left. `actor` connects the modules.

pub(crate) mod actor;
mod answers;
pub mod events;
mod happenings;
pub mod journal;
mod legacy;
pub mod log;
pub mod messages;
mod pause;
pub mod recent;
pub mod record;
pub mod recovery;
pub mod watch;
pub mod writer;

#[cfg(test)]
mod testing;
