use super::*;

#[test]
fn every_shipped_language_has_a_voice_for_each_line() {
    for (voices, samples) in [(&APOLOGIES, 16_000..80_000), (&FILLERS, 6_000..24_000)] {
        for code in ["en", "hi", "mr", "te", "ta", "ml"] {
            let sound = voices.of(code).expect("shipped");
            let loudest = sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
            assert!(samples.contains(&sound.len()), "{code}: {} samples", sound.len());
            assert!((8_000..=24_000).contains(&loudest), "{code}: {loudest}");
        }
        assert!(voices.of("de").is_none());
    }
}
