//! What a carrier is answered, in our own words, and the documents that say so in the carrier's. Pure.

use std::time::Duration;

use crate::carrier::control::Target;
use crate::ids::{CarrierCallId, Private};

/// What a carrier is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The call is connected to our stream.
    Stream {
        /// The stream's name.
        name: &'a str,
        /// The token that the stream is to show, for one that was announced.
        token: Option<&'a Private<String>>,
        /// What else it is to bring along.
        parameters: &'a [(String, String)],
    },
    /// A destination is dialled. When the other has gone, or never came, the carrier asks what follows.
    Dial(Dial<'a>),
    /// Whoever has answered is told what the call is about and asked for a key: no answering machine presses one.
    AskToTake {
        /// What they are told.
        words: &'a str,
        /// The code of the language that the words were put in.
        language: &'a str,
        /// Who has answered.
        taker: Taker<'a>,
    },
    /// Somebody is put into the conference of a call.
    Meet {
        /// The caller's call.
        call: &'a CarrierCallId,
        /// Who.
        side: Side,
    },
    /// What waits behind the document goes on.
    GoOn,
    /// Nobody can take the call now: that is said in the language of the call (`en`, `hi`, …), and the call ends.
    Refuse {
        /// The language's code.
        language: &'a str,
    },
    /// The call ends.
    HangUp,
    /// The news was heard.
    Nothing,
}

/// A destination that is to be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial<'a> {
    /// The destination's name, for the callbacks.
    pub name: &'a str,
    /// Where it leads.
    pub target: &'a Target,
    /// How long it may ring.
    pub timeout: Duration,
    /// The number the person called sees; `None` leaves it to the carrier, which shows the caller's.
    pub caller_id: Option<&'a Private<String>>,
    /// Whether whoever answers is told something before the two are joined.
    pub whispers: bool,
}

/// Who is asked to take a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taker<'a> {
    /// Whoever has answered a dialled leg.
    Dialled,
    /// The person whom a warm transfer calls, for the caller of `call`.
    Person {
        /// The caller's call.
        call: &'a CarrierCallId,
    },
}

/// Who comes into a conference of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller, who waits there with the carrier's music.
    Caller,
    /// The person, with whom it begins.
    Person,
}

/// An answer as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`; `None` where there is no body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
    /// Whether nobody on the way may keep it: it has a secret in it that is good more than once.
    pub no_store: bool,
}

impl Document {
    /// A body of a kind.
    pub fn of(content_type: &'static str, body: String) -> Self {
        Self { status: 200, content_type: Some(content_type), body, no_store: false }
    }

    /// No body.
    pub const fn empty() -> Self {
        Self { status: 204, content_type: None, body: String::new(), no_store: false }
    }
}

/// The addresses that a call of ours is begun with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callbacks {
    /// Our document for whoever answers.
    pub document: String,
    /// Who is told how the call went.
    pub status: String,
}
