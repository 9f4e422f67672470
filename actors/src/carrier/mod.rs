//! The carriers: one folder each, and what they share.
//!
//! A carrier is a [`Seat`]: its [`Capabilities`] as data; its [`Wire`] (its messages ⇄ [`LineEvent`], [`LineCommand`]); and the carrier's
//! side of all of it for whoever plays it ([`mod@fake`]). What it asks and tells beside its stream, and what it is answered, is in
//! [`desk`]; what we ask of it is in [`control`]; what it is configured and opened with in [`mod@settings`]. Adding one is a folder, its
//! `mod` line, its row of `SEATS`, and green tests (`tests/conformance.rs`, `tests/desks.rs`, `tests/seats.rs`). What is a carrier's own
//! ends in its folder: what goes further is ours.

pub mod address;
mod capabilities;
pub mod control;
pub mod desk;
mod event;
pub mod fake;
pub mod form;
mod format;
mod json;
pub mod settings;
mod spoken;
pub mod twilio;
pub mod waybeo;
mod wire;

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Serialize, Serializer};
use url::Url;

pub use self::capabilities::{
    ByClear, Capabilities, Chunk, Clear, Flow, Handover, Keys, Length, Liveness, Marks, Messages, OurClose, Pacing,
    Pings, SecondStart,
};
use self::desk::{Role, Route};
pub use self::event::{CallerFrame, FlowSignal, LineCommand, LineEvent, MismatchedFrame, StreamStart};
use self::fake::Fake;
pub use self::format::{AudioFormat, Encoding, LineFormats};
use self::settings::{Described, Finding, Given, Opened, Payload, Secret, Setting};
pub use self::wire::{Incoming, Outgoing, Wire, WireError};

/// What a carrier's folder gives.
pub trait Seat: Sync {
    /// What it can do.
    fn capabilities(&self) -> &'static Capabilities;

    /// Its name in sentences.
    fn title(&self) -> &'static str;

    /// Its paths at the public listener, each with what it is for.
    fn routes(&self) -> &'static [Route];

    /// The keys of its section, which bears its name.
    fn settings(&self) -> &'static [Setting];

    /// Its secrets, in the order in which they are told of.
    fn secrets(&self) -> &'static [Secret];

    /// Whether it calls people, once its API can be used.
    fn calls_people(&self) -> bool {
        false
    }

    /// A body for webhooks in its own format.
    fn payload(&self) -> Option<&'static Payload> {
        None
    }

    /// What is wrong with its settings and secrets.
    fn check(&self, given: &Given<'_>) -> Vec<Finding>;

    /// What would run.
    fn describe(&self, given: &Given<'_>) -> Described;

    /// Whether it is answered.
    fn is_answered(&self, given: &Given<'_>) -> bool;

    /// Opens it at our public address; `None` where it is not answered.
    fn open(&self, given: &Given<'_>, public: &Url) -> Option<Opened>;

    /// The wire of a new stream.
    fn wire(&self) -> Box<dyn Wire>;

    /// The carrier's side of a call; `None` where nobody has written it.
    fn fake(&self) -> Option<&'static dyn Fake> {
        None
    }
}

/// Every carrier: a row each.
const SEATS: [&dyn Seat; 2] = [&twilio::Twilio, &waybeo::Waybeo];

/// A carrier whose media stream we speak. Equal, ordered and written by its name.
#[derive(Clone, Copy)]
pub struct Carrier(&'static dyn Seat);

impl Carrier {
    /// The carrier of a seat.
    const fn of(seat: &'static dyn Seat) -> Self {
        Self(seat)
    }

    /// Every carrier.
    pub fn all() -> impl Iterator<Item = Self> {
        SEATS.into_iter().map(Self)
    }

    /// The carrier of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|carrier| carrier.name() == name)
    }

    /// What it can do.
    pub fn capabilities(self) -> &'static Capabilities {
        self.0.capabilities()
    }

    /// The name in records, labels, settings and routes.
    pub fn name(self) -> &'static str {
        self.capabilities().name
    }

    /// The name in sentences.
    pub fn title(self) -> &'static str {
        self.0.title()
    }

    /// Its paths at the public listener, each with what it is for.
    pub fn routes(self) -> &'static [Route] {
        self.0.routes()
    }

    /// Its path for a role, if it has one; the first of several is the one that it is told.
    pub fn path(self, role: Role) -> Option<&'static str> {
        self.routes().iter().find(|route| route.role == role).map(|route| route.path)
    }

    /// The keys of its section, which bears its name.
    pub fn settings(self) -> &'static [Setting] {
        self.0.settings()
    }

    /// Its secrets, in the order in which they are told of.
    pub fn secrets(self) -> &'static [Secret] {
        self.0.secrets()
    }

    /// The secrets of every carrier.
    pub fn all_secrets() -> impl Iterator<Item = &'static Secret> {
        Self::all().flat_map(|carrier| carrier.secrets())
    }

    /// The variable of a carrier's that a misplaced secret belongs in, by what the name of its setting, in small letters, sounds like.
    pub fn secret_sounding(setting: &str) -> Option<&'static str> {
        let like =
            |secret: &&Secret| !secret.sounds.is_empty() && secret.sounds.iter().all(|part| setting.contains(part));
        Self::all_secrets().find(like).map(|secret| secret.name)
    }

    /// Whether it calls people, once its API can be used.
    pub fn calls_people(self) -> bool {
        self.0.calls_people()
    }

    /// A body for webhooks in its own format.
    pub fn payload(self) -> Option<&'static Payload> {
        self.0.payload()
    }

    /// What is wrong with its settings and secrets.
    pub fn check(self, given: &Given<'_>) -> Vec<Finding> {
        self.0.check(given)
    }

    /// What would run.
    pub fn describe(self, given: &Given<'_>) -> Described {
        self.0.describe(given)
    }

    /// Whether it is answered.
    pub fn is_answered(self, given: &Given<'_>) -> bool {
        self.0.is_answered(given)
    }

    /// Opens it at our public address; `None` where it is not answered.
    pub fn open(self, given: &Given<'_>, public: &Url) -> Option<Opened> {
        self.0.open(given, public)
    }

    /// The wire of a new stream.
    pub fn wire(self) -> Box<dyn Wire> {
        self.0.wire()
    }

    /// Its side of a call, where that can be played.
    pub fn fake(self) -> Option<&'static dyn Fake> {
        self.0.fake()
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
mod tests {
    use super::*;

    #[test]
    fn a_carrier_is_written_and_found_by_its_name() {
        for carrier in Carrier::all() {
            let written = serde_json::to_string(&carrier).expect("a string");
            assert_eq!(written, format!("{:?}", carrier.name()));
            let same = Carrier::all().filter(|other| *other == carrier).count();
            assert_eq!((Carrier::named(carrier.name()), same), (Some(carrier), 1), "no two of one name");
            assert!(
                carrier.name().bytes().all(|c| c.is_ascii_lowercase()),
                "{carrier:?} is a part of paths and labels"
            );
        }
        assert_eq!(Carrier::named("nobody"), None);
    }

    #[test]
    fn what_a_carrier_says_of_itself_fits_together() {
        for carrier in Carrier::all() {
            let can = carrier.capabilities();
            assert!(!can.hears.is_empty() && !can.says.is_empty(), "{carrier:?} speaks no format");
            for format in can.says {
                let samples = |length: Option<Length>| length.map(|length| length.samples(*format));
                let (step, least, most) = (samples(can.chunk.step), samples(can.chunk.least), samples(can.chunk.most));
                assert!(step.is_none_or(|step| step > 0), "{carrier:?}");
                assert!(least.zip(most).is_none_or(|(least, most)| least <= most), "{carrier:?}");
                let whole = |length: Option<u64>| length.zip(step).is_none_or(|(length, step)| length % step == 0);
                assert!(whole(least) && whole(most), "{carrier:?}: a bound that no message can have");
            }
            if can.pacing == Pacing::WePace {
                assert!(
                    can.lead <= std::time::Duration::from_millis(200),
                    "{carrier:?}: all of a lead that is kept is heard"
                );
            }
        }
    }
}
