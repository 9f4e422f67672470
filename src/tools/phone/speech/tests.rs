use super::*;

#[test]
fn every_line_of_the_table_has_its_sound_and_its_length() {
    assert_eq!(Sentence::languages().len(), SENTENCES.lines().count());
    assert_eq!(Sentence::languages().len(), SOUNDS.len());
    for sentence in Sentence::all() {
        let samples = sentence.samples().expect("bundled");
        let seconds = samples.len() as f64 / 8000.0;
        assert!((2.0..4.0).contains(&seconds), "{}: {seconds} s", sentence.language);
        let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max();
        assert!(loudest > Some(16_000), "{}: {loudest:?}", sentence.language);
    }
}
