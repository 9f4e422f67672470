//! Operators' own tools: HTTP requests that the model may ask for.
//!
//! `spec` describes a tool to a model. `plan` describes an operator's tool and checks arguments.
//! Both are pure; `http` sends the request. The CallActor sends it off the audio path. The model
//! never sees or chooses an address.

pub mod http;
pub mod plan;
pub mod spec;
