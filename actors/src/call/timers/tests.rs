use std::time::Duration;

use super::*;

#[test]
fn every_timer_has_its_own_place_in_order() {
    for (place, timer) in TIMERS.into_iter().enumerate() {
        assert_eq!(timer as usize, place);
    }
}

#[test]
fn the_earliest_counts_and_of_one_moment_the_first_in_order() {
    let (now, mut table) = (crate::clock::now(), TimerTable::default());
    assert_eq!(table.next(), None);
    table.set(Timer::LineSilence, Some(now));
    table.set(Timer::Wait, Some(now));
    table.set(Timer::Keypad, Some(now + Duration::from_millis(1)));
    assert_eq!(table.next(), Some((now, Timer::Wait)));
    table.set(Timer::Wait, None);
    assert_eq!(table.next(), Some((now, Timer::LineSilence)));
}
