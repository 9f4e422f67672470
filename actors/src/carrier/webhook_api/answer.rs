//! Our answers to a carrier, in carrier-independent terms, and the documents that carry them. Pure.

use std::time::Duration;

use crate::carrier::control::Target;
use crate::ids::{CarrierCallId, Private};

/// Our answer to a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<'a> {
    /// Connect the call to our stream.
    Stream {
        /// The stream's name.
        name: &'a str,
        /// The token that the stream has to show, if the call was announced.
        token: Option<&'a Private<String>>,
        /// Further parameters for the stream.
        parameters: &'a [(String, String)],
    },
    /// Dial a destination. When the leg ends, or was never answered, the carrier asks what follows.
    Dial(Dial<'a>),
    /// Say the whisper or briefing to the callee and ask for a key press, which no answering
    /// machine gives.
    AskToTake {
        /// The words.
        words: &'a str,
        /// The code of the language of the words.
        language: &'a str,
        /// The callee.
        taker: Taker<'a>,
    },
    /// Put one side into the conference of a call.
    Meet {
        /// The caller's call.
        call: &'a CarrierCallId,
        /// The side.
        side: Side,
    },
    /// Continue with whatever follows the document.
    GoOn,
    /// No agent can take the call: say so in the call's language (`en`, `hi`, …) and hang up.
    Refuse {
        /// The language's code.
        language: &'a str,
        /// The words; `None` says that nobody can take the call now.
        words: Option<&'a str>,
    },
    /// Hang up.
    HangUp,
    /// Acknowledge a notification.
    Nothing,
}

/// A destination to be dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dial<'a> {
    /// The caller's call.
    pub call: &'a CarrierCallId,
    /// The destination's name, for the callbacks.
    pub name: &'a str,
    /// Its target.
    pub target: &'a Target,
    /// How long it may ring.
    pub timeout: Duration,
    /// The number that the callee sees; `None` leaves it to the carrier, which shows the caller's.
    pub caller_id: Option<&'a Private<String>>,
    /// Whether there is a whisper before the two are joined.
    pub whispers: bool,
}

/// The callee who is asked to accept a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taker<'a> {
    /// The callee of a dialled leg.
    Dialled,
    /// The callee of a warm transfer, for the caller of `call`.
    Callee {
        /// The caller's call.
        call: &'a CarrierCallId,
    },
}

/// The two sides of a conference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller, who waits there with the carrier's music.
    Caller,
    /// The callee, whose arrival starts it.
    Callee,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The HTTP status.
    pub status: u16,
    /// `Content-Type`; `None` without a body.
    pub content_type: Option<&'static str>,
    /// The body.
    pub body: String,
    /// Whether caches must not store it: it contains a secret that is valid more than once.
    pub no_store: bool,
}

impl Document {
    /// An answer with this body.
    pub fn of(content_type: &'static str, body: String) -> Self {
        Self { status: 200, content_type: Some(content_type), body, no_store: false }
    }

    /// An answer without a body.
    pub const fn empty() -> Self {
        Self { status: 204, content_type: None, body: String::new(), no_store: false }
    }
}

/// The addresses for a call that we place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callbacks {
    /// Our document for the answered call.
    pub document: String,
    /// The status callback for the result of the call.
    pub status: String,
}
