//! The carrier's side of a call, for `switchboard call`, `demo` and `bench`, and as an oracle for
//! tests.
//!
//! Pure: requests and messages are data. The program that runs a fake provides the sockets, the
//! clock and the randomness.
//!
//! A fake is stricter than its carrier. It refuses what the carrier's documentation forbids, with
//! the carrier's own error code if there is one. It shares no code with the service's side of its
//! folder (wire, trust, answer), because a shared mistake would go unnoticed. Audio is 8 kHz mono
//! in both directions.

mod document;
mod line;
pub(super) mod mulaw;
mod request;
pub(super) mod strict;
#[cfg(test)]
pub(super) mod testing;
pub(super) mod xml;

use std::fmt;

use url::Url;

use super::Carrier;

pub use self::document::{Callback, Dial, Document, Invitation, StreamNoun, Verb};
pub use self::line::{Echo, Line, Said, echoes_of_clear, most_queued};
pub use self::request::{Calling, CarrierEvent, Documents, Method, Outcome, Request, Stage};

/// A simulated carrier.
pub trait Fake: Sync {
    /// The carrier that it simulates.
    fn carrier(&self) -> Carrier;

    /// How to call it.
    fn usage(&self) -> &'static Usage;

    /// The faults that it can simulate.
    fn faults(&self) -> &'static [Fault] {
        &[]
    }

    /// The service's configuration for it.
    fn setup(&self, part: Part<'_>) -> Setup;

    /// The id of a new call. `random` makes it unique.
    fn call_id(&self, random: u128) -> String;

    /// The id of a new stream of `call`.
    fn stream_id(&self, call: &str, random: u128) -> String {
        let _ = random;
        call.to_owned()
    }

    /// How it requests documents, if it does.
    fn documents(&self) -> Option<&'static dyn Documents> {
        None
    }

    /// The stream's address for a call that opens its stream directly. `at` is that address, or the
    /// service's own.
    ///
    /// # Errors
    /// What is wrong with the address.
    fn stream_at(&self, at: Url) -> Result<Url, String> {
        Ok(at)
    }

    /// The request for a permit before a call that opens its stream directly, if it needs one. `at` is
    /// the service's address.
    fn permit(&self, call: &Calling, at: &Url) -> Option<Request> {
        let _ = (call, at);
        None
    }

    /// The stream's address after the answer to [`Self::permit`].
    ///
    /// # Errors
    /// What is wrong with the answer.
    fn permitted(&self, at: &Url, answer: &str) -> Result<Url, String> {
        let _ = answer;
        Ok(at.clone())
    }

    /// The request that opens a stream: a `GET` with a socket's address.
    fn upgrade(&self, call: &Calling, stream: &Url) -> Request;

    /// The carrier's end of a new stream.
    fn line(&self, call: &Calling, stream: &str) -> Box<dyn Line>;

    /// The code that it shows its customers for this violation; `None` if it has none.
    fn code(&self, violation: Violation) -> Option<u32> {
        let _ = violation;
        None
    }
}

impl fmt::Debug for dyn Fake + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.carrier().title())
    }
}

impl dyn Fake + '_ {
    /// The code as a suffix of a failure, ` (Title 11205)`; empty if the carrier has none.
    pub fn coded(&self, violation: Violation) -> String {
        self.code(violation).map_or_else(String::new, |code| format!(" ({} {code})", self.carrier().title()))
    }

    /// The request that opens the stream of a document, at its address.
    pub fn opens(&self, call: &Calling, stream: &Url, noun: &StreamNoun) -> Request {
        let mut request = self.upgrade(call, stream);
        request.headers.extend(noun.bearer.as_ref().map(|token| ("authorization", format!("Bearer {token}"))));
        request
    }

    /// The carrier's complaint about a violation that ends nothing.
    pub fn complaint(&self, violation: Violation, text: impl Into<String>) -> Complaint {
        Complaint { code: self.code(violation).unwrap_or_default(), text: text.into() }
    }
}

/// How to call a carrier, in words for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// The account of its calls, unless another is given.
    pub account: &'static str,
    /// What the address of a call means.
    pub address: &'static str,
    /// The path for its calls, after the service's public address.
    pub entry: &'static str,
    /// The path for its word that a call is over; `None` if its stream alone says so.
    pub over: Option<&'static str>,
    /// Examples of arguments of `switchboard call`.
    pub examples: &'static [&'static str],
}

/// A carrier's role in a test setup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// Its calls are simulated.
    Played {
        /// The secret that signs them. `None` leaves them unsigned; the service must then not check
        /// signatures.
        secret: Option<&'a str>,
    },
    /// It has no calls and needs no secret.
    Aside,
}

/// A service's configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Setup {
    /// Settings, by their dotted names.
    pub settings: Vec<(&'static str, String)>,
    /// Secrets, by their variables.
    pub secrets: Vec<(&'static str, String)>,
}

/// Misbehaviour of a carrier. All of it was seen in production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A caller's hang-up is not reported.
    NoStop,
    /// The socket of an ended call stays open and silent.
    NoClose,
    /// The first packet is at 16 kHz.
    FirstAt16k,
    /// Samples are unsigned.
    Unsigned,
    /// `start` is sent twice.
    DuplicateStart,
    /// A `start` of another call follows.
    OtherStart,
    /// Audio comes before `start`.
    MediaFirst,
    /// Packets arrive out of order.
    Shuffled,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 8] = [
        Self::NoStop,
        Self::NoClose,
        Self::FirstAt16k,
        Self::Unsigned,
        Self::DuplicateStart,
        Self::OtherStart,
        Self::MediaFirst,
        Self::Shuffled,
    ];

    /// Its name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoStop => "no-stop",
            Self::NoClose => "no-close",
            Self::FirstAt16k => "first-16k",
            Self::Unsigned => "unsigned",
            Self::DuplicateStart => "duplicate-start",
            Self::OtherStart => "other-start",
            Self::MediaFirst => "media-first",
            Self::Shuffled => "shuffled",
        }
    }

    /// A description for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoStop => "A caller who hangs up is not told of",
            Self::NoClose => "The socket of a call that is over stays open, and silent",
            Self::FirstAt16k => "The first packet is at 16 kHz",
            Self::Unsigned => "Samples are written without a sign",
            Self::DuplicateStart => "`start` is sent twice",
            Self::OtherStart => "A `start` of another call follows",
            Self::MediaFirst => "Audio comes before `start`",
            Self::Shuffled => "Packets arrive out of order",
        }
    }
}

/// A violation by the service towards its carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// It cannot be reached, or does not answer in time.
    Unreachable,
    /// It answers with a status other than success.
    Refused,
    /// Its answer's type is not that of a document.
    WrongType,
    /// Its answer is too long, or not text.
    Unreadable,
    /// Its document cannot be read.
    BadDocument,
    /// An address in its document is invalid.
    BadAddress,
    /// The upgrade is not answered in time.
    StreamTimeout,
    /// The stream's address cannot be connected to.
    StreamUnreachable,
    /// The stream's certificate is invalid.
    StreamCertificate,
    /// The upgrade is refused.
    NoUpgrade,
    /// The stream's connection ends without a close frame.
    StreamDropped,
    /// The stream is closed with a code that does not mean a normal end.
    StreamClosed,
    /// The stream violates the WebSocket protocol.
    StreamViolated,
    /// Messages to it are dropped because it reads too slowly.
    ReadsTooSlowly,
    /// More audio is queued than the carrier keeps.
    PlayoutFull,
    /// The form of a message violates the protocol.
    Malformed,
    /// The content of a message violates the protocol.
    Invalid,
}

/// What the carrier shows its customer about a violation that ends nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// Its code; 0 if it has none.
    pub code: u32,
    /// What is wrong.
    pub text: String,
}
