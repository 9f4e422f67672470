//! One call: what it is to be, what has happened, what to do next.
//!
//! `machine` decides (state × event → actions), `turn` is its sub-machine for who is speaking, `brief` says what the call is to
//! be. `actor` owns the call's three organs and carries out the actions.

pub mod actor;
pub mod brief;
mod keypad;
pub mod ladder;
pub mod machine;
pub mod messages;
pub mod steps;
#[cfg(test)]
pub(crate) mod testing;
mod tools;
mod turn;
