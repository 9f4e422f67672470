use super::*;

#[test]
fn the_longest_waiting_connections_are_closed_first() {
    let begun = Instant::now();
    let mut crowd = Crowd::new(10);
    let at = |ms: u64| begun + Duration::from_millis(ms);
    let strangers: Vec<_> = (0..1_100).map(|n| crowd.enter(at(n / 10))).collect();
    assert!(crowd.superfluous(at(110)).is_empty(), "who has just come is given a moment");
    let caller = crowd.enter(at(300));
    let gone = crowd.superfluous(at(500));
    assert_eq!(gone, strangers[..1_091]);
    for stranger in gone {
        crowd.leave(stranger);
    }
    crowd.serve(caller);
    for n in 0..50 {
        crowd.enter(at(600 + n));
    }
    let gone = crowd.superfluous(at(2_000));
    assert_eq!(gone.len(), 49, "nine are left of the first and fifty have come");
    assert!(!gone.contains(&caller), "whose request is in hand is no stranger");
}

#[test]
fn every_idle_connection_is_closed_in_time() {
    let begun = Instant::now();
    let mut crowd = Crowd::new(10);
    let (first, kept, streaming) = (crowd.enter(begun), crowd.enter(begun), crowd.enter(begun));
    crowd.serve(kept);
    crowd.answered(kept, begun + Duration::from_secs(1));
    crowd.serve(streaming);
    crowd.serve(streaming);
    crowd.answered(streaming, begun + Duration::from_secs(1));
    assert!(crowd.superfluous(begun + Duration::from_secs(10)).is_empty());
    assert_eq!(crowd.superfluous(begun + Duration::from_secs(11)), [first]);
    crowd.leave(first);
    assert_eq!(crowd.superfluous(begun + Duration::from_secs(87)), [kept]);
    crowd.leave(kept);
    assert!(crowd.superfluous(begun + Duration::from_secs(10_000)).is_empty());
    crowd.leave(streaming);
    assert!(crowd.standing.is_empty() && crowd.waiting.is_empty());
}
