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
mod tests;
