//! Complete messages from a model's socket. The session answers the pings.

use actix_http::ws;
use bytes::Bytes;

use crate::socket;
use crate::socket::fragments::{Fragments, Kind, TooLarge};

/// A complete message from the socket.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// A text message.
    Text(Bytes),
    /// A binary message.
    Binary(Bytes),
    /// A ping from the server.
    Ping(Bytes),
    /// The answer to our ping.
    Pong,
    /// The server closes the socket.
    Close {
        /// The close code.
        code: Option<u16>,
        /// The close reason.
        reason: String,
    },
}

impl Incoming {
    /// The message that `frame` contains or completes, if there is one.
    ///
    /// # Errors
    /// The message is larger than `fragments` accept.
    pub fn of(frame: ws::Frame, fragments: &mut Fragments) -> Result<Option<Self>, TooLarge> {
        use ws::Frame as F;
        Ok(Some(match frame {
            F::Text(text) => Self::Text(text),
            F::Binary(bytes) => Self::Binary(bytes),
            F::Ping(payload) => Self::Ping(payload),
            F::Pong(_) => Self::Pong,
            F::Close(reason) => {
                let code = reason.as_ref().map(|reason| u16::from(reason.code));
                let reason = reason.and_then(|reason| reason.description).unwrap_or_default();
                Self::Close { code, reason }
            }
            F::Continuation(item) => {
                let (part, bytes) = socket::part(&item);
                return Ok(fragments.take(part, bytes)?.map(|(kind, whole)| match kind {
                    Kind::Text => Self::Text(whole),
                    Kind::Binary => Self::Binary(whole),
                }));
            }
        }))
    }
}

/// The largest message and frame that are accepted. Smaller: a long `session.updated` or a burst of
/// audio ends the call. Larger: a faulty server takes the memory of other calls.
pub(super) const MOST_BYTES: usize = 16 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use actix_http::ws::{Frame as F, Item};

    use super::*;

    #[test]
    fn fragments_are_put_together_with_control_frames_in_between() {
        let mut fragments = Fragments::new(MOST_BYTES);
        let mut take = |frame| Incoming::of(frame, &mut fragments).expect("small");
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
        let mut fragments = Fragments::new(MOST_BYTES);
        let mut take = |item| Incoming::of(F::Continuation(item), &mut fragments);
        let part = Bytes::from(vec![b'x'; 1024 * 1024]);
        assert!(take(Item::FirstText(part.clone())).is_ok());
        let problem = (0..16).find_map(|_| take(Item::Continue(part.clone())).err());
        assert!(problem.expect("a limit").to_string().contains("larger than"));
    }
}
