//! The journal of a live call: everything that its record is made of, line by line, as it is
//! reported. Pure.
//!
//! ```text
//! 5f1c09aa 61 {"words":[1204000,{"agent_says":{…}}]}\n
//! checksum bytes JSON
//! ```
//!
//! The checksum of a line also covers all lines before it, so a line is valid only at its place: a
//! hole in the middle, which a power failure leaves, ends the journal. A reader takes valid lines
//! up to the first invalid one, and reports what it cut. The entries are replayed into the same log
//! that a live call keeps, so both make the same record.

pub mod folder;
pub mod writer;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::log::ConversationLog;
use super::messages::{Fact, Tally};
use super::record::{CallSettings, Closing, Record, RecordedCall};
use crate::carrier::AudioFormat;
use crate::ending::Ending;
use crate::ids::{CallId, CallTag, CarrierCallId, StreamId};
use crate::line::identity::{CallIdentity, Direction};
use crate::realtime::report::Words;

/// A line of a journal. Times are in microseconds since the start of the call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry<'a> {
    /// The first line: identifies the call.
    Opened(Box<Header>),
    /// Words that were reported.
    Words(u64, Cow<'a, Words>),
    /// A fact that was reported.
    Fact(u64, Cow<'a, Fact>),
    /// The last line: the writer is about to file the record.
    Closed(Closed),
}

/// Identifies the call of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of this format: [`VERSION`].
    version: u32,
    id: CallId,
    /// The carrier's name. It is text because a later version may no longer support the carrier.
    carrier: String,
    carrier_call: CarrierCallId,
    stream: StreamId,
    direction: Direction,
    from: String,
    to: String,
    line: AudioFormat,
    /// The format of our audio, if it is not `line`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    says: Option<AudioFormat>,
    started_at: DateTime<Utc>,
    #[serde(default)]
    parameters: BTreeMap<String, String>,
    #[serde(rename = "held")]
    settings: CallSettings,
}

/// How a call ended, and the time in the names of its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The reason for the end, and who ended the call.
    pub ending: Ending,
    /// Its counters.
    pub tally: Tally,
    /// The duration of the call.
    pub duration: Duration,
    /// The time in the names of the record's files, in Unix milliseconds.
    pub filed_ms: i64,
}

impl Header {
    /// The header of a call's journal.
    pub fn new(identity: &CallIdentity, settings: &CallSettings) -> Self {
        Self {
            version: VERSION,
            id: identity.id,
            carrier: identity.carrier.name().to_owned(),
            carrier_call: identity.carrier_call.clone(),
            stream: identity.stream.clone(),
            direction: identity.direction,
            from: identity.from.expose().clone(),
            to: identity.to.expose().clone(),
            line: identity.line.hears,
            says: Some(identity.line.says).filter(|says| *says != identity.line.hears),
            started_at: identity.started_at,
            parameters: identity.parameters.expose().clone(),
            settings: settings.clone(),
        }
    }

    fn call(&self) -> RecordedCall<'_> {
        RecordedCall {
            id: self.id,
            carrier: &self.carrier,
            carrier_call: &self.carrier_call,
            stream: &self.stream,
            direction: self.direction,
            from: &self.from,
            to: &self.to,
            started_at: self.started_at,
            parameters: &self.parameters,
        }
    }
}

/// Frames lines. Each checksum also covers the lines before it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Framer {
    chain: u32,
}

impl Framer {
    /// Appends `entry` to `out` as a line. Returns `false` and appends nothing if the line is
    /// longer than a reader accepts.
    pub fn frame(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) -> bool {
        let Ok(json) = serde_json::to_vec(entry) else { return false };
        if json.len() > LONGEST_LINE {
            return false;
        }
        self.chain = checksum(self.chain, &json);
        out.reserve(json.len() + LINE_AROUND);
        out.extend_from_slice(format!("{:08x} {} ", self.chain, json.len()).as_bytes());
        out.extend_from_slice(&json);
        out.push(b'\n');
        true
    }
}

/// The readable part of a journal.
#[derive(Debug)]
pub struct Readout {
    /// All entries up to the first damaged line.
    pub entries: Vec<Entry<'static>>,
    /// The part that was cut off.
    pub cut: Option<Cut>,
}

/// The end of a journal that could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// The offset at which the last whole entry ends.
    pub at: usize,
    /// The number of bytes after that offset.
    pub bytes: usize,
    /// The reason.
    pub why: &'static str,
}

/// Reads a journal up to its last whole entry.
pub fn read(journal: &[u8]) -> Readout {
    let mut entries = Vec::new();
    let (mut chain, mut at) = (0, 0);
    while at < journal.len() {
        match line(&journal[at..], chain) {
            Ok(line) => {
                entries.push(line.entry);
                chain = line.chain;
                at += line.bytes;
            }
            Err(why) => return Readout { entries, cut: Some(Cut { at, bytes: journal.len() - at, why }) },
        }
    }
    Readout { entries, cut: None }
}

struct Line {
    entry: Entry<'static>,
    chain: u32,
    bytes: usize,
}

fn line(rest: &[u8], chain: u32) -> Result<Line, &'static str> {
    let (sum, rest) = word(rest, 8)?;
    let (length, rest) = word(rest, 8)?;
    let head = sum.len() + length.len() + 2;
    let sum = u32::from_str_radix(sum, 16).map_err(|_| "no checksum")?;
    let length: usize = length.parse().map_err(|_| "no length")?;
    if length > LONGEST_LINE {
        return Err("a line longer than any");
    }
    if rest.len() <= length {
        return Err("a line without its end");
    }
    let (json, end) = (&rest[..length], rest[length]);
    let chain = checksum(chain, json);
    if chain != sum || end != b'\n' {
        return Err("a checksum that does not match");
    }
    let entry = serde_json::from_slice(json).map_err(|_| "an entry of another version")?;
    Ok(Line { entry, chain, bytes: head + length + 1 })
}

/// Splits off lowercase hexadecimal digits up to a blank.
fn word(rest: &[u8], most: usize) -> Result<(&str, &[u8]), &'static str> {
    let torn = "a line without its beginning";
    let end = rest.iter().take(most + 1).position(|byte| *byte == b' ').ok_or(torn)?;
    let word = std::str::from_utf8(&rest[..end]).map_err(|_| torn)?;
    let plain = !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    if plain { Ok((word, &rest[end + 1..])) } else { Err(torn) }
}

/// A call as replayed from its journal.
#[derive(Debug)]
pub struct Replay {
    header: Header,
    log: ConversationLog,
    last: Duration,
    ended: Option<(Ending, Tally, Duration)>,
    closed: Option<Closed>,
}

impl Replay {
    /// Replays `entries` into a log as the live call did. Returns `None` if they do not begin with
    /// a header of a known version. `epoch` stands for the start of the call and may be any moment.
    pub fn of(entries: Vec<Entry<'static>>, epoch: Instant) -> Option<Self> {
        let mut entries = entries.into_iter();
        let header = match entries.next() {
            Some(Entry::Opened(header)) if header.version == VERSION => *header,
            Some(Entry::Opened(_) | Entry::Words(..) | Entry::Fact(..) | Entry::Closed(_)) | None => return None,
        };
        let mut replay =
            Self { header, log: ConversationLog::new(epoch), last: Duration::ZERO, ended: None, closed: None };
        for entry in entries {
            replay.tell(entry, epoch);
        }
        Some(replay)
    }

    fn tell(&mut self, entry: Entry<'static>, epoch: Instant) {
        match entry {
            Entry::Words(at, words) => {
                let at = self.reach(at);
                self.log.hear(words.into_owned(), epoch + at);
            }
            Entry::Fact(at, fact) => {
                let at = self.reach(at);
                if let Fact::Ended { ending, tally } = *fact {
                    self.ended.get_or_insert((ending, tally, at));
                } else {
                    self.log.note(fact.into_owned(), epoch + at);
                }
            }
            Entry::Closed(closed) => self.closed = Some(closed),
            // A header in the middle is redundant.
            Entry::Opened(_) => {}
        }
    }

    fn reach(&mut self, at_us: u64) -> Duration {
        let at = Duration::from_micros(at_us).min(LONGEST_CALL);
        self.last = self.last.max(at);
        at
    }

    /// The call's identity.
    pub fn call(&self) -> CallTag {
        CallTag::new(self.header.id, &self.header.carrier_call)
    }

    /// The call's record: complete, or interrupted at its last entry. The same journal always makes
    /// the same record, including the file names.
    pub fn record(&self) -> Record {
        let (ending, tally, duration) = match (self.closed, self.ended) {
            (Some(Closed { ending, tally, duration, .. }), _) | (None, Some((ending, tally, duration))) => {
                (ending, tally, duration)
            }
            (None, None) => (Ending::Interrupted, Tally::default(), self.last),
        };
        let known_until = || {
            let last = TimeDelta::from_std(self.last).unwrap_or_default();
            self.header.started_at.checked_add_signed(last).unwrap_or(self.header.started_at)
        };
        let filed_at = self.closed.and_then(|closed| DateTime::from_timestamp_millis(closed.filed_ms));
        Record::new(Closing {
            call: self.header.call(),
            settings: &self.header.settings,
            conversation: self.log.conversation(),
            ending,
            tally,
            duration,
            filed_at: filed_at.unwrap_or_else(known_until),
        })
    }
}

/// Continues the CRC-32 (IEEE) `before` over `bytes`.
fn checksum(before: u32, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(before);
    hasher.update(bytes);
    hasher.finalize()
}

/// The version of the format that this service writes and reads. A journal of another version is
/// moved aside.
pub const VERSION: u32 = 1;
/// The longest entry, in bytes. The log takes no more text in total; JSON may double it.
pub const LONGEST_LINE: usize = 2 * super::log::MOST_BYTES;
/// The bytes around an entry: a checksum, a length, two blanks and the end of the line.
const LINE_AROUND: usize = 20;
/// The upper bound of a call's duration. A longer time is corrupt and must not overflow a clock.
const LONGEST_CALL: Duration = Duration::from_secs(7 * 24 * 3600);

#[cfg(test)]
mod tests;
