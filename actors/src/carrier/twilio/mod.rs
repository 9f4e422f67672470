//! Twilio: Media Streams, and its REST API.

pub mod control;
pub(super) mod wire;
