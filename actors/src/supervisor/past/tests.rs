use super::*;

#[test]
fn a_call_that_is_over_stays_over_for_hours() {
    let (mut past, start) = (Past::default(), crate::clock::now());
    past.add(&call("CA1"), Left::Ended, false, start);
    assert!(past.is_over(&call("CA1"), false, start) && past.is_over(&call("CA1"), true, start));
    assert!(!past.is_over(&call("CA2"), false, start), "another one");
    past.add(&call("CA2"), Left::Lost, false, start + MEMORY - Duration::from_secs(1));
    assert!(past.is_over(&call("CA1"), false, start));
    past.add(&call("CA3"), Left::Ended, false, start + MEMORY);
    assert_eq!((past.left(&call("CA1")), past.left(&call("CA2"))), (None, Some(Left::Lost)));
}

#[test]
fn a_redirected_call_comes_again_until_the_carrier_says_that_it_is_over() {
    let (mut past, now) = (Past::default(), crate::clock::now());
    past.add(&call("CA1"), Left::Stopped, true, now);
    assert!(past.is_over(&call("CA1"), false, now), "its first webhook, which was kept");
    assert!(!past.is_over(&call("CA1"), true, now), "it is in progress, says the carrier");
    assert!(past.is_over(&call("CA1"), true, now + REDIRECTED));
    past.confirmed(&call("CA1"));
    assert!(past.is_over(&call("CA1"), true, now));
    assert_eq!(past.left(&call("CA1")), Some(Left::Ended));
}

#[test]
fn nothing_grows_without_bound() {
    let (mut past, now) = (Past::default(), crate::clock::now());
    for n in 0..MOST + 10 {
        past.add(&call(&format!("CA{n}")), Left::Ended, false, now);
    }
    assert_eq!((past.calls.len(), past.order.len()), (MOST, MOST));
    assert!(past.left(&call("CA0")).is_none() && past.left(&call(&format!("CA{}", MOST + 9))).is_some());
}

fn call(name: &str) -> CarrierCallId {
    CarrierCallId::new(name)
}
