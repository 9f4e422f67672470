//! Sums of products. Pure.

/// The sum of the products of two rows, up to the shorter's end. It has eight partial sums, so that
/// the processor adds eight products at once.
pub(super) fn product(left: &[f32], right: &[f32]) -> f32 {
    let length = left.len().min(right.len());
    let ((left, left_rest), (right, right_rest)) = (left[..length].as_chunks(), right[..length].as_chunks());
    let mut sums = [0.0_f32; LANES];
    for (left, right) in left.iter().zip(right) {
        let (left, right): (&[f32; LANES], &[f32; LANES]) = (left, right);
        for ((sum, left), right) in sums.iter_mut().zip(left).zip(right) {
            *sum += left * right;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(left, right)| left * right).sum();
    sums.iter().sum::<f32>() + rest
}

/// Partial sums: a register of AVX2, or two of SSE2.
const LANES: usize = 8;
