use super::*;

#[test]
fn each_destination_has_its_own_hourly_limit() {
    let (mut transfer_limits, start) = (TransferLimits::default(), crate::clock::now());
    let at = |minutes: u64| start + Duration::from_secs(60 * minutes);
    assert!(transfer_limits.take("sales", 2, at(0)));
    assert!(transfer_limits.take("sales", 2, at(10)));
    assert!(!transfer_limits.take("sales", 2, at(59)));
    assert!(transfer_limits.take("service", 2, at(59)));
    assert!(transfer_limits.take("sales", 2, at(60)), "the first is an hour old");
    assert!(!transfer_limits.take("sales", 2, at(61)), "a refused attempt does not count, a granted one does");
    assert!(!transfer_limits.take("none", 0, at(0)));
}
