//! Splits a streamed body into the payloads of its `data:` lines. Pure.
//!
//! Pieces of a body end anywhere, also in the middle of a character. A payload is complete at the
//! end of its line. A server that does not stream sends one JSON document instead of lines.

use memchr::memchr;

/// A body that is being received.
#[derive(Debug, Default)]
pub(super) struct Body {
    /// What came after the last complete line.
    rest: Vec<u8>,
    /// The document's beginning, if the body is one JSON document.
    is_document: bool,
    /// Whether the kind of the body is decided.
    is_begun: bool,
}

/// The body has a line, or is a document, that exceeds the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl Body {
    /// Takes a piece and hands each complete payload to `take`.
    pub(super) fn push(&mut self, bytes: &[u8], mut take: impl FnMut(&str)) -> Result<(), TooLong> {
        if !self.is_begun
            && let Some(first) = bytes.iter().find(|byte| !byte.is_ascii_whitespace())
        {
            self.is_begun = true;
            self.is_document = *first == b'{';
        }
        let mut bytes = bytes;
        while !self.is_document
            && let Some(end) = memchr(b'\n', bytes)
        {
            let (line, behind) = bytes.split_at(end);
            bytes = &behind[1..];
            if self.rest.is_empty() {
                payload(line, &mut take);
            } else {
                self.grow(line)?;
                payload(&std::mem::take(&mut self.rest), &mut take);
            }
        }
        self.grow(bytes)
    }

    /// The body is over: hands the last payload to `take`, if its line was not ended.
    pub(super) fn finish(&mut self, mut take: impl FnMut(&str)) {
        let rest = std::mem::take(&mut self.rest);
        if self.is_document {
            take(&String::from_utf8_lossy(rest.trim_ascii()));
        } else {
            payload(&rest, &mut take);
        }
    }

    fn grow(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.rest.len() + bytes.len() > LONGEST {
            return Err(TooLong);
        }
        self.rest.extend_from_slice(bytes);
        Ok(())
    }
}

/// Hands the payload of a line to `take`. Comments, names of events and empty lines have none.
fn payload(line: &[u8], take: &mut impl FnMut(&str)) {
    let Some(data) = line.strip_prefix(b"data:") else { return };
    let data = data.trim_ascii();
    if !data.is_empty() {
        take(&String::from_utf8_lossy(data));
    }
}

/// The most bytes of a line or of a document. The longest real one is a tool call with a long text.
const LONGEST: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn payloads(pieces: &[&[u8]]) -> Vec<String> {
        let (mut body, mut all) = (Body::default(), Vec::new());
        for piece in pieces {
            body.push(piece, |payload| all.push(payload.to_owned())).expect("short enough");
        }
        body.finish(|payload| all.push(payload.to_owned()));
        all
    }

    #[test]
    fn a_body_may_be_split_anywhere() {
        let body = ": keep-alive\r\nevent: x\r\ndata: {\"a\":\"नमस्ते\"}\r\n\r\ndata:{\"b\":1}\n\ndata: \n\ndata: [DONE]"
            .as_bytes();
        for at in 0..=body.len() {
            for to in [at, (at + 1).min(body.len()), (at + 7).min(body.len())] {
                let pieces = [&body[..at], &body[at..to], &body[to..]];
                assert_eq!(payloads(&pieces), ["{\"a\":\"नमस्ते\"}", "{\"b\":1}", "[DONE]"], "{at} {to}");
            }
        }
    }

    #[test]
    fn a_server_that_does_not_stream_sends_one_document() {
        assert_eq!(payloads(&[b"\n{\"choices\":\n", b"[]}\n"]), ["{\"choices\":\n[]}"]);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut body = Body::default();
        let piece = vec![b'x'; 100_000];
        let refused = (0..20).any(|_| body.push(&piece, |_| ()) == Err(TooLong));
        assert!(refused && body.rest.len() <= LONGEST);
    }
}
