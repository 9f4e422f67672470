//! Two sides of a call on one clock. Pure.
//!
//! Positions are samples since the tape was put in. A caller's frame ends when it arrives; the ones that follow stand where the carrier's
//! timestamps put them, or one behind the other, as long as that agrees with when they come. The agent's audio stands where the
//! carrier plays it: from when it was sent or from the end of what was sent before, whichever is later; a clear takes back what has not been
//! played by then. So the agent's side is known for certain only up to now, and blocks are cut off a little before that.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::carrier::AudioFormat;
use crate::g711;

/// A piece of the recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The position of its first moment; what is between it and the one before is silence.
    pub at: u64,
    /// Left and right in turn, PCM16.
    pub samples: Vec<[i16; 2]>,
}

/// The tape of one call.
#[derive(Debug)]
pub struct Tape {
    format: AudioFormat,
    began: Instant,
    /// Moments not yet cut off, from this position on.
    cut: u64,
    moments: VecDeque<[i16; 2]>,
    /// Where the next of the caller's samples stands, if nothing says otherwise.
    caller: Option<u64>,
    /// The tape's position at zero of the carrier's clock.
    clock: Option<i64>,
    /// Where the agent's audio ends.
    agent: u64,
    paused: bool,
    samples: Vec<i16>,
}

/// A side of the tape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Caller,
    Agent,
}

impl Tape {
    /// An empty tape for a line of `format`, which begins now.
    pub fn new(format: AudioFormat, now: Instant) -> Self {
        Self {
            format,
            began: now,
            cut: 0,
            moments: VecDeque::new(),
            caller: None,
            clock: None,
            agent: 0,
            paused: false,
            samples: Vec::new(),
        }
    }

    /// A frame of the caller's, whose last sample has arrived now.
    pub fn caller(&mut self, bytes: &[u8], timestamp: Option<Duration>, now: Instant) {
        self.samples.clear();
        g711::decode(self.format.encoding, bytes, &mut self.samples);
        let length = self.samples.len() as u64;
        let arrived = self.position(now).saturating_sub(length);
        let stamp = timestamp.map(|timestamp| self.samples_in(timestamp));
        let by_clock = stamp.zip(self.clock).and_then(|(stamp, clock)| stamp.checked_add_signed(clock));
        let expected = if stamp.is_some() { by_clock } else { self.caller };
        let at = expected.filter(|at| at.abs_diff(arrived) <= self.samples_in(TRUSTED)).unwrap_or(arrived);
        if let Some(stamp) = stamp {
            self.clock = Some(at as i64 - stamp as i64);
        }
        self.caller = Some(at + length);
        self.put(Side::Caller, at);
    }

    /// Audio of the agent that has just been sent.
    pub fn agent(&mut self, bytes: &[u8], now: Instant) {
        self.samples.clear();
        g711::decode(self.format.encoding, bytes, &mut self.samples);
        let at = self.agent.max(self.position(now));
        self.agent = at + self.samples.len() as u64;
        self.put(Side::Agent, at);
    }

    /// The carrier dropped what it has not played.
    pub fn cleared(&mut self, now: Instant) {
        let now = self.position(now);
        self.agent = self.agent.min(now);
        let kept = usize::try_from(now.saturating_sub(self.cut)).unwrap_or(usize::MAX);
        self.moments.iter_mut().skip(kept).for_each(|moment| moment[1] = 0);
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
        if self.moments.is_empty() {
            // Its last moment is enough to say how long the silence was.
            self.cut = end;
            return Some(Block { at: end - 1, samples: vec![[0; 2]] });
        }
        self.cut_off(end, self.samples_in(BLOCK).min(end - self.cut))
    }

    fn cut_off(&mut self, end: u64, length: u64) -> Option<Block> {
        if end < self.cut + length {
            return None;
        }
        if self.moments.is_empty() {
            self.cut = end;
            return None;
        }
        let (at, length) = (self.cut, usize::try_from(length).unwrap_or(usize::MAX));
        let mut samples: Vec<_> = self.moments.drain(..length.min(self.moments.len())).collect();
        samples.resize(length, [0; 2]);
        self.cut += length as u64;
        Some(Block { at, samples })
    }

    /// Puts `samples` on a side. What is before the cut comes too late, what is far ahead is no playout.
    fn put(&mut self, side: Side, at: u64) {
        if self.paused {
            return;
        }
        let late = usize::try_from(self.cut.saturating_sub(at)).unwrap_or(usize::MAX);
        let first = usize::try_from(at.saturating_sub(self.cut)).unwrap_or(usize::MAX);
        let most = usize::try_from(self.samples_in(MOST_AHEAD)).unwrap_or(usize::MAX);
        for (n, &sample) in self.samples.iter().skip(late).enumerate() {
            let place = first.saturating_add(n);
            if place >= most {
                break;
            }
            if place >= self.moments.len() {
                self.moments.resize(place + 1, [0; 2]);
            }
            self.moments[place][side as usize] = sample;
        }
    }

    fn position(&self, now: Instant) -> u64 {
        self.samples_in(now.saturating_duration_since(self.began))
    }

    fn samples_in(&self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos() * u128::from(self.format.rate_hz) / 1_000_000_000).unwrap_or(u64::MAX)
    }
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
            most = most.max(tape.moments.len());
        }
        assert!(most <= 8_000, "{most} moments");
        tape.agent(&pcm(7, 8_000_000), t0 + 1_000_020 * MS);
        assert!(tape.moments.len() <= 48_000);
    }

    #[test]
    fn a_silent_call_has_its_length() {
        let (mut tape, t0) = tape();
        assert_eq!(tape.block(t0 + 60_000 * MS), None);
        let last = tape.last_block(t0 + 60_000 * MS).map(|block| block.at + block.samples.len() as u64);
        assert!(last.is_none() || last == Some(480_000));
        let last = tape.last_block(t0 + 61_000 * MS).expect("there is more");
        assert_eq!(last.at + last.samples.len() as u64, 488_000);
        assert_eq!(tape.last_block(t0 + 61_000 * MS), None);
    }

    fn tape() -> (Tape, Instant) {
        let now = clock::now();
        (Tape::new(AudioFormat::PCM_8K, now), now)
    }

    fn pcm(sample: i16, count: usize) -> Vec<u8> {
        sample.to_le_bytes().repeat(count)
    }

    /// The whole recording, as the writer puts it together.
    fn all(tape: &mut Tape, now: Instant) -> Vec<[i16; 2]> {
        let mut whole = Vec::new();
        let mut add = |block: Block| {
            whole.resize(block.at as usize, [0; 2]);
            whole.extend(block.samples);
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
