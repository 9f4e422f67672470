//! The answer to a request that needs no socket. Pure.

use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// The status.
    pub(super) status: u16,
    /// `content-type`.
    pub(super) content_type: &'static str,
    /// How long the client is asked to wait, in ms.
    pub(super) retry_after_ms: Option<u64>,
    /// The body, each piece with the time before it.
    pub(super) pieces: Vec<(Duration, Bytes)>,
    /// Whether the connection breaks behind the last piece.
    pub(super) is_cut: bool,
}

impl Reply {
    /// A body that is complete after some time.
    pub(super) fn whole(content_type: &'static str, after: Duration, body: impl Into<Bytes>) -> Self {
        Self { status: 200, content_type, retry_after_ms: None, pieces: vec![(after, body.into())], is_cut: false }
    }

    /// A body that comes in pieces.
    pub(super) fn streamed(content_type: &'static str, pieces: Vec<(Duration, Bytes)>) -> Self {
        Self { status: 200, content_type, retry_after_ms: None, pieces, is_cut: false }
    }

    /// A refusal.
    pub(super) fn refused(status: u16, fault: &Fault) -> Self {
        let error = json!({ "message": fault.message, "type": fault.kind, "param": fault.param, "code": fault.code });
        let body: Value = json!({ "error": error });
        Self { status, ..Self::whole("application/json", Duration::ZERO, body.to_string()) }
    }

    /// The refusal that is rehearsed, if one is.
    pub(super) fn rehearsed(misbehaviour: &Misbehaviour) -> Option<Self> {
        let status = u16::try_from(misbehaviour.refuse?).unwrap_or(500);
        let (kind, code) = match status {
            401 | 403 => ("invalid_request_error", "invalid_api_key"),
            429 => ("requests", "rate_limit_exceeded"),
            _ => ("server_error", "rehearsed"),
        };
        let fault = Fault { kind, ..Fault::request(code, "refused, as rehearsed") };
        Some(Self { retry_after_ms: misbehaviour.retry_after_ms, ..Self::refused(status, &fault) })
    }

    /// The same answer, cut and broken into pieces as rehearsed.
    pub(super) fn spoilt(mut self, misbehaviour: &Misbehaviour) -> Self {
        if let Some(size) = misbehaviour.fragment_bytes.and_then(|bytes| usize::try_from(bytes.max(1)).ok()) {
            let pieces = std::mem::take(&mut self.pieces);
            for (after, mut bytes) in pieces {
                let mut after = after;
                while bytes.len() > size {
                    self.pieces.push((std::mem::take(&mut after), bytes.split_to(size)));
                }
                self.pieces.push((after, bytes));
            }
        }
        if let Some(most) = misbehaviour.cut_body_bytes {
            let mut left = usize::try_from(most).unwrap_or(usize::MAX);
            for (_, bytes) in &mut self.pieces {
                bytes.truncate(left);
                left -= bytes.len();
            }
            self.pieces.retain(|(_, bytes)| !bytes.is_empty());
            self.is_cut = true;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoilt(rehearse: &str) -> (Vec<usize>, bool) {
        let pieces =
            vec![(Duration::ZERO, Bytes::from_static(&[1; 10])), (Duration::ZERO, Bytes::from_static(&[2; 10]))];
        let reply = Reply::streamed("audio/pcm", pieces).spoilt(&Misbehaviour::default().with(rehearse).unwrap());
        (reply.pieces.iter().map(|(_, bytes)| bytes.len()).collect(), reply.is_cut)
    }

    #[test]
    fn a_body_is_broken_up_and_cut() {
        assert_eq!(spoilt(""), (vec![10, 10], false));
        assert_eq!(spoilt("fragment_bytes:7"), (vec![7, 3, 7, 3], false));
        assert_eq!(spoilt("cut_body_bytes:13"), (vec![10, 3], true));
        assert_eq!(spoilt("cut_body_bytes:0"), (vec![], true));
    }

    #[test]
    fn a_refusal_says_how_long_to_wait() {
        let asked = Misbehaviour::default().with("refuse:429,retry_after_ms:300").unwrap();
        let reply = Reply::rehearsed(&asked).expect("one is rehearsed");
        assert_eq!((reply.status, reply.retry_after_ms), (429, Some(300)));
        assert!(reply.pieces[0].1.windows(19).any(|part| part == b"rate_limit_exceeded"));
        assert!(Reply::rehearsed(&Misbehaviour::default()).is_none());
    }
}
