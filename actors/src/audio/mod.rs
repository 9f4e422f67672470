//! The audio path of one call, both ways: codec, resampling, pacing, and the ledger of what was heard.
//!
//! Caller: line frames → G.711 → [`level`] → resample up → model format, kept until the model is attached ([`caller`]); [`voice`]
//! dates the last speech.
//! Agent: model audio → resample down → [`level`] → G.711 → queue → paced commands to the line, with marks ([`playout`], which asks
//! [`playhead`] where the carrier stands, counts by [`item`], sends again from [`replay`] after a pause and has [`fade`] cover it, and sends silence when [`keep_open`] asks for it).
//!
//! [`intake`] converts frames that differ from the line's format before they come here.
//! [`diagnosis`] examines what the carrier sends, by what [`candidate_format`] makes of its bytes, by its [`high_band`] and by the packets'
//! [`packet_timing`].
//!
//! [`pipeline`] joins both as one machine, [`action`] is what it asks for, [`actor`] does it. Both directions can be recorded
//! ([`crate::recording`]). [`crate::frame`] lends the buffers that travel, [`scratch`] those that do not; [`energy`] tells how
//! loud samples are.

pub mod action;
pub(crate) mod actor;
mod agent;
mod caller;
mod candidate_format;
mod chunks;
pub(crate) mod diagnosis;
mod drops;
mod energy;
pub mod events;
mod fade;
mod high_band;
pub mod intake;
mod item;
mod keep_open;
pub mod level;
mod marks;
pub mod messages;
mod packet_timing;
pub mod pipeline;
mod playhead;
mod playout;
mod replay;
pub mod report;
pub mod resample;
pub(crate) mod scratch;
mod voice;
