//! Assembles the fragments of a WebSocket message, up to a limit. Pure.

use bytes::{Bytes, BytesMut};

/// The fragmented message that is arriving on a socket.
#[derive(Debug)]
pub struct Fragments {
    most: usize,
    kind: Kind,
    bytes: BytesMut,
}

/// The type of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text. Its reader checks that it is UTF-8.
    Text,
    /// Bytes.
    Binary,
}

/// The position of a fragment in its message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first fragment, which has the type of the message.
    First(Kind),
    /// A middle fragment.
    Next,
    /// The last fragment.
    Last,
}

/// The message exceeds the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message is larger than {most} bytes")]
pub struct TooLarge {
    /// The limit in bytes.
    pub most: usize,
}

impl Fragments {
    /// Accepts messages of at most `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { most, kind: Kind::Text, bytes: BytesMut::new() }
    }

    /// Adds a fragment. Returns the message if this fragment completes it.
    ///
    /// # Errors
    /// When the message exceeds the limit. Its fragments are dropped.
    pub fn take(&mut self, part: Part, fragment: &[u8]) -> Result<Option<(Kind, Bytes)>, TooLarge> {
        if let Part::First(kind) = part {
            self.kind = kind;
            self.bytes.clear();
        }
        if self.bytes.len() + fragment.len() > self.most {
            self.bytes = BytesMut::new();
            return Err(TooLarge { most: self.most });
        }
        self.bytes.extend_from_slice(fragment);
        Ok((part == Part::Last).then(|| (self.kind, std::mem::take(&mut self.bytes).freeze())))
    }
}

#[cfg(test)]
mod tests;
