//! The capabilities of a provider's session, as data. Code that depends on a capability asks for it
//! here and never for the provider. Pure.
//!
//! The call needs to know who answers, who interrupts, whether transcripts arrive, and the formats.
//! Everything else that a session cannot do is replaced above the providers ([`super::sessions`]).

use std::time::Duration;

use crate::carrier::AudioFormat;

/// The capabilities of a session of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capabilities {
    /// Whether an item can be cut to what was heard of it. If not, the model receives a note.
    pub truncate: bool,
    /// Whether an item can be deleted from the conversation. If not, the model receives a note.
    pub delete: bool,
    /// Whether a running response can be cancelled. If not, it runs on and its audio is dropped.
    pub cancel: bool,
    /// The side that begins the answer at the end of a turn.
    pub answers: Whose,
    /// The side that stops the running response when the caller speaks.
    pub interrupts: Whose,
    /// Whether the model listens while it speaks, so that it can decide for itself what stops it.
    /// Other models take turns.
    pub full_duplex: bool,
    /// How long the server may take to report that the caller begins to speak. `None`: it does not
    /// report speech, so our own detector says it.
    pub speech_events: Option<Duration>,
    /// Whether transcripts of the caller arrive.
    pub caller_words: bool,
    /// What can change while a session runs. For other changes, another session replaces it.
    pub reconfigure: Reconfigure,
    /// The format of the caller's audio.
    pub input: AudioFormat,
    /// The format of the agent's audio.
    pub output: AudioFormat,
    /// Whether the agent's audio comes in real time. Then hardly any of it is ever ahead of the
    /// caller's ear, and a carrier is given no longer lead.
    pub realtime_output: bool,
    /// Whether the model says given words as they stand. If not, they are an order that it carries out
    /// in its own words, and what has to be exact is played from a recording
    /// ([`super::clips`]).
    pub verbatim: bool,
    /// Whether the session's time runs by the caller's audio. Such a session cannot wait for a call:
    /// without audio it ends, and with audio it costs money.
    pub runs_by_audio: bool,
    /// How a session ends by itself. Another one replaces it in time.
    pub session_end: SessionEnd,
}

/// The side that acts: the server or Switchboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The server acts by itself.
    Servers,
    /// The server acts only on our order.
    Ours,
}

/// What can change while a session runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reconfigure {
    /// The prompt.
    pub instructions: bool,
    /// The tools.
    pub tools: bool,
    /// The transcription of the caller, including its language.
    pub transcription: bool,
}

/// How a session ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// The server announces the time.
    Announced,
    /// At a fixed time after it was opened, unless the server announces another.
    After(Duration),
    /// Never; announcements are ignored.
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

    /// Whether the model alone decides when its answer stops, because no order stops it.
    pub fn decides_alone(&self) -> bool {
        self.server_interrupts() && !self.cancel
    }

    /// Whether the caller's speech ends the running response whatever we want, so that an answer
    /// cannot pause and go on.
    pub fn always_interrupts(&self) -> bool {
        self.server_interrupts() && !self.full_duplex
    }

    /// Whether these parts can change while a session runs.
    pub fn can_change(&self, parts: Reconfigure) -> bool {
        let can = self.reconfigure;
        (can.instructions || !parts.instructions)
            && (can.tools || !parts.tools)
            && (can.transcription || !parts.transcription)
    }
}
