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

use crate::ids::{ItemId, ResponseId};

pub(super) use self::samples::in_format;

/// Whether a response is a recording, of which the model that serves the call hears nothing.
pub fn is_recording(response: &ResponseId) -> bool {
    response.as_str().starts_with(NAME)
}

/// Whether an item is a recording, which no session knows.
pub(super) fn is_recorded(item: &ItemId) -> bool {
    item.as_str().starts_with(NAME)
}

/// The beginning of the names of recordings. A server's own ids begin otherwise.
pub(super) const NAME: &str = "sb_clip_";
