use super::*;

#[test]
fn an_offset_is_no_variance_and_every_sample_counts() {
    for length in [1, 7, 8, 9, 160] {
        let energy = Energy::of(&vec![-1_000; length]);
        assert_eq!((energy.mean_square(), energy.variance()), (1e6, 0), "{length} samples");
    }
    let square: Vec<i16> = (0..161).map(|n| if n % 2 == 0 { 300 } else { -100 }).collect();
    let energy = Energy::of(&square);
    assert!((energy.variance() - 40_000).abs() < 5, "{energy:?}");
    let none = Energy::of(&[]);
    assert_eq!((none.mean_square(), none.variance()), (0.0, 0));
    assert_eq!(Energy::of(&[i16::MIN; 3 * SUMMED_IN_32_BITS + 1]).mean_square(), 1_073_741_824.0);
}
