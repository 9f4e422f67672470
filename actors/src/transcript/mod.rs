//! The transcript of a call: written as it happens, filed as a record when the call ends.
//!
//! All pure: `log` puts words in order, `happenings` keeps the other events, `record` shapes the record's files, `legacy` those of the
//! service before this one, `answers` sums up the agent's questions, `pause` withholds what is said while the recording is paused,
//! `journal` has the lines that outlive a crash. `journal::writer` writes those lines and `writer` files records, each on a thread
//! of its own, so that a slow disk never delays a frame. `recovery` makes records of the journals that a dead process left. `actor`
//! joins them.

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
