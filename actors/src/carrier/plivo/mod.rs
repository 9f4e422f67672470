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

use url::Url;

pub use self::dialect::Dialect;
use self::dialect::Which;
pub(super) use self::dialect::{PLIVO, VOBIZ};
use self::fake::PlivoFake;
use self::wire::PlivoWire;
use super::fake::Fake;
use super::settings::{Described, Finding, Given, Opened, Secret, Setting};
use super::webhook_api::Route;
use super::{Capabilities, Carrier, Seat, Wire};

/// Plivo.
pub const CARRIER: Carrier = Carrier::of(&PLIVO);
/// Vobiz.
pub const CARRIER_VOBIZ: Carrier = Carrier::of(&VOBIZ);

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
        // A call that the other one places has no name until it is answered, so it could not be ended
        // when the caller is gone.
        self.which == Which::Vobiz
    }

    fn check(&self, given: &Given<'_>) -> Vec<Finding> {
        settings::check(self, given)
    }

    fn describe(&self, given: &Given<'_>) -> Described {
        settings::describe(self, given)
    }

    fn is_answered(&self, given: &Given<'_>) -> bool {
        settings::is_answered(given)
    }

    fn open(&self, given: &Given<'_>, public: &Url) -> Option<Opened> {
        settings::open(self.same(), given, public)
    }

    fn wire(&self) -> Box<dyn Wire> {
        Box::new(PlivoWire::new(self.same()))
    }

    fn fake(&self) -> Option<&'static dyn Fake> {
        Some(PlivoFake::of(self.same()))
    }
}
