//! Recordings of exact words, for models that do not say given words as they stand
//! (`Capabilities::verbatim`): a legal notice, a goodbye, what a key says.
//!
//! A recording is a file of the operator, or it is rendered by any server with `/v1/audio/speech`
//! ([`plan`]). What was rendered is kept in memory ([`cache`]) and on disk ([`mod@file`]) for all calls
//! of the process: the `actor` renders, once for each text. The sessions of a call decide when a
//! recording is played in place of the model ([`super::sessions`]). To the call it is a response
//! like any other.

pub mod actor;
pub mod cache;
pub mod file;
pub mod messages;
pub mod plan;
mod samples;

pub(super) use self::samples::in_format;
