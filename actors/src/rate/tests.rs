use super::*;

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn a_window_slides_and_counts_what_it_granted() {
    let (mut window, start) = (RateWindow::new(60 * MINUTE), crate::clock::now());
    let at = |minutes: u32| start + minutes * MINUTE;
    assert!(window.take(2, at(0)));
    assert!(window.take(2, at(10)));
    assert!(!window.take(2, at(59)));
    assert!(window.take(2, at(60)), "the first is a whole span old");
    assert!(!window.take(2, at(69)), "a refused one does not count, a granted one does");
    assert!(window.take(2, at(70)));
}

#[test]
fn a_limit_of_none_grants_nothing_and_a_raised_one_grants_the_rest() {
    let (mut window, now) = (RateWindow::new(MINUTE), crate::clock::now());
    assert!(!window.take(0, now));
    assert!(window.take(1, now));
    assert!(!window.take(1, now));
    assert!(window.take(2, now));
}

#[test]
fn a_flood_gets_its_lines_and_then_a_number() {
    let (mut limit, now) = (LineLimit::new(), crate::clock::now());
    let written: Vec<_> = (0..1_000).filter_map(|_| limit.take(now)).collect();
    assert_eq!(written, vec![0; MOST_LINES]);
    assert_eq!(
        limit.take(now + LINE_SPAN),
        Some(1_000 - MOST_LINES as u64),
        "with the first line that is written again"
    );
    assert_eq!(limit.take(now + LINE_SPAN), Some(0));
}
