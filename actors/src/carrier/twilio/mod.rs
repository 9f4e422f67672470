//! Twilio: Media Streams, TwiML, request signatures and its REST API; and SignalWire, which speaks
//! the same with other edges. One folder for both: what differs is data ([`Dialect`]).

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

use url::Url;

use self::dialect::Which;
pub(super) use self::dialect::{Dialect, SIGNALWIRE, TWILIO};
use self::fake::TwilioFake;
use self::wire::TwilioWire;
use super::fake::Fake;
use super::settings::{Described, Finding, Given, Opened, Secret, Setting};
use super::webhook_api::Route;
use super::{Capabilities, Carrier, Seat, Wire};

/// Twilio.
pub const CARRIER: Carrier = Carrier::of(&TWILIO);
/// SignalWire.
pub const CARRIER_SIGNALWIRE: Carrier = Carrier::of(&SIGNALWIRE);

impl Seat for Dialect {
    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn routes(&self) -> &'static [Route] {
        self.routes
    }

    fn settings(&self) -> &'static [Setting] {
        self.settings
    }

    fn secrets(&self) -> &'static [Secret] {
        self.secrets
    }

    fn calls_callees(&self) -> bool {
        true
    }

    fn invites_callees(&self) -> bool {
        true
    }

    fn check(&self, given: &Given<'_>) -> Vec<Finding> {
        match self.which {
            Which::Twilio => settings::check(given),
            Which::SignalWire => signalwire::check(given),
        }
    }

    fn describe(&self, given: &Given<'_>) -> Described {
        match self.which {
            Which::Twilio => settings::describe(given),
            Which::SignalWire => signalwire::describe(given),
        }
    }

    fn is_answered(&self, given: &Given<'_>) -> bool {
        match self.which {
            Which::Twilio => true,
            Which::SignalWire => signalwire::is_answered(given),
        }
    }

    fn open(&self, given: &Given<'_>, public: &Url) -> Option<Opened> {
        match self.which {
            Which::Twilio => Some(settings::open(given, public)),
            Which::SignalWire => signalwire::open(given, public),
        }
    }

    fn wire(&self) -> Box<dyn Wire> {
        Box::<TwilioWire>::default()
    }

    fn fake(&self) -> Option<&'static dyn Fake> {
        Some(TwilioFake::of(self.same()))
    }
}
