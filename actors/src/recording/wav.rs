//! The header of a PCM16 WAV file. Pure.

/// Bytes before the first sample.
pub(super) const HEAD_BYTES: usize = 44;
/// Bytes of one sample.
const SAMPLE_BYTES: u16 = 2;

/// Bytes of one moment: a sample of each channel.
pub(super) fn moment_bytes(channels: u16) -> u16 {
    channels * SAMPLE_BYTES
}

/// The header of a file of `moments` of `channels` at `rate_hz`. A length beyond the format's limit
/// (a day and more) is written as that limit.
pub(super) fn head(rate_hz: u32, channels: u16, moments: u64) -> [u8; HEAD_BYTES] {
    let moment = moment_bytes(channels);
    let most = (u64::from(u32::MAX) - HEAD_BYTES as u64) / u64::from(moment);
    let data = u32::try_from(moments.min(most) * u64::from(moment)).unwrap_or(u32::MAX);
    let mut head = [0; HEAD_BYTES];
    head[..4].copy_from_slice(b"RIFF");
    head[4..8].copy_from_slice(&(data + HEAD_BYTES as u32 - 8).to_le_bytes());
    head[8..16].copy_from_slice(b"WAVEfmt ");
    head[16..20].copy_from_slice(&16_u32.to_le_bytes());
    head[20..22].copy_from_slice(&1_u16.to_le_bytes());
    head[22..24].copy_from_slice(&channels.to_le_bytes());
    head[24..28].copy_from_slice(&rate_hz.to_le_bytes());
    head[28..32].copy_from_slice(&(rate_hz * u32::from(moment)).to_le_bytes());
    head[32..34].copy_from_slice(&moment.to_le_bytes());
    head[34..36].copy_from_slice(&(8 * SAMPLE_BYTES).to_le_bytes());
    head[36..40].copy_from_slice(b"data");
    head[40..].copy_from_slice(&data.to_le_bytes());
    head
}

#[cfg(test)]
mod tests;
