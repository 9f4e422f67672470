//! The wire protocol of the Live API (`BidiGenerateContent`): client messages ([`client`]) and
//! server messages ([`server`]). Pure.
//!
//! A client message has exactly one field, and the server closes the socket on anything that it does
//! not know, so the types can express nothing else. A server message may have several fields, comes
//! in a binary or a text frame, and is read field by field. The wire types do not leave
//! [`super::session`].

pub mod base64;
pub mod client;
pub mod server;
pub mod usage;
