//! G.711 mu-law and A-law by table, and the other way of writing samples: PCM16, little-endian. Pure.
//!
//! Decoding is the table of ITU-T G.711. Encoders differ in the field on their decision thresholds by one code word (of the
//! 65,536 inputs Sun's agrees with the ITU's on 65,409, FFmpeg's on 64,572), so the reference has a name: this one is the
//! ITU's own software, G.191 `ulaw_compress` and `alaw_compress`, for 16-bit samples as they come, one's complement for
//! negative ones.
//!
//! Both ways are computed, A-law's decoding excepted: segment and step of a magnitude are exponent and first bits of its mantissa
//! once it is a float, so that a few instructions without a branch code as many samples at once as the processor's widest registers
//! hold. A table takes them one by one, and that of all samples pushes a call's other data out of the cache.

use pulp::Arch;

use crate::carrier::Encoding;

/// The 16-bit sample that a mu-law code stands for.
#[inline]
pub const fn decode_mulaw(code: u8) -> i16 {
    let bits = !code;
    let magnitude = f32::from_bits(FIRST_MIDDLE + (((bits & !SIGN) as u32) << (f32::MANTISSA_DIGITS - 1 - 4)));
    // A whole number; added to this one, its bits are the low ones of the sum. A cast asks whether it is a number at all.
    let whole = (magnitude + WHOLE_BITS_LAST).to_bits() as i16;
    let sample = (whole - MULAW_BIAS) << MULAW_IGNORED_BITS;
    let negative = (bits as i8 >> 7) as i16;
    (sample ^ negative) - negative
}

/// The mu-law code of a 16-bit sample.
#[inline]
pub const fn encode_mulaw(sample: i16) -> u8 {
    let value = sample >> MULAW_IGNORED_BITS;
    // All ones for a negative sample: G.191 mirrors by one's complement.
    let negative = value >> 15;
    let magnitude = (value ^ negative) + MULAW_BIAS;
    let magnitude = if magnitude > MULAW_LARGEST { MULAW_LARGEST } else { magnitude };
    !(segment_and_step(magnitude, 5) as u8 | (negative as u8 & SIGN))
}

/// The 16-bit sample that an A-law code stands for.
pub const fn decode_alaw(code: u8) -> i16 {
    ALAW_DECODE[code as usize]
}

/// The A-law code of a 16-bit sample.
#[inline]
pub const fn encode_alaw(sample: i16) -> u8 {
    let value = sample >> ALAW_IGNORED_BITS;
    let negative = value >> 15;
    let magnitude = value ^ negative;
    // The first two segments share their step size.
    let code = if magnitude < 16 { magnitude as i32 } else { segment_and_step(magnitude, 3) };
    (code as u8 | (!negative as u8 & SIGN)) ^ ALAW_TOGGLED
}

/// The segment of a magnitude, whose segment 0 begins at two to the power of `first`, and four bits of the step within it: the
/// exponent and the head of the mantissa as IEEE 754 writes them.
#[inline]
const fn segment_and_step(magnitude: i16, first: i32) -> i32 {
    ((magnitude as f32).to_bits() >> (f32::MANTISSA_DIGITS - 1 - 4)) as i32 - ((f32::MAX_EXP - 1 + first) << 4)
}

/// Appends the samples that `bytes` stand for. Half a sample at the end of PCM16 is ignored: whoever gets bytes from outside
/// carries it over to the next piece.
pub fn decode(encoding: Encoding, bytes: &[u8], samples: &mut Vec<i16>) {
    match encoding {
        Encoding::MuLaw => append(bytes, samples, decode_mulaw),
        Encoding::ALaw => append(bytes, samples, decode_alaw),
        Encoding::Pcm16 => samples.extend(bytes.as_chunks().0.iter().map(|&pair| i16::from_le_bytes(pair))),
    }
}

/// The samples that `bytes` stand for: the bytes themselves where they are PCM16 as this machine keeps it, or decoded into `room`.
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

/// Appends `samples` as `encoding` writes them.
pub fn encode(encoding: Encoding, samples: &[i16], bytes: &mut Vec<u8>) {
    match encoding {
        Encoding::MuLaw => append(samples, bytes, encode_mulaw),
        Encoding::ALaw => append(samples, bytes, encode_alaw),
        Encoding::Pcm16 => {
            let begin = bytes.len();
            bytes.resize(begin + 2 * samples.len(), 0);
            // Two slices of known length become a copy; an iterator over bytes does not.
            let (pairs, _) = bytes[begin..].as_chunks_mut();
            for (pair, sample) in pairs.iter_mut().zip(samples) {
                *pair = sample.to_le_bytes();
            }
        }
    }
}

/// Appends each of `from` as `coded`. Two slices of one length are gone through several at a time; an iterator is not.
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

/// Low bits of a sample that the mu-law encoder never looks at.
const MULAW_IGNORED_BITS: u32 = 2;
/// Low bits of a sample that the A-law encoder never looks at.
const ALAW_IGNORED_BITS: u32 = 4;
/// Added to a mu-law magnitude (14-bit) so that every segment begins at a power of two.
const MULAW_BIAS: i16 = 33;
/// The end of the last mu-law segment, with the bias.
const MULAW_LARGEST: i16 = 0x1FFF;
/// The middle of the first step, with the bias, as IEEE 754 writes it: two to the power of 5, and half of a step.
const FIRST_MIDDLE: u32 =
    (((f32::MAX_EXP - 1 + 5) as u32) << (f32::MANTISSA_DIGITS - 1)) | (1 << (f32::MANTISSA_DIGITS - 1 - 5));
/// Two to the power of a mantissa's bits.
const WHOLE_BITS_LAST: f32 = 8_388_608.0;
/// The bit of a code that tells the sign.
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
        // The first two segments share their step size; each of the others doubles it. Half a step goes to the middle.
        let magnitude = if segment == 0 { (step << 4) + 8 } else { (((step + 16) << 4) + 8) << (segment - 1) };
        table[code] = if bits & SIGN == 0 { -magnitude } else { magnitude };
        code += 1;
    }
    table
}

#[cfg(test)]
mod tests;
