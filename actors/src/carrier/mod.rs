//! The carriers: one folder each, and what they share.
//!
//! A carrier is a [`Seat`]. It has its [`Capabilities`] as data, its [`Wire`] (its messages as
//! [`LineEvent`] and [`LineCommand`]), and optionally a simulation of its own side ([`mod@fake`]).
//! [`webhook_api`] has its HTTP requests to us and our answers, [`control`] our requests to it, and
//! [`mod@settings`] its configuration. To add a carrier, add a folder, its `mod` line and its row
//! of `SEATS`, until the tests pass (`tests/conformance`, `tests/webhook_apis.rs`,
//! `tests/seats.rs`). `WRITE_PAGES=1 cargo test` then writes its sections of `config.toml` and
//! `deploy/metrics.md`. Carrier-specific types stay in the carrier's folder; everything beyond it
//! uses ours.

pub mod address;
pub mod asterisk;
pub mod audiosocket;
mod browser;
mod capabilities;
pub mod control;
mod event;
pub mod exotel;
pub mod fake;
pub mod form;
mod format;
mod json;
mod packets;
pub mod plivo;
pub mod settings;
pub mod smartflo;
mod spoken;
pub mod telnyx;
#[cfg(test)]
pub(crate) mod testing;
mod token;
pub mod twilio;
pub mod waybeo;
pub mod webhook_api;
mod wire;
mod xml;

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};
use url::Url;

pub use self::capabilities::{
    ByClear, Capabilities, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages, OurClose, Pacing,
    Pings, SecondStart, TheirClose,
};
pub use self::event::{CallerFrame, FlowSignal, LineCommand, LineEvent, MismatchedFrame, StreamStart};
use self::fake::Fake;
pub use self::format::{AudioFormat, Encoding, LineFormats};
pub use self::packets::Packets;
use self::settings::{Described, Finding, Given, Opened, Payload, Secret, Setting};
use self::webhook_api::{Role, Route};
pub use self::wire::{Incoming, Outgoing, Wire, WireError};

/// What a carrier's folder provides.
#[derive(Debug)]
pub struct Seat {
    /// Its capabilities.
    pub capabilities: Capabilities,
    /// Its name in prose.
    pub title: &'static str,
    /// Its paths at the public listener, each with its purpose.
    pub routes: &'static [Route],
    /// The keys of its section, which has the carrier's name.
    pub settings: &'static [Setting],
    /// Its secrets, in the order of their listing.
    pub secrets: &'static [Secret],
    /// Whether it can place calls, once its API is available.
    pub calls_callees: bool,
    /// Whether it can call a person into a conference with a waiting caller, for a warm transfer.
    pub invites_callees: bool,
    /// A body for webhooks in its own format.
    pub payload: Option<&'static Payload>,
    /// Problems of its settings and secrets.
    pub check: fn(&Given<'_>) -> Vec<Finding>,
    /// A description of the resulting configuration.
    pub describe: fn(&Given<'_>) -> Described,
    /// Whether its calls are accepted.
    pub is_answered: fn(&Given<'_>) -> bool,
    /// Opens it at our public address; `None` if its calls are not accepted.
    pub open: fn(&Given<'_>, &Url) -> Option<Opened>,
    /// The wire of a new stream.
    pub wire: fn() -> Box<dyn Wire>,
    /// How packets are cut out of the TCP connection that is its stream. Its first packet shows the
    /// permit, a UUID. `None` if its streams are WebSockets.
    pub packets: Option<Packets>,
    /// The simulated carrier; `None` if there is none.
    pub fake: Option<&'static dyn Fake>,
}

/// Every carrier, one row each.
const SEATS: [&Seat; 10] = [
    &twilio::TWILIO.seat,
    &waybeo::SEAT,
    &plivo::PLIVO.seat,
    &plivo::VOBIZ.seat,
    &exotel::SEAT,
    &asterisk::SEAT,
    &audiosocket::SEAT,
    &telnyx::SEAT,
    &smartflo::SEAT,
    &twilio::SIGNALWIRE.seat,
];

/// The seat of the operators' own calls. It is no row of [`SEATS`]: its streams come to the operators'
/// listener, and it has neither webhooks nor settings.
static OPERATORS: &Seat = &browser::SEAT;

/// A carrier whose media stream is supported. It is compared, ordered and serialized by its name.
#[derive(Clone, Copy)]
pub struct Carrier(&'static Seat);

impl Carrier {
    /// The carrier of a seat.
    const fn of(seat: &'static Seat) -> Self {
        Self(seat)
    }

    /// The carrier of operators' test calls, whose streams come to the operators' listener.
    pub fn of_operators() -> Self {
        Self(OPERATORS)
    }

    /// Every carrier that calls can have: [`Self::all`], and the operators' own.
    pub fn every() -> impl Iterator<Item = Self> {
        Self::all().chain([Self::of_operators()])
    }

    /// Every carrier of the public network, in the order of their sections in the configuration.
    pub fn all() -> impl Iterator<Item = Self> {
        SEATS.into_iter().map(Self)
    }

    /// The carrier with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|carrier| carrier.name() == name)
    }

    /// Its capabilities.
    pub fn capabilities(self) -> &'static Capabilities {
        &self.0.capabilities
    }

    /// The name in records, metric labels, settings and routes.
    pub fn name(self) -> &'static str {
        self.capabilities().name
    }

    /// The name in prose.
    pub fn title(self) -> &'static str {
        self.0.title
    }

    /// Its paths at the public listener, each with its purpose.
    pub fn routes(self) -> &'static [Route] {
        self.0.routes
    }

    /// Its path for a role, if it has one. If there are several, the first is the one that the
    /// carrier is given.
    pub fn path(self, role: Role) -> Option<&'static str> {
        self.routes().iter().find(|route| route.role == role).map(|route| route.path)
    }

    /// The keys of its section, which has the carrier's name.
    pub fn settings(self) -> &'static [Setting] {
        self.0.settings
    }

    /// Its secrets, in the order of their listing.
    pub fn secrets(self) -> &'static [Secret] {
        self.0.secrets
    }

    /// The secrets of every carrier, each once: two may share one.
    pub fn all_secrets() -> impl Iterator<Item = &'static Secret> {
        let named = |carrier: &Self, name| carrier.secrets().iter().any(|secret| secret.name == name);
        Self::all().enumerate().flat_map(move |(at, carrier)| {
            let earlier = move |name| Self::all().take(at).any(|other| named(&other, name));
            carrier.secrets().iter().filter(move |secret| !earlier(secret.name))
        })
    }

    /// The variable for a misplaced secret: the carrier's secret whose sounds are in the setting's
    /// lower-case name.
    pub fn secret_sounding(setting: &str) -> Option<&'static str> {
        let like =
            |secret: &&Secret| !secret.sounds.is_empty() && secret.sounds.iter().all(|part| setting.contains(part));
        Self::all_secrets().find(like).map(|secret| secret.name)
    }

    /// Whether it can place calls, once its API is available.
    pub fn calls_callees(self) -> bool {
        self.0.calls_callees
    }

    /// Whether it can call a person into a conference with a waiting caller, for a warm transfer.
    pub fn invites_callees(self) -> bool {
        self.0.invites_callees
    }

    /// A body for webhooks in its own format.
    pub fn payload(self) -> Option<&'static Payload> {
        self.0.payload
    }

    /// Problems of its settings and secrets.
    pub fn check(self, given: &Given<'_>) -> Vec<Finding> {
        (self.0.check)(given)
    }

    /// A description of the resulting configuration.
    pub fn describe(self, given: &Given<'_>) -> Described {
        (self.0.describe)(given)
    }

    /// Whether its calls are accepted.
    pub fn is_answered(self, given: &Given<'_>) -> bool {
        (self.0.is_answered)(given)
    }

    /// Opens it at our public address; `None` if its calls are not accepted.
    pub fn open(self, given: &Given<'_>, public: &Url) -> Option<Opened> {
        (self.0.open)(given, public)
    }

    /// The wire of a new stream.
    pub fn wire(self) -> Box<dyn Wire> {
        (self.0.wire)()
    }

    /// How packets are cut out of its streams, if these are no WebSockets.
    pub fn packets(self) -> Option<Packets> {
        self.0.packets
    }

    /// The simulated carrier, if there is one.
    pub fn fake(self) -> Option<&'static dyn Fake> {
        self.0.fake
    }
}

impl fmt::Debug for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl PartialEq for Carrier {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Carrier {}

impl Hash for Carrier {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name().hash(state);
    }
}

impl Serialize for Carrier {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

#[cfg(test)]
mod tests;
