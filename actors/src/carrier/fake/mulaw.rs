//! G.711 mu-law as carriers speak it. Pure.
//!
//! Written from the recommendation's arithmetic and apart from the service's tables: a fault in those would not cancel itself
//! out between two ends that share them.

/// One byte of the line as a 16-bit sample.
pub(in crate::carrier) fn decode(byte: u8) -> i16 {
    let code = !byte;
    let exponent = (code >> 4) & 0x07;
    let mantissa = i16::from(code & 0x0F);
    let magnitude = (((mantissa << 3) + BIAS) << exponent) - BIAS;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// A 16-bit sample as one byte of the line.
pub(in crate::carrier) fn encode(sample: i16) -> u8 {
    let sign = if sample < 0 { 0x80 } else { 0x00 };
    let magnitude = sample.unsigned_abs().min(CLIP) + BIAS.unsigned_abs();
    // The bias makes bit 7 the lowest place the leading one can have.
    let exponent = 8 - (magnitude.leading_zeros() as u8);
    let mantissa = (magnitude >> (exponent + 3)) & 0x0F;
    !(sign | (exponent << 4) | mantissa as u8)
}

/// Added to every magnitude so that the segments begin at powers of two.
const BIAS: i16 = 0x84;
/// The largest magnitude that the code holds.
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
