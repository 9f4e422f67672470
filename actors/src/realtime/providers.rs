//! What all calls of the process know about servers, keys and models. One actor holds it and is
//! consulted by message when a session is dialled or lost. It is never on the audio path.

pub mod actor;
pub mod messages;
