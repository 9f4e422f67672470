//! A stream's events while its call is being set up, kept in order until the call takes the line.
//! Pure.

use std::collections::VecDeque;

use crate::carrier::{AudioFormat, LineEvent};

/// The first moments of a stream, bounded.
#[derive(Debug, Default)]
pub(super) struct PreStartBuffer {
    events: VecDeque<LineEvent>,
    audio_bytes: usize,
    most_audio_bytes: usize,
    others: usize,
    dropped_frames: u64,
}

impl PreStartBuffer {
    /// A buffer for a stream with audio in `format`.
    pub(super) fn new(format: AudioFormat) -> Self {
        Self {
            events: VecDeque::new(),
            audio_bytes: 0,
            most_audio_bytes: format.bytes_per_ms() * MOST_AUDIO_MS,
            others: 0,
            dropped_frames: 0,
        }
    }

    /// Adds `event` at the end. Beyond two seconds of audio the oldest frame is dropped and
    /// counted: the caller's latest words matter more than the first breath.
    pub(super) fn push(&mut self, event: LineEvent) {
        if let Some(bytes) = audio_bytes(&event) {
            self.audio_bytes += bytes;
            self.events.push_back(event);
            while self.audio_bytes > self.most_audio_bytes {
                self.drop_oldest_audio();
            }
        } else if self.others < MOST_OTHERS {
            self.others += 1;
            self.events.push_back(event);
        }
    }

    /// The buffered events, in order, and the number of dropped frames.
    pub(super) fn release(self) -> (VecDeque<LineEvent>, u64) {
        (self.events, self.dropped_frames)
    }

    fn drop_oldest_audio(&mut self) {
        let oldest = self.events.iter().position(|event| audio_bytes(event).is_some());
        if let Some(bytes) = oldest.and_then(|at| self.events.remove(at)).as_ref().and_then(audio_bytes) {
            self.audio_bytes -= bytes;
            self.dropped_frames += 1;
        }
    }
}

/// The bytes of an audio frame; `None` for any other event.
fn audio_bytes(event: &LineEvent) -> Option<usize> {
    let frame = match event {
        LineEvent::Audio(frame) => frame,
        LineEvent::MismatchedAudio(mismatched) => &mismatched.frame,
        LineEvent::Connected
        | LineEvent::Started(_)
        | LineEvent::KeyPressed(_)
        | LineEvent::MarkEchoed(_)
        | LineEvent::Cleared
        | LineEvent::Flow(_)
        | LineEvent::InputDiscarded
        | LineEvent::Stopped
        | LineEvent::Other(_) => return None,
    };
    Some(frame.payload.len())
}

/// The most audio in the buffer. Less: words are lost while a busy Supervisor answers. More: a
/// stranger occupies memory before they are admitted.
const MOST_AUDIO_MS: usize = 2_000;
/// The most other events in the buffer, such as keys and marks. A caller cannot press more in two
/// seconds.
const MOST_OTHERS: usize = 32;

#[cfg(test)]
mod tests;
