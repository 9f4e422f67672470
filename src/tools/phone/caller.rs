//! The simulated caller: when to speak, when to press a key and when to hang up. Pure.
//!
//! Times are relative to the `start` of the call's first stream.

use std::sync::Arc;
use std::time::Duration;

use super::options::{LONGEST_WAIT_FOR_ANSWER, LONGEST_WAIT_FOR_GREETING, POLITE_PAUSE, PhoneOptions};
use super::playout::duration_of;

/// Samples of one frame: 20 ms at 8 kHz, the size that carriers send.
pub(super) const FRAME: usize = 160;

/// The simulated caller.
#[derive(Debug)]
pub(super) struct Caller {
    speech: Arc<[i16]>,
    spoken: usize,
    speak_at: Option<Duration>,
    /// Keys that are not yet pressed. The next one is last.
    keys: Vec<(Duration, char)>,
    hangup_after: Option<Duration>,
    answer_pause: Duration,
    noise: Option<u32>,
    spoke_from: Option<Duration>,
    /// When the last word was said or the last key pressed. `None` while anything is left to do.
    done_at: Option<Duration>,
    last_key: Duration,
}

/// What the caller has heard so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// When the first audible sample was heard.
    pub(super) first: Option<Duration>,
    /// When the latest audible sample was heard.
    pub(super) last: Option<Duration>,
}

/// Why the caller hung up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Goodbye {
    /// The configured time was reached.
    Told,
    /// The caller said everything, heard the answer, and silence followed.
    Answered,
    /// The caller said everything and got no answer.
    Unanswered,
}

impl Caller {
    /// A caller who behaves as the options say.
    pub(super) fn new(options: &PhoneOptions) -> Self {
        let mut keys = options.dtmf.clone();
        // The sort is stable: two keys with the same time keep their order once the list is
        // reversed.
        keys.sort_by_key(|(at, _)| *at);
        keys.reverse();
        let idle = options.speech.is_empty() && keys.is_empty();
        Self {
            speech: options.speech.clone(),
            spoken: 0,
            speak_at: options.speak_at,
            keys,
            hangup_after: options.hangup_after,
            answer_pause: options.answer_pause,
            noise: options.comfort_noise.then_some(1),
            spoke_from: None,
            done_at: idle.then_some(Duration::ZERO),
            last_key: Duration::ZERO,
        }
    }

    /// Returns the caller's next 20 ms of audio, starting at `now`. `heard` decides when the caller
    /// begins to speak.
    pub(super) fn frame(&mut self, now: Duration, heard: Heard) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        if self.spoken < self.speech.len() && (self.spoke_from.is_some() || self.may_begin(now, heard)) {
            self.spoke_from.get_or_insert(now);
            let count = FRAME.min(self.speech.len() - self.spoken);
            frame[..count].copy_from_slice(&self.speech[self.spoken..self.spoken + count]);
            self.spoken += count;
            self.settle(now + duration_of(FRAME as u64));
        } else if let Some(state) = &mut self.noise {
            for sample in &mut frame {
                // A linear congruential generator: white enough for comfort noise, and identical in
                // every run.
                *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (*state >> 27) as i16 - 16;
            }
        }
        frame
    }

    /// Returns the keys that are due by `now`.
    pub(super) fn keys_due(&mut self, now: Duration) -> Vec<char> {
        let mut due = Vec::new();
        while let Some((_, key)) = self.keys.pop_if(|(at, _)| *at <= now) {
            due.push(key);
            self.last_key = now;
            self.settle(now);
        }
        due
    }

    /// Returns why the caller hangs up at `now`, if they do.
    pub(super) fn goodbye(&self, now: Duration, heard: Heard) -> Option<Goodbye> {
        if let Some(limit) = self.hangup_after {
            return (now >= limit).then_some(Goodbye::Told);
        }
        let done = self.done_at?;
        match heard.last.filter(|last| *last > done) {
            Some(last) => (now.saturating_sub(last) >= self.answer_pause).then_some(Goodbye::Answered),
            None => (now.saturating_sub(done) >= LONGEST_WAIT_FOR_ANSWER).then_some(Goodbye::Unanswered),
        }
    }

    /// When the caller's speech began and, if it has ended, when it ended.
    pub(super) fn spoke(&self) -> Option<(Duration, Option<Duration>)> {
        let from = self.spoke_from?;
        let until = (self.spoken == self.speech.len()).then(|| from + duration_of(self.speech.len() as u64));
        Some((from, until))
    }

    fn may_begin(&self, now: Duration, heard: Heard) -> bool {
        match (self.speak_at, heard.last) {
            (Some(at), _) => now >= at,
            (None, Some(last)) => now.saturating_sub(last) >= POLITE_PAUSE,
            (None, None) => now >= LONGEST_WAIT_FOR_GREETING,
        }
    }

    /// Records the time when the caller has nothing left to do.
    fn settle(&mut self, now: Duration) {
        if self.spoken == self.speech.len() && self.keys.is_empty() {
            self.done_at.get_or_insert(now.max(self.last_key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::{ANSWER_PAUSE, Target};
    use super::*;

    const fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    fn options() -> PhoneOptions {
        let url = "ws://127.0.0.1/ws".parse().expect("an address");
        PhoneOptions { speech: vec![500; 400].into(), ..PhoneOptions::new(Target::Stream(url)) }
    }

    const fn heard(first: u64, last: u64) -> Heard {
        Heard { first: Some(ms(first)), last: Some(ms(last)) }
    }

    #[test]
    fn the_caller_lets_the_greeting_end_and_then_speaks_whole() {
        let mut caller = Caller::new(&options());
        assert_eq!(caller.frame(ms(0), Heard::default()), [0; FRAME]);
        assert_eq!(caller.frame(ms(2000), heard(500, 1990)), [0; FRAME]);
        assert_eq!(caller.frame(ms(2800), heard(500, 2000)), [500; FRAME]);
        // The caller continues while the agent talks over them.
        assert_eq!(caller.frame(ms(2820), heard(500, 2810)), [500; FRAME]);
        let last = caller.frame(ms(2840), heard(500, 2830));
        assert_eq!((last[79], last[80]), (500, 0));
        assert_eq!(caller.frame(ms(2860), heard(500, 2830)), [0; FRAME]);
        assert_eq!(caller.spoke(), Some((ms(2800), Some(ms(2850)))));
    }

    #[test]
    fn a_silent_service_is_spoken_to_after_a_while() {
        let mut caller = Caller::new(&options());
        assert_eq!(caller.frame(LONGEST_WAIT_FOR_GREETING - ms(1), Heard::default()), [0; FRAME]);
        assert_eq!(caller.frame(LONGEST_WAIT_FOR_GREETING, Heard::default()), [500; FRAME]);
    }

    #[test]
    fn a_caller_who_is_told_when_interrupts() {
        let mut caller = Caller::new(&PhoneOptions { speak_at: Some(ms(100)), ..options() });
        assert_eq!(caller.frame(ms(80), heard(0, 80)), [0; FRAME]);
        assert_eq!(caller.frame(ms(100), heard(0, 100)), [500; FRAME]);
    }

    #[test]
    fn the_caller_hangs_up_when_the_answer_is_over() {
        let mut caller = Caller::new(&PhoneOptions { speak_at: Some(ms(0)), ..options() });
        for at in [0, 20, 40] {
            assert_eq!(caller.goodbye(ms(at), Heard::default()), None);
            caller.frame(ms(at), Heard::default());
        }
        // Audio heard before the caller's last word does not count as an answer.
        assert_eq!(caller.goodbye(ms(8000), heard(10, 50)), None);
        assert_eq!(caller.goodbye(ms(60) + LONGEST_WAIT_FOR_ANSWER, heard(10, 50)), Some(Goodbye::Unanswered));
        assert_eq!(caller.goodbye(ms(5000), heard(10, 2000)), None);
        assert_eq!(caller.goodbye(ms(2000) + ANSWER_PAUSE, heard(10, 2000)), Some(Goodbye::Answered));
    }

    #[test]
    fn keys_are_pressed_in_order_and_waited_for() {
        let dtmf = vec![(ms(500), '#'), (ms(300), '1')];
        let mut caller = Caller::new(&PhoneOptions { dtmf, speech: Arc::new([]), ..options() });
        assert!(caller.keys_due(ms(200)).is_empty());
        assert_eq!(caller.keys_due(ms(310)), ['1']);
        assert_eq!(caller.goodbye(ms(60_000), heard(0, 100)), None);
        assert_eq!(caller.keys_due(ms(600)), ['#']);
        assert_eq!(caller.goodbye(ms(600) + ANSWER_PAUSE, heard(0, 100)), None);
        assert_eq!(caller.goodbye(ms(900) + ANSWER_PAUSE, heard(0, 900)), Some(Goodbye::Answered));
    }

    #[test]
    fn a_caller_who_is_told_when_to_hang_up_does_so_and_not_before() {
        let caller = Caller::new(&PhoneOptions { hangup_after: Some(ms(20_000)), ..options() });
        assert_eq!(caller.goodbye(ms(19_999), heard(0, 0)), None);
        assert_eq!(caller.goodbye(ms(20_000), heard(0, 19_999)), Some(Goodbye::Told));
    }

    #[test]
    fn comfort_noise_is_there_and_cannot_be_heard() {
        let mut caller = Caller::new(&PhoneOptions { comfort_noise: true, ..options() });
        let frame = caller.frame(ms(0), Heard::default());
        assert!(frame.iter().any(|sample| *sample != 0));
        assert!(frame.iter().all(|sample| sample.unsigned_abs() < super::super::playout::AUDIBLE));
    }
}
