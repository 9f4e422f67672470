//! What was said, written down as it happens and filed when the call ends.
//!
//! `log` puts words in order, `happenings` keeps what happened besides, `record` shapes the files of the contract, `legacy` those
//! of the service before this one, `answers` looks back on the agent's
//! questions, `pause` withholds what is said while the recording is paused, `journal` the lines that outlive a crash (all pure). `journal::writer` writes those lines and
//! `writer` files records, each on a thread of its own, so that a slow disk never delays a frame; `recovery` makes records of the
//! journals that a dead process left. `actor` joins.

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
