use super::super::super::speech::Sentence;
use super::*;
use switchboard_actors::g711;

fn speech(code: &str) -> Vec<i16> {
    Sentence::in_language(code).expect("bundled").samples().expect("bundled")
}

/// Builds the echo of a speech: quieter, encoded for the line, after two seconds of silence.
fn answered(speech: &[i16]) -> Vec<i16> {
    let mut heard = vec![0; 16_000];
    heard.extend(speech.iter().map(|sample| g711::decode_mulaw(g711::encode_mulaw(sample / 2))));
    heard.resize(heard.len() + 8000, 0);
    heard
}

#[test]
fn the_same_words_are_found_at_their_place() {
    let speech = speech("en");
    let found = likeness(&speech, &answered(&speech));
    assert!(found.share > 0.99 && found.correlation > 0.99, "{found:?}");
    assert_eq!(found.begins_ms, Some(2000));
}

#[test]
fn the_same_words_are_found_between_the_coarse_searchs_steps() {
    for (code, shift) in [("en", 1), ("ta", 2), ("te", 1235)] {
        let (speech, mut heard) = (speech(code), vec![0; shift]);
        heard.extend(answered(&speech));
        let found = likeness(&speech, &heard);
        assert!(found.share > 0.99, "{code} {shift}: {found:?}");
    }
}

#[test]
fn words_with_a_cut_beginning_are_found_in_part() {
    let speech = speech("hi");
    let found = likeness(&speech, &answered(&speech[1600..]));
    assert!(found.share > 0.7 && found.share < 1.0, "{found:?}");
}

#[test]
fn other_words_and_silence_are_not_found() {
    for other in ["hi", "te", "ml"] {
        let found = likeness(&speech("en"), &answered(&speech(other)));
        assert!(found.share < 0.3, "{other}: {found:?}");
    }
    assert_eq!(likeness(&speech("en"), &[0; 40_000]), Likeness::default());
    assert_eq!(likeness(&[0; 40_000], &speech("en")), Likeness::default());
    assert_eq!(likeness(&speech("en"), &[]), Likeness::default());
}
