//! Sessions that are dialled and opened before a call needs them, so that a call's first sound does not wait for TLS.

pub mod actor;
