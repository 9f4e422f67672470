//! The engines of a cascade: speech to text, a chat model, and text to speech.
//!
//! Each engine speaks its own protocol at its own path, and all of them share the server's address,
//! which is the base of each engine's API. What the caller says is described as in the other
//! protocols, the chat model follows the same script, and the voices have the same bundled sounds.
//! Each engine refuses what the real one refuses, and misbehaves as its own URL asks.
//!
//! Reading order: `seat` lists the paths, `link` is the part that all sockets share, and the server's
//! memory lets a voice repeat what the caller said. `ears` hear, `mind` answers, `voice` speaks. `requests` serves the engines that have no socket. All but `seat`
//! and `requests` is pure.

mod ears;
mod link;
mod mind;
mod query;
mod reply;
mod requests;
pub(super) mod seat;
mod voice;

/// The headers in which the engines take keys.
const KEYS: [&str; 4] = ["authorization", "xi-api-key", "x-api-key", "api-subscription-key"];

#[cfg(test)]
mod tests;
