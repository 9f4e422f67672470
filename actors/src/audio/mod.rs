//! The audio path of one call, both ways: codec, resampling, pacing, and the ledger of what the
//! caller heard.
//!
//! - Caller: line frames → G.711 → [`level`] → resample up → model format ([`caller`]). The audio
//!   is kept until the model is attached. [`voice`] dates the last speech.
//! - Agent: model audio → resample down → [`level`] → G.711 → queue → paced commands to the line,
//!   with marks ([`playout`]). [`playhead`] estimates the carrier's position and [`item`] counts.
//!   [`replay`] keeps audio to send again after a pause, and [`fade`] covers the seam.
//!   [`keep_open`] says when silence is due.
//!
//! [`ears`] is what operators hear who listen in by a [`tap`], and [`person`] is one who talks with
//! the caller in place of the agent.
//!
//! [`gather`] joins frames for the model while the thread falls behind.
//!
//! [`detector`] says when the caller speaks, where no model does. Beside a model that does, it gives
//! a [`second_opinion`].
//!
//! [`intake`] converts frames that differ from the line's format before they come here.
//! [`diagnosis`] examines what the carrier sends. It uses [`candidate_format`] for the bytes,
//! [`high_band`] for the spectrum and [`packet_timing`] for the packets.
//!
//! [`pipeline`] joins both directions as one machine, [`action`] lists its actions, and [`actor`]
//! performs them. Both directions can be recorded ([`crate::recording`]). [`crate::frame`] lends
//! the buffers that travel, [`scratch`] lends those that do not, and [`energy`] measures how loud
//! samples are.

pub mod action;
pub(crate) mod actor;
mod agent;
mod caller;
mod candidate_format;
mod chunks;
pub mod detector;
pub(crate) mod diagnosis;
mod drops;
pub mod ears;
mod energy;
pub mod events;
mod fade;
mod gather;
mod high_band;
pub mod intake;
mod item;
mod keep_open;
pub mod level;
mod marks;
pub mod messages;
mod packet_timing;
mod person;
pub mod pipeline;
mod playhead;
mod playout;
mod quiet;
mod replay;
pub mod report;
pub mod resample;
pub(crate) mod scratch;
pub mod second_opinion;
pub mod tap;
pub(crate) mod voice;
