//! The header of a stereo PCM16 WAV file. Pure.

/// Bytes before the first sample.
pub(super) const HEAD_BYTES: usize = 44;
/// Bytes of one moment: two samples of two bytes.
pub(super) const MOMENT_BYTES: usize = 4;

/// The header of a file of `moments` at `rate_hz`. A length beyond the format's limit (six days) is
/// written as that limit.
pub(super) fn head(rate_hz: u32, moments: u64) -> [u8; HEAD_BYTES] {
    let most = u64::from(u32::MAX) - HEAD_BYTES as u64;
    let data = u32::try_from((moments * MOMENT_BYTES as u64).min(most)).unwrap_or(u32::MAX) / 4 * 4;
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(b"RIFF");
    head[4..8].copy_from_slice(&(data + HEAD_BYTES as u32 - 8).to_le_bytes());
    head[8..16].copy_from_slice(b"WAVEfmt ");
    head[16..20].copy_from_slice(&16_u32.to_le_bytes());
    head[20..22].copy_from_slice(&1_u16.to_le_bytes());
    head[22..24].copy_from_slice(&2_u16.to_le_bytes());
    head[24..28].copy_from_slice(&rate_hz.to_le_bytes());
    head[28..32].copy_from_slice(&(rate_hz * MOMENT_BYTES as u32).to_le_bytes());
    head[32..34].copy_from_slice(&(MOMENT_BYTES as u16).to_le_bytes());
    head[34..36].copy_from_slice(&16_u16.to_le_bytes());
    head[36..40].copy_from_slice(b"data");
    head[40..].copy_from_slice(&data.to_le_bytes());
    head
}

#[cfg(test)]
mod tests;
