//! How loud samples are. Pure.

/// Mean and mean square of samples, in steps of 16 bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Energy {
    /// The offset from zero.
    pub mean: f32,
    /// The energy, with that of the offset.
    pub mean_square: f32,
}

impl Energy {
    /// Of `samples`; of none it is nothing. Exact up to the last division.
    pub fn of(samples: &[i16]) -> Self {
        let (mut total, mut total_square) = (0_i64, 0_u64);
        for samples in samples.chunks(SUMMED_IN_32_BITS) {
            // Sums of 32 bits go side by side on the plainest machine; squares are summed by halves to fit.
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
        let count = samples.len().max(1) as f64;
        Self { mean: (total as f64 / count) as f32, mean_square: (total_square as f64 / count) as f32 }
    }

    /// The energy without that of the offset.
    pub fn variance(&self) -> f32 {
        self.mean_square - self.mean * self.mean
    }
}

/// As many samples as can be summed without a carry.
const SUMMED_IN_32_BITS: usize = 1 << 15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_is_no_variance_and_every_sample_counts() {
        for length in [1, 7, 8, 9, 160] {
            let level = Energy::of(&vec![-1_000; length]);
            assert_eq!(level, Energy { mean: -1_000.0, mean_square: 1e6 }, "{length} samples");
            assert_eq!(level.variance(), 0.0);
        }
        let square: Vec<i16> = (0..161).map(|n| if n % 2 == 0 { 300 } else { -100 }).collect();
        let level = Energy::of(&square);
        assert!((level.mean - 101.2).abs() < 0.1 && (level.variance() - 40_000.0).abs() < 5.0, "{level:?}");
        assert_eq!(Energy::of(&[]), Energy { mean: 0.0, mean_square: 0.0 });
        assert_eq!(Energy::of(&[i16::MIN; 3 * SUMMED_IN_32_BITS + 1]).mean_square, 1_073_741_824.0);
    }
}
