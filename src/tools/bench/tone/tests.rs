use super::*;

#[test]
fn a_tone_in_16_bits_has_their_sinad_and_no_gain() {
    let measured = Measured::fit(&sine(1_004.0, 24_000, 24_000), 1_004.0, 24_000);
    assert!((96.0..98.5).contains(&measured.sinad()), "{}", measured.sinad());
    assert!(measured.gain().abs() < 0.001);
    assert!(measured.above(4_000.0) < -97.0);
}

#[test]
fn added_noise_is_measured_at_its_level() {
    let clean = sine(1_004.0, 24_000, 24_000);
    let dirt = sine(7_003.0, 24_000, 24_000);
    let mixed: Vec<i16> = clean.iter().zip(&dirt).map(|(&a, &b)| a / 2 + b / 200).collect();
    let measured = Measured::fit(&mixed, 1_004.0, 24_000);
    assert!((measured.sinad() - 40.0).abs() < 0.1, "{}", measured.sinad());
    assert!((measured.above(4_000.0) + 40.0).abs() < 0.1);
    assert!((measured.gain() + 6.02).abs() < 0.05);
}
