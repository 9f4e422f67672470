//! The line: what neighbours on it send each other, whose call it carries, a carrier's
//! [`stream`] from its upgrade to its end, and who [hangs up](hang_up) at the carrier. Between a carrier's wire and the sound.

pub mod events;
pub mod hang_up;
pub mod identity;
pub mod messages;
mod pre_start;
pub mod stream;
