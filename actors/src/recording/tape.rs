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
pub struct Tape {
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
    pub fn new(hears: AudioFormat, says: AudioFormat, now: Instant) -> Self {
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
    pub fn caller(&mut self, bytes: &[u8], timestamp: Option<Duration>, now: Instant) {
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
    pub fn agent(&mut self, bytes: &[u8], now: Instant) {
        let at = self.agent.max(self.position(now));
        self.agent = at + self.tracks[AGENT].moments_of(bytes);
        self.put(AGENT, at, bytes);
    }

    /// The carrier dropped what it has not played.
    pub fn cleared(&mut self, now: Instant) {
        let now = self.position(now);
        self.agent = self.agent.min(now);
        self.tracks[AGENT].truncate(index(now.saturating_sub(self.cut)));
    }

    /// From now on nothing of either side is kept, or everything again.
    pub fn pause(&mut self, paused: bool, now: Instant) {
        if paused && !self.paused {
            // What is on its way to the caller will be heard in the pause.
            let agent = self.agent;
            self.cleared(now);
            self.agent = agent;
        }
        self.paused = paused;
    }

    /// The next block, once it is certain.
    pub fn block(&mut self, now: Instant) -> Option<Block> {
        let certain = self.position(now).saturating_sub(self.samples_in(UNCERTAIN));
        self.cut_off(certain, self.samples_in(BLOCK))
    }

    /// The blocks that are left when the call is over, the last one as long as it is; with them the tape is as long as the call.
    pub fn last_block(&mut self, now: Instant) -> Option<Block> {
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
mod tests {
    use super::*;
    use crate::clock;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn both_sides_stand_where_they_were_heard() {
        let (mut tape, t0) = tape();
        tape.agent(&pcm(7, 1_600), t0 + 100 * MS);
        for n in 0..20_u32 {
            tape.caller(&pcm(3, 160), None, t0 + (120 + 20 * n) * MS);
        }
        let whole = all(&mut tape, t0 + 600 * MS);
        assert_eq!(whole.len(), 4_800);
        assert_eq!(span(&whole, 0), Some((800, 4_000)), "the caller from 100 to 500 ms");
        assert_eq!(span(&whole, 1), Some((800, 2_400)), "the agent from 100 to 300 ms");
    }

    #[test]
    fn what_was_sent_ahead_follows_on_and_what_was_cleared_is_not_there() {
        let (mut tape, t0) = tape();
        tape.agent(&pcm(7, 1_600), t0);
        tape.agent(&pcm(7, 1_600), t0 + 10 * MS);
        tape.cleared(t0 + 250 * MS);
        tape.agent(&pcm(5, 800), t0 + 300 * MS);
        let whole = all(&mut tape, t0 + 1_000 * MS);
        assert_eq!(whole[..2_000], [[0, 7]; 2_000]);
        assert_eq!(whole[2_000..2_400], [[0, 0]; 400]);
        assert_eq!(whole[2_400..3_200], [[0, 5]; 800]);
        assert!(whole[3_200..].iter().all(|moment| *moment == [0, 0]));
    }

    #[test]
    fn jitter_leaves_no_seam_and_a_gap_is_a_gap() {
        for clock in [true, false] {
            let (mut tape, t0) = tape();
            let late = [0, 30, 5, 60, 40, 20, 0, 80, 60, 40];
            for (n, late) in (0_u32..).zip(late) {
                let stamp = clock.then_some(5_000 * MS + 20 * n * MS);
                tape.caller(&pcm(3, 160), stamp, t0 + (20 * (n + 1) + late) * MS);
            }
            // 400 ms of nothing.
            tape.caller(&pcm(4, 160), clock.then_some(5_000 * MS + 600 * MS), t0 + 620 * MS);
            let whole = all(&mut tape, t0 + 1_000 * MS);
            assert_eq!(span(&whole[..1_600], 0), Some((0, 1_600)), "clock {clock}");
            assert_eq!(whole[1_600..4_800], [[0, 0]; 3_200], "clock {clock}");
            assert_eq!(whole[4_800..4_960], [[4, 0]; 160], "clock {clock}");
        }
    }

    #[test]
    fn nothing_is_kept_of_a_pause_and_time_goes_on() {
        let (mut tape, t0) = tape();
        tape.agent(&pcm(7, 4_000), t0);
        for n in 0..50_u32 {
            let now = t0 + 20 * (n + 1) * MS;
            if n == 10 {
                tape.pause(true, now);
            }
            if n == 30 {
                tape.pause(false, now);
            }
            tape.caller(&pcm(3, 160), None, now);
        }
        let whole = all(&mut tape, t0 + 1_000 * MS);
        assert_eq!(whole.len(), 8_000);
        assert_eq!(whole[..1_600], [[3, 7]; 1_600]);
        assert!(whole[1_760..4_800].iter().all(|moment| *moment == [0, 0]));
        assert_eq!(whole[4_800..], [[3, 0]; 3_200]);
    }

    #[test]
    fn memory_is_what_is_uncertain_and_sent_ahead_however_long_the_call() {
        let (mut tape, t0) = tape();
        let mut most = 0;
        for n in 0..50_000_u32 {
            let now = t0 + 20 * (n + 1) * MS;
            tape.caller(&pcm(3, 160), None, now);
            tape.agent(&pcm(7, 160), now);
            while tape.block(now).is_some() {}
            most = most.max(tape.tracks.iter().map(Track::held).sum());
        }
        assert!(most <= 16_000, "{most} bytes: two sides of 400 ms");
        tape.agent(&pcm(7, 8_000_000), t0 + 1_000_020 * MS);
        assert!(tape.tracks[AGENT].held() <= 2 * 48_000 + 1_024, "six seconds and no more");
    }

    #[test]
    fn a_silent_call_has_its_length() {
        let (mut tape, t0) = tape();
        assert_eq!(tape.block(t0 + 60_000 * MS), None);
        let last = tape.last_block(t0 + 60_000 * MS).map(|block| block.at + block.moments as u64);
        assert!(last.is_none() || last == Some(480_000));
        let last = tape.last_block(t0 + 61_000 * MS).expect("there is more");
        assert_eq!(last.at + last.moments as u64, 488_000);
        assert_eq!(tape.last_block(t0 + 61_000 * MS), None);
    }

    #[test]
    fn each_side_is_read_as_it_is_written_and_silent_where_nobody_speaks() {
        let now = clock::now();
        let mut tape = Tape::new(AudioFormat::ALAW_8K, AudioFormat::MULAW_8K, now);
        tape.caller(&[0xF3; 160], None, now + 20 * MS);
        tape.agent(&[0x80; 160], now + 40 * MS);
        let whole = all(&mut tape, now + 1_000 * MS);
        assert_eq!(whole[..160], [[g711::decode_alaw(0xF3), 0]; 160]);
        assert_eq!(whole[160..320], [[0, 0]; 160]);
        assert_eq!(whole[320..480], [[0, g711::decode_mulaw(0x80)]; 160]);
        assert_eq!(whole[480..], [[0, 0]; 7_520], "no code of A-law means silence, so none stands for it");
    }

    fn tape() -> (Tape, Instant) {
        let now = clock::now();
        (Tape::new(AudioFormat::PCM_8K, AudioFormat::PCM_8K, now), now)
    }

    fn pcm(sample: i16, count: usize) -> Vec<u8> {
        sample.to_le_bytes().repeat(count)
    }

    /// The whole recording, as the writer puts it together.
    fn all(tape: &mut Tape, now: Instant) -> Vec<[i16; 2]> {
        let mut whole = Vec::new();
        let mut add = |block: Block| {
            whole.resize(block.at as usize, [0; 2]);
            let (mut moments, mut room) = (Vec::new(), Vec::new());
            block.decode(&mut moments, &mut room);
            whole.extend(moments);
        };
        while let Some(block) = tape.block(now) {
            add(block);
        }
        while let Some(block) = tape.last_block(now) {
            add(block);
        }
        whole
    }

    /// From the first to behind the last sample of a side that is not silent, if all between are not.
    fn span(whole: &[[i16; 2]], side: usize) -> Option<(usize, usize)> {
        let first = whole.iter().position(|moment| moment[side] != 0)?;
        let last = whole.iter().rposition(|moment| moment[side] != 0)? + 1;
        whole[first..last].iter().all(|moment| moment[side] != 0).then_some((first, last))
    }
}
