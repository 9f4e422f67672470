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
    /// Of `samples`; of none it is nothing.
    pub fn of(samples: &[i16]) -> Self {
        // Sums side by side do not wait for each other.
        let (mut sums, mut squares) = ([0.0_f32; SIDE_BY_SIDE], [0.0_f32; SIDE_BY_SIDE]);
        let (rows, rest) = samples.as_chunks::<SIDE_BY_SIDE>();
        for row in rows {
            for ((sum, square), &sample) in sums.iter_mut().zip(&mut squares).zip(row) {
                let sample = f32::from(sample);
                *sum += sample;
                *square += sample * sample;
            }
        }
        for &sample in rest {
            let sample = f32::from(sample);
            sums[0] += sample;
            squares[0] += sample * sample;
        }
        let count = samples.len().max(1) as f32;
        Self { mean: sums.iter().sum::<f32>() / count, mean_square: squares.iter().sum::<f32>() / count }
    }

    /// The energy without that of the offset.
    pub fn variance(&self) -> f32 {
        self.mean_square - self.mean * self.mean
    }
}

/// Two registers of the plainest machine.
const SIDE_BY_SIDE: usize = 8;

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
        assert_eq!(Energy::of(&[i16::MIN; 480]).mean_square, 1_073_741_824.0);
    }
}
