//! The doors: HTTP and WebSocket in front of the actors. No call logic.
pub mod form;
pub mod gate;
pub mod problem;
pub mod signature;
pub mod twiml;
