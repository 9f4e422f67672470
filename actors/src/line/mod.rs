//! The line, between a carrier's wire and the audio: messages between its neighbours, the identity
//! of the call it carries, a carrier's [`stream`] from its upgrade to its end, and who [hangs
//! up](hang_up) at the carrier.

pub mod events;
pub mod hang_up;
pub mod identity;
pub mod messages;
mod pre_start;
pub mod stream;
