//! What all calls of the process know about servers, keys and models: one actor, asked and told by messages when a session is
//! dialled or lost, never on the way of audio.

pub mod actor;
pub mod messages;
