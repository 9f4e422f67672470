//! Operators' own tools: HTTP calls that the model may ask for.
//!
//! `plan` says what a tool is and whether arguments fit it (pure), `http` carries it out. The CallActor asks, off the audio path; the
//! model never sees an address and never chooses one.

pub mod http;
pub mod plan;
