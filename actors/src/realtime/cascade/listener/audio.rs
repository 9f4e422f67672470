//! Caller audio that waits, or may have to be heard again. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use crate::carrier::AudioFormat;
use crate::frame::Frame;

/// Frames of caller audio, up to some length.
#[derive(Debug, Default)]
pub(super) struct Audio {
    frames: VecDeque<Frame>,
    pub(super) bytes: usize,
}

impl Audio {
    pub(super) fn push(&mut self, audio: &[u8], format: AudioFormat, most: Duration) {
        self.bytes += audio.len();
        self.frames.push_back(Frame::copy_of(audio));
        self.shorten(format, most);
    }

    pub(super) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= frame.len();
        Some(frame)
    }

    pub(super) fn shorten(&mut self, format: AudioFormat, most: Duration) {
        let most = format.bytes_per_ms() * usize::try_from(most.as_millis()).unwrap_or(usize::MAX);
        while self.bytes > most && self.pop().is_some() {}
    }
}
