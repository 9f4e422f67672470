//! What a provider's session can do, as data: whoever needs it asks this and never which provider it has. Pure.
//!
//! The call asks who answers, who interrupts, whether words come, and the formats. What a session cannot
//! do otherwise is made good above the providers ([`super::sessions`]).

use std::time::Duration;

use crate::carrier::AudioFormat;

/// What a session of a plan can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether an item can be cut to what was heard of it. Otherwise the model is told in words.
    pub truncate: bool,
    /// Whether an item can be taken out of the conversation. Otherwise the model is told in words.
    pub delete: bool,
    /// Whether a running response can be stopped. Otherwise it runs on, and nobody hears it.
    pub cancel: bool,
    /// Who begins the answer at the end of a turn.
    pub answers: Whose,
    /// Who stops the running response when the caller speaks.
    pub interrupts: Whose,
    /// Whether the caller's words come.
    pub caller_words: bool,
    /// What can change while a session runs. Otherwise another session takes its place.
    pub reconfigure: Reconfigure,
    /// The caller's audio.
    pub input: AudioFormat,
    /// The agent's audio.
    pub output: AudioFormat,
    /// How a session ends by itself; another one takes its place in time.
    pub session_end: SessionEnd,
}

/// Who does something: the server by itself, or we.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The server does it by itself.
    Servers,
    /// It happens when it is ordered.
    Ours,
}

/// What can change while a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconfigure {
    /// The prompt.
    pub instructions: bool,
    /// The tools.
    pub tools: bool,
    /// The transcription of the caller, its language among it.
    pub transcription: bool,
}

/// How a session ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The server says when.
    Announced,
    /// So long after it was opened, unless the server says otherwise.
    After(Duration),
    /// Never, whatever is said.
    Never,
}

impl Capabilities {
    /// Whether the server answers by itself at the end of the caller's turn.
    pub fn server_answers(&self) -> bool {
        self.answers == Whose::Servers
    }

    /// Whether the server stops the running response by itself when the caller speaks.
    pub fn server_interrupts(&self) -> bool {
        self.interrupts == Whose::Servers
    }

    /// Whether a change of these parts can be made while a session runs.
    pub fn can_change(&self, parts: Reconfigure) -> bool {
        let can = self.reconfigure;
        (can.instructions || !parts.instructions)
            && (can.tools || !parts.tools)
            && (can.transcription || !parts.transcription)
    }

    /// Whether a call can go on with `other`: its audio has the same formats.
    pub fn same_audio(&self, other: &Self) -> bool {
        (self.input, self.output) == (other.input, other.output)
    }
}
