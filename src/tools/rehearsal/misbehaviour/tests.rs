use super::*;

#[test]
fn a_query_is_read_over_the_options() {
    let base = Misbehaviour { refuse: Some(503), ..Misbehaviour::default() };
    let read = base.with("drop_after_ms:3000,no_created").unwrap();
    assert_eq!((read.refuse, read.drop_after_ms, read.no_created), (Some(503), Some(3000), Some(1)));
    let flood = base.with("flood_ms:300000").unwrap();
    assert_eq!((flood.answer_ms, flood.speed_percent), (Some(300_000), Some(0)));
}

#[test]
fn a_key_that_is_not_there_is_named() {
    let error = Misbehaviour::default().with("dorp_after_ms:1").unwrap_err();
    assert!(error.contains("dorp_after_ms") && error.contains("drop_after_ms"), "{error}");
    assert!(Misbehaviour::default().with("drop_after_ms:soon").is_err());
}
