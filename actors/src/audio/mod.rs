//! The audio path of one call, both ways: codec, resampling, pacing, and the ledger of what was heard.
//!
//! Caller: line frames → G.711 → resample up → model format, held until the model is attached.
//! Agent: model audio → resample down → G.711 → per-item queue → paced commands to the line, with marks.

pub mod action;
pub mod actor;
pub mod caller;
pub mod frame;
pub mod g711;
pub mod messages;
pub mod pipeline;
pub mod playhead;
pub mod playout;
pub mod resample;
