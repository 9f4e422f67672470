use super::*;

#[test]
fn a_mark_is_there_until_it_is_old() {
    let dir = tempfile::tempdir().expect("a folder");
    let (marks, now) = (Erasures::of(dir.path()), SystemTime::from(crate::clock::wall()));
    assert!(!marks.has("A-1") && marks.changed_at().is_none());
    marks.sweep(KEPT, now).expect("nothing to sweep");
    marks.mark("A-1").expect("written");
    marks.mark("A-1").expect("written again");
    assert!(marks.has("a-1") && !marks.has("A-2") && marks.changed_at().is_some());
    marks.sweep(KEPT, now).expect("swept");
    assert!(marks.has("A-1"));
    marks.sweep(KEPT, now + 2 * KEPT).expect("swept");
    assert!(!marks.has("A-1"));
}

#[test]
fn a_key_is_a_harmless_file_name() {
    assert_eq!(key("../../etc/x"), "------etc-x");
    assert_eq!(key("call_U1_1_transcript.json"), "call_u1_1_transcript-json");
    assert!(key(&"x".repeat(1_000)).len() <= LONGEST_KEY);
}
