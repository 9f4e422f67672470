//! Switchboard answers phone calls with a realtime voice model.

pub mod phone;
pub mod rehearsal;
