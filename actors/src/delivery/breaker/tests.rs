use super::*;

#[test]
fn it_opens_after_failures_in_a_row_and_lets_one_try() {
    let (mut breaker, now) = (breaker(), crate::clock::now());
    for _ in 0..2 {
        assert!(breaker.admit(now));
        assert_eq!(breaker.failed(now), Turn::None);
    }
    assert_eq!(breaker.failed(now), Turn::Opened(s(10)));
    assert!(!breaker.admit(now + s(9)));
    assert_eq!(breaker.opens_at(), Some(now + s(10)));
    assert!(breaker.admit(now + s(10)), "one goes");
    assert!(!breaker.admit(now + s(60)), "no other before its answer");
    assert!(breaker.is_trying());
    assert_eq!(breaker.succeeded(), Turn::Closed);
    assert!(breaker.admit(now + s(60)));
}

#[test]
fn each_failed_try_doubles_the_pause_up_to_the_longest() {
    let (mut breaker, mut now) = (breaker(), crate::clock::now());
    (0..2).for_each(|_| assert_eq!(breaker.failed(now), Turn::None));
    for pause in [10, 20, 40, 45, 45] {
        assert_eq!(breaker.failed(now), Turn::Opened(s(pause)));
        now += s(pause);
        assert!(breaker.admit(now));
    }
}

#[test]
fn a_success_between_failures_starts_the_count_again() {
    let (mut breaker, now) = (breaker(), crate::clock::now());
    for _ in 0..5 {
        breaker.failed(now);
        breaker.failed(now);
        assert_eq!(breaker.succeeded(), Turn::None);
    }
    assert!(breaker.admit(now));
}

fn breaker() -> Breaker {
    Breaker::new(BreakerPlan { threshold: 3, first: s(10), longest: s(45) })
}

fn s(s: u64) -> Duration {
    Duration::from_secs(s)
}
