use super::*;
use crate::clock;

const MS: Duration = Duration::from_millis(1);

#[test]
fn the_clock_plays_what_was_sent_from_when_it_was_sent() {
    let (mut head, t0) = (Playhead::new(8_000), clock::now());
    assert_eq!((head.played(t0), head.ahead(t0)), (0, 0));
    head.sent(800, t0);
    assert_eq!((head.played(t0), head.ahead(t0)), (0, 800));
    assert_eq!(head.played(t0 + 30 * MS), 240);
    assert_eq!(head.played(t0 + 500 * MS), 800);
    assert_eq!(head.reaches(240), Some(t0 + 30 * MS));
    assert_eq!(head.falls_to(160), Some(t0 + 80 * MS));
}

#[test]
fn a_carrier_that_ran_dry_goes_on_from_the_next_piece() {
    let (mut head, t0) = (Playhead::new(8_000), clock::now());
    head.sent(800, t0);
    head.sent(800, t0 + 300 * MS);
    assert_eq!(head.played(t0 + 300 * MS), 800);
    assert_eq!(head.played(t0 + 350 * MS), 1_200);
}

#[test]
fn an_echo_pushes_the_clock_forward_and_never_back() {
    let (mut head, t0) = (Playhead::new(8_000), clock::now());
    head.sent(1_600, t0);
    head.confirm(800, t0 + 50 * MS);
    assert_eq!(head.played(t0 + 50 * MS), 800);
    assert_eq!(head.played(t0 + 150 * MS), 1_600);

    head.sent(1_600, t0 + 150 * MS);
    head.confirm(1_700, t0 + 300 * MS);
    assert_eq!(head.played(t0 + 300 * MS), 2_800, "a late echo holds nothing back");
}

#[test]
fn an_echo_of_more_than_was_sent_proves_only_what_was_sent() {
    let (mut head, t0) = (Playhead::new(8_000), clock::now());
    head.sent(800, t0);
    head.confirm(u64::MAX, t0);
    assert_eq!((head.played(t0), head.ahead(t0)), (800, 0));
}

#[test]
fn nothing_is_left_to_play_after_a_clear() {
    let (mut head, t0) = (Playhead::new(8_000), clock::now());
    head.sent(1_600, t0);
    head.cleared(t0 + 20 * MS);
    assert_eq!((head.ahead(t0 + 20 * MS), head.confirmed()), (0, 1_600));
    head.sent(160, t0 + 40 * MS);
    assert_eq!(head.played(t0 + 50 * MS), 1_680);
}
