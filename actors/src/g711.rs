//! G.711 mu-law and A-law, and the other encoding of samples: PCM16, little-endian. Pure.
//!
//! Decoding follows the tables of ITU-T G.711. Encoders in use differ by one code word at the
//! decision thresholds: of the 65,536 inputs, Sun's encoder agrees with the ITU's on 65,409 and
//! FFmpeg's on 64,572. The reference here is the ITU's own software, G.191 `ulaw_compress` and
//! `alaw_compress`, for full 16-bit samples, with one's complement for negative ones.
//!
//! Both directions are computed, except A-law decoding. Segment and step of a magnitude are the
//! exponent and the first mantissa bits of its float. A few instructions without a branch therefore
//! convert as many samples at once as the processor's widest registers hold. A table converts one
//! sample at a time, and a table of all samples would push a call's other data out of the cache.

use pulp::Arch;

use crate::carrier::Encoding;

/// The 16-bit sample of a mu-law code.
#[inline]
pub const fn decode_mulaw(code: u8) -> i16 {
    let bits = !code;
    let magnitude = f32::from_bits(FIRST_MIDDLE + (((bits & !SIGN) as u32) << (f32::MANTISSA_DIGITS - 1 - 4)));
    // The sum's low bits are this whole number. A cast would first check for NaN.
    let whole = (magnitude + WHOLE_BITS_LAST).to_bits() as i16;
    let sample = (whole - MULAW_BIAS) << MULAW_IGNORED_BITS;
    let negative = (bits as i8 >> 7) as i16;
    (sample ^ negative) - negative
}

/// The mu-law code of a 16-bit sample.
#[inline]
pub const fn encode_mulaw(sample: i16) -> u8 {
    let value = sample >> MULAW_IGNORED_BITS;
    // All ones for a negative sample: G.191 takes the one's complement.
    let negative = value >> 15;
    let magnitude = (value ^ negative) + MULAW_BIAS;
    let magnitude = if magnitude > MULAW_LARGEST { MULAW_LARGEST } else { magnitude };
    !(segment_and_step(magnitude, 5) as u8 | (negative as u8 & SIGN))
}

/// The 16-bit sample of an A-law code.
pub const fn decode_alaw(code: u8) -> i16 {
    ALAW_DECODE[code as usize]
}

/// The A-law code of a 16-bit sample.
#[inline]
pub const fn encode_alaw(sample: i16) -> u8 {
    let value = sample >> ALAW_IGNORED_BITS;
    let negative = value >> 15;
    let magnitude = value ^ negative;
    // The first two segments have the same step size.
    let code = if magnitude < 16 { magnitude as i32 } else { segment_and_step(magnitude, 3) };
    (code as u8 | (!negative as u8 & SIGN)) ^ ALAW_TOGGLED
}

/// The segment of a magnitude and four bits of the step within it: the exponent and the first
/// mantissa bits of IEEE 754. Segment 0 begins at two to the power of `first`.
#[inline]
const fn segment_and_step(magnitude: i16, first: i32) -> i32 {
    ((magnitude as f32).to_bits() >> (f32::MANTISSA_DIGITS - 1 - 4)) as i32 - ((f32::MAX_EXP - 1 + first) << 4)
}

/// Appends the decoded samples of `bytes`. Half a PCM16 sample at the end is ignored: a reader of
/// outside bytes must carry it over to the next piece.
pub fn decode(encoding: Encoding, bytes: &[u8], samples: &mut Vec<i16>) {
    match encoding {
        Encoding::MuLaw => append(bytes, samples, decode_mulaw),
        Encoding::ALaw => append(bytes, samples, decode_alaw),
        Encoding::Pcm16 => samples.extend(bytes.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair))),
    }
}

/// The samples of `bytes`. Native PCM16 is returned as it is; anything else is decoded into `room`.
pub fn read<'a>(encoding: Encoding, bytes: &'a [u8], room: &'a mut Vec<i16>) -> &'a [i16] {
    if cfg!(target_endian = "little")
        && encoding == Encoding::Pcm16
        && let Ok(samples) = bytemuck::try_cast_slice(&bytes[..bytes.len() / 2 * 2])
    {
        return samples;
    }
    room.clear();
    decode(encoding, bytes, room);
    room
}

/// Appends `samples` in `encoding`.
pub fn encode(encoding: Encoding, samples: &[i16], bytes: &mut Vec<u8>) {
    match encoding {
        Encoding::MuLaw => append(samples, bytes, encode_mulaw),
        Encoding::ALaw => append(samples, bytes, encode_alaw),
        Encoding::Pcm16 => {
            let begin = bytes.len();
            bytes.resize(begin + 2 * samples.len(), 0);
            // Two slices of known length compile to a copy; a byte iterator does not.
            let (pairs, _) = bytes[begin..].as_chunks_mut();
            for (pair, sample) in pairs.iter_mut().zip(samples) {
                *pair = sample.to_le_bytes();
            }
        }
    }
}

/// Appends `coded` of each item. A loop over two slices of one length is vectorised; an iterator is
/// not.
#[inline]
fn append<A: Copy, B: Copy + Default>(from: &[A], to: &mut Vec<B>, coded: impl Fn(A) -> B) {
    let begin = to.len();
    to.resize(begin + from.len(), B::default());
    let to = &mut to[begin..];
    Arch::new().dispatch(|| {
        for (slot, &item) in to.iter_mut().zip(from) {
            *slot = coded(item);
        }
    });
}

/// Low bits of a sample that the mu-law encoder ignores.
const MULAW_IGNORED_BITS: u32 = 2;
/// Low bits of a sample that the A-law encoder ignores.
const ALAW_IGNORED_BITS: u32 = 4;
/// Added to a mu-law magnitude (14-bit) so that every segment begins at a power of two.
const MULAW_BIAS: i16 = 33;
/// The end of the last mu-law segment, with the bias.
const MULAW_LARGEST: i16 = 0x1FFF;
/// The middle of the first step, with the bias, in IEEE 754: two to the power of 5, plus half a
/// step.
const FIRST_MIDDLE: u32 =
    (((f32::MAX_EXP - 1 + 5) as u32) << (f32::MANTISSA_DIGITS - 1)) | (1 << (f32::MANTISSA_DIGITS - 1 - 5));
/// Two to the power of the number of mantissa bits.
const WHOLE_BITS_LAST: f32 = 8_388_608.0;
/// The sign bit of a code.
const SIGN: u8 = 0x80;
/// Every other bit of an A-law code is sent inverted.
const ALAW_TOGGLED: u8 = 0x55;

static ALAW_DECODE: [i16; 256] = alaw_decode_table();

const fn alaw_decode_table() -> [i16; 256] {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let bits = code as u8 ^ ALAW_TOGGLED;
        let (segment, step) = ((bits >> 4) & 7, (bits & 15) as i16);
        // The first two segments have the same step size; each later one doubles it. Adding half a
        // step gives the middle.
        let magnitude = if segment == 0 { (step << 4) + 8 } else { (((step + 16) << 4) + 8) << (segment - 1) };
        table[code] = if bits & SIGN == 0 { -magnitude } else { magnitude };
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests;
