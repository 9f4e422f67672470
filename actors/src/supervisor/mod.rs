//! Who is on: admission, the roll, the drain. Pure in `roster`; what is spent and what follows from it, pure
//! in `ledger`; `actor` spawns one CallActor per stream, on that stream's own
//! thread.

pub mod actor;
pub mod events;
mod hangup_watchdog;
pub mod ledger;
pub mod messages;
mod past;
mod roster;
mod timers;
mod transfer_limits;
