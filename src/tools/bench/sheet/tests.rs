use super::*;

#[test]
fn percentiles_are_of_the_sorted_samples() {
    let latency = Latency::of(&Vec::from_iter((1..=1000).rev()));
    assert_eq!((latency.p50, latency.p95, latency.p99, latency.samples), (0.5, 0.95, 0.99, 1000));
    assert_eq!(Latency::of(&[]).samples, 0);
}
