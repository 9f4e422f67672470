//! Puts the fragments of a WebSocket message together, up to a bound. Pure.

use bytes::{Bytes, BytesMut};

/// The message that arrives in fragments on one socket.
#[derive(Debug)]
pub struct Fragments {
    most: usize,
    kind: Kind,
    bytes: BytesMut,
}

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text; whether it is UTF-8 is for its reader to see.
    Text,
    /// Bytes.
    Binary,
}

/// Which fragment of a message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The first one, which says what the message is.
    First(Kind),
    /// One more.
    Next,
    /// The last one.
    Last,
}

/// The fragments are more than a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message is larger than {most} bytes")]
pub struct TooLarge {
    /// The most bytes of a message.
    pub most: usize,
}

impl Fragments {
    /// Takes messages of at most `most` bytes.
    pub fn new(most: usize) -> Self {
        Self { most, kind: Kind::Text, bytes: BytesMut::new() }
    }

    /// The message that this fragment completes, if it does.
    ///
    /// # Errors
    /// When the message becomes larger than one may be. What there was of it is let go.
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
