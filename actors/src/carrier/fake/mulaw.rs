//! G.711 mu-law as carriers use it. Pure.
//!
//! It is written from the recommendation's arithmetic and independent of the service's code: with
//! shared code, a fault would cancel itself out between the two ends.

/// Decodes one byte of the line to a 16-bit sample.
pub(in crate::carrier) fn decode(byte: u8) -> i16 {
    let code = !byte;
    let exponent = (code >> 4) & 0x07;
    let mantissa = i16::from(code & 0x0F);
    let magnitude = (((mantissa << 3) + BIAS) << exponent) - BIAS;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// Encodes a 16-bit sample as one byte of the line.
pub(in crate::carrier) fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0x00 };
    let magnitude = sample.unsigned_abs().min(CLIP) + BIAS.unsigned_abs();
    // With the bias, the leading one is at bit 7 or higher.
    let exponent = 8 - (magnitude.leading_zeros() as u8);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0F;
    !(sign | (exponent << 4) | mantissa as u8)
}

/// Added to every magnitude, so that segments begin at powers of two.
const BIAS: i16 = 0x84;
/// The largest magnitude that the code can express.
const CLIP: u16 = 32_635;

#[cfg(test)]
mod tests {
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
}
