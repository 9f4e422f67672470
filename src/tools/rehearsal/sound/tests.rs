use super::*;

fn tone(ms: usize, amplitude: f32) -> Vec<u8> {
    (0..ms * 24)
        .flat_map(|n| {
            let phase = n as f32 * 440.0 * std::f32::consts::TAU / 24_000.0;
            ((phase.sin() * amplitude) as i16).to_le_bytes()
        })
        .collect()
}

#[test]
fn the_same_format_keeps_the_very_bytes() {
    let sound = Sound { format: Format::MuLaw, bytes: Bytes::from_static(&[1, 2, 3]) };
    assert_eq!(sound.in_format(Format::MuLaw).bytes, sound.bytes);
}

#[test]
fn a_conversion_keeps_length_and_power() {
    let sound = Sound { format: Format::Pcm24k, bytes: tone(500, 8_000.0).into() };
    for format in [Format::MuLaw, Format::ALaw] {
        let there = sound.in_format(format);
        assert_eq!(there.ms(), 500);
        let ratio = there.format.power(&there.bytes) / sound.format.power(&sound.bytes);
        assert!((0.9..1.1).contains(&ratio), "{ratio}");
        assert_eq!(there.in_format(Format::Pcm24k).ms(), 500);
    }
}

#[test]
fn trimming_keeps_a_margin_and_the_whole_of_a_silent_sound() {
    let mut bytes = vec![0; 48 * 1000];
    bytes.extend(tone(300, 8_000.0));
    bytes.extend(vec![0; 48 * 1000]);
    let sound = Sound { format: Format::Pcm24k, bytes: bytes.into() };
    assert_eq!(sound.trimmed().ms(), 300 + 240);
    let silence = Sound { format: Format::MuLaw, bytes: vec![0xFF; 800].into() };
    assert_eq!(silence.trimmed().ms(), 100);
}
