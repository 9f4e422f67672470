use super::*;
use crate::clock;

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_model_that_takes_the_line_s_format_gets_its_bytes() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    let frame: Vec<u8> = (0..160).map(|n| n as u8).collect();
    path.frame(None, &frame);
    assert_eq!(path.given(), frame);
}

#[test]
fn a_frame_of_mulaw_becomes_a_frame_of_pcm() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::PCM_24K);
    path.frame(None, &[0x31; 160]);
    assert_eq!(path.given().len(), 960);
}

#[test]
fn the_newest_two_seconds_wait_for_the_model_and_arrive_in_order() {
    let mut path = Path::new(AudioFormat::MULAW_8K);
    for n in 0..150 {
        path.frame(None, &[n; 160]);
    }
    assert_eq!(path.frames_lost(), 50);
    path.attach(AudioFormat::MULAW_8K);
    path.frame(None, &[150; 160]);
    let pieces = path.pieces();
    assert!(pieces.iter().all(|&bytes| bytes <= 1_600), "{pieces:?}");
    let expected: Vec<u8> = (50..=150).flat_map(|n| [n; 160]).collect();
    assert_eq!(path.given(), expected);
}

#[test]
fn audio_is_buffered_again_when_the_model_is_gone() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.path.detach();
    path.frame(None, &[7; 160]);
    assert!(path.given().is_empty());
    path.attach(AudioFormat::MULAW_8K);
    assert_eq!(path.given(), [7; 160]);
}

#[test]
fn the_turn_that_is_open_when_a_person_leaves_may_be_theirs() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    let (now, mut out) = (clock::now(), Vec::new());
    path.path.taken_over(true);
    path.path.caller_turn(true, now, &mut out);
    path.path.beside().expect("a person").hear(&[9_000; 1_600], 8_000);
    for _ in 0..10 {
        path.frame(None, &[0xFF; 160]);
    }
    path.path.taken_over(false);
    path.path.caller_turn(false, now, &mut out);
    assert!(out.contains(&AudioAction::Report(AudioReport::TurnSpoken { by_person: true })), "{out:?}");
    let is_last_voice = |action: &AudioAction| matches!(action, AudioAction::Report(AudioReport::LastVoice { .. }));
    assert!(path.path.beside().is_none() && !out.iter().any(is_last_voice), "{out:?}");
    out.clear();
    path.path.caller_turn(true, now, &mut out);
    path.path.caller_turn(false, now, &mut out);
    let is_spoken = |action: &AudioAction| matches!(action, AudioAction::Report(AudioReport::TurnSpoken { .. }));
    assert!(!out.iter().any(is_spoken), "{out:?}");
}

#[test]
fn audio_missing_by_the_carrier_s_clock_is_silence() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.frame(Some(40), &[7; 160]);
    path.frame(Some(60), &[7; 160]);
    path.frame(Some(580), &[7; 160]);
    path.frame(Some(600), &[7; 160]);
    let mut expected = vec![7; 320];
    expected.extend([0xFF; 500 * 8]);
    expected.extend([7; 320]);
    assert_eq!(path.given(), expected);
}

#[test]
fn a_lost_frame_is_filled_and_jitter_is_not() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    for timestamp in [0, 25, 35, 65, 85, 119, 120] {
        path.frame(Some(timestamp), &[7; 160]);
    }
    assert_eq!(path.given().len(), 7 * 160, "within a frame of where it should be");
    path.frame(Some(160), &[7; 160]);
    assert_eq!(path.given().len(), 320, "140 was lost");
}

#[test]
fn a_gap_is_filled_with_ten_seconds_at_most_and_the_new_clock_is_followed() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.frame(Some(0), &[7; 160]);
    path.frame(Some(3_600_000), &[7; 160]);
    assert_eq!(path.given().len(), 160 + 80_000 + 160);
    path.frame(Some(3_600_020), &[7; 160]);
    assert_eq!(path.given().len(), 160);
    path.frame(Some(0), &[7; 160]);
    path.frame(Some(20), &[7; 160]);
    path.frame(Some(60), &[7; 160]);
    assert_eq!(path.given().len(), 640, "a clock that began again is followed as well");
}

#[test]
fn a_stall_in_an_open_turn_is_silence_until_the_turn_ends() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.path.caller_turn(true, path.now, &mut path.out);
    path.frame(Some(0), &[7; 160]);
    path.pass(749 * MS);
    assert_eq!(path.given().len(), 160);
    path.pass(MS);
    assert_eq!(path.given(), [0xFF; 8_000]);
    path.pass(1_000 * MS);
    assert_eq!(path.given(), [0xFF; 8_000]);
    path.path.caller_turn(false, path.now, &mut path.out);
    path.pass(60_000 * MS);
    assert!(path.given().is_empty());
    assert_eq!(path.path.deadline(), None);
    path.frame(Some(2_400), &[7; 160]);
    assert_eq!(path.given().len(), 380 * 8 + 160, "the silence given already is not given twice");
}

#[test]
fn a_stall_is_given_ten_seconds_at_most() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.path.caller_turn(true, path.now, &mut path.out);
    for _ in 0..100 {
        path.pass(1_000 * MS);
    }
    assert_eq!(path.given().len(), 80_000);
}

#[test]
fn a_stall_outside_a_turn_is_left_alone() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.frame(Some(0), &[7; 160]);
    path.pass(5_000 * MS);
    assert_eq!(path.given().len(), 160);
}

#[test]
fn a_level_is_for_every_model_and_off_it_is_gone() {
    for model in [AudioFormat::MULAW_8K, AudioFormat::PCM_24K] {
        let mut path = Path::attached(AudioFormat::MULAW_8K, model);
        path.path.level(Gain::decibels(6.020_6).expect("a gain"));
        for _ in 0..5 {
            path.frame(None, &[g711::encode_mulaw(1_000); 160]);
        }
        let mut samples = vec![];
        g711::decode(model.encoding, &path.given(), &mut samples);
        let last = samples[samples.len() - 100];
        assert!((1_900..2_100).contains(&last), "{model:?}: {last}");
    }
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.path.level(Gain::decibels(6.0).expect("a gain"));
    path.path.level(Gain::OFF);
    path.frame(None, &[0x31; 160]);
    path.given();
    // Both zeros of mu-law decode to one sample, so only untouched bytes keep them apart.
    path.frame(None, &[0x7F; 160]);
    assert_eq!(path.given(), [0x7F; 160]);
}

#[test]
fn a_sample_cut_in_two_is_joined() {
    for model in [AudioFormat::PCM_8K, AudioFormat::MULAW_8K] {
        let samples: Vec<u8> = (0..320).map(|n| n as u8).collect();
        let mut whole = Path::attached(AudioFormat::PCM_8K, model);
        whole.frame(None, &samples);
        let mut cut = Path::attached(AudioFormat::PCM_8K, model);
        for piece in samples.chunks(33) {
            cut.frame(None, piece);
        }
        assert_eq!(cut.given(), whole.given());
    }
}

#[test]
fn a_very_long_frame_reaches_the_model_in_pieces() {
    let mut path = Path::attached(AudioFormat::MULAW_8K, AudioFormat::MULAW_8K);
    path.frame(None, &[7; 5_000]);
    assert_eq!(path.pieces(), [1_600, 1_600, 1_600, 200]);
}

#[test]
fn an_unknown_rate_is_refused() {
    let detector = FormatDetector::new(AudioFormat::MULAW_8K, crate::carrier::testing::NAME);
    let mut path = CallerPath::new(AudioFormat::MULAW_8K, detector);
    let format = AudioFormat { rate_hz: 44_100, ..AudioFormat::PCM_24K };
    assert_eq!(path.attach(format, &mut vec![]), Err(ResampleError::UnsupportedRate(44_100)));
}

#[test]
fn the_silence_that_a_carrier_leaves_out_is_supplied_as_time_passes() {
    let line = AudioFormat::MULAW_8K;
    let mut path = Path::new(line);
    path.path.supply_silence();
    path.pass(Duration::from_secs(5));
    assert_eq!((path.given(), path.path.deadline()), (vec![], None), "there is no model yet");
    path.attach(line);
    path.pass(Duration::ZERO);
    // No turn is open; the model hears the time pass all the same.
    for _ in 0..20 {
        path.pass(Duration::from_millis(50));
    }
    let silence = path.given();
    assert_eq!((silence.len(), silence.iter().all(|byte| *byte == 0xFF)), (8_000, true));
    for _ in 0..10 {
        path.pass(Duration::from_millis(20));
        path.frame(None, &[7; 160]);
    }
    assert_eq!(path.given(), [7; 1_600], "audio that flows is passed on as it is");
    path.path.caller_turn(true, path.now, &mut path.out);
    let (due, _) = path.path.deadline().expect("silence is due");
    assert!(due <= path.now + Duration::from_millis(100), "in an open turn as well");
}

struct Path {
    path: CallerPath,
    out: Vec<AudioAction>,
    now: Instant,
}

impl Path {
    fn new(line: AudioFormat) -> Self {
        Self {
            path: CallerPath::new(line, FormatDetector::new(line, crate::carrier::testing::NAME)),
            out: vec![],
            now: clock::now(),
        }
    }

    fn attached(line: AudioFormat, model: AudioFormat) -> Self {
        let mut path = Self::new(line);
        path.attach(model);
        path
    }

    fn attach(&mut self, model: AudioFormat) {
        self.path.attach(model, &mut self.out).expect("rates are supported");
    }

    fn frame(&mut self, timestamp_ms: Option<u64>, bytes: &[u8]) {
        let timestamp = timestamp_ms.map(Duration::from_millis);
        let frame = CallerFrame { timestamp, payload: Frame::copy_of(bytes) };
        self.path.frame(frame, self.now, Witnesses::default(), &mut self.out);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.path.poll(self.now, &mut self.out);
    }

    fn pieces(&self) -> Vec<usize> {
        let pieces = self.out.iter().filter_map(|action| match action {
            AudioAction::ToModel(frame) => Some(frame.len()),
            AudioAction::ToLine(_)
            | AudioAction::Report(_)
            | AudioAction::Record(_)
            | AudioAction::Overhear(_)
            | AudioAction::CountDrops { .. } => None,
        });
        pieces.collect()
    }

    /// The bytes that the model got since the last call.
    fn given(&mut self) -> Vec<u8> {
        let mut bytes = vec![];
        for action in self.out.drain(..) {
            if let AudioAction::ToModel(frame) = action {
                bytes.extend_from_slice(&frame);
            }
        }
        bytes
    }

    fn frames_lost(&self) -> u64 {
        let lost = self.out.iter().map(|action| match action {
            AudioAction::CountDrops { cause: DropCause::NotAttached, frames } => *frames,
            AudioAction::CountDrops { .. }
            | AudioAction::ToModel(_)
            | AudioAction::ToLine(_)
            | AudioAction::Record(_)
            | AudioAction::Overhear(_)
            | AudioAction::Report(_) => 0,
        });
        lost.sum()
    }
}
