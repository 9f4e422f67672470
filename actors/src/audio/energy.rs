//! How loud samples are. Pure.

/// The exact sums from which the energy of samples is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Energy {
    count: usize,
    sum: i64,
    squares: u64,
}

impl Energy {
    /// Energy of `samples`. It is zero if there are none.
    pub(super) fn of(samples: &[i16]) -> Self {
        let (mut total, mut total_square) = (0_i64, 0_u64);
        for samples in samples.chunks(SUMMED_IN_32_BITS) {
            // Sums of 32 bits vectorize on every processor. Squares are summed in two halves to
            // fit.
            let (mut sum, mut low, mut high) = (0_i32, 0_u32, 0_u32);
            for &sample in samples {
                let sample = i32::from(sample);
                let square = (sample * sample) as u32;
                sum += sample;
                low += square & 0xFFFF;
                high += square >> 16;
            }
            total += i64::from(sum);
            total_square += (u64::from(high) << 16) + u64::from(low);
        }
        Self { count: samples.len(), sum: total, squares: total_square }
    }

    /// The mean square in 16-bit sample units, a constant offset included.
    pub(super) fn mean_square(&self) -> f32 {
        self.squares as f32 / self.count.max(1) as f32
    }

    /// The mean square without the offset, in whole numbers.
    pub(super) fn variance(&self) -> i64 {
        let count = self.count.max(1) as i64;
        (self.squares as i64 - self.sum * self.sum / count) / count
    }
}

/// The number of samples that can be summed without overflow.
const SUMMED_IN_32_BITS: usize = 1 << 15;

#[cfg(test)]
mod tests;
