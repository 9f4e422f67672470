use super::*;

fn tone(seconds: f64) -> Vec<i16> {
    (0..(seconds * 8_000.0) as usize).map(|n| if n % 20 < 10 { 8_000 } else { -8_000 }).collect()
}

#[test]
fn a_recording_is_its_turns_and_noise_between_them_is_none() {
    let mut speech = vec![40; 4_000];
    speech.extend(tone(1.5));
    speech.extend(vec![-60; 8_000]);
    speech.extend(tone(0.3));
    speech.extend(vec![40; 8_000]);
    speech.extend(tone(2.0));
    let found: Vec<(usize, usize)> = turns(&speech).into_iter().map(|turn| (turn.start, turn.len())).collect();
    assert_eq!(found, [(4_000, 12_000), (34_400, 16_000)], "a word alone is too short to be known again");
}

#[test]
fn a_short_word_or_silence_is_one_turn() {
    for speech in [tone(0.5), vec![0; 1_000], Vec::new()] {
        let turns = turns(&speech);
        assert_eq!((turns.len(), turns[0].clone()), (1, 0..speech.len()));
    }
}

#[test]
fn silence_and_a_whisper_are_distinguished_from_speech() {
    assert!(loudest_dbfs(&[0; 8_000]) < -100.0 && loudest_dbfs(&[]) < -100.0 && loudest_dbfs(&[30; 8_000]) < -45.0);
    assert!((loudest_dbfs(&tone(1.0)) + 12.2).abs() < 0.1);
}
