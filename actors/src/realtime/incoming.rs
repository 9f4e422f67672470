//! What comes from a model's socket, whole: fragments are put together by the [`Assembler`]; pings are answered by the session.

use std::io;

use actix_http::ws::{self, Item, ProtocolError};
use bytes::{Bytes, BytesMut};

/// What came from the socket, whole.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A question whether we live.
    Ping(Bytes),
    /// The answer to ours.
    Pong,
    /// Good-bye.
    Close {
        /// Its number.
        code: Option<u16>,
        /// Its words.
        reason: String,
    },
}

/// Puts fragmented messages together.
#[derive(Debug, Default)]
pub struct Assembler {
    partial: BytesMut,
    text: bool,
}

impl Assembler {
    /// The message that `frame` completes, if it does.
    ///
    /// # Errors
    /// When a message grows beyond what we take.
    pub fn take(&mut self, frame: ws::Frame) -> Result<Option<Incoming>, ProtocolError> {
        use ws::Frame as F;
        Ok(Some(match frame {
            F::Text(text) => Incoming::Text(text),
            F::Binary(bytes) => Incoming::Binary(bytes),
            F::Ping(payload) => Incoming::Ping(payload),
            F::Pong(_) => Incoming::Pong,
            F::Close(reason) => {
                let code = reason.as_ref().map(|reason| u16::from(reason.code));
                let reason = reason.and_then(|reason| reason.description).unwrap_or_default();
                Incoming::Close { code, reason }
            }
            F::Continuation(Item::FirstText(part)) => return self.begin(true, &part),
            F::Continuation(Item::FirstBinary(part)) => return self.begin(false, &part),
            F::Continuation(Item::Continue(part)) => return self.add(&part),
            F::Continuation(Item::Last(part)) => {
                self.add(&part)?;
                let whole = std::mem::take(&mut self.partial).freeze();
                if self.text { Incoming::Text(whole) } else { Incoming::Binary(whole) }
            }
        }))
    }

    fn begin(&mut self, text: bool, part: &[u8]) -> Result<Option<Incoming>, ProtocolError> {
        self.text = text;
        self.partial.clear();
        self.add(part)
    }

    fn add(&mut self, part: &[u8]) -> Result<Option<Incoming>, ProtocolError> {
        if self.partial.len() + part.len() > MOST_BYTES {
            self.partial = BytesMut::new();
            return Err(ProtocolError::Io(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("a message is larger than {MOST_BYTES} bytes"),
            )));
        }
        self.partial.extend_from_slice(part);
        Ok(None)
    }
}

/// The largest message taken, and the largest frame. Smaller: a long `session.updated` or a burst of audio ends the call.
/// Larger: a server gone wrong takes the memory of other calls.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use actix_http::ws::Frame as F;

    use super::*;

    #[test]
    fn fragments_are_put_together_with_control_frames_in_between() {
        let mut assembler = Assembler::default();
        let mut take = |frame| assembler.take(frame).expect("small");
        assert_eq!(take(F::Continuation(Item::FirstText(Bytes::from_static(b"{\"ty")))), None);
        assert_eq!(take(F::Ping(Bytes::from_static(b"1"))), Some(Incoming::Ping(Bytes::from_static(b"1"))));
        assert_eq!(take(F::Continuation(Item::Continue(Bytes::from_static(b"pe\":1")))), None);
        assert_eq!(
            take(F::Continuation(Item::Last(Bytes::from_static(b"}")))),
            Some(Incoming::Text(Bytes::from_static(b"{\"type\":1}")))
        );
        assert_eq!(take(F::Continuation(Item::FirstBinary(Bytes::from_static(b"x")))), None);
        assert_eq!(take(F::Continuation(Item::Last(Bytes::new()))), Some(Incoming::Binary(Bytes::from_static(b"x"))));
    }

    #[test]
    fn a_message_without_end_is_refused() {
        let mut assembler = Assembler::default();
        let part = Bytes::from(vec![b'x'; 1024 * 1024]);
        assert!(assembler.take(F::Continuation(Item::FirstText(part.clone()))).is_ok());
        let problem = (0..16).find_map(|_| assembler.take(F::Continuation(Item::Continue(part.clone()))).err());
        assert!(problem.expect("a limit").to_string().contains("larger than"));
    }
}
