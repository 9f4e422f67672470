//! What comes of an engine's socket, or of a request to it. Pure.

pub use crate::realtime::named::{RequestEvent, SocketEvent};
