//! Puts the fragments of a WebSocket message together, up to a bound. Pure.

/// A message that arrives in fragments.
#[derive(Debug)]
pub(super) struct Reassembly {
    most: usize,
    kind: Kind,
    bytes: Vec<u8>,
}

/// What the message is that arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// To become text.
    Text,
    /// To stay bytes.
    Binary,
}

/// A message put together.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whole {
    /// Text.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// What should have been text and is not UTF-8.
    NotUtf8,
}

/// More fragments than a message may have bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

impl Reassembly {
    /// Takes messages of at most `most` bytes.
    pub(super) fn new(most: usize) -> Self {
        Self { most, kind: Kind::Text, bytes: Vec::new() }
    }

    /// The first fragment.
    ///
    /// # Errors
    /// When it is larger than a message may be.
    pub(super) fn begin(&mut self, kind: Kind, fragment: &[u8]) -> Result<(), TooLarge> {
        self.kind = kind;
        self.bytes.clear();
        self.extend(fragment)
    }

    /// One more.
    ///
    /// # Errors
    /// When the message becomes larger than one may be.
    pub(super) fn extend(&mut self, fragment: &[u8]) -> Result<(), TooLarge> {
        if self.bytes.len() + fragment.len() > self.most {
            self.bytes = Vec::new();
            return Err(TooLarge);
        }
        self.bytes.extend_from_slice(fragment);
        Ok(())
    }

    /// The last one.
    ///
    /// # Errors
    /// When the message is larger than one may be.
    pub(super) fn finish(&mut self, fragment: &[u8]) -> Result<Whole, TooLarge> {
        self.extend(fragment)?;
        let bytes = std::mem::take(&mut self.bytes);
        Ok(match self.kind {
            Kind::Binary => Whole::Binary(bytes),
            Kind::Text => String::from_utf8(bytes).map_or(Whole::NotUtf8, Whole::Text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fragments_become_the_message_even_when_cut_inside_a_letter() {
        let text = "{\"event\":\"é\"}";
        for cut in 0..=text.len() {
            let mut reassembly = Reassembly::new(64);
            let (first, last) = text.as_bytes().split_at(cut);
            reassembly.begin(Kind::Text, first).expect("small");
            reassembly.extend(b"").expect("small");
            assert_eq!(reassembly.finish(last), Ok(Whole::Text(text.to_owned())));
        }
    }

    #[test]
    fn a_message_is_no_larger_in_fragments_than_whole() {
        let mut reassembly = Reassembly::new(4);
        assert_eq!(reassembly.begin(Kind::Text, b"12345"), Err(TooLarge));
        assert_eq!(reassembly.begin(Kind::Text, b"1234"), Ok(()));
        assert_eq!(reassembly.finish(b"5"), Err(TooLarge));
    }

    #[test]
    fn what_is_not_text_is_named() {
        let mut reassembly = Reassembly::new(4);
        reassembly.begin(Kind::Text, &[0xC3]).expect("small");
        assert_eq!(reassembly.finish(&[0x28]), Ok(Whole::NotUtf8));
        reassembly.begin(Kind::Binary, &[1]).expect("small");
        assert_eq!(reassembly.finish(&[2]), Ok(Whole::Binary(vec![1, 2])));
    }
}
