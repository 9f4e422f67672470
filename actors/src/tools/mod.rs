//! Operators' own tools: HTTP calls that the model may ask for.
//!
//! `spec` is what a model is told of a tool. `plan` says what an operator's tool is and whether
//! arguments fit it. Both are pure; `http` carries it out. The CallActor asks, off the audio path; the
//! model never sees an address and never chooses one.

pub mod http;
pub mod plan;
pub mod spec;
