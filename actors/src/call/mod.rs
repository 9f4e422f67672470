//! One call: what it is to be, what has happened, what to do next.
//!
//! `machine` decides (state × event → actions); its sub-machines are `turn` (what the agent says), `barge_in` (whether the caller's speech is
//! an interruption), `no_input` (what silence leads to), `keypad`, `tools`, `transfer` (to a person and
//! back), `latency` (how long an answer takes to reach the ear)
//! and `meter` (what the call costs).
//! `profile` says what the call is to be, `question` what an answer is. `actor` owns the call's three organs and carries out the actions.

pub mod actor;
mod barge_in;
mod keypad;
mod latency;
pub mod machine;
pub mod messages;
pub mod meter;
pub mod no_input;
pub mod report;
pub mod steps;
#[cfg(test)]
pub(crate) mod testing;
mod tools;
pub mod transfer;
mod turn;
