//! Waybeo, whose bot stream is Ozonetel's.

pub mod control;
pub(super) mod wire;
