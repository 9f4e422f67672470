use super::*;

#[test]
fn the_reference_points_come_out_as_written() {
    for (sample, byte, back) in [
        (0, 0xFF, 0),
        (8, 0xFE, 8),
        (100, 0xF2, 104),
        (-100, 0x72, -104),
        (1000, 0xCE, 988),
        (-1000, 0x4E, -988),
        (8159, 0x9F, 8316),
        (32767, 0x80, 32124),
        (i16::MIN, 0x00, -32124),
    ] {
        assert_eq!(encode(sample), byte, "{sample}");
        assert_eq!(decode(byte), back, "{byte:#x}");
    }
    assert_eq!(decode(0x7F), 0);
}

#[test]
fn every_byte_but_the_negative_zero_survives_the_round() {
    for byte in (0..=u8::MAX).filter(|byte| *byte != 0x7F) {
        assert_eq!(encode(decode(byte)), byte);
    }
}
