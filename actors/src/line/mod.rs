//! The line: what neighbours on it send each other, and whose call it carries. Between a carrier's wire and the sound.

pub mod events;
pub mod identity;
pub mod messages;
