use super::*;

fn ended(recent: &mut Recent, name: &str, bytes: usize) -> CallId {
    let id = CallId::random();
    recent.opened(id, &CarrierCallId::new(name));
    recent.ended(id, vec![b'x'; bytes].into());
    id
}

#[test]
fn the_newest_are_kept_by_number_and_by_size_and_open_ones_whatever_comes() {
    let mut recent = Recent::default();
    let on = CallId::random();
    recent.opened(on, &CarrierCallId::new("on"));
    let first = ended(&mut recent, "CA0", 10);
    for n in 1..=MOST_CALLS {
        ended(&mut recent, &format!("CA{n}"), 10);
    }
    assert_eq!(recent.find(&first.to_string()), None);
    assert!(matches!(recent.find("CA1"), Some((_, Remembered::Ended(_)))));
    assert_eq!(recent.find("on"), Some((on, Remembered::Open)));
    assert_eq!(recent.bytes, MOST_CALLS * 10);
    ended(&mut recent, "long", MOST_BYTES - 5);
    assert!(recent.find("long").is_some() && recent.find("CA200").is_none());
    assert!(recent.bytes <= MOST_BYTES && recent.find("on").is_some());
    ended(&mut recent, "longer", MOST_BYTES + 1);
    assert_eq!((recent.bytes, recent.find("longer")), (0, None), "one that fits nowhere takes no room");
}

#[test]
fn an_erased_call_is_not_remembered() {
    let dir = tempfile::tempdir().expect("a folder");
    let recent = RecentCalls::new(dir.path());
    let (id, name) = (CallId::random(), CarrierCallId::new("CA1"));
    recent.opened(id, &name);
    recent.ended(&CallTag::new(id, &name), b"{}".to_vec());
    assert_eq!(recent.find("CA1"), Some(Remembered::Ended(Arc::from(&b"{}"[..]))));
    Erasures::of(dir.path()).mark(&id.to_string()).expect("writable");
    assert_eq!(recent.find("CA1"), None);
    assert!(recent.locked().calls.is_empty(), "and nothing of it stays in memory");
}
