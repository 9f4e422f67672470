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
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the head of a frame that announces `length`.
    fn head(opcode: u8, length: u64, masked: bool) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut bytes = vec![0x80 | opcode, mask | LONG];
        bytes.extend(length.to_be_bytes());
        bytes
    }

    /// Returns a whole frame, with the shortest form of its length.
    fn frame(length: usize, masked: bool) -> Vec<u8> {
        let mask = if masked { MASKED } else { 0 };
        let mut bytes = vec![0x82];
        match (u8::try_from(length), u16::try_from(length)) {
            (Ok(short), _) if short < MEDIUM => bytes.push(mask | short),
            (_, Ok(medium)) => {
                bytes.push(mask | MEDIUM);
                bytes.extend(medium.to_be_bytes());
            }
            _ => {
                bytes.push(mask | LONG);
                bytes.extend((length as u64).to_be_bytes());
            }
        }
        bytes.resize(bytes.len() + if masked { 4 } else { 0 } + length, 0x7F);
        bytes
    }

    #[test]
    fn what_a_frame_announces_is_judged_by_its_head() {
        let most = 1_000;
        for masked in [false, true] {
            for length in [1_001, 1 << 40, 1 << 62, 1 << 63, u64::MAX] {
                assert_eq!(judge(&head(1, length, masked), most), Err(Refused::TooLong(length)));
            }
            let whole = 10 + if masked { 4 } else { 0 } + 1_000;
            assert_eq!(judge(&head(1, 1_000, masked), most), Ok(Some(whole)));
        }
        assert_eq!(judge(&[0x81, MEDIUM, 0xFF, 0xFF], most), Err(Refused::TooLong(65_535)));
        assert_eq!(judge(&[0x81, 125], 124), Err(Refused::TooLong(125)));
        for opcode in [8, 9, 10] {
            assert_eq!(judge(&[0x80 | opcode, MEDIUM, 0, 126], most), Err(Refused::Control(126)));
            assert_eq!(judge(&[0x80 | opcode, 125], most), Ok(Some(127)));
        }
    }

    #[test]
    fn a_head_that_is_on_its_way_is_no_fault() {
        let whole = head(2, 1 << 40, true);
        for length in 0..10 {
            assert_eq!(judge(&whole[..length], 10), Ok(None), "{length} bytes");
        }
        assert!(judge(&whole, 10).is_err());
    }

    proptest! {
        #[test]
        fn frames_are_followed_however_they_are_cut(
            payloads in prop::collection::vec((any::<bool>(), 0_usize..70_000), 1..5),
            cuts in prop::collection::vec(1_usize..9_000, 1..8),
        ) {
            let wire: Vec<u8> = payloads.iter().flat_map(|(masked, length)| frame(*length, *masked)).collect();
            let longest = payloads.iter().map(|(_, length)| *length).max().expect("one at least");
            let follow = |most| {
                let mut watch = Watch::default();
                let mut rest = &wire[..];
                for cut in cuts.iter().cycle() {
                    if rest.is_empty() { break }
                    let (piece, after) = rest.split_at((*cut).min(rest.len()));
                    watch.follow(piece, most)?;
                    rest = after;
                }
                Ok((watch.head.len(), watch.ahead))
            };
            prop_assert_eq!(follow(longest), Ok((0, 0)));
            if longest > 0 {
                prop_assert_eq!(follow(longest - 1), Err(Refused::TooLong(longest as u64)));
            }
        }

        #[test]
        fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..40), most in 0_usize..300) {
            match judge(&bytes, most) {
                // An accepted frame is within the limit.
                Ok(Some(length)) => prop_assert!(length <= (most + LONGEST_HEAD) as u64),
                Ok(None) => prop_assert!(bytes.len() < 10),
                Err(Refused::TooLong(length)) => prop_assert!(length > most as u64),
                Err(Refused::Control(length)) => prop_assert!(length > 125),
            }
        }
    }
}
