//! The number pattern of a route: a whole number, or a prefix followed by `*`. Pure.

use std::fmt;

use switchboard_actors::numbers::{Numbering, Party};

use super::kinds::{Expected, text};
use super::layers::Node;

/// The number pattern of a route: a whole number, or a prefix followed by `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    written: String,
    start: String,
    open: bool,
    numbering: Numbering,
}

impl Pattern {
    /// Whether a number, or a text in place of one (`client:…`, `anonymous`), matches. Different
    /// spellings of a number are equal.
    pub fn matches(&self, number: &str) -> bool {
        if self.open {
            // Texts that are no numbers, as `client:*`, are compared literally.
            return number.trim().starts_with(&self.start) || self.begins(number);
        }
        self.numbering.read(&self.start) == self.numbering.read(number)
    }

    /// Whether the pattern matches everything.
    pub(super) const fn matches_all(&self) -> bool {
        self.open && self.start.is_empty()
    }

    /// Whether the pattern is a telephone number whose country is unknown.
    pub(super) fn lacks_its_country(&self) -> bool {
        let digits = self.start.chars().filter(char::is_ascii_digit).count();
        let unknown = self.numbering.country().is_none()
            && self.numbering.beginning(&self.start).is_some_and(|it| it.starts_with('0'));
        let local = matches!(self.numbering.read(&self.start), Party::Local(_)) && digits >= AREA_AND_LINE;
        unknown || (!self.open && local)
    }

    pub(super) fn read(node: &Node, numbering: Numbering) -> Result<Self, Expected> {
        let written = text(node)?;
        let (start, open) = written.strip_suffix('*').map_or((written.as_str(), false), |start| (start, true));
        if start.contains('*') {
            let help = "a `*` may stand at the end only";
            return Err(
                Expected::new("a number as \"+14155550100\", the beginning of one as \"+91*\", or \"*\"").help(help)
            );
        }
        Ok(Self { start: start.trim().to_owned(), open, numbering, written })
    }

    fn begins(&self, number: &str) -> bool {
        let Some(start) = self.numbering.beginning(&self.start) else { return false };
        match self.numbering.read(number) {
            Party::Number(number) => number.strip_prefix('+').is_some_and(|digits| digits.starts_with(&start)),
            Party::Local(digits) => digits.starts_with(&start),
            Party::Withheld | Party::Address(_) => false,
        }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// From this many digits on, a number without a country code is a full number. One with fewer is an
/// extension, a service or a short code.
const AREA_AND_LINE: usize = 8;
