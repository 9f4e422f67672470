//! G.711 A-law as the carrier's legs have it in most countries. Pure.
//!
//! It is written from the recommendation's arithmetic and independent of the service's code: with
//! shared code, a fault would cancel itself out between the two ends.

/// Encodes a 16-bit sample as one byte of the line.
pub(super) fn encode(sample: i16) -> u8 {
    // 13 bits of magnitude; a negative sample's lies between -1 and -32768.
    let (sign, magnitude) = if sample < 0 { (0x00, !sample >> 3) } else { (0x80, sample >> 3) };
    let magnitude = magnitude.unsigned_abs();
    // The leading one is at bit 5 or higher, except in the lowest segment.
    let exponent = 11_u32.saturating_sub(magnitude.leading_zeros());
    let mantissa = (magnitude >> exponent.max(1)) & 0x0F;
    (sign | (exponent as u8) << 4 | mantissa as u8) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_become_the_recommendations_bytes() {
        for (sample, byte) in
            [(0, 0xD5), (100, 0xD3), (-100, 0x53), (1000, 0xFA), (i16::MAX, 0xAA), (i16::MIN, 0x2A), (-1, 0x55)]
        {
            assert_eq!(encode(sample), byte, "{sample}");
        }
    }
}
