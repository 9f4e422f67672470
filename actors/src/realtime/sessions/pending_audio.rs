//! Caller audio that waits for a session: the newest two seconds.

use std::collections::VecDeque;

use crate::frame::Frame;

/// Caller audio that waits for a session, the oldest first.
#[derive(Debug)]
pub(super) struct PendingAudio {
    frames: VecDeque<Frame>,
    bytes: usize,
    most_bytes: usize,
}

impl PendingAudio {
    /// A buffer without audio.
    pub(super) const fn new(bytes_per_ms: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, most_bytes: LONGEST_MS * bytes_per_ms }
    }

    /// Appends `frame` and returns the number of older frames that were dropped for it.
    pub(super) fn push(&mut self, frame: Frame) -> u64 {
        self.bytes += frame.len();
        self.frames.push_back(frame);
        let mut dropped = 0;
        while self.bytes > self.most_bytes
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.len();
            dropped += 1;
        }
        dropped
    }

    /// Removes and returns all frames.
    pub(super) fn take(&mut self) -> VecDeque<Frame> {
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }
}

/// How much caller audio is kept. Less: words are lost. More: the model answers old words.
const LONGEST_MS: usize = 2_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_audio_is_kept() {
        let mut pending = PendingAudio::new(1);
        let dropped: u64 = (0..30).map(|tag| pending.push(Frame::copy_of(&[tag; 100]))).sum();
        assert_eq!(dropped, 10);
        assert_eq!(pending.take().front().map(|frame| frame[0]), Some(10));
        assert_eq!(pending.push(Frame::copy_of(&[0; 2_000])), 0, "all of it was taken");
    }
}
