//! The input audio buffer: the audio the client has written, its clock, and the turns found in it.
//! Pure.

use bytes::Bytes;

use super::sound::{Format, Sound};
use super::turns::{BLOCK_MS, Change, Detector, Tuning};

/// Settings of turn detection. `None` in place of this means that the client commits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Detection {
    /// Sensitivity of the detector.
    pub(super) tuning: Tuning,
    /// Milliseconds of audio kept before the start of speech.
    pub(super) prefix_ms: u32,
}

/// A start or an end of speech.
#[derive(Debug)]
pub(super) enum SpeechChange {
    /// The caller began to speak, at this position on the clock of written audio (prefix included).
    SpeechBegan {
        /// `audio_start_ms`.
        at_ms: u64,
    },
    /// The caller has finished. The turn is removed from the buffer.
    SpeechEnded {
        /// `audio_end_ms`.
        at_ms: u64,
        /// The audio of the turn.
        turn: Sound,
    },
}

/// The input audio buffer of one session.
#[derive(Debug)]
pub(super) struct Input {
    format: Format,
    detection: Option<Detection>,
    detector: Detector,
    bytes: Vec<u8>,
    /// Position of the first byte of `bytes` on the clock, in units of 1/96 ms, of which every
    /// format has a whole number in a byte.
    origin: u64,
    /// Number of `bytes` that the detector has processed.
    heard: usize,
    /// Offset in `bytes` where the open turn starts, prefix included.
    turn: usize,
    /// Audio discarded because a turn was longer than [`LONGEST_MS`].
    dropped_ms: u64,
}

impl Input {
    /// An empty buffer.
    pub(super) fn new(format: Format, detection: Option<Detection>) -> Self {
        Self {
            format,
            detection,
            detector: Detector::new(detection.map_or(Tuning { threshold: 0.5, silence_ms: 500 }, |it| it.tuning)),
            bytes: Vec::new(),
            origin: 0,
            heard: 0,
            turn: 0,
            dropped_ms: 0,
        }
    }

    /// Applies new settings. If the format changes, the buffered audio is useless and is discarded.
    pub(super) fn configure(&mut self, format: Format, detection: Option<Detection>) {
        if format != self.format {
            self.clear();
            self.bytes.clear();
            self.format = format;
        }
        if detection.is_none() {
            self.detector.forget_turn();
        }
        if let Some(detection) = detection {
            self.detector.tune(detection.tuning);
        }
        if self.detection.is_none() != detection.is_none() {
            self.heard = self.whole(self.bytes.len());
        }
        self.detection = detection;
    }

    /// Whether a turn is open.
    pub(super) fn speaking(&self) -> bool {
        self.detector.speaking()
    }

    /// The clock: milliseconds of audio written since the session began.
    pub(super) fn written_ms(&self) -> u64 {
        self.at_ms(self.bytes.len())
    }

    /// Milliseconds of audio in the buffer, exactly.
    pub(super) fn buffered_ms(&self) -> f64 {
        self.bytes.len() as f64 / self.format.bytes_per_ms() as f64
    }

    /// Appends audio. Afterwards, call [`Input::listen`] until it returns `None`.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Processes the written audio up to the next start or end of speech.
    pub(super) fn listen(&mut self) -> Option<SpeechChange> {
        let Some(detection) = self.detection else {
            self.keep_newest(LONGEST_MS);
            return None;
        };
        let block = self.format.bytes_per_ms() * BLOCK_MS;
        while let Some(bytes) = self.bytes.get(self.heard..self.heard + block) {
            let change = self.detector.hear(self.format.power(bytes));
            self.heard += block;
            match change {
                None => {}
                Some(Change::Began(blocks)) => {
                    let onset = self.heard.saturating_sub(blocks as usize * block);
                    self.turn = onset.saturating_sub(detection.prefix_ms as usize * self.format.bytes_per_ms());
                    return Some(SpeechChange::SpeechBegan { at_ms: self.at_ms(self.turn) });
                }
                Some(Change::Ended) => {
                    let at_ms = self.at_ms(self.heard);
                    let turn = self.take(self.turn, self.heard);
                    return Some(SpeechChange::SpeechEnded { at_ms, turn });
                }
            }
        }
        // Between turns, only as much audio is kept as a prefix can need.
        let kept = if self.speaking() { LONGEST_MS } else { detection.prefix_ms as usize + ONSET_MS };
        self.keep_newest(kept);
        None
    }

    /// Takes all buffered audio, for a commit by the client or by the idle timeout.
    pub(super) fn commit(&mut self) -> Sound {
        let whole = self.whole(self.bytes.len());
        self.detector.forget_turn();
        self.take(0, whole)
    }

    /// Ends an open turn at once, because no more audio comes.
    pub(super) fn finish(&mut self) -> Option<SpeechChange> {
        if !self.speaking() {
            return None;
        }
        let end = self.whole(self.bytes.len());
        self.detector.forget_turn();
        let at_ms = self.at_ms(end);
        Some(SpeechChange::SpeechEnded { at_ms, turn: self.take(self.turn, end) })
    }

    /// Discards all buffered audio. The clock does not change.
    pub(super) fn clear(&mut self) {
        self.forget(self.whole(self.bytes.len()));
        self.detector.forget_turn();
    }

    fn take(&mut self, from: usize, to: usize) -> Sound {
        let bytes = Bytes::copy_from_slice(&self.bytes[from..to]);
        self.forget(to);
        // Frees the memory of a long turn, because thousands of sessions may be idle.
        if self.bytes.capacity() > IDLE_CAPACITY && self.bytes.len() < IDLE_CAPACITY {
            self.bytes.shrink_to(IDLE_CAPACITY);
        }
        Sound { format: self.format, bytes }
    }

    fn keep_newest(&mut self, ms: usize) {
        let most = ms * self.format.bytes_per_ms();
        // Moving the kept bytes is expensive, so it happens occasionally instead of at each append.
        if self.bytes.len() > most + most / 4 + self.format.bytes_per_ms() * 50 {
            let extra = self.whole(self.bytes.len() - most);
            if ms == LONGEST_MS {
                self.dropped_ms += (extra / self.format.bytes_per_ms()) as u64;
                log::debug!(dropped_ms = self.dropped_ms; "rehearsal input buffer is full, its oldest audio was dropped");
            }
            self.forget(extra);
        }
    }

    fn forget(&mut self, bytes: usize) {
        self.bytes.drain(..bytes);
        self.origin += bytes as u64 * self.units_per_byte();
        self.heard = self.heard.saturating_sub(bytes);
        self.turn = self.turn.saturating_sub(bytes);
    }

    /// Rounds a length down to whole samples; an odd append may leave half a sample.
    fn whole(&self, bytes: usize) -> usize {
        bytes - bytes % self.format.sample_bytes()
    }

    fn at_ms(&self, offset: usize) -> u64 {
        (self.origin + offset as u64 * self.units_per_byte()) / 96
    }

    const fn units_per_byte(&self) -> u64 {
        96 / self.format.bytes_per_ms() as u64
    }
}

/// Maximum length of a turn. Of a longer one, only the end is kept. A minute of 24 kHz audio is 2.9
/// MB.
const LONGEST_MS: usize = 60_000;
/// An onset is found within this much audio.
const ONSET_MS: usize = 80;
/// Buffer capacity that an idle session keeps: half a second of 24 kHz audio.
const IDLE_CAPACITY: usize = 24_000;

#[cfg(test)]
mod tests;
