use super::*;
use crate::clock;

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_last_voice_is_dated_by_its_arrival() {
    for format in [AudioFormat::MULAW_8K, AudioFormat::ALAW_8K, AudioFormat::PCM_8K, AudioFormat::PCM_24K] {
        let mut line = Line::new(format);
        line.hears(30, 30);
        assert_eq!(line.ago(), None, "{format:?}");
        line.hears(40, 3_000);
        assert_eq!(line.ago(), Some(Duration::ZERO), "{format:?}");
        line.hears(25, 30);
        assert_eq!(line.ago(), Some(500 * MS), "{format:?}");
    }
}

#[test]
fn digital_silence_and_noise_after_it_are_no_voice() {
    let mut line = Line::new(AudioFormat::MULAW_8K);
    line.hears(50, 0);
    line.hears(50, 60);
    assert_eq!(line.ago(), None);
}

#[test]
fn a_click_is_no_voice() {
    let mut line = Line::new(AudioFormat::MULAW_8K);
    line.hears(50, 20);
    line.hears(1, 20_000);
    line.hears(50, 20);
    assert_eq!(line.ago(), None);
}

#[test]
fn noise_that_sets_in_stops_being_a_voice() {
    let mut line = Line::new(AudioFormat::MULAW_8K);
    line.hears(50, 20);
    line.hears(1_000, 300);
    assert!(line.ago().is_some_and(|ago| ago > 10_000 * MS), "{:?}", line.ago());
    line.hears(10, 5_000);
    assert_eq!(line.ago(), Some(Duration::ZERO), "a voice above it is one");
}

#[test]
fn a_call_that_begins_in_speech_is_heard_after_the_first_pause() {
    let mut line = Line::new(AudioFormat::MULAW_8K);
    line.hears(20, 3_000);
    line.hears(2, 30);
    line.hears(5, 3_000);
    assert_eq!(line.ago(), Some(Duration::ZERO));
}

#[test]
fn a_voice_within_a_long_frame_is_dated_within_it() {
    let mut line = Line::new(AudioFormat::PCM_8K);
    line.hears(10, 30);
    let mut frame = 3_000_i16.to_le_bytes().repeat(480);
    frame.extend(30_i16.to_le_bytes().repeat(1_120));
    line.now += 200 * MS;
    line.activity.hear(&frame, line.now);
    assert_eq!(line.ago(), Some(140 * MS));
}

#[test]
fn frames_of_any_length_are_survived() {
    let mut line = Line::new(AudioFormat::PCM_8K);
    for length in [0, 1, 2, 3, 319, 321, 4_001] {
        line.activity.hear(&vec![0x70; length], line.now);
    }
}

struct Line {
    activity: VoiceActivity,
    now: Instant,
}

impl Line {
    fn new(format: AudioFormat) -> Self {
        Self { activity: VoiceActivity::new(format), now: clock::now() }
    }

    /// The line brings `frames` frames of 20 ms that alternate between `level` and its negative.
    fn hears(&mut self, frames: usize, level: i16) {
        let samples: Vec<i16> =
            (0..self.activity.format.rate_hz / 50).map(|n| [level, -level][n as usize % 2]).collect();
        let mut frame = vec![];
        g711::encode(self.activity.format.encoding, &samples, &mut frame);
        for _ in 0..frames {
            self.now += 20 * MS;
            self.activity.hear(&frame, self.now);
        }
    }

    fn ago(&self) -> Option<Duration> {
        self.activity.last_voice(self.now)
    }
}
