//! The carrier's playback buffer: what the caller hears, and when. Pure.
//!
//! Audio is played in real time from its arrival. A mark is reached when everything queued before
//! it has been played, at once if nothing is queued. A clear drops the audio and reaches every
//! pending mark. Time is the stream's own: since its `start` was sent, counted in samples at 8 kHz.

use std::collections::VecDeque;
use std::time::Duration;

/// Samples per second on the line.
pub(super) const RATE_HZ: u32 = 8_000;
/// A sample above this is audible: 2 % of full scale of a telephone line, above its noise and below
/// any speech.
pub(super) const AUDIBLE: u16 = 256;
/// Maximum queue: ten minutes. Further media is discarded.
const LONGEST_QUEUE: usize = 600 * RATE_HZ as usize;
/// Maximum number of pending marks. No carrier documents a limit; a service that exceeds this one
/// is in a loop.
const MOST_MARKS: usize = 20_000;

/// A playback buffer and a record of what it played.
#[derive(Debug, Default)]
pub(super) struct Playout {
    queue: VecDeque<Entry>,
    /// Samples queued but not yet played.
    queued: usize,
    /// Marks in the queue.
    marks: usize,
    /// Samples played since the stream began, including silence.
    position: u64,
    recording: Option<Vec<i16>>,
    tally: Tally,
    /// Mean square of the last few hundredths of a second.
    power: f32,
}

/// Counts of what was played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Media samples that were played.
    pub(super) played: u64,
    /// Media samples dropped by a clear or by the end of the stream.
    pub(super) dropped: u64,
    /// Media samples discarded because ten minutes were queued.
    pub(super) overflowed: u64,
    /// Position of the first audible sample.
    pub(super) first_audible: Option<u64>,
    /// Position of the latest audible sample.
    pub(super) last_audible: Option<u64>,
    /// Marks reached by playing.
    pub(super) marks_played: u64,
    /// Marks reached by a clear.
    pub(super) marks_cleared: u64,
}

#[derive(Debug)]
enum Entry {
    Audio { samples: Vec<i16>, next: usize },
    Mark(String),
}

impl Playout {
    /// An empty buffer. If `record` is set, it keeps every sample it plays.
    pub(super) fn new(record: bool) -> Self {
        Self { recording: record.then(Vec::new), ..Self::default() }
    }

    /// Queues audio that arrived at `now`. Returns the marks reached until then.
    pub(super) fn append(&mut self, mut samples: Vec<i16>, now: Duration) -> Vec<String> {
        let reached = self.advance(now);
        let room = LONGEST_QUEUE - self.queued;
        if samples.len() > room {
            self.tally.overflowed += (samples.len() - room) as u64;
            samples.truncate(room);
        }
        if !samples.is_empty() {
            self.queued += samples.len();
            self.queue.push_back(Entry::Audio { samples, next: 0 });
        }
        reached
    }

    /// Queues a mark that arrived at `now`. Returns the marks reached, including this one if
    /// nothing is queued. Returns `None` if too many are pending.
    pub(super) fn mark(&mut self, name: String, now: Duration) -> Option<Vec<String>> {
        let mut reached = self.advance(now);
        if self.marks >= MOST_MARKS {
            return None;
        }
        self.marks += 1;
        self.queue.push_back(Entry::Mark(name));
        self.collect(&mut reached);
        Some(reached)
    }

    /// Drops the audio queued at `now`. Returns every pending mark, in order.
    pub(super) fn clear(&mut self, now: Duration) -> Vec<String> {
        let mut reached = self.advance(now);
        for entry in self.queue.drain(..) {
            if let Entry::Mark(name) = entry {
                reached.push(name);
                self.tally.marks_cleared += 1;
            }
        }
        self.tally.dropped += self.queued as u64;
        (self.queued, self.marks) = (0, 0);
        reached
    }

    /// Plays until `now`. Returns the marks reached.
    pub(super) fn advance(&mut self, now: Duration) -> Vec<String> {
        let target = samples_in(now);
        let mut reached = Vec::new();
        while self.position < target {
            let left = (target - self.position) as usize;
            match self.queue.front_mut() {
                None => self.play_silence(left),
                Some(Entry::Audio { samples, next }) => {
                    let count = left.min(samples.len() - *next);
                    let piece: Vec<i16> = samples[*next..*next + count].to_vec();
                    *next += count;
                    if *next == samples.len() {
                        self.queue.pop_front();
                    }
                    self.play(&piece);
                }
                Some(Entry::Mark(_)) => {}
            }
            self.collect(&mut reached);
        }
        reached
    }

    /// When the first pending mark will be reached.
    pub(super) fn next_mark(&self) -> Option<Duration> {
        let mut before = 0;
        for entry in &self.queue {
            match entry {
                Entry::Audio { samples, next } => before += (samples.len() - next) as u64,
                Entry::Mark(_) => return Some(duration_of(self.position + before)),
            }
        }
        None
    }

    /// The counts so far.
    pub(super) const fn tally(&self) -> Tally {
        self.tally
    }

    /// Samples queued but not yet played.
    pub(super) const fn queued(&self) -> usize {
        self.queued
    }

    /// Level of the last few hundredths of a second, from 0 (silence) to 1 (full scale).
    pub(super) fn level(&self) -> f32 {
        self.power.sqrt() / f32::from(i16::MAX)
    }

    /// Ends the stream: audio still queued is dropped. Returns the tally and the recording.
    pub(super) fn finish(mut self) -> (Tally, Vec<i16>) {
        self.tally.dropped += self.queued as u64;
        (self.tally, self.recording.unwrap_or_default())
    }

    /// Removes the marks at the head of the queue.
    fn collect(&mut self, reached: &mut Vec<String>) {
        while let Some(Entry::Mark(_)) = self.queue.front() {
            if let Some(Entry::Mark(name)) = self.queue.pop_front() {
                reached.push(name);
                self.marks -= 1;
                self.tally.marks_played += 1;
            }
        }
    }

    fn play(&mut self, piece: &[i16]) {
        for (index, sample) in piece.iter().enumerate() {
            if sample.unsigned_abs() > AUDIBLE {
                let at = self.position + index as u64;
                self.tally.first_audible.get_or_insert(at);
                self.tally.last_audible = Some(at);
            }
            let value = f32::from(*sample);
            self.power += (value * value - self.power) / POWER_WINDOW;
        }
        if let Some(recording) = &mut self.recording {
            recording.extend_from_slice(piece);
        }
        self.position += piece.len() as u64;
        self.queued -= piece.len();
        self.tally.played += piece.len() as u64;
    }

    fn play_silence(&mut self, count: usize) {
        self.power *= (1.0 - 1.0 / POWER_WINDOW).powi(i32::try_from(count).unwrap_or(i32::MAX));
        if let Some(recording) = &mut self.recording {
            recording.resize(recording.len() + count, 0);
        }
        self.position += count as u64;
    }
}

/// Number of samples that [`Playout::level`] averages. Fewer: the meter flickers. More: the meter
/// lags behind the voice.
const POWER_WINDOW: f32 = 400.0;

/// The playing time of this many samples.
pub(super) const fn duration_of(samples: u64) -> Duration {
    Duration::from_micros(samples * 125)
}

/// Whole samples in a span of time.
pub(super) const fn samples_in(time: Duration) -> u64 {
    (time.as_micros() / 125) as u64
}

#[cfg(test)]
mod tests;
