//! What was said, written down as it happens and filed when the call ends.
//!
//! `log` puts words in order (pure), `happenings` keeps what happened besides (pure), `answers` looks back on the agent's questions (pure), `record` shapes the files of the contract (pure), `writer` owns the disk on a thread of
//! its own so that a slow disk never delays a frame, `actor` joins.

pub mod actor;
pub mod answers;
pub mod happenings;
pub mod log;
pub mod messages;
pub mod record;
pub mod writer;

#[cfg(test)]
mod testing;
