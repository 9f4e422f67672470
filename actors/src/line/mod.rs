//! The line: what neighbours on it send each other, whose call it carries, and a carrier's
//! [`stream`] from its upgrade to its end. Between a carrier's wire and the sound.

pub mod events;
pub mod identity;
pub mod messages;
mod pre_start;
pub mod stream;
