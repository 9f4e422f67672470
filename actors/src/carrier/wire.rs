//! A stream's wire: converts a carrier's messages to [`LineEvent`] and from [`LineCommand`]. Pure.

use super::{LineCommand, LineEvent};

/// The wire of one stream. It may keep state, such as the stream's id, a counter or a spelling.
pub trait Wire: Send {
    /// Reads one message of the carrier. A required immediate answer is written to `reply`.
    ///
    /// # Errors
    /// When it cannot be read, or is of a known kind with invalid content. An unknown kind is
    /// [`LineEvent::Other`].
    fn read(&mut self, message: Incoming<'_>, reply: &mut Outgoing) -> Result<LineEvent, WireError>;

    /// Writes the messages for `command`; none if this carrier has none for it.
    fn write(&mut self, command: &LineCommand, out: &mut Outgoing);
}

/// A message of a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
}

/// Messages to a carrier, in order. Its buffers are reused.
#[derive(Debug, Default)]
pub struct Outgoing {
    text: String,
    binary: Vec<u8>,
    /// The end of each message in its buffer.
    ends: Vec<End>,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Text(usize),
    Binary(usize),
}

impl Outgoing {
    /// Adds a text message written by `write`, which returns whether there is one. If it returns
    /// `false`, it must have written nothing.
    pub fn text(&mut self, write: impl FnOnce(&mut String) -> bool) {
        if write(&mut self.text) {
            self.ends.push(End::Text(self.text.len()));
        }
    }

    /// Adds a binary message in the same way.
    pub fn binary(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) {
        if write(&mut self.binary) {
            self.ends.push(End::Binary(self.binary.len()));
        }
    }

    /// Whether there are no messages.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The messages, first to last.
    pub fn messages(&self) -> impl Iterator<Item = Incoming<'_>> {
        let (mut text, mut binary) = (0, 0);
        self.ends.iter().map(move |end| match *end {
            End::Text(end) => Incoming::Text(&self.text[std::mem::replace(&mut text, end)..end]),
            End::Binary(end) => Incoming::Binary(&self.binary[std::mem::replace(&mut binary, end)..end]),
        })
    }

    /// Removes the messages and keeps the buffers.
    pub fn clear(&mut self) {
        self.text.clear();
        self.binary.clear();
        self.ends.clear();
    }
}

/// Why a carrier's message could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// A binary message of a carrier that sends only text.
    #[error("a binary message")]
    Binary,
    /// Not a JSON object, or the field with its kind is missing.
    #[error("read the message: {0}")]
    Unreadable(String),
    /// A known kind with content that violates the carrier's documentation.
    #[error("read a `{kind}` message: {problem}")]
    Malformed {
        /// The message's kind.
        kind: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// An unsupported media format.
    #[error(
        "use media format `{encoding}` at {rate_hz} Hz with {channels} channels, expected G.711 or PCM16, 8, 16 or 24 kHz, mono"
    )]
    UnknownFormat {
        /// The encoding's name, unchanged.
        encoding: String,
        /// Samples per second.
        rate_hz: u32,
        /// Channels.
        channels: u8,
    },
}

#[cfg(test)]
mod tests;
