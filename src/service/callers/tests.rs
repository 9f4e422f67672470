use super::*;

#[test]
fn a_caller_is_the_same_however_the_number_is_written_and_another_with_another_salt() {
    let callers = Callers::new(Some(&"salt".to_owned().into()), Numbering::default());
    let hash = callers.hash("+1 555 010-0001").expect("a number");
    for same in ["+15550100001", "15550100001", "0015550100001", "sip:+15550100001@192.0.2.7;user=phone"] {
        assert_eq!(callers.hash(same), Some(hash.clone()), "{same}");
    }
    assert!(!hash.contains("5550100001") && hash.len() == 32);
    assert_ne!(
        Callers::new(Some(&"other".to_owned().into()), Numbering::default()).hash("+15550100001"),
        Some(hash.clone())
    );
    assert_ne!(Callers::new(None, Numbering::default()).hash("+15550100001"), Some(hash));
    assert_eq!(callers.percentile("+15550100001"), callers.percentile("+1 555 010 0001"));
}

#[test]
fn a_withheld_number_has_no_hash() {
    let callers = Callers::new(None, Numbering::default());
    for number in
        ["", "anonymous", "Anonymous", "+266696687", "266696687", " ", "sip:anonymous@192.0.2.7", "client:anonymous"]
    {
        assert_eq!(callers.hash(number), None, "{number}");
    }
    let spread: std::collections::BTreeSet<u32> = (0..1_000).map(|_| callers.percentile("anonymous")).collect();
    assert!(spread.len() > 80, "each is somebody else");
}
