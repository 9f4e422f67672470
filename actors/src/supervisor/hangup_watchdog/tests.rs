use super::*;

fn call(name: &str) -> CarrierCallId {
    CarrierCallId::new(name)
}

#[test]
fn only_a_carrier_that_does_not_confirm_is_asked_to_hang_up() {
    let (mut hangup_watchdog, start) = (HangupWatchdog::default(), crate::clock::now());
    assert!(hangup_watchdog.ended(crate::carrier::testing::CARRIER, &call("CA1"), start));
    assert!(hangup_watchdog.ended(crate::carrier::testing::CARRIER, &call("CA2"), start));
    hangup_watchdog.confirmed(&call("CA1"), start + Duration::from_secs(1));
    assert_eq!(hangup_watchdog.due(start + PATIENCE - Duration::from_millis(1)), []);
    let asked = hangup_watchdog.due(start + PATIENCE);
    assert_eq!(asked.iter().map(|it| it.call.as_str()).collect::<Vec<_>>(), ["CA2"]);
    assert_eq!(hangup_watchdog.due(start + PATIENCE), [], "not twice at once");
}

#[test]
fn a_confirmation_may_come_before_the_end() {
    let (mut hangup_watchdog, start) = (HangupWatchdog::default(), crate::clock::now());
    hangup_watchdog.confirmed(&call("CA1"), start);
    assert!(!hangup_watchdog.ended(crate::carrier::testing::CARRIER, &call("CA1"), start + PATIENCE));
    assert!(hangup_watchdog.ended(crate::carrier::testing::CARRIER, &call("CA1"), start + MEMORY), "long forgotten");
}

#[test]
fn a_carrier_is_asked_to_hang_up_a_bounded_number_of_times() {
    let (mut hangup_watchdog, mut now) = (HangupWatchdog::default(), crate::clock::now());
    hangup_watchdog.ended(crate::carrier::testing::CARRIER, &call("CA1"), now);
    let mut asked = Vec::new();
    while let Some((at, _)) = hangup_watchdog.deadline() {
        now = at;
        asked.extend(hangup_watchdog.due(now).iter().map(Unconfirmed::is_last));
    }
    assert_eq!(asked, [false, false, true]);
}

#[test]
fn nothing_grows_without_bound() {
    let (mut hangup_watchdog, now) = (HangupWatchdog::default(), crate::clock::now());
    for n in 0..2 * MOST {
        hangup_watchdog.confirmed(&call(&format!("CA{n}")), now);
        hangup_watchdog.ended(crate::carrier::testing::CARRIER, &call(&format!("CB{n}")), now);
    }
    assert_eq!((hangup_watchdog.open.len(), hangup_watchdog.confirmed.len()), (MOST, MOST));
}
