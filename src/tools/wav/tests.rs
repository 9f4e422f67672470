use super::*;

fn spec(rate: u32, channels: u16, bits: u16, float: bool) -> hound::WavSpec {
    let sample_format = if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
    hound::WavSpec { channels, sample_rate: rate, bits_per_sample: bits, sample_format }
}

/// One second of a 440 Hz tone at half of full scale.
fn tone(spec: hound::WavSpec) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a good spec");
    for at in 0..spec.sample_rate {
        let value = 0.5 * (std::f32::consts::TAU * 440.0 * at as f32 / spec.sample_rate as f32).sin();
        for _ in 0..spec.channels {
            if spec.sample_format == hound::SampleFormat::Float {
                writer.write_sample(value).expect("memory");
            } else {
                let full_scale = 2_f32.powi(i32::from(spec.bits_per_sample) - 1);
                writer.write_sample((value * full_scale) as i32).expect("memory");
            }
        }
    }
    writer.finalize().expect("memory");
    bytes.into_inner()
}

/// Amplitude of the 440 Hz component, relative to full scale.
fn amplitude(samples: &[i16]) -> f32 {
    let (mut sine, mut cosine) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = std::f32::consts::TAU * 440.0 * at as f32 / RATE_HZ as f32;
        sine += f32::from(*sample) * angle.sin();
        cosine += f32::from(*sample) * angle.cos();
    }
    2.0 * sine.hypot(cosine) / samples.len() as f32 / 32_768.0
}

#[test]
fn a_tone_keeps_pitch_level_and_length_from_any_rate_and_format() {
    let specs = [
        spec(8_000, 1, 16, false),
        spec(16_000, 1, 16, false),
        spec(24_000, 2, 16, false),
        spec(11_025, 1, 8, false),
        spec(22_050, 1, 24, false),
        spec(44_100, 2, 32, false),
        spec(48_000, 1, 32, true),
        spec(37_123, 1, 16, false),
    ];
    for spec in specs {
        let samples = read_bundled(&tone(spec), "tone").expect("readable");
        assert!((samples.len() as i64 - 8000).abs() <= 1, "{spec:?}: {}", samples.len());
        let got = amplitude(&samples);
        assert!((got - 0.5).abs() < 0.01, "{spec:?}: {got}");
    }
}

#[test]
fn what_is_written_reads_back_the_same() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("heard.wav");
    let samples: Vec<i16> = (0..1000).map(|at| (at * 61 % 30_000) as i16 - 15_000).collect();
    write(&path, &samples).expect("writable");
    assert_eq!(read(&path).expect("readable"), samples);
}

#[test]
fn an_unusable_file_is_named_with_the_reason() {
    let missing = read(Path::new("/nowhere/caller.wav")).expect_err("missing").to_string();
    assert!(missing.contains("open /nowhere/caller.wav"), "{missing}");
    let text = read_bundled(b"hello, this is no sound", "notes.txt").expect_err("text").to_string();
    assert!(text.contains("notes.txt") && text.contains("not a WAV file"), "{text}");
    let mut cut = tone(spec(8_000, 1, 16, false));
    cut.truncate(30);
    assert!(read_bundled(&cut, "cut.wav").is_err());
    let slow = read_bundled(&tone(spec(500, 1, 16, false)), "slow.wav").expect_err("500 Hz").to_string();
    assert!(slow.contains("500 samples per second"), "{slow}");
}
