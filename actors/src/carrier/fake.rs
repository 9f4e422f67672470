//! The carrier's side of a call: what `switchboard call`, `demo` and `bench` play, and the oracle of the tests.
//!
//! Pure: requests and messages are data. Whoever plays a fake brings the sockets, the clock and the chance.
//!
//! A fake is stricter than its carrier: what the carrier's page calls wrong is refused, with the carrier's
//! own code where it has one. It shares no code with the service's side of its folder (wire, trust, answer):
//! one mistake would agree with itself. Audio is 8 kHz, mono, on both ways.

mod document;
mod line;
pub(super) mod mulaw;
mod request;
pub(super) mod strict;

use std::fmt;

use url::Url;

pub use self::document::{Callback, Dial, Document, Invitation, StreamNoun, Verb};
pub use self::line::{Echo, Line, Said, echoes_of_clear, most_queued};
pub use self::request::{Calling, Documents, Method, Outcome, Request, Stage, Told};

/// A carrier, played.
pub trait Fake: Sync {
    /// How it is named, and how it is called.
    fn usage(&self) -> &'static Usage;

    /// What it can be told to do wrong.
    fn faults(&self) -> &'static [Fault] {
        &[]
    }

    /// What a service needs to be set to.
    fn setup(&self, part: Part<'_>) -> Setup;

    /// The id of a new call; `random` makes it another one than any before.
    fn call_id(&self, random: u128) -> String;

    /// The id of a new stream of `call`.
    fn stream_id(&self, call: &str, random: u128) -> String {
        let _ = random;
        call.to_owned()
    }

    /// How it asks for documents, where it does.
    fn documents(&self) -> Option<&'static dyn Documents> {
        None
    }

    /// The stream's address of a call that goes straight to it. `at` is that address, or the service's own.
    ///
    /// # Errors
    /// What is wrong with the address.
    fn stream_at(&self, at: Url) -> Result<Url, String> {
        Ok(at)
    }

    /// The request that opens a stream; a `GET` whose address is a socket's.
    fn upgrade(&self, call: &Calling, stream: &Url) -> Request;

    /// The carrier's end of a new stream.
    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line>;

    /// The code that it shows its customer for this; `None` where it has none.
    fn code(&self, violation: Violation) -> Option<u32> {
        let _ = violation;
        None
    }
}

impl fmt::Debug for dyn Fake + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.usage().title)
    }
}

impl dyn Fake + '_ {
    /// The code as it stands behind a failure, ` (Title 11205)`; empty where the carrier has none.
    pub fn coded(&self, violation: Violation) -> String {
        self.code(violation).map_or_else(String::new, |code| format!(" ({} {code})", self.usage().title))
    }

    /// What the carrier says of a violation that ends nothing.
    pub fn complaint(&self, violation: Violation, text: impl Into<String>) -> Complaint {
        Complaint { code: self.code(violation).unwrap_or_default(), text: text.into() }
    }
}

/// How a carrier is named and called, in words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Its name in sentences.
    pub title: &'static str,
    /// What the address is that a call is given.
    pub address: &'static str,
    /// Where its calls come to, behind the service's public address.
    pub door: &'static str,
    /// Examples: what stands behind `switchboard call`.
    pub examples: &'static [&'static str],
}

/// What a carrier is to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Its calls are to be taken.
    Played {
        /// What they are signed with; `None` leaves them unsigned, and the service is not to ask for more.
        secret: Option<&'a str>,
    },
    /// It has no calls, and needs no secret.
    Aside,
}

/// What a service is set to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// Settings, by their dotted names.
    pub settings: Vec<(&'static str, String)>,
    /// Secrets, by the names of their variables.
    pub secrets: Vec<(&'static str, String)>,
}

/// Misbehaviour of a carrier, all of it seen in the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A caller who hangs up is not told of.
    NoStop,
    /// The socket of a call that is over stays open, and silent.
    NoClose,
    /// The first packet is at 16 kHz.
    FirstAt16k,
    /// Samples are written without a sign.
    Unsigned,
    /// `start` is sent twice.
    DuplicateStart,
    /// A `start` of another call follows.
    OtherStart,
    /// Audio comes before `start`.
    MediaFirst,
}

impl Fault {
    /// Every one.
    pub const ALL: [Self; 7] = [
        Self::NoStop,
        Self::NoClose,
        Self::FirstAt16k,
        Self::Unsigned,
        Self::DuplicateStart,
        Self::OtherStart,
        Self::MediaFirst,
    ];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStop => "no-stop",
            Self::NoClose => "no-close",
            Self::FirstAt16k => "first-16k",
            Self::Unsigned => "unsigned",
            Self::DuplicateStart => "duplicate-start",
            Self::OtherStart => "other-start",
            Self::MediaFirst => "media-first",
        }
    }

    /// What it is, for a person.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoStop => "A caller who hangs up is not told of",
            Self::NoClose => "The socket of a call that is over stays open, and silent",
            Self::FirstAt16k => "The first packet is at 16 kHz",
            Self::Unsigned => "Samples are written without a sign",
            Self::DuplicateStart => "`start` is sent twice",
            Self::OtherStart => "A `start` of another call follows",
            Self::MediaFirst => "Audio comes before `start`",
        }
    }
}

/// What a service can do wrong towards its carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// It cannot be reached, or does not answer in time.
    Unreachable,
    /// It answers with another status than a success.
    Refused,
    /// Its answer is of a type that is no document.
    WrongType,
    /// Its answer is too long, or no text.
    Unreadable,
    /// Its document cannot be read.
    BadDocument,
    /// An address of its document is none.
    BadAddress,
    /// The upgrade is not answered in time.
    StreamTimeout,
    /// The stream's address cannot be connected to.
    StreamUnreachable,
    /// The stream's certificate does not hold.
    StreamCertificate,
    /// The upgrade is refused.
    NoUpgrade,
    /// The stream's connection ends without a close.
    StreamDropped,
    /// The stream is closed with a code that is none of an ordinary end.
    StreamClosed,
    /// What comes on the stream is no WebSocket.
    StreamViolated,
    /// Messages to it have to be dropped, because it reads too slowly.
    ReadsTooSlowly,
    /// More audio is queued than is kept.
    PlayoutFull,
    /// A message is not of the protocol's form.
    Malformed,
    /// A message is not of the protocol's content.
    Invalid,
}

/// What the carrier would show its customer of a violation that ends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Its code; 0 where it has none.
    pub code: u32,
    /// What is wrong.
    pub text: String,
}
