//! The sides of a call on one clock. Pure.
//!
//! Positions are samples since the tape began. A caller's frame ends when it arrives. The next
//! frames are placed by the carrier's timestamps, or one after the other, as long as that agrees
//! with their arrival. The agent's audio is placed where the carrier plays it: when it was sent, or
//! at the end of the audio before it, whichever is later. A clear removes what was not yet played.
//! The agent's side is therefore certain only up to now, and blocks are cut a little before that. A
//! person who has taken the call over sounds in the agent's place, on a side of their own.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::track::Track;
use crate::carrier::{AudioFormat, Encoding};
use crate::g711;

/// A piece of the recording in the line's format. The writer's thread decodes it, so no call waits
/// for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The position of its first moment. A gap to the block before is silence.
    pub at: u64,
    /// Its length in moments (one sample of each side).
    pub moments: usize,
    /// The caller's side, the agent's, and that of a person who has taken the call over.
    pub sides: [Side; SIDES],
}

/// One side of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// How its bytes are written.
    pub encoding: Encoding,
    /// The bytes from the block's first moment on. The rest of the block is silence.
    pub bytes: Vec<u8>,
    /// The ranges of moments with sound, in order. Everything else is silence, whatever `bytes`
    /// contains.
    pub sounding: Vec<Range<u32>>,
}

impl Block {
    /// Whether a person who has taken the call over sounds in it.
    pub fn has_person(&self) -> bool {
        !self.sides[PERSON].sounding.is_empty()
    }

    /// Decodes it to PCM16, the sides of each moment together.
    pub fn decode(&self, moments: &mut Vec<[i16; SIDES]>, room: &mut Vec<i16>) {
        moments.clear();
        moments.resize(self.moments, [0; SIDES]);
        for (n, side) in self.sides.iter().enumerate() {
            let unit = side.encoding.sample_bytes();
            for span in &side.sounding {
                let span = span.start as usize..span.end as usize;
                room.clear();
                g711::decode(side.encoding, &side.bytes[span.start * unit..span.end * unit], room);
                moments[span].iter_mut().zip(&*room).for_each(|(moment, &sample)| moment[n] = sample);
            }
        }
    }
}

/// The tape of one call.
#[derive(Debug)]
pub(crate) struct Tape {
    rate_hz: u32,
    began: Instant,
    /// Moments not yet cut off, from this position on.
    cut: u64,
    /// The sides, from the cut on.
    tracks: [Track; SIDES],
    /// The expected position of the caller's next sample.
    caller: Option<u64>,
    /// The tape's position at zero of the carrier's clock.
    clock: Option<i64>,
    /// Where what was sent to the caller ends.
    sent: u64,
    paused: bool,
}

/// The sides of a recording.
pub(crate) const SIDES: usize = 3;
/// The caller's track.
const CALLER: usize = 0;
/// The agent's track.
const AGENT: usize = 1;
/// The track of a person who has taken the call over.
const PERSON: usize = 2;

impl Tape {
    /// An empty tape that begins now, for a line with these caller and agent formats, both at one
    /// rate.
    pub(crate) fn new(hears: AudioFormat, says: AudioFormat, now: Instant) -> Self {
        Self {
            rate_hz: hears.rate_hz,
            began: now,
            cut: 0,
            tracks: [hears, says, says].map(|format| Track::new(format.encoding)),
            caller: None,
            clock: None,
            sent: 0,
            paused: false,
        }
    }

    /// A frame of the caller's, whose last sample has arrived now.
    pub(crate) fn caller(&mut self, bytes: &[u8], timestamp: Option<Duration>, now: Instant) {
        let length = self.tracks[CALLER].moments_of(bytes);
        let arrived = self.position(now).saturating_sub(length);
        let stamp = timestamp.map(|timestamp| self.samples_in(timestamp));
        let by_clock = stamp.zip(self.clock).and_then(|(stamp, clock)| stamp.checked_add_signed(clock));
        let expected = if stamp.is_some() { by_clock } else { self.caller };
        let at = expected.filter(|at| at.abs_diff(arrived) <= self.samples_in(TRUSTED)).unwrap_or(arrived);
        if let Some(stamp) = stamp {
            self.clock = Some(at as i64 - stamp as i64);
        }
        self.caller = Some(at + length);
        self.put(CALLER, at, bytes);
    }

    /// The agent's audio that has just been sent.
    pub(crate) fn agent(&mut self, bytes: &[u8], now: Instant) {
        self.heard(AGENT, bytes, now);
    }

    /// Audio of a person who has taken the call over that has just been sent.
    pub(crate) fn person(&mut self, bytes: &[u8], now: Instant) {
        self.heard(PERSON, bytes, now);
    }

    fn heard(&mut self, track: usize, bytes: &[u8], now: Instant) {
        let at = self.sent.max(self.position(now));
        self.sent = at + self.tracks[track].moments_of(bytes);
        self.put(track, at, bytes);
    }

    /// The carrier dropped its unplayed audio.
    pub(crate) fn cleared(&mut self, now: Instant) {
        let now = self.position(now);
        self.sent = self.sent.min(now);
        let unplayed = index(now.saturating_sub(self.cut));
        self.tracks[AGENT..].iter_mut().for_each(|track| track.truncate(unplayed));
    }

    /// Pauses or resumes recording: while paused, no side is kept.
    pub(crate) fn pause(&mut self, paused: bool, now: Instant) {
        if paused && !self.paused {
            // Audio that was sent before the pause is heard during it, and is not kept either.
            let sent = self.sent;
            self.cleared(now);
            self.sent = sent;
        }
        self.paused = paused;
    }

    /// The next block, once it is certain.
    pub(crate) fn block(&mut self, now: Instant) -> Option<Block> {
        let certain = self.position(now).saturating_sub(self.samples_in(UNCERTAIN));
        self.cut_off(certain, self.samples_in(BLOCK))
    }

    /// Returns the remaining blocks at the end of a call, one by one. The last one ends where the
    /// call ends.
    pub(crate) fn last_block(&mut self, now: Instant) -> Option<Block> {
        let end = self.position(now);
        if end <= self.cut {
            return None;
        }
        if self.is_silent() {
            // One moment at the end is enough to give the silence its length.
            self.skip_to(end - 1);
            return Some(self.take(1));
        }
        self.cut_off(end, self.samples_in(BLOCK).min(end - self.cut))
    }

    fn cut_off(&mut self, end: u64, length: u64) -> Option<Block> {
        if end < self.cut + length {
            return None;
        }
        if self.is_silent() {
            self.skip_to(end);
            return None;
        }
        Some(self.take(index(length)))
    }

    /// Moves the cut to `position`; everything before it is silence.
    fn skip_to(&mut self, position: u64) {
        self.cut = position;
        self.tracks.iter_mut().for_each(|track| track.truncate(0));
    }

    /// The next `moments` as a block.
    fn take(&mut self, moments: usize) -> Block {
        let at = self.cut;
        self.cut += moments as u64;
        let sides = self.tracks.each_mut().map(|track| track.take(moments));
        Block { at, moments, sides }
    }

    fn is_silent(&self) -> bool {
        self.tracks.iter().all(Track::is_silent)
    }

    /// Writes `bytes` onto a track. Bytes before the cut are too late and dropped; so are bytes too
    /// far ahead.
    fn put(&mut self, track: usize, at: u64, bytes: &[u8]) {
        if self.paused {
            return;
        }
        let unit = self.tracks[track].unit();
        let late = index(self.cut.saturating_sub(at)).saturating_mul(unit).min(bytes.len());
        let first = index(at.saturating_sub(self.cut));
        let room = index(self.samples_in(MOST_AHEAD)).saturating_sub(first).saturating_mul(unit);
        let bytes = &bytes[late..];
        self.tracks[track].put(first, &bytes[..bytes.len().min(room)]);
    }

    fn position(&self, now: Instant) -> u64 {
        self.samples_in(now.saturating_duration_since(self.began))
    }

    fn samples_in(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() * u128::from(self.rate_hz) / 1_000_000_000).unwrap_or(u64::MAX)
    }
}

/// A count of moments from the cut on, as an index.
fn index(moments: u64) -> usize {
    usize::try_from(moments).unwrap_or(usize::MAX)
}

/// The largest distance of a frame from its expected position. Smaller: network jitter becomes gaps
/// in the sound. Larger: a carrier's clock that jumped shifts the sides against each other.
const TRUSTED: Duration = Duration::from_millis(150);
/// How long the newest part may still change, by a late frame of the caller.
const UNCERTAIN: Duration = Duration::from_millis(200);
/// The length of a block. Shorter: more messages to the writer. Longer: more memory, and more is
/// lost in a crash.
const BLOCK: Duration = Duration::from_millis(200);
/// The most audio that a carrier may have unplayed, with a margin: the longest lead is 5 s.
const MOST_AHEAD: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests;
