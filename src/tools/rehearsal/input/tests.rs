use super::*;

const DETECTION: Detection = Detection { tuning: Tuning { threshold: 0.5, silence_ms: 200 }, prefix_ms: 300 };

fn write(input: &mut Input, frame: &[u8], times: usize) -> Vec<SpeechChange> {
    let mut all = Vec::new();
    for _ in 0..times {
        input.append(frame);
        while let Some(heard) = input.listen() {
            all.push(heard);
        }
    }
    all
}

fn loud(format: Format) -> Vec<u8> {
    match format {
        Format::Pcm24k | Format::Pcm16k | Format::Pcm8k => (0..format.bytes_per_ms() as i32 * 10)
            .flat_map(|n: i32| (if n % 40 < 20 { 4000i16 } else { -4000 }).to_le_bytes())
            .collect(),
        Format::MuLaw | Format::ALaw => (0..160).map(|n| if n % 20 < 10 { 0x30 } else { 0xB0 }).collect(),
    }
}

fn silent(format: Format) -> Vec<u8> {
    match format {
        Format::Pcm24k | Format::Pcm16k | Format::Pcm8k => vec![0; format.bytes_per_ms() * 20],
        Format::MuLaw => vec![0xFF; 160],
        Format::ALaw => vec![0xD5; 160],
    }
}

#[test]
fn a_turn_is_timed_on_the_clock_of_audio_written_in_every_format() {
    for format in [Format::Pcm24k, Format::Pcm16k, Format::Pcm8k, Format::MuLaw, Format::ALaw] {
        let mut input = Input::new(format, Some(DETECTION));
        assert!(write(&mut input, &silent(format), 500).is_empty());
        let began = write(&mut input, &loud(format), 50);
        assert!(matches!(began[..], [SpeechChange::SpeechBegan { at_ms: 9_700 }]), "{format:?}: {began:?}");
        let ended = write(&mut input, &silent(format), 50);
        let [SpeechChange::SpeechEnded { at_ms: 11_210, turn }] = &ended[..] else { panic!("{format:?}: {ended:?}") };
        assert_eq!(turn.ms(), 11_210 - 9_700);
        assert_eq!(input.written_ms(), 12_000);
    }
}

#[test]
fn an_idle_buffer_stays_small_and_a_long_turn_is_bounded() {
    let mut input = Input::new(Format::Pcm24k, Some(DETECTION));
    write(&mut input, &silent(Format::Pcm24k), 3_000);
    assert!(input.buffered_ms() < 1_000.0);
    write(&mut input, &loud(Format::Pcm24k), 6_000);
    assert!(input.buffered_ms() < 100_000.0);
    assert_eq!(input.written_ms(), 180_000);
    assert!(input.speaking());
}

#[test]
fn without_detection_the_client_commits_what_it_wrote() {
    let mut input = Input::new(Format::MuLaw, None);
    assert!(write(&mut input, &loud(Format::MuLaw), 10).is_empty());
    assert!((input.buffered_ms() - 200.0).abs() < 1e-9);
    assert_eq!(input.commit().ms(), 200);
    assert_eq!(input.buffered_ms() as u32, 0);
    assert_eq!(input.written_ms(), 200);
}
