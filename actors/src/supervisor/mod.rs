//! Tracks the live calls: admission, permits, the drain. `roster` (pure) has the places, and
//! `ledger` (pure) the spending and its limits. `actor` spawns one CallActor per stream, on the
//! stream's own thread.

pub mod actor;
pub mod events;
mod hangup_watchdog;
pub mod ledger;
pub mod messages;
mod past;
pub mod report;
mod roster;
mod timers;
mod transfer_limits;
