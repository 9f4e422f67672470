//! The caller's audio as the session's clock. Pure.
//!
//! The model lives in the time of the audio that it receives. If that stops, everything stands
//! still; if it runs ahead, the model speaks ahead of the telephone. The clock therefore compares
//! the audio sent with the time that has passed:
//!
//! - The audio lags by [`PATIENCE`]: silence fills the gap, and then goes on every 20 ms until the
//!   caller's audio returns.
//! - Late audio comes in a burst: words are sent up to [`MOST_LEAD`] ahead, the rest waits. The
//!   lead is won back by leaving most of the silent frames out. Words are not left out.
//! - The process stood still: the session's time stood still with it, and no silence is made up for
//!   it. The caller's audio of that time usually comes in a burst right after it: it is sent at
//!   once, so that the model hears the caller in real time again.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::carrier::AudioFormat;
use crate::frame::Frame;

/// The clock of one session.
#[derive(Debug)]
pub(super) struct Clock {
    format: AudioFormat,
    /// When session time zero was. `None` before the start.
    began: Option<Instant>,
    /// Bytes sent.
    sent: u64,
    /// When something was sent last.
    last: Option<Instant>,
    /// Audio that is too far ahead, oldest first, and whether it holds a voice.
    waiting: VecDeque<(Frame, bool)>,
    waiting_bytes: usize,
    /// Whether the caller's audio has stopped.
    stalled: bool,
    /// The time that the process stood still and whose audio may still come, in ms, and until when
    /// it is awaited.
    missed: (u64, Option<Instant>),
    /// Silence of the caller that was left out, and words that were dropped, in bytes.
    left_out: usize,
    dropped: usize,
}

/// What was not sent of the caller's audio, in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsent {
    /// Silence, which won back the lag of late audio.
    pub(super) silence: u64,
    /// Words that had waited for too long.
    pub(super) words: u64,
}

impl Clock {
    /// A clock that has not begun.
    pub(super) const fn new(format: AudioFormat) -> Self {
        Self {
            format,
            began: None,
            sent: 0,
            last: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            stalled: false,
            missed: (0, None),
            left_out: 0,
            dropped: 0,
        }
    }

    /// Begins. The first 20 ms are silence, so that what is appended next has a place in time.
    pub(super) fn begin(&mut self, now: Instant, send: &mut impl FnMut(&[u8])) {
        self.began = Some(now);
        self.silence(FRAME, now, send);
    }

    /// Takes a frame of the caller. `voiced` is whether it holds a voice.
    pub(super) fn take(&mut self, frame: &[u8], voiced: bool, now: Instant, send: &mut impl FnMut(&[u8])) {
        if self.began.is_none() || frame.is_empty() {
            return;
        }
        self.stalled = false;
        self.keep_up(now);
        self.make_up(frame.len(), now);
        if self.waiting.is_empty() && self.lead(now) <= MOST_LEAD_MS {
            return self.give(frame, voiced, now, send);
        }
        self.waiting_bytes += frame.len();
        self.waiting.push_back((Frame::copy_of(frame), voiced));
        while self.waiting_bytes > self.bytes_of(MOST_WAITING) {
            let oldest = self.waiting.iter().position(|(_, voiced)| !voiced).unwrap_or(0);
            let Some((frame, voiced)) = self.waiting.remove(oldest) else { break };
            self.waiting_bytes -= frame.len();
            *(if voiced { &mut self.dropped } else { &mut self.left_out }) += frame.len();
        }
        self.release(now, send);
    }

    /// Forgets audio that waits: the call discards what the caller said.
    pub(super) fn discard(&mut self) {
        self.waiting.clear();
        self.waiting_bytes = 0;
    }

    /// Session time: the duration of the audio sent, in ms.
    pub(super) fn ms(&self) -> u64 {
        self.sent / self.format.bytes_per_ms().max(1) as u64
    }

    /// What was not sent, once the audio is in time again.
    pub(super) fn unsent(&mut self, now: Instant) -> Option<Unsent> {
        let late = !self.waiting.is_empty() || self.lead(now) > LATE_MS;
        if late || self.dropped == 0 && self.left_out < self.bytes_of(REPORTED) {
            return None;
        }
        let ms = |bytes: usize| bytes as u64 / self.format.bytes_per_ms().max(1) as u64;
        let unsent = Unsent { silence: ms(self.left_out), words: ms(self.dropped) };
        (self.left_out, self.dropped) = (0, 0);
        Some(unsent)
    }

    /// When [`Self::tick`] is wanted next.
    pub(super) fn due(&self) -> Option<Instant> {
        let sent = Duration::from_millis(self.ms());
        let at = self.began? + sent;
        if !self.waiting.is_empty() {
            return Some(at.checked_sub(MOST_LEAD).unwrap_or(at));
        }
        let due = if self.stalled { at + FRAME } else { at + PATIENCE };
        Some(self.last.map_or(due, |last| due.min(last + PATIENCE)))
    }

    /// The caller's audio is over: silence takes its place at once.
    pub(super) const fn end(&mut self) {
        self.stalled = true;
    }

    /// Sends what is due: waiting audio, or silence for what did not come.
    pub(super) fn tick(&mut self, now: Instant, send: &mut impl FnMut(&[u8])) {
        self.keep_up(now);
        if !self.waiting.is_empty() {
            return self.release(now, send);
        }
        let behind = -self.lead(now);
        let limit = if self.stalled { FRAME } else { PATIENCE };
        if behind >= limit.as_millis() as i64 {
            self.stalled = true;
            self.silence(Duration::from_millis(behind as u64), now, send);
        } else if self.is_quiet(now, PATIENCE) {
            // The audio is ahead: most of the silence is left out, but not all of it.
            self.silence(FRAME, now, send);
        }
    }

    /// Sends waiting audio as far as it is not too far ahead.
    fn release(&mut self, now: Instant, send: &mut impl FnMut(&[u8])) {
        while self.lead(now) <= MOST_LEAD_MS
            && let Some((frame, voiced)) = self.waiting.pop_front()
        {
            self.waiting_bytes -= frame.len();
            self.give(&frame, voiced, now, send);
        }
    }

    fn give(&mut self, frame: &[u8], voiced: bool, now: Instant, send: &mut impl FnMut(&[u8])) {
        if !voiced && self.lead(now) > KEPT_LEAD_MS && !self.is_quiet(now, PATIENCE - FRAME) {
            self.left_out += frame.len();
            return;
        }
        (self.sent, self.last) = (self.sent + frame.len() as u64, Some(now));
        send(frame);
    }

    /// Whether nothing was sent for this long.
    fn is_quiet(&self, now: Instant, length: Duration) -> bool {
        self.last.is_none_or(|last| last + length <= now)
    }

    /// Follows a process that stood still: the gap is not filled by a burst.
    fn keep_up(&mut self, now: Instant) {
        let behind = -self.lead(now);
        if behind > MOST_FILLED_MS
            && let Some(began) = &mut self.began
        {
            let missed = (behind - MOST_FILLED_MS) as u64;
            *began += Duration::from_millis(missed);
            let most = MOST_WAITING.as_millis() as u64;
            self.missed = ((self.missed.0 + missed).min(most), now.checked_add(MISSED_COMES_WITHIN));
        }
    }

    /// Audio of the time that the process stood still has come after all: the session's time moves
    /// on by it.
    fn make_up(&mut self, bytes: usize, now: Instant) {
        let (missed, until) = self.missed;
        if missed == 0 || self.lead(now) < 0 {
            return;
        }
        if until.is_none_or(|until| until < now) {
            self.missed = (0, None);
            return;
        }
        let came = (bytes as u64 / self.format.bytes_per_ms().max(1) as u64).min(missed);
        if let Some(began) = self.began.and_then(|began| began.checked_sub(Duration::from_millis(came))) {
            (self.began, self.missed.0) = (Some(began), missed - came);
        }
    }

    /// How far the audio sent is ahead of the time that has passed, in ms. It is negative if the
    /// audio lags.
    fn lead(&self, now: Instant) -> i64 {
        let elapsed = self.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        self.ms() as i64 - elapsed.as_millis() as i64
    }

    fn silence(&mut self, length: Duration, now: Instant, send: &mut impl FnMut(&[u8])) {
        let bytes = self.bytes_of(length);
        let mut silence = Frame::with_room(bytes);
        silence.resize(bytes, self.format.encoding.silence());
        (self.sent, self.last) = (self.sent + bytes as u64, Some(now));
        send(&silence);
    }

    fn bytes_of(&self, length: Duration) -> usize {
        length.as_millis() as usize * self.format.bytes_per_ms()
    }
}

/// The piece of silence that is sent while the caller's audio has stopped.
const FRAME: Duration = Duration::from_millis(20);
/// How long the caller's audio may lag before silence takes its place. Shorter: the jitter of a
/// line puts silence into words. Longer: with the timer's own delay, a hole of more than 200 ms.
const PATIENCE: Duration = Duration::from_millis(160);
/// The lead up to which silent frames are sent. Smaller: jitter shortens pauses. Larger: the model
/// answers that much later for the rest of the call.
const KEPT_LEAD_MS: i64 = 60;
/// The lead above which late audio is not caught up with yet.
const LATE_MS: i64 = 150;
/// How far words may run ahead. Further: the model speaks ahead of the telephone. Less: late words
/// wait for longer.
const MOST_LEAD: Duration = Duration::from_millis(1_000);
const MOST_LEAD_MS: i64 = 1_000;
/// The longest gap that is filled. A longer one comes from a process that stood still.
const MOST_FILLED_MS: i64 = 400;
/// How soon after the process stood still the audio of that time comes. It has waited in a socket or
/// a mailbox, so it comes at once. Longer: audio that is early for another reason is sent ahead.
const MISSED_COMES_WITHIN: Duration = Duration::from_millis(1_000);
/// The least silence whose leaving out is reported. Less: the usual jitter is reported.
const REPORTED: Duration = Duration::from_millis(200);
/// How much audio waits at most: more is older than any answer to it. Silent frames are left out
/// first.
const MOST_WAITING: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        clock: Clock,
        now: Instant,
        began: Instant,
        /// When each piece was sent, its length in ms and its first byte.
        sent: Vec<(u64, usize, u8)>,
    }

    impl Rig {
        fn new() -> Self {
            let now = crate::clock::now();
            let mut rig = Self { clock: Clock::new(AudioFormat::MULAW_8K), now, began: now, sent: Vec::new() };
            rig.clock.begin(now, &mut |_| {});
            rig
        }

        fn frames(&mut self, count: usize, tag: u8) {
            let (at, sent) = ((self.now - self.began).as_millis() as u64, &mut self.sent);
            for _ in 0..count {
                let voiced = tag != 0;
                self.clock.take(&[tag; 160], voiced, self.now, &mut |piece| sent.push((at, piece.len() / 8, piece[0])));
            }
        }

        fn pass(&mut self, ms: u64) {
            let until = self.now + Duration::from_millis(ms);
            while let Some(due) = self.clock.due().filter(|due| *due <= until) {
                self.now = self.now.max(due);
                let (at, sent) = ((self.now - self.began).as_millis() as u64, &mut self.sent);
                self.clock.tick(self.now, &mut |piece| sent.push((at, piece.len() / 8, piece[0])));
            }
            self.now = until;
        }

        fn talk(&mut self, ms: u64, tag: u8) {
            for _ in 0..ms / 20 {
                self.pass(20);
                self.frames(1, tag);
            }
        }

        fn lead(&self) -> i64 {
            self.clock.lead(self.now)
        }
    }

    #[test]
    fn a_line_that_flows_is_passed_on_as_it_comes() {
        let mut rig = Rig::new();
        rig.talk(60_000, 7);
        assert_eq!((rig.sent.len(), rig.lead()), (3_000, 20));
        assert!(rig.sent.iter().all(|(_, ms, tag)| (*ms, *tag) == (20, 7)));
    }

    #[test]
    fn a_gap_is_filled_without_a_hole_and_without_a_burst() {
        let mut rig = Rig::new();
        rig.talk(1_000, 7);
        rig.pass(5_000);
        rig.talk(1_000, 7);
        let holes = rig.sent.windows(2).map(|two| two[1].0 - two[0].0).max();
        assert!(holes < Some(200), "{holes:?}");
        assert!(rig.lead().abs() <= 60, "{} ms", rig.lead());
        let silent = rig.sent.iter().filter(|(_, _, tag)| *tag == 0xFF).map(|(_, ms, _)| ms).sum::<usize>();
        assert!((4_900..=5_020).contains(&silent), "{silent} ms of silence");
    }

    #[test]
    fn jitter_alone_adds_no_silence() {
        let mut rig = Rig::new();
        for _ in 0..50 {
            rig.pass(120);
            rig.frames(6, 7);
        }
        assert_eq!((rig.sent.len(), rig.lead()), (300, 20));
    }

    #[test]
    fn late_words_are_all_sent_and_their_lead_is_won_back_in_the_pauses() {
        let mut rig = Rig::new();
        rig.frames(150, 7);
        assert!(rig.lead() <= 1_020, "{} ms ahead", rig.lead());
        rig.talk(4_000, 7);
        let words = rig.sent.iter().filter(|(_, _, tag)| *tag == 7).count();
        assert!(rig.lead() <= 1_020 && words < 350, "{words} frames, {} ms ahead", rig.lead());
        rig.talk(6_000, 0);
        let words = rig.sent.iter().filter(|(_, _, tag)| *tag == 7).count();
        assert_eq!(words, 350, "no word is lost");
        assert!(rig.lead() <= 80, "{} ms are left standing", rig.lead());
        let holes = rig.sent.windows(2).map(|two| two[1].0 - two[0].0).max();
        assert!(holes < Some(200), "{holes:?}");
    }

    #[test]
    fn a_process_that_stood_still_is_not_caught_up_with() {
        let mut rig = Rig::new();
        rig.talk(200, 7);
        rig.now += Duration::from_secs(30);
        let sent = rig.clock.ms();
        rig.pass(0);
        assert!(rig.clock.ms() - sent <= 400, "{} ms at once", rig.clock.ms() - sent);
        assert!(rig.lead() <= 0);
    }

    #[test]
    fn audio_of_a_starved_moment_is_caught_up_with_at_once() {
        let mut rig = Rig::new();
        rig.talk(1_000, 7);
        rig.now += Duration::from_secs(3);
        rig.pass(0);
        rig.frames(150, 7);
        let lag = |rig: &Rig| rig.clock.waiting_bytes as i64 / 8 + rig.lead();
        assert!(lag(&rig) <= 500, "{} ms behind the caller", lag(&rig));
        rig.talk(5_000, 7);
        assert!(lag(&rig) <= 500, "{} ms behind the caller after 5 s without a pause", lag(&rig));
        let words = rig.sent.iter().filter(|(_, _, tag)| *tag == 7).count();
        assert_eq!(words, 50 + 150 + 250, "no word is lost");
    }

    #[test]
    fn early_audio_after_a_starved_moment_is_not_sent_ahead() {
        let mut rig = Rig::new();
        rig.talk(1_000, 7);
        rig.now += Duration::from_secs(3);
        rig.talk(2_000, 7);
        rig.frames(150, 7);
        assert!(rig.lead() <= 1_020, "{} ms ahead", rig.lead());
    }

    #[test]
    fn what_is_not_sent_is_reported_once_the_audio_is_in_time() {
        let mut rig = Rig::new();
        rig.talk(1_000, 7);
        rig.frames(100, 7);
        rig.talk(1_000, 0);
        assert_eq!(rig.clock.unsent(rig.now), None, "it is late still");
        rig.talk(4_000, 0);
        let unsent = rig.clock.unsent(rig.now).expect("silence was left out");
        assert!((1_900..=2_000).contains(&unsent.silence) && unsent.words == 0, "{unsent:?}");
        assert_eq!(rig.clock.unsent(rig.now), None, "once");
        rig.frames(400, 7);
        rig.talk(15_000, 0);
        let unsent = rig.clock.unsent(rig.now).expect("words were dropped");
        assert!((1_900..=2_100).contains(&unsent.words), "{unsent:?}");
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut rig = Rig::new();
        rig.frames(2_000, 7);
        assert!(rig.clock.waiting_bytes <= 40_000);
        rig.clock.discard();
        assert_eq!(rig.clock.waiting_bytes, 0);
    }
}
