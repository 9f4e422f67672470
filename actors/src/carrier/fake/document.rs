//! A service's document: the instructions for a carrier. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Complaint;

/// A document: instructions in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// The instructions.
    pub verbs: Vec<Verb>,
    /// What the carrier would ignore with a warning.
    pub complaints: Vec<Complaint>,
}

/// One instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Open a bidirectional stream and wait for its end.
    Connect {
        /// Where to request more when it has ended.
        action: Option<Callback>,
        /// The stream.
        stream: StreamNoun,
    },
    /// Speak a text.
    Say(String),
    /// Play a file, or key tones if there is no address.
    Play(String),
    /// Wait.
    Pause(Duration),
    /// End the call.
    Hangup,
    /// Reject the call, for this reason.
    Reject(String),
    /// Continue with another document.
    Redirect(Callback),
    /// Call another party and join the two.
    Dial(Dial),
    /// Wait in a conference for another party.
    Meet {
        /// Where to request more when it is over.
        action: Option<Callback>,
        /// Its name.
        room: String,
    },
    /// Say something and wait for keys.
    Gather {
        /// Where to report the keys.
        action: Option<Callback>,
        /// What is said.
        words: String,
    },
    /// An instruction that the carrier knows and the fake does not simulate.
    Skipped(String),
}

/// A party to be called and joined with the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dial {
    /// Where to request more when the leg has ended.
    pub action: Option<Callback>,
    /// The targets.
    pub targets: Vec<String>,
    /// Where to request the whisper for the callee.
    pub whisper: Option<Callback>,
    /// Where to report that a leg was answered.
    pub status: Option<Callback>,
}

/// An address to be requested.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Callback {
    /// Absolute, or relative to the document's own.
    pub url: String,
    /// `GET` instead of `POST`.
    pub get: bool,
}

/// A stream that a document names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamNoun {
    /// Where to connect.
    pub url: String,
    /// Its name, for the status callback.
    pub name: Option<String>,
    /// Which side's audio is sent.
    pub track: Option<String>,
    /// Where to report that it began and ended.
    pub status: Option<Callback>,
    /// A token for the `Authorization` header of its upgrade.
    pub bearer: Option<String>,
    /// Parameters for its `start`.
    pub parameters: BTreeMap<String, String>,
}

/// A service's request to a carrier's API: a call to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The number to call.
    pub to: String,
    /// The number that the callee sees.
    pub from: String,
    /// The document for the answered call.
    pub document: String,
    /// The status callback for the end of the call.
    pub status: String,
}
