//! Plivo: audio streams, XML, signatures and its REST API; and Vobiz, which speaks the same with
//! other edges. One folder for both: what differs is data ([`Dialect`]).

mod answer;
mod control;
mod dialect;
mod fake;
mod nonces;
mod settings;
mod trust;
mod webhook_api;
mod webhook_events;
mod wire;

pub use self::dialect::Dialect;
pub(super) use self::dialect::{PLIVO, VOBIZ};
use super::Carrier;

/// Plivo.
pub const CARRIER: Carrier = Carrier::of(&PLIVO.seat);
/// Vobiz.
pub const CARRIER_VOBIZ: Carrier = Carrier::of(&VOBIZ.seat);
