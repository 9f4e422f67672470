//! The head of a WebSocket frame (RFC 6455 §5.2): announces the frame's length before its payload
//! arrives. Pure.
//!
//! The decoder compares a frame with the limit only once the whole frame has arrived. By then the
//! frame is buffered.

/// Why a frame is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The announced length exceeds the limit.
    #[error("a frame of {0} bytes is announced, more than one may have")]
    TooLong(u64),
    /// A ping, pong or close of more than 125 bytes.
    #[error("a control frame of {0} bytes is announced, expected at most {MOST_OF_CONTROL}")]
    Control(u64),
}

/// Checks the head of the frame at the start of `bytes`. Returns the length of head and payload
/// together, or `None` for an incomplete head.
///
/// # Errors
/// When the frame announces more than `most` bytes, or more than a control frame may have.
pub fn judge(bytes: &[u8], most: usize) -> Result<Option<u64>, Refused> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    let (extended, payload) = match (second & LENGTH, rest) {
        (MEDIUM, [a, b, ..]) => (2, u64::from(u16::from_be_bytes([*a, *b]))),
        (LONG, [a, b, c, d, e, f, g, h, ..]) => (8, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        (MEDIUM | LONG, _) => return Ok(None),
        (short, _) => (0, u64::from(short)),
    };
    if first & CONTROL != 0 && payload > MOST_OF_CONTROL {
        return Err(Refused::Control(payload));
    }
    if payload > most as u64 {
        return Err(Refused::TooLong(payload));
    }
    let mask = if second & MASKED == 0 { 0 } else { 4 };
    Ok(Some(2 + extended + mask + payload))
}

/// Follows the frames of a byte stream in any pieces, without keeping the payload.
#[derive(Debug, Default)]
pub struct Watch {
    /// The bytes of an incomplete head.
    head: Vec<u8>,
    /// Bytes of the current frame that are still to come.
    ahead: u64,
}

impl Watch {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// When they contain the head of a frame that is refused; see [`judge`].
    pub fn follow(&mut self, mut bytes: &[u8], most: usize) -> Result<(), Refused> {
        loop {
            let skipped = usize::try_from(self.ahead).unwrap_or(usize::MAX).min(bytes.len());
            bytes = &bytes[skipped..];
            self.ahead -= skipped as u64;
            let [next, rest @ ..] = bytes else { return Ok(()) };
            bytes = rest;
            self.head.push(*next);
            if let Some(length) = judge(&self.head, most)? {
                self.ahead = length - self.head.len() as u64;
                self.head.clear();
            }
        }
    }
}

/// The longest head: 2 bytes, 8 of length, 4 of the mask.
pub const LONGEST_HEAD: usize = 14;
const MOST_OF_CONTROL: u64 = 125;
/// The bit of an opcode that marks a control frame.
const CONTROL: u8 = 0x08;
const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7F;
const MEDIUM: u8 = 126;
const LONG: u8 = 127;

#[cfg(test)]
mod tests;
