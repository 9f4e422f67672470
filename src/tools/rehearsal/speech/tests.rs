use super::*;

#[test]
fn every_language_speaks_every_line_without_clicks_at_its_ends() {
    for language in &LANGUAGES {
        for (line, least_ms, most_ms) in
            [(Line::Greeting, 1_800, 3_500), (Line::Alright, 300, 1_200), (Line::Goodbye, 600, 2_000)]
        {
            let sound = language.sound(line, Format::Pcm24k);
            assert!((least_ms..most_ms).contains(&sound.ms()), "{} {line:?} {}", language.code, sound.ms());
            assert!(!language.text(line).is_empty(), "{} {line:?} has no words", language.code);
            let level = 10.0 * Format::Pcm24k.power(&sound.bytes).log10();
            assert!((-22.0..-18.0).contains(&level), "{} {line:?} {level} dB", language.code);
            let samples: Vec<i16> =
                sound.bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
            let ends = samples[..100].iter().chain(&samples[samples.len() - 100..]);
            assert!(ends.map(|sample| sample.unsigned_abs()).max() < Some(64), "{} {line:?}", language.code);
        }
    }
}

#[test]
fn the_bundle_stays_small() {
    let bytes: usize = LANGUAGES.iter().flat_map(|language| language.sounds).map(<[u8]>::len).sum();
    assert!(bytes < 600_000, "{bytes}");
}

#[test]
fn the_language_is_the_transcribed_one_else_the_first_named() {
    assert_eq!(Language::of(Some("ta"), "Speak Hindi.").code, "ta");
    assert_eq!(Language::of(Some("hi-IN"), "").code, "hi");
    assert_eq!(Language::of(None, "Speak only Telugu, even if the caller speaks English.").code, "te");
    assert_eq!(Language::of(None, "केवल हिन्दी बोलें").code, "hi");
    assert_eq!(Language::of(Some("fr"), "Speak Hindi.").code, "en");
    assert_eq!(Language::of(None, "").code, "en");
}

#[test]
fn a_placeholder_tells_the_length() {
    assert_eq!(Language::of(None, "").heard(2_345), "[caller speech, 2.3 s] some words");
}

#[test]
fn the_placeholder_of_the_callers_words_counts_as_words() {
    for language in &LANGUAGES {
        let heard = language.heard(2_345);
        assert!(switchboard_actors::words::holds_words(&heard), "{}: {heard}", language.code);
        assert!(heard.starts_with('[') && heard.contains("2.3"), "{}: {heard}", language.code);
    }
}
