//! One call: what it is to be, what has happened, what to do next.
//!
//! `machine` decides (state × event → actions); its sub-machines are `turn` (what the agent says), `gate` (whether the caller's speech is
//! an interruption), `ladder` (what silence leads to), `keypad`, `tools`, `transfer` (to a person and
//! back), `latency` (how long an answer takes to reach the ear)
//! and `meter` (what the call costs).
//! `brief` says what the call is to be, `question` what an answer is. `actor` owns the call's three organs and carries out the actions.

pub mod actor;
mod gate;
mod keypad;
pub mod ladder;
mod latency;
pub mod machine;
pub mod messages;
pub mod meter;
pub mod report;
pub mod steps;
#[cfg(test)]
pub(crate) mod testing;
mod tools;
pub mod transfer;
mod turn;
