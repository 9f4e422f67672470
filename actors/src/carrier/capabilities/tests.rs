use super::*;

#[test]
fn a_length_is_samples_of_the_format_it_is_asked_for() {
    let ms = |ms| Length::Time(Duration::from_millis(ms));
    assert_eq!(ms(20).samples(AudioFormat::MULAW_8K), 160);
    assert_eq!(ms(20).samples(AudioFormat::PCM_24K), 480);
    assert_eq!(Length::Bytes(3200).samples(AudioFormat::PCM_8K), 1600);
    assert_eq!(Length::Bytes(3200).samples(AudioFormat::MULAW_8K), 3200);
    assert_eq!(Length::Bytes(3).samples(AudioFormat::PCM_8K), 2, "half a sample is none");
}
