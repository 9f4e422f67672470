//! What a provider's session can do, as data: the call asks this and never which provider it has. Pure.

use crate::carrier::AudioFormat;

/// What a session of a plan can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// How an item is cut to what was heard of it.
    pub truncate: Truncate,
    /// Whether an item can be taken out of the conversation.
    pub delete: bool,
    /// Whether a running response can be stopped.
    pub cancel: bool,
    /// Who finds the caller's turns.
    pub turns: Whose,
    /// Who begins the answer at the end of a turn.
    pub answers: Whose,
    /// Who stops the running response when the caller speaks.
    pub interrupts: Whose,
    /// Whether the caller's words come, and how.
    pub caller_words: CallerWords,
    /// Whether a text can be said word for word. Otherwise the model is asked to.
    pub verbatim: bool,
    /// What can change while a session runs.
    pub reconfigure: Reconfigure,
    /// The caller's audio.
    pub input: AudioFormat,
    /// The agent's audio.
    pub output: AudioFormat,
    /// How a session ends by itself.
    pub session_end: SessionEnd,
    /// What its use is counted in.
    pub usage: &'static [UsageKind],
}

/// Who does something: the server by itself, or we.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The server does it by itself.
    Servers,
    /// It happens when it is ordered.
    Ours,
}

/// How an item is cut to what was heard of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truncate {
    /// The server cuts its own copy.
    Server,
    /// We keep the conversation and cut that.
    Local,
    /// Not at all; what was heard is told as a note.
    Note,
}

/// The caller's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerWords {
    /// None come.
    None,
    /// Pieces that are appended, then the whole.
    Pieces,
    /// The whole, again and again: earlier words may change.
    Revised,
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
    /// The server says when, as the session begins.
    Announced,
    /// The server says so shortly before; the session may be resumed.
    Warned,
    /// Never.
    Never,
}

/// What use is counted in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageKind {
    /// Tokens of text and of audio.
    Tokens,
    /// Seconds of audio.
    Seconds,
    /// Characters that are spoken.
    Characters,
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

    /// Whether the caller's words come.
    pub fn has_caller_words(&self) -> bool {
        self.caller_words != CallerWords::None
    }
}
