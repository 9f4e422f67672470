use super::*;

const MULAW: AudioFormat = AudioFormat::MULAW_8K;
const LOUD: u8 = 0x20;
const SILENT: u8 = 0xFF;

struct Rig {
    voice: Voice,
    began: Instant,
    now: Instant,
    events: Vec<VoiceEvent>,
    /// When the caller has heard everything so far, and what they heard.
    heard: Instant,
    spoken_ms: u64,
    silent_ms: u64,
    most_ahead: Duration,
}

impl Rig {
    fn new() -> Self {
        let now = crate::clock::now();
        let mut rig = Self {
            voice: Voice::new(MULAW),
            began: now,
            now,
            events: Vec::new(),
            heard: now,
            spoken_ms: 0,
            silent_ms: 0,
            most_ahead: Duration::ZERO,
        };
        rig.stream(1_000, SILENT);
        rig
    }

    fn delta(&mut self, audio: &[u8]) {
        let mut events = Vec::new();
        self.voice.hear(audio, "s", self.now, &mut events);
        for event in &events {
            if let VoiceEvent::Audio { audio, .. } = event {
                let silent = audio.iter().filter(|code| **code == SILENT).count() as u64 / 8;
                self.silent_ms += silent;
                self.spoken_ms += audio.len() as u64 / 8 - silent;
                self.heard = self.heard.max(self.now) + MULAW.duration_of(audio.len());
                self.most_ahead = self.most_ahead.max(self.heard - self.now);
            }
        }
        self.events.extend(events);
    }

    /// `ms` of the stream in pieces of 100 ms, each on time.
    fn stream(&mut self, ms: u64, code: u8) {
        for _ in 0..ms / 100 {
            self.now += Duration::from_millis(100);
            self.delta(&[code; 800]);
        }
    }

    fn story(&self) -> Vec<String> {
        let story = self.events.iter().map(|event| match event {
            VoiceEvent::Began { response, at_ms } => format!("{response} at {at_ms}"),
            VoiceEvent::Audio { .. } => "audio".to_owned(),
            VoiceEvent::Ended { item, .. } => format!("{item} ends"),
            VoiceEvent::CaughtUp(ms) => format!("{ms} caught up"),
            VoiceEvent::Dropped(ms) => format!("{ms} dropped"),
        });
        let mut story: Vec<String> = story.collect();
        story.dedup();
        story
    }
}

#[test]
fn silence_of_the_stream_is_not_passed_on() {
    let mut rig = Rig::new();
    rig.stream(10_000, SILENT);
    assert!(rig.events.is_empty() && rig.voice.ms() == 11_000);
}

#[test]
fn the_first_loud_piece_opens_a_segment_and_silence_ends_it() {
    let mut rig = Rig::new();
    rig.stream(500, LOUD);
    rig.stream(1_000, SILENT);
    rig.stream(300, LOUD);
    rig.stream(1_000, SILENT);
    assert_eq!(rig.story(), ["s_r1 at 1000", "audio", "s_a1 ends", "s_r2 at 2500", "audio", "s_a2 ends"]);
    assert_eq!(rig.spoken_ms, 800);
}

#[test]
fn the_tick_at_the_beginning_is_no_voice() {
    let mut voice = Voice::new(MULAW);
    let mut events = Vec::new();
    voice.hear(&[LOUD; 600 * 8], "s", crate::clock::now(), &mut events);
    assert!(events.is_empty());
    // A faint tick later is none either: its peak is 45.
    voice.hear(&[0xFA; 800], "s", crate::clock::now(), &mut events);
    assert!(events.is_empty());
}

#[test]
fn a_pause_on_time_keeps_its_length() {
    for pause in [100, 200, 400, 700] {
        let mut rig = Rig::new();
        rig.stream(500, LOUD);
        rig.stream(pause, SILENT);
        rig.stream(500, LOUD);
        // What the caller hears of the pause: the silence passed on, and the line's own.
        let heard = rig.heard - rig.began;
        let expected = Duration::from_millis(1_000 + 500 + pause + 500) + MARGIN + Duration::from_millis(100);
        assert_eq!(heard, expected, "after a pause of {pause} ms");
    }
}

#[test]
fn a_hole_in_the_stream_is_won_back_in_the_next_pause() {
    let mut rig = Rig::new();
    rig.stream(500, LOUD);
    rig.now += Duration::from_millis(265);
    for _ in 0..3 {
        rig.delta(&[LOUD; 800]);
        rig.now += Duration::from_millis(11);
    }
    let late = rig.heard - rig.now;
    rig.stream(300, SILENT);
    rig.stream(500, LOUD);
    let after = rig.heard - rig.now;
    assert!(late > Duration::from_millis(200) && after <= MARGIN + Duration::from_millis(100), "{late:?}, {after:?}");
    assert_eq!(rig.spoken_ms, 1_300, "no word is dropped");
}

#[test]
fn nothing_is_ever_far_behind_whatever_the_model_does() {
    let mut rig = Rig::new();
    for round in 0..200_u64 {
        rig.stream(300 + round % 7 * 100, LOUD);
        // The next pieces come all at once.
        for code in [SILENT, LOUD, LOUD] {
            rig.delta(&[code; 800]);
        }
        rig.stream(round % 5 * 100, SILENT);
    }
    assert!(rig.most_ahead <= MOST_AHEAD + Duration::from_millis(200), "{:?} ahead", rig.most_ahead);
    let ahead = rig.heard.saturating_duration_since(rig.now);
    assert!(ahead <= MOST_AHEAD + Duration::from_millis(100), "{ahead:?}");
}

#[test]
fn a_backlog_is_caught_up_by_silence_alone_and_told() {
    let mut rig = Rig::new();
    // A second of words at once, then words with the short breaths of quick speech.
    for _ in 0..10 {
        rig.delta(&[LOUD; 800]);
    }
    for _ in 0..10 {
        rig.stream(200, LOUD);
        rig.stream(100, SILENT);
    }
    let ahead = rig.heard - rig.now;
    assert!(ahead <= Duration::from_millis(500), "{ahead:?}");
    assert_eq!(rig.spoken_ms, 3_000, "no word is dropped");
    let caught_up = |event: &VoiceEvent| if let VoiceEvent::CaughtUp(ms) = event { *ms } else { 0 };
    let caught_up: u64 = rig.events.iter().map(caught_up).sum();
    assert!((500..=700).contains(&caught_up), "{caught_up} ms");
}

#[test]
fn words_that_are_far_too_late_are_dropped_and_told() {
    let mut rig = Rig::new();
    for _ in 0..40 {
        rig.delta(&[LOUD; 800]);
    }
    assert!(rig.most_ahead <= MOST_AHEAD + Duration::from_millis(20), "{:?}", rig.most_ahead);
    assert!(rig.story().iter().any(|event| event.ends_with("dropped")));
}

#[test]
fn a_hush_lasts_until_the_model_is_silent() {
    let mut rig = Rig::new();
    rig.stream(500, LOUD);
    assert!(matches!(rig.voice.end(), Some(VoiceEvent::Ended { .. })));
    rig.voice.hush(rig.now);
    rig.events.clear();
    rig.stream(1_000, LOUD);
    rig.stream(300, SILENT);
    rig.stream(300, LOUD);
    assert!(rig.events.is_empty(), "{:?}", rig.story());
    rig.stream(500, SILENT);
    rig.stream(200, LOUD);
    assert_eq!(rig.story(), ["s_r2 at 3600", "audio"]);
}

#[test]
fn a_hush_ends_for_a_model_that_does_not_stop() {
    let mut rig = Rig::new();
    rig.stream(500, LOUD);
    rig.voice.end();
    rig.voice.hush(rig.now);
    rig.events.clear();
    rig.stream(3_000, LOUD);
    assert_eq!(rig.story(), ["s_r2 at 3920", "audio"]);
}

#[test]
fn every_format_is_judged_by_its_samples() {
    for (format, silent, loud) in [
        (AudioFormat::MULAW_8K, vec![0xFF], vec![0x20]),
        (AudioFormat::ALAW_8K, vec![0xD5], vec![0x20]),
        (AudioFormat::PCM_24K, 1_i16.to_le_bytes().to_vec(), 1_200_i16.to_le_bytes().to_vec()),
    ] {
        let (mut voice, mut events) = (Voice::new(format), Vec::new());
        let piece = |sample: &[u8]| sample.repeat(format.bytes_per_ms() * 1_000 / sample.len());
        voice.hear(&piece(&silent), "s", crate::clock::now(), &mut events);
        assert!(events.is_empty(), "{format:?}");
        voice.hear(&piece(&loud), "s", crate::clock::now(), &mut events);
        assert!(matches!(events.first(), Some(VoiceEvent::Began { .. })), "{format:?}");
    }
}
