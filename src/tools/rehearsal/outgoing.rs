//! Outgoing messages: the ids in them, and their queue to the socket. Pure.

use std::collections::VecDeque;
use std::rc::Rc;

use bytes::Bytes;
use bytestring::ByteString;

use super::misbehaviour::Misbehaviour;

/// The socket's next action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Out {
    /// Send an event.
    Event(ByteString),
    /// Send an event as a binary message, which holds the same text.
    Binary(ByteString),
    /// Send audio as a binary message.
    Audio(Bytes),
    /// Send a ping.
    Ping,
    /// Send a close frame and end the connection.
    Close {
        /// The close code.
        code: u16,
        /// The reason in the close frame.
        reason: String,
    },
    /// Drop the connection without a close frame.
    Drop,
}

/// What a protocol's server sends when it rehearses noise.
#[derive(Debug)]
pub(super) struct Noise {
    /// A text that is not JSON.
    pub(super) garbage: &'static str,
    /// An event of an unknown type.
    pub(super) surprise: &'static str,
}

/// The outgoing messages of one session.
#[derive(Debug)]
pub(super) struct Outgoing {
    queue: VecDeque<Out>,
    noise: &'static Noise,
    sent: u64,
    misbehaviour: Rc<Misbehaviour>,
    /// Set by a rehearsed stall: no more events are sent.
    stalled: bool,
}

impl Outgoing {
    /// An empty queue.
    pub(super) fn new(noise: &'static Noise, misbehaviour: Rc<Misbehaviour>) -> Self {
        let stalled = misbehaviour.stall_after_responses == Some(0);
        Self { queue: VecDeque::new(), noise, sent: 0, misbehaviour, stalled }
    }

    /// Returns the socket's next action.
    pub(super) fn next(&mut self) -> Option<Out> {
        let next = self.queue.pop_front();
        // Frees the memory of a burst.
        if self.queue.is_empty() && self.queue.capacity() > 64 {
            self.queue = VecDeque::new();
        }
        next
    }

    /// Number of actions that wait for the socket.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Stops sending events.
    pub(super) fn stall(&mut self) {
        self.stalled = true;
    }

    /// Sends an event, which is complete JSON.
    pub(super) fn push(&mut self, text: String) {
        if self.stalled {
            return;
        }
        self.sent += 1;
        let due = |every: Option<u64>| every.is_some_and(|every| self.sent.is_multiple_of(every.max(1)));
        if due(self.misbehaviour.garbage_every) {
            self.queue.push_back(Out::Event(self.noise.garbage.into()));
        }
        if due(self.misbehaviour.unknown_every) {
            self.queue.push_back(Out::Event(self.noise.surprise.into()));
        }
        self.queue.push_back(Out::Event(text.into()));
    }

    /// Sends audio as a binary message.
    pub(super) fn push_audio(&mut self, audio: Bytes) {
        if !self.stalled {
            self.queue.push_back(Out::Audio(audio));
        }
    }

    /// Sends a ping. A stall does not affect pings.
    pub(super) fn ping(&mut self) {
        self.queue.push_back(Out::Ping);
    }

    /// Closes the connection. No event may follow.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        self.queue.push_back(Out::Close { code, reason: reason.to_owned() });
    }

    /// Drops the connection. Waiting events are not sent.
    pub(super) fn drop_connection(&mut self) {
        self.queue.clear();
        self.queue.push_back(Out::Drop);
    }
}

/// Generates ids from a seed (SplitMix64): unique within a session and different from those of
/// other sessions.
#[derive(Debug)]
pub(super) struct Ids(u64);

impl Ids {
    /// Ids that follow from `seed`.
    pub(super) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Creates an id such as `item_…`: 21 letters and digits after the prefix, within the 32
    /// characters that a client may send back.
    pub(super) fn next(&mut self, prefix: &str) -> String {
        const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789Aa";
        let mut id = String::with_capacity(prefix.len() + 22);
        id.push_str(prefix);
        id.push('_');
        for _ in 0..3 {
            let mut number = self.draw();
            for _ in 0..7 {
                id.push(char::from(LETTERS[(number & 63) as usize]));
                number >>= 6;
            }
        }
        id
    }

    /// The next pseudo-random number.
    pub(super) fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_fit_into_what_a_client_may_send_back() {
        let mut ids = Ids::new(1);
        assert!((0..100).all(|_| ids.next("item").len() <= 32));
    }
}
