//! What a stream says while its call is being set up, kept in order until there is someone to tell. Pure.

use std::collections::VecDeque;

use switchboard_actors::carrier::{AudioFormat, LineEvent};

/// The first moments of a stream, bounded.
#[derive(Debug)]
pub(super) struct PreStartBuffer {
    events: VecDeque<LineEvent>,
    audio_bytes: usize,
    most_audio_bytes: usize,
    others: usize,
    dropped_frames: u64,
}

impl PreStartBuffer {
    /// Holds what comes in `format`.
    pub(super) fn new(format: AudioFormat) -> Self {
        Self {
            events: VecDeque::new(),
            audio_bytes: 0,
            most_audio_bytes: format.bytes_per_ms() * MOST_AUDIO_MS,
            others: 0,
            dropped_frames: 0,
        }
    }

    /// Keeps `event` behind the others. Beyond two seconds of audio the oldest is dropped and counted: the caller's latest
    /// words matter more than the first breath.
    pub(super) fn push(&mut self, event: LineEvent) {
        if let LineEvent::Audio(frame) = &event {
            self.audio_bytes += frame.payload.len();
            self.events.push_back(event);
            while self.audio_bytes > self.most_audio_bytes {
                self.drop_oldest_audio();
            }
        } else if self.others < MOST_OTHERS {
            self.others += 1;
            self.events.push_back(event);
        }
    }

    /// What was held, in order, and how many frames were dropped.
    pub(super) fn release(self) -> (VecDeque<LineEvent>, u64) {
        (self.events, self.dropped_frames)
    }

    fn drop_oldest_audio(&mut self) {
        let oldest = self.events.iter().position(|event| matches!(event, LineEvent::Audio(_)));
        if let Some(LineEvent::Audio(frame)) = oldest.and_then(|at| self.events.remove(at)) {
            self.audio_bytes -= frame.payload.len();
            self.dropped_frames += 1;
        }
    }
}

/// Audio held. Less: words lost while a busy Supervisor answers. More: a stranger's memory before he is admitted.
const MOST_AUDIO_MS: usize = 2_000;
/// Keys, marks and the like held; nobody presses more in two seconds.
const MOST_OTHERS: usize = 32;

#[cfg(test)]
mod tests {
    use switchboard_actors::carrier::CallerFrame;
    use switchboard_actors::frame::Frame;

    use super::*;

    #[test]
    fn two_seconds_are_held_in_order_and_the_oldest_makes_room() {
        let mut held = PreStartBuffer::new(AudioFormat::MULAW_8K);
        held.push(LineEvent::KeyPressed('1'));
        for number in 0..103_u8 {
            held.push(frame(number, 160));
        }
        held.push(LineEvent::Stopped);
        let (events, dropped) = held.release();
        assert_eq!(dropped, 3);
        assert_eq!(events.len(), 102);
        assert_eq!(events.front(), Some(&LineEvent::KeyPressed('1')));
        assert_eq!(events.get(1), Some(&frame(3, 160)));
        assert_eq!(events.back(), Some(&LineEvent::Stopped));
    }

    #[test]
    fn a_frame_larger_than_all_that_is_held_is_dropped_itself() {
        let mut held = PreStartBuffer::new(AudioFormat::MULAW_8K);
        held.push(frame(0, 16_001));
        assert_eq!(held.release(), (VecDeque::new(), 1));
    }

    #[test]
    fn a_storm_of_keys_is_held_up_to_its_bound() {
        let mut held = PreStartBuffer::new(AudioFormat::MULAW_8K);
        for _ in 0..1_000 {
            held.push(LineEvent::KeyPressed('#'));
        }
        assert_eq!(held.release().0.len(), MOST_OTHERS);
    }

    fn frame(number: u8, bytes: usize) -> LineEvent {
        LineEvent::Audio(CallerFrame { timestamp: None, payload: Frame::copy_of(&vec![number; bytes]) })
    }
}
