//! Twilio: Media Streams, TwiML, request signatures and its REST API; and SignalWire, which speaks
//! the same with other edges. One folder for both: what differs is data ([`dialect`]).

mod answer;
mod control;
mod dialect;
mod fake;
mod settings;
mod signalwire;
pub mod trust;
mod webhook_api;
mod webhook_events;
mod wire;

pub(super) use self::dialect::{SIGNALWIRE, TWILIO};
use super::Carrier;

/// Twilio.
pub const CARRIER: Carrier = Carrier::of(&TWILIO.seat);
/// SignalWire.
pub const CARRIER_SIGNALWIRE: Carrier = Carrier::of(&SIGNALWIRE.seat);
