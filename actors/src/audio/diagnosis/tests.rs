use std::f32::consts::TAU;

use super::*;
use crate::frame::Frame;
use crate::{clock, g711};

const MS: Duration = Duration::from_millis(1);
const LINES: [AudioFormat; 3] = [AudioFormat::MULAW_8K, AudioFormat::ALAW_8K, AudioFormat::PCM_8K];

#[test]
fn good_speech_has_no_finding_at_any_level_and_offset() {
    let mut lines = 0;
    let voices = speech();
    // Recordings of real callers are used if there are any. Otherwise there is one voice.
    let least = if voices.len() > 1 { 45 } else { 15 };
    for (name, speech) in voices {
        for format in LINES {
            for (level, offset) in [(1.0, 0), (1.0, 1_237), (0.5, 8_000), (0.2, 16_003), (0.1, 4_001)] {
                let scaled = scaled(&speech[offset.min(speech.len() / 2)..], level);
                let diagnosis = listen(format, &encoded(format, &scaled));
                assert_eq!(diagnosis.findings, [], "{name} at {level} from {offset} as {format:?}: {diagnosis:?}");
                assert_eq!(diagnosis.verdict, "good", "{name} as {format:?}");
                lines += 1;
            }
        }
    }
    assert!(lines >= least, "{lines}");
}

#[test]
fn every_wrong_encoding_is_found_in_every_speech_sample() {
    let pcm = |change: fn(i16) -> i16| {
        move |speech: &[i16]| encoded(AudioFormat::PCM_8K, &speech.iter().map(|&s| change(s)).collect::<Vec<_>>())
    };
    type Corruption = Box<dyn Fn(&[i16]) -> Vec<u8>>;
    let cases: [(AudioFormat, Corruption, Finding); 7] = [
        (AudioFormat::PCM_8K, Box::new(pcm(i16::swap_bytes)), Finding::ByteOrder),
        (AudioFormat::PCM_8K, Box::new(pcm(|s| s ^ i16::MIN)), Finding::Unsigned),
        (AudioFormat::PCM_8K, Box::new(pcm(|s| (s ^ i16::MIN).swap_bytes())), Finding::UnsignedByteOrder),
        (AudioFormat::MULAW_8K, Box::new(|speech| encoded(AudioFormat::ALAW_8K, speech)), Finding::AlawAsMulaw),
        (AudioFormat::ALAW_8K, Box::new(|speech| encoded(AudioFormat::MULAW_8K, speech)), Finding::MulawAsAlaw),
        (AudioFormat::PCM_8K, Box::new(pcm(|s| g711::decode_mulaw(g711::encode_alaw(s)))), Finding::AlawAsMulaw),
        (AudioFormat::PCM_8K, Box::new(pcm(|s| g711::decode_alaw(g711::encode_mulaw(s)))), Finding::MulawAsAlaw),
    ];
    for (name, speech) in speech() {
        for (format, corrupt, expected) in &cases {
            for (level, offset) in [(1.0, 0), (0.5, 8_000), (0.2, 16_003), (0.1, 3_001)] {
                let scaled = scaled(&speech[offset.min(speech.len() / 2)..], level);
                let diagnosis = listen(*format, &corrupt(&scaled));
                assert_eq!(
                    diagnosis.findings,
                    [*expected],
                    "{name} at {level} from {offset} as {format:?}: {diagnosis:?}"
                );
            }
        }
    }
}

#[test]
fn sound_that_is_not_speech_yields_no_finding() {
    let hum = |hz: f32, amplitude: f32| tone(&[(hz, amplitude)]);
    let noise = |amplitude: i32| noise(amplitude);
    let chord: Vec<(f32, f32)> = [262.0, 330.0, 392.0, 523.0, 1_046.0].map(|hz| (hz, 3_000.0)).into();
    let sounds = [
        ("a quiet line", noise(3)),
        ("a hissing line", noise(30)),
        ("a noisy line", noise(1_500)),
        ("loud noise", noise(9_000)),
        ("mains", hum(50.0, 600.0)),
        ("the tone of a free line", hum(425.0, 8_000.0)),
        ("a test tone", hum(1_004.0, 11_000.0)),
        ("a high tone", hum(3_400.0, 8_000.0)),
        ("a fax", hum(2_100.0, 16_000.0)),
        ("a key", tone(&[(770.0, 8_000.0), (1_336.0, 8_000.0)])),
        ("music", swelling(&tone(&chord))),
        ("low music", swelling(&tone(&[(131.0, 4_000.0), (196.0, 4_000.0), (262.0, 2_000.0), (2_093.0, 700.0)]))),
    ];
    for (name, sound) in sounds {
        for format in LINES {
            for level in [1.0, 0.5, 0.25] {
                let diagnosis = listen(format, &encoded(format, &scaled(&sound, level)));
                assert_eq!(diagnosis.findings, [], "{name} at {level} as {format:?}: {diagnosis:?}");
            }
        }
    }
}

#[test]
fn offset_clipping_and_level_are_found_with_their_numbers() {
    for (name, speech) in speech() {
        let loud = scaled(&speech, 0.25);
        let shifted: Vec<i16> = loud.iter().map(|&s| s.saturating_add(2_000)).collect();
        let clipped = scaled(&speech, 12.0);
        let faint = scaled(&loud, 0.02);
        for format in LINES {
            let diagnosis = listen(format, &encoded(format, &shifted));
            assert_eq!(diagnosis.findings, [Finding::Offset], "{name} as {format:?}: {diagnosis:?}");
            let offset = diagnosis.offset_percent.map_or(0.0, Tenths::value);
            assert!((5.0..=7.2).contains(&offset), "{name}: {offset} %");
            let diagnosis = listen(format, &encoded(format, &clipped));
            assert!(diagnosis.findings.contains(&Finding::Clipped), "{name} as {format:?}: {diagnosis:?}");
            assert!(
                !diagnosis.findings.iter().any(|finding| *finding < Finding::Offset),
                "{name} as {format:?}: {diagnosis:?}"
            );
            let diagnosis = listen(format, &encoded(format, &faint));
            assert!(matches!(diagnosis.verdict, "no_voice" | "faulty"), "{name} as {format:?}: {diagnosis:?}");
        }
    }
}

#[test]
fn a_quiet_caller_is_found() {
    let speech = scaled(&buzz(), 0.025);
    let diagnosis = listen(AudioFormat::PCM_8K, &encoded(AudioFormat::PCM_8K, &speech));
    assert_eq!(diagnosis.findings, [Finding::TooQuiet], "{diagnosis:?}");
}

#[test]
fn digital_silence_is_reported_late_and_another_laws_silence_soon() {
    let diagnosis = listen(AudioFormat::MULAW_8K, &vec![0xFF; 8 * 20_000]);
    assert_eq!((diagnosis.verdict, &diagnosis.findings[..]), ("faulty", &[Finding::Silent][..]));
    assert_eq!(listen(AudioFormat::MULAW_8K, &vec![0xFF; 8 * 14_000]).findings, []);
    assert_eq!(listen(AudioFormat::MULAW_8K, &vec![0xD5; 8 * 2_100]).findings, [Finding::AlawAsMulaw]);
    assert_eq!(listen(AudioFormat::ALAW_8K, &vec![0xFF; 8 * 2_100]).findings, [Finding::MulawAsAlaw]);
    let unsigned = [0x00, 0x80].repeat(8 * 2_100);
    assert_eq!(listen(AudioFormat::PCM_8K, &unsigned).findings, [Finding::Unsigned]);
}

#[test]
fn speech_after_silence_is_judged_as_speech() {
    let mut line = vec![0xFF; 8 * 20_000];
    line.extend(encoded(AudioFormat::MULAW_8K, &buzz()));
    let diagnosis = listen(AudioFormat::MULAW_8K, &line);
    assert_eq!((diagnosis.verdict, diagnosis.findings), ("good", vec![]));
}

#[test]
fn the_sample_rate_is_measured_by_the_carriers_clock_and_by_ours() {
    let mut line = Line::new(AudioFormat::MULAW_8K);
    line.packets(100, 320, 20, true);
    assert_eq!(line.found(), [Finding::RateTooLow], "16 kHz read as 8, by timestamps");
    let mut line = Line::new(AudioFormat::PCM_8K);
    line.packets(250, 640, 20, false);
    assert_eq!(line.found(), [Finding::RateTooLow], "16 kHz read as 8, by arrival");
    assert_eq!(line.detector.diagnosis().packets.rate_hz, Some(16_000));
    let wide = AudioFormat { rate_hz: 16_000, ..AudioFormat::PCM_8K };
    let mut line = Line::new(wide);
    line.packets(100, 320, 20, true);
    assert_eq!(line.found(), [Finding::RateTooHigh], "8 kHz read as 16, by timestamps");
    let mut line = Line::new(wide);
    line.packets(250, 320, 20, false);
    assert_eq!(line.found(), [Finding::RateTooHigh], "8 kHz read as 16, by arrival");
    assert_eq!(line.detector.diagnosis().packets.lost_ms, 0);
}

#[test]
fn a_good_rate_is_no_finding_whatever_the_network_does() {
    let mut line = Line::new(AudioFormat::MULAW_8K);
    line.packets(500, 160, 20, true);
    assert_eq!(line.found(), []);
    let packets = line.detector.diagnosis().packets;
    assert_eq!((packets.rate_hz, packets.lost_ms), (Some(8_000), 0));
    assert_eq!((packets.length_ms, packets.interval_ms), (Tenths::of(20.0), Some(Tenths::of(20.0))));

    // The packets are delayed for two seconds at the start and then arrive at once. Later there is
    // a pause, then a burst.
    let mut line = Line::new(AudioFormat::MULAW_8K);
    for gap in [0, 20, 2_000, 0, 20, 500, 0, 20] {
        line.packets(60, 160, gap, false);
    }
    assert_eq!(line.found(), []);
    // The carrier is silent half of the time, with a clock and without.
    for clock in [true, false] {
        let mut line = Line::new(AudioFormat::MULAW_8K);
        for _ in 0..20 {
            line.packets(50, 160, 20, clock);
            line.passes(1_000);
        }
        assert_eq!(line.found(), [], "clock {clock}");
    }
}

#[test]
fn lost_packets_are_counted_by_the_carriers_clock() {
    let mut line = Line::new(AudioFormat::MULAW_8K);
    for _ in 0..50 {
        line.packets(19, 160, 20, true);
        line.passes(20);
    }
    let packets = line.detector.diagnosis().packets;
    assert_eq!((packets.lost_ms, packets.lost_percent), (980, Tenths::of(4.9)));
    assert_eq!(line.found(), [Finding::Loss]);
}

#[test]
fn speech_at_half_speed_is_found() {
    for (name, speech) in speech() {
        let slow: Vec<i16> = halved(&speech);
        for format in [AudioFormat::MULAW_8K, AudioFormat::PCM_8K] {
            let diagnosis = listen(format, &encoded(format, &slow));
            assert_eq!(diagnosis.findings, [Finding::HalfSpeed], "{name} as {format:?}: {diagnosis:?}");
        }
    }
}

#[test]
fn the_correction_restores_the_intended_samples() {
    let speech = buzz();
    let swapped: Vec<i16> = speech.iter().map(|s| s.swap_bytes()).collect();
    let mut detector = FormatDetector::new(AudioFormat::PCM_8K, crate::carrier::testing::NAME);
    detector.correct();
    let mut given = Vec::new();
    for bytes in encoded(AudioFormat::PCM_8K, &swapped).chunks(320) {
        let mut frame = CallerFrame { timestamp: None, payload: Frame::copy_of(bytes) };
        detector.hear(&mut frame, clock::now());
        given.extend_from_slice(&frame.payload);
    }
    assert!(detector.diagnosis().corrected);
    let meant = encoded(AudioFormat::PCM_8K, &speech);
    let settled = 16_000;
    assert_eq!(given[settled..], meant[settled..]);

    for (format, candidate, byte, meant) in [
        (
            AudioFormat::MULAW_8K,
            CandidateFormat::ALaw,
            g711::encode_alaw(1_000),
            g711::encode_mulaw(g711::decode_alaw(g711::encode_alaw(1_000))),
        ),
        (
            AudioFormat::ALAW_8K,
            CandidateFormat::MuLaw,
            g711::encode_mulaw(-90),
            g711::encode_alaw(g711::decode_mulaw(g711::encode_mulaw(-90))),
        ),
    ] {
        let mut bytes = [byte];
        candidate.correct(format.encoding, &mut bytes);
        assert_eq!(bytes, [meant]);
    }
}

#[test]
fn an_examination_can_be_repeated() {
    let mut detector = FormatDetector::new(AudioFormat::PCM_8K, crate::carrier::testing::NAME);
    let mut diagnoses = 0;
    let good = encoded(AudioFormat::PCM_8K, &buzz());
    let swapped: Vec<i16> = buzz().iter().map(|s| s.swap_bytes()).collect();
    let bad = encoded(AudioFormat::PCM_8K, &swapped);
    let mut hear = |detector: &mut FormatDetector, bytes: &[u8]| {
        for bytes in bytes.chunks(320) {
            let mut frame = CallerFrame { timestamp: None, payload: Frame::copy_of(bytes) };
            diagnoses += u32::from(detector.hear(&mut frame, clock::now()).is_some());
        }
    };
    hear(&mut detector, &good);
    hear(&mut detector, &bad);
    assert_eq!(detector.diagnosis().findings, [], "a verdict stands until somebody asks again");
    detector.examine_again();
    hear(&mut detector, &bad);
    assert_eq!(detector.diagnosis().findings, [Finding::ByteOrder]);
    detector.examine_again();
    hear(&mut detector, &good);
    assert_eq!(detector.diagnosis().verdict, "good");
    assert!(diagnoses >= 3);
}

#[test]
fn every_finding_has_a_word_of_its_own_and_a_next_step() {
    let all = [
        Finding::ByteOrder,
        Finding::Unsigned,
        Finding::UnsignedByteOrder,
        Finding::AlawAsMulaw,
        Finding::MulawAsAlaw,
        Finding::RateTooLow,
        Finding::RateTooHigh,
        Finding::HalfSpeed,
        Finding::Offset,
        Finding::Clipped,
        Finding::TooLoud,
        Finding::TooQuiet,
        Finding::Silent,
        Finding::Loss,
    ];
    for (n, finding) in all.iter().enumerate() {
        assert!(all[..n].iter().all(|other| other.word() != finding.word() && other.advice() != finding.advice()));
        let shown = serde_json::to_string(finding).expect("a word");
        assert_eq!(shown, format!("\"{}\"", finding.word()));
    }
}

/// The diagnosis of a line that brought `bytes`, 20 ms at a time in real time.
fn listen(format: AudioFormat, bytes: &[u8]) -> Diagnosis {
    let (mut detector, mut now) = (FormatDetector::new(format, crate::carrier::testing::NAME), clock::now());
    for bytes in bytes.chunks(20 * format.bytes_per_ms()) {
        let mut frame = CallerFrame { timestamp: None, payload: Frame::copy_of(bytes) };
        detector.hear(&mut frame, now);
        assert_eq!(*frame.payload, bytes, "nothing is corrected that nobody wants corrected");
        now += 20 * MS;
    }
    detector.diagnosis()
}

struct Line {
    detector: FormatDetector,
    now: Instant,
    clock: Duration,
}

impl Line {
    fn new(format: AudioFormat) -> Self {
        Self {
            detector: FormatDetector::new(format, crate::carrier::testing::NAME),
            now: clock::now(),
            clock: Duration::ZERO,
        }
    }

    /// Sends `count` packets of `bytes`, `apart_ms` apart, with the carrier's clock or without.
    fn packets(&mut self, count: usize, bytes: usize, apart_ms: u32, clock: bool) {
        for _ in 0..count {
            let payload = Frame::copy_of(&vec![0x55; bytes]);
            let mut frame = CallerFrame { timestamp: clock.then_some(self.clock), payload };
            self.detector.hear(&mut frame, self.now);
            self.passes(apart_ms);
        }
    }

    fn passes(&mut self, ms: u32) {
        (self.now, self.clock) = (self.now + ms * MS, self.clock + ms * MS);
    }

    /// The findings of the packet timing alone.
    fn found(&self) -> Vec<Finding> {
        let found = self.detector.diagnosis().findings;
        let of_timing = [Finding::RateTooLow, Finding::RateTooHigh, Finding::Loss];
        found.into_iter().filter(|finding| of_timing.contains(finding)).collect()
    }
}

fn encoded(format: AudioFormat, samples: &[i16]) -> Vec<u8> {
    let mut bytes = Vec::new();
    g711::encode(format.encoding, samples, &mut bytes);
    bytes
}

fn scaled(samples: &[i16], by: f32) -> Vec<i16> {
    samples.iter().map(|&sample| (f32::from(sample) * by) as i16).collect()
}

/// Twice as many samples of the same sound, which is 16 kHz audio on a line of 8 kHz.
fn halved(samples: &[i16]) -> Vec<i16> {
    let mut resampler = crate::audio::resample::Resampler::new(8_000, 16_000).expect("known rates");
    let mut out = Vec::new();
    samples.chunks(160).for_each(|samples| resampler.process(samples, &mut out));
    out
}

/// Recordings of real callers if there are any, and always a synthetic one.
fn speech() -> Vec<(String, Vec<i16>)> {
    let mut all = vec![("a buzz with vowels".to_owned(), buzz())];
    let folder = std::env::var("SWITCHBOARD_TEST_SPEECH")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/audio").to_owned());
    let files = std::fs::read_dir(&folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> =
        files.map(|file| file.path()).filter(|path| path.to_string_lossy().ends_with("-8k.wav")).collect();
    paths.sort();
    if paths.is_empty() {
        eprintln!("SKIPPED with real callers: there are none in {folder}");
    }
    for path in paths {
        let bytes = std::fs::read(&path).expect("a file that is there");
        let data = bytes.windows(4).position(|tag| tag == b"data").expect("a WAV file") + 8;
        let samples = bytes[data..].as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        all.push((path.display().to_string(), samples));
    }
    all
}

/// Five seconds of a speech-like sound: pulses of a voice through moving formants, syllables, and a
/// hiss between them.
fn buzz() -> Vec<i16> {
    let vowels =
        [[730.0, 1_090.0, 2_440.0], [270.0, 2_290.0, 3_010.0], [300.0, 870.0, 2_240.0], [530.0, 1_840.0, 2_480.0]];
    let mut samples = Vec::new();
    let (mut state, mut phase, mut seed) = ([[0.0_f32; 2]; 3], 0.0_f32, 1_u32);
    for n in 0..40_000_u32 {
        let (syllable, within) = ((n / 2_400) as usize, (n % 2_400) as f32 / 2_400.0);
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let hiss = (seed >> 16) as f32 / 65_536.0 - 0.5;
        if within > 0.8 {
            samples.push((hiss * 3_000.0) as i16);
            continue;
        }
        phase += (110.0 + 30.0 * (TAU * within).sin()) / 8_000.0;
        let mut sound = if phase >= 1.0 { 1.0 } else { 0.02 * hiss };
        phase %= 1.0;
        for (formant, state) in vowels[syllable % 4].iter().zip(&mut state) {
            let (radius, angle) = (0.96_f32, TAU * formant / 8_000.0);
            let out = sound + 2.0 * radius * angle.cos() * state[0] - radius * radius * state[1];
            (state[1], state[0]) = (state[0], out);
            sound = out * 0.3;
        }
        samples.push((sound * 14_000.0 * (TAU * within / 1.6).sin()).clamp(-30_000.0, 30_000.0) as i16);
    }
    let loudest = samples.iter().map(|sample: &i16| sample.unsigned_abs()).max().unwrap_or(1);
    scaled(&samples, 16_000.0 / f32::from(loudest))
}

fn tone(partials: &[(f32, f32)]) -> Vec<i16> {
    let at =
        |n: u32| partials.iter().map(|(hz, amplitude)| amplitude * (TAU * hz * n as f32 / 8_000.0).sin()).sum::<f32>();
    (0..40_000).map(|n| at(n) as i16).collect()
}

/// The samples with a level that swells from zero to full twice a second.
fn swelling(samples: &[i16]) -> Vec<i16> {
    let swell = |n: usize| (n % 4_000) as f32 / 4_000.0;
    samples.iter().enumerate().map(|(n, &sample)| (f32::from(sample) * swell(n)) as i16).collect()
}

fn noise(amplitude: i32) -> Vec<i16> {
    let mut seed = 7_u64;
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i32::try_from((seed >> 33) % (2 * amplitude as u64 + 1)).unwrap_or(0) - amplitude
    };
    (0..40_000).map(|_| next() as i16).collect()
}
