use super::*;

#[test]
fn a_fade_in_takes_5_ms_whatever_the_frame_lengths() {
    for frame in [1, 7, 40, 160] {
        let mut fade = FadeIn::new(AudioFormat::PCM_8K);
        fade.begin();
        let mut bytes = 8_000_i16.to_le_bytes().repeat(320);
        for frame in bytes.chunks_mut(2 * frame) {
            fade.apply(frame);
        }
        let samples: Vec<i16> = bytes.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair)).collect();
        let expected: Vec<i16> = (0..320).map(|n| if n < 40 { n * 200 } else { 8_000 }).collect();
        assert_eq!(samples, expected);
    }
}

#[test]
fn a_fade_works_in_the_lines_encoding() {
    for (format, decode) in [
        (AudioFormat::MULAW_8K, g711::decode_mulaw as fn(u8) -> i16),
        (AudioFormat::ALAW_8K, g711::decode_alaw as fn(u8) -> i16),
    ] {
        let mut loud = vec![];
        g711::encode(format.encoding, &[-20_000; 60], &mut loud);
        let before = loud.clone();
        let mut fade = FadeIn::new(format);
        fade.apply(&mut loud);
        assert_eq!(loud, before, "not asked for");
        fade.begin();
        fade.apply(&mut loud);
        let levels: Vec<i16> = loud.iter().map(|&code| decode(code)).collect();
        assert!(levels[0].abs() <= 8, "{levels:?}");
        assert!(levels.is_sorted_by(|earlier, later| earlier >= later), "{levels:?}");
        assert_eq!(loud[40..], before[40..]);
        assert_ne!(loud[30], before[30]);
        fade.begin();
        fade.end();
        let after = loud.clone();
        fade.apply(&mut loud);
        assert_eq!(loud, after, "its seam has gone");
    }
}
