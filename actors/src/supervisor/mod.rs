//! Who is on: admission, the roll, the drain. Pure in `roster`; `actor` spawns one CallActor per stream, on that stream's own
//! thread.

pub mod actor;
mod backstop;
mod leaves;
pub mod messages;
pub mod roster;
