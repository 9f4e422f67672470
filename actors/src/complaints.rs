//! Errors that the model's server reports: how they are counted, which are logged, and which of
//! their words may be logged. Pure.

use std::time::{Duration, Instant};

/// The codes that no provider has and that have a counter of their own: ours for what a server
/// omits, and [`OTHER`]. Each provider lists its own codes. All lists are closed, because a server
/// may invent any number of codes, and each would be a metric series for ever.
pub const CODES: [&str; 13] = [
    "cancel_unanswered",
    "create_unanswered",
    "not_prepared",
    "renewal_failed",
    "response_stalled",
    "retry_due",
    "siblings_late",
    "too_many_orders",
    "too_many_wishes",
    "unknown_tool_call",
    "unreadable_event",
    USAGE_UNREADABLE,
    OTHER,
];
/// The code for an answer with audio whose usage report is missing or unreadable.
pub const USAGE_UNREADABLE: &str = "usage_unreadable";
/// The counter of every code that has none of its own.
pub const OTHER: &str = "other";

/// The errors of one call. Each is counted. An error that repeats is logged from time to time, with
/// the number of repeats.
#[derive(Debug, Default)]
pub struct Complaints {
    kinds: Vec<Kind>,
}

#[derive(Debug)]
struct Kind {
    code: String,
    reported: Instant,
    since: u64,
}

/// What the log says about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Telling {
    /// The first of its kind: it is logged.
    First,
    /// It is counted and not logged.
    Counted,
    /// It is logged again, with the number of times since the last line, this one included.
    Again(u64),
}

impl Complaints {
    /// Takes an error with `code`.
    pub fn heard(&mut self, code: &str, now: Instant) -> Telling {
        // All kinds beyond the first few share one entry.
        let last = self.kinds.len().checked_sub(1).filter(|last| last + 1 >= MOST_KINDS);
        let place = self.kinds.iter().position(|kind| kind.code == code).or(last);
        let Some(kind) = place.and_then(|place| self.kinds.get_mut(place)) else {
            self.kinds.push(Kind { code: code.to_owned(), reported: now, since: 0 });
            return Telling::First;
        };
        kind.since += 1;
        if now.saturating_duration_since(kind.reported) < REPORT_EVERY {
            return Telling::Counted;
        }
        kind.reported = now;
        Telling::Again(std::mem::take(&mut kind.since))
    }

    /// The call is over: returns what was counted and not yet logged, by code.
    pub fn unreported(&mut self) -> impl Iterator<Item = (String, u64)> {
        std::mem::take(&mut self.kinds).into_iter().filter(|kind| kind.since > 0).map(|kind| (kind.code, kind.since))
    }
}

/// The server's message without what it may have quoted. A server quotes what it was sent, which is
/// what people said and typed. This removes numbers of four or more digits (however they are
/// grouped), e-mail addresses, and text in quotation marks unless it is the name of a field or a
/// value.
pub fn redacted(words: &str) -> String {
    let mut safe = String::with_capacity(words.len());
    let mut rest = words;
    while let Some(c) = rest.chars().next() {
        let inner = QUOTES.iter().find(|(open, _)| *open == c).and_then(|(open, close)| {
            // An apostrophe within a word opens no quotation.
            let within = *open == '\'' && safe.chars().next_back().is_some_and(char::is_alphanumeric);
            let inner = rest[c.len_utf8()..].split_once(*close).map(|(inner, _)| (inner, *close));
            inner.filter(|_| !within)
        });
        if let Some((inner, close)) = inner {
            let shown = if is_name(inner) { inner } else { HIDDEN };
            safe.extend([c].into_iter().chain(shown.chars()).chain([close]));
            rest = &rest[c.len_utf8() + inner.len() + close.len_utf8()..];
            continue;
        }
        let number = rest.find(|c: char| !c.is_numeric() && !DIVIDERS.contains(&c)).unwrap_or(rest.len());
        let number = rest[..number].trim_end_matches(|c: char| !c.is_numeric());
        if c.is_numeric() && number.chars().filter(|c| c.is_numeric()).count() >= LONG_NUMBER {
            safe.push_str(HIDDEN);
            rest = &rest[number.len()..];
            continue;
        }
        safe.push(c);
        rest = &rest[c.len_utf8()..];
    }
    if !safe.contains('@') {
        return safe;
    }
    safe.split(' ').map(|word| if word.contains('@') { HIDDEN } else { word }).collect::<Vec<_>>().join(" ")
}

/// Whether quoted words are a name of the protocol rather than user content.
fn is_name(words: &str) -> bool {
    let plain = words.chars().all(|c| c.is_ascii_alphanumeric() || "_.-[]/".contains(c));
    plain && words.chars().filter(char::is_ascii_digit).count() < LONG_NUMBER
}

/// Kinds of errors that one call logs separately. It bounds the log lines of a server that invents
/// a code for each error.
const MOST_KINDS: usize = 8;
/// How often a repeating error is logged.
const REPORT_EVERY: Duration = Duration::from_secs(60);
/// Stands in place of removed text.
const HIDDEN: &str = "…";
/// Numbers with this many digits may be personal and are removed.
const LONG_NUMBER: usize = 4;
/// Separators between groups of digits.
const DIVIDERS: [char; 7] = [' ', '-', '.', '(', ')', '/', '\u{a0}'];
const QUOTES: [(char, char); 5] =
    [('\'', '\''), ('"', '"'), ('`', '`'), ('\u{201c}', '\u{201d}'), ('\u{2018}', '\u{2019}')];

#[cfg(test)]
mod tests;
