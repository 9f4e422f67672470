//! What a service's document tells a carrier to do. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Complaint;

/// A document: what to do, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// What to do.
    pub verbs: Vec<Verb>,
    /// What the carrier would ignore, and say so.
    pub complaints: Vec<Complaint>,
}

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// Open a bidirectional stream and wait for its end.
    Connect {
        /// Where to ask for more when it has ended.
        action: Option<Callback>,
        /// The stream.
        stream: StreamNoun,
    },
    /// Speak a text.
    Say(String),
    /// Play a file, or keys when there is no address.
    Play(String),
    /// Wait.
    Pause(Duration),
    /// End the call.
    Hangup,
    /// Do not take the call, for this reason.
    Reject(String),
    /// Go on with another document.
    Redirect(Callback),
    /// Call somebody else and join the two.
    Dial(Dial),
    /// Wait in a conference for somebody else.
    Meet {
        /// Where to ask for more when it is over.
        action: Option<Callback>,
        /// Its name.
        room: String,
    },
    /// Say something and wait for keys.
    Gather {
        /// Who is told of the keys.
        action: Option<Callback>,
        /// What is said.
        words: String,
    },
    /// A verb that the carrier knows and a fake does not act out.
    Skipped(String),
}

/// Somebody who is to be called and joined to the caller.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dial {
    /// Where to ask for more when they have gone.
    pub action: Option<Callback>,
    /// Who is called.
    pub targets: Vec<String>,
    /// What whoever answers is told, before the two are joined.
    pub whisper: Option<Callback>,
    /// Who is told that somebody has answered.
    pub status: Option<Callback>,
}

/// An address that is asked for more.
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
    /// Which side is sent.
    pub track: Option<String>,
    /// Who is told that it began and ended.
    pub status: Option<Callback>,
    /// What its `start` brings along.
    pub parameters: BTreeMap<String, String>,
}

/// What a service asked a carrier's API for: a call to a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Who is called.
    pub to: String,
    /// The number they see.
    pub from: String,
    /// The document for whoever answers.
    pub document: String,
    /// Who is told how the call ended.
    pub status: String,
}
