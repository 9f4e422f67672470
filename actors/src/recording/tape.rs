//! Two sides of a call on one clock. Pure.
//!
//! Positions are samples since the tape was put in. A caller's frame ends when it arrives; the ones that follow stand where the carrier's
//! timestamps put them, or one behind the other, as long as that agrees with when they come. The agent's audio stands where the
//! carrier plays it: from when it was sent or from the end of what was sent before, whichever is later; a clear takes back what has not been
//! played by then. So the agent's side is known for certain only up to now, and blocks are cut off a little before that.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::track::Track;
use crate::carrier::{AudioFormat, Encoding};
use crate::g711;

/// A piece of the recording, as the line wrote it: whoever brings it to disk decodes it, and no call waits for that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The position of its first moment; what is between it and the one before is silence.
    pub at: u64,
    /// How many moments it has.
    pub moments: usize,
    /// Both sides, the caller's first.
    pub sides: [Side; 2],
}

/// One side of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// How its bytes are written.
    pub encoding: Encoding,
    /// The bytes from the block's first moment on; may end before the block does, and the rest is silence.
    pub bytes: Vec<u8>,
    /// The moments that sound, in order; everything else is silence, whatever stands in `bytes`.
    pub sounding: Vec<Range<u32>>,
}

impl Block {
    /// Its moments, left and right in turn, PCM16.
    pub fn decode(&self, moments: &mut Vec<[i16; 2]>, room: &mut Vec<i16>) {
        moments.clear();
        moments.resize(self.moments, [0; 2]);
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
    /// The caller's side and the agent's, from the cut on.
    tracks: [Track; 2],
    /// Where the next of the caller's samples stands, if nothing says otherwise.
    caller: Option<u64>,
    /// The tape's position at zero of the carrier's clock.
    clock: Option<i64>,
    /// Where the agent's audio ends.
    agent: u64,
    paused: bool,
}

/// The caller's track.
const CALLER: usize = 0;
/// The agent's track.
const AGENT: usize = 1;

impl Tape {
    /// An empty tape for a line which `hears` and `says` in these formats, both at one rate; it begins now.
    pub(crate) fn new(hears: AudioFormat, says: AudioFormat, now: Instant) -> Self {
        Self {
            rate_hz: hears.rate_hz,
            began: now,
            cut: 0,
            tracks: [Track::new(hears.encoding), Track::new(says.encoding)],
            caller: None,
            clock: None,
            agent: 0,
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

    /// Audio of the agent that has just been sent.
    pub(crate) fn agent(&mut self, bytes: &[u8], now: Instant) {
        let at = self.agent.max(self.position(now));
        self.agent = at + self.tracks[AGENT].moments_of(bytes);
        self.put(AGENT, at, bytes);
    }

    /// The carrier dropped what it has not played.
    pub(crate) fn cleared(&mut self, now: Instant) {
        let now = self.position(now);
        self.agent = self.agent.min(now);
        self.tracks[AGENT].truncate(index(now.saturating_sub(self.cut)));
    }

    /// From now on nothing of either side is kept, or everything again.
    pub(crate) fn pause(&mut self, paused: bool, now: Instant) {
        if paused && !self.paused {
            // What is on its way to the caller will be heard in the pause.
            let agent = self.agent;
            self.cleared(now);
            self.agent = agent;
        }
        self.paused = paused;
    }

    /// The next block, once it is certain.
    pub(crate) fn block(&mut self, now: Instant) -> Option<Block> {
        let certain = self.position(now).saturating_sub(self.samples_in(UNCERTAIN));
        self.cut_off(certain, self.samples_in(BLOCK))
    }

    /// The blocks that are left when the call is over, the last one as long as it is; with them the tape is as long as the call.
    pub(crate) fn last_block(&mut self, now: Instant) -> Option<Block> {
        let end = self.position(now);
        if end <= self.cut {
            return None;
        }
        if self.is_silent() {
            // Its last moment is enough to say how long the silence was.
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

    /// Nothing sounds until `position`, nor behind it yet.
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

    /// Puts `bytes` on a track. What is before the cut comes too late, what is far ahead is no playout.
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

/// How far a frame may come from where it is expected. Less: the network's jitter is cut into the sound. More: a carrier's
/// clock that jumped puts the sides apart.
const TRUSTED: Duration = Duration::from_millis(150);
/// How long the newest part may still change: a late frame of the caller's.
const UNCERTAIN: Duration = Duration::from_millis(200);
/// What is cut off at once. Shorter: more messages to the disk. Longer: more memory, and more is lost with the process.
const BLOCK: Duration = Duration::from_millis(200);
/// What the carrier may have been sent ahead of its playing, with room: the longest lead is 5 s.
const MOST_AHEAD: Duration = Duration::from_secs(6);

#[cfg(test)]
mod tests;
