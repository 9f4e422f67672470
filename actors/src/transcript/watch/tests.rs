use std::sync::mpsc;

use super::*;

#[test]
fn a_slow_watcher_is_dropped_and_the_others_are_not() {
    let mut watchers = Watchers::default();
    let ((slow, read_by_slow), (quick, read)) = (mpsc::sync_channel(1), mpsc::sync_channel(10));
    watchers.add(Watcher::new(move |event| slow.try_send(event).is_ok()));
    watchers.add(Watcher::new(move |event| quick.try_send(event).is_ok()));
    for state in ["greeting", "listening", "thinking"] {
        watchers.tell(|| Some(WatchEvent::state(state)));
    }
    assert_eq!((read.try_iter().count(), read_by_slow.try_iter().count()), (3, 1));
    assert_eq!(watchers.0.len(), 1);
}

#[test]
fn events_are_not_built_without_watchers() {
    Watchers::default().tell(|| panic!("nobody asked"));
}

#[test]
fn a_watcher_that_is_switched_off_gets_nothing_and_stays() {
    let switch = Arc::new(AtomicBool::new(false));
    let (sender, read) = mpsc::sync_channel(10);
    let mut watchers = Watchers::default();
    watchers.add(Watcher::while_on(Arc::clone(&switch), move |event| sender.try_send(event).is_ok()));
    watchers.tell(|| panic!("nobody wants it"));
    switch.store(true, Ordering::Relaxed);
    watchers.tell(|| Some(WatchEvent::state("listening")));
    assert_eq!(read.try_iter().count(), 1);
}
