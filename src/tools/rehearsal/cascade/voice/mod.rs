//! Text to speech: the bundled sounds, in each engine's protocol. Pure.
//!
//! `speaker` makes the audio of a text and says when which part of it is sent. The engines differ in
//! what their texts belong to, in what a cancel stops, and in whether they tell times.

pub(super) mod aura;
pub(super) mod cartesia;
pub(super) mod contexts;
pub(super) mod sarvam;
mod speaker;
pub(super) mod speech;
