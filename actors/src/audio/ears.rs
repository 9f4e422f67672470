//! What listeners hear of a call, in mu-law at 8 kHz. Pure.
//!
//! The caller's sound is passed on as it arrives. The agent's is sent to the carrier ahead of time,
//! so it waits here until the caller hears it, by the clock of the carrier's playout. What a clear
//! removes is never heard.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::resample::{ResampleError, Resampler};
use super::scratch::Scratch;
use super::tap::Side;
use crate::carrier::{AudioFormat, Encoding};
use crate::frame::Frame;
use crate::g711;

/// The ears of a call's listeners.
#[derive(Debug)]
pub(super) struct Ears {
    caller: Converter,
    agent: Converter,
    /// Sound that was sent and is not heard yet, in order.
    unheard: VecDeque<Unheard>,
    /// When the last of it was heard.
    ends: Option<Instant>,
    /// Whether the recording is paused.
    paused: bool,
}

/// Sound for listeners.
#[derive(Debug, PartialEq)]
pub struct Sound {
    /// Who is heard.
    pub side: Side,
    /// Mu-law at 8 kHz.
    pub mulaw: Frame,
    /// Whether it belongs to a pause of the recording.
    pub private: bool,
}

#[derive(Debug)]
struct Unheard {
    due: Instant,
    sound: Sound,
}

impl Ears {
    /// Ears on a line with these formats.
    ///
    /// # Errors
    /// When a rate is not supported.
    pub(super) fn new(hears: AudioFormat, says: AudioFormat, paused: bool) -> Result<Self, ResampleError> {
        let (caller, agent) = (Converter::new(hears)?, Converter::new(says)?);
        Ok(Self { caller, agent, unheard: VecDeque::new(), ends: None, paused })
    }

    /// A frame of the caller's.
    pub(super) fn caller(&mut self, bytes: &[u8]) -> Option<Sound> {
        let mulaw = self.caller.convert(bytes);
        (!mulaw.is_empty()).then_some(Sound { side: Side::Caller, mulaw, private: self.paused })
    }

    /// Sound of `side` that has just been sent to the carrier.
    pub(super) fn sent(&mut self, side: Side, bytes: &[u8], now: Instant) {
        let mulaw = self.agent.convert(bytes);
        let mut due = self.ends.map_or(now, |ends| ends.max(now));
        for piece in mulaw.chunks(PIECE) {
            if self.unheard.len() == MOST_UNHEARD {
                self.unheard.pop_front();
            }
            let sound = Sound { side, mulaw: Frame::copy_of(piece), private: self.paused };
            self.unheard.push_back(Unheard { due, sound });
            due += PIECE_TIME * piece.len() as u32 / PIECE as u32;
        }
        self.ends = Some(due);
    }

    /// The carrier dropped its unplayed audio.
    pub(super) fn cleared(&mut self, now: Instant) {
        self.unheard.retain(|unheard| unheard.due <= now);
        self.ends = self.ends.map(|ends| ends.min(now));
    }

    /// Pauses or resumes the recording.
    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The next sound that the caller hears by now.
    pub(super) fn heard(&mut self, now: Instant) -> Option<Sound> {
        self.due().filter(|due| *due <= now)?;
        let mut heard = self.unheard.pop_front()?.sound;
        // What was sent before a pause is heard in it.
        heard.private |= self.paused;
        Some(heard)
    }

    /// When the next sound is heard.
    pub(super) fn due(&self) -> Option<Instant> {
        self.unheard.front().map(|unheard| unheard.due)
    }
}

/// The converter from a line's format.
#[derive(Debug)]
struct Converter {
    line: AudioFormat,
    resampler: Resampler,
}

impl Converter {
    fn new(line: AudioFormat) -> Result<Self, ResampleError> {
        Ok(Self { line, resampler: Resampler::new(line.rate_hz, RATE_HZ)? })
    }

    fn convert(&mut self, bytes: &[u8]) -> Frame {
        if self.line.encoding == Encoding::MuLaw && self.line.rate_hz == RATE_HZ {
            return Frame::copy_of(bytes);
        }
        let mut frame = Frame::with_room(bytes.len());
        for bytes in bytes.chunks(CONVERTED_AT_ONCE.as_millis() as usize * self.line.bytes_per_ms()) {
            Scratch::lend(|Scratch { narrow, wide, .. }| {
                g711::decode(self.line.encoding, bytes, wide);
                self.resampler.process(wide, narrow);
                g711::encode(Encoding::MuLaw, narrow, &mut frame);
            });
        }
        frame
    }
}

/// Samples per second of what listeners get.
pub const RATE_HZ: u32 = 8_000;
/// The agent's sound passed on at once, in bytes, and how long it lasts. Larger: it comes late or
/// early by as much.
const PIECE: usize = 160;
const PIECE_TIME: Duration = Duration::from_millis(20);
/// Line audio converted at once: one usual frame.
const CONVERTED_AT_ONCE: Duration = Duration::from_millis(20);
/// The most pieces that a carrier may have unplayed: the longest lead is 5 s.
const MOST_UNHEARD: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    const LINE: AudioFormat = AudioFormat { encoding: Encoding::MuLaw, rate_hz: 8_000 };

    fn ears() -> Ears {
        Ears::new(LINE, LINE, false).expect("a rate of ours")
    }

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    /// What is heard by then, as the first byte of each piece.
    fn heard(ears: &mut Ears, now: Instant) -> Vec<u8> {
        std::iter::from_fn(|| ears.heard(now)).map(|sound| sound.mulaw[0]).collect()
    }

    #[test]
    fn the_agent_is_heard_when_the_caller_hears_it() {
        let (mut ears, start) = (ears(), clock::now());
        // Sent at once, far ahead of the ear.
        ears.sent(Side::Agent, &[1; 160], start);
        ears.sent(Side::Agent, &[[2; 160], [3; 160]].concat(), start);
        assert_eq!(heard(&mut ears, start), [1]);
        assert_eq!(ears.due(), Some(after(start, 20)));
        assert_eq!(heard(&mut ears, after(start, 39)), [2]);
        assert_eq!(heard(&mut ears, after(start, 40)), [3]);
        // After a silence it is heard at once.
        ears.sent(Side::Agent, &[4; 160], after(start, 500));
        assert_eq!(heard(&mut ears, after(start, 500)), [4]);
    }

    #[test]
    fn what_a_clear_removes_is_never_heard() {
        let (mut ears, start) = (ears(), clock::now());
        ears.sent(Side::Agent, &[7; 1_600], start);
        assert_eq!(heard(&mut ears, after(start, 50)), [7, 7, 7]);
        ears.cleared(after(start, 50));
        assert!(heard(&mut ears, after(start, 500)).is_empty());
        ears.sent(Side::Agent, &[8; 160], after(start, 60));
        assert_eq!(heard(&mut ears, after(start, 60)), [8]);
    }

    #[test]
    fn what_is_heard_during_a_pause_is_private_and_so_is_what_was_sent_in_it() {
        let (mut ears, start) = (ears(), clock::now());
        let private = |ears: &mut Ears, now| ears.heard(now).expect("a sound").private;
        ears.sent(Side::Agent, &[1; 320], start);
        assert!(!private(&mut ears, start));
        ears.pause(true);
        assert!(ears.caller(&[9; 160]).expect("a sound").private);
        assert!(private(&mut ears, after(start, 20)), "it was sent before and is heard in it");
        ears.sent(Side::Agent, &[2; 160], after(start, 40));
        ears.pause(false);
        assert!(private(&mut ears, after(start, 40)), "it answers what was said in the pause");
        assert!(!ears.caller(&[9; 160]).expect("a sound").private);
    }

    #[test]
    fn any_line_is_heard_in_mu_law_at_8_khz() {
        let wide = AudioFormat { encoding: Encoding::Pcm16, rate_hz: 16_000 };
        let mut ears = Ears::new(wide, wide, false).expect("a rate of ours");
        let mut heard = 0;
        for _ in 0..50 {
            heard += ears.caller(&[0; 640]).map_or(0, |sound| sound.mulaw.len());
        }
        assert!((7_800..=8_000).contains(&heard), "{heard} samples of a second");
    }
}
