use super::{in_full, is_number};

#[test]
fn a_carrier_shows_numbers_in_full_and_nothing_else() {
    assert!(is_number("+15550100001") && is_number("+912250000000"));
    for written in ["client:alice", "sip:bob@pbx.example.com", "anonymous", "", "+266696687", "12345", "15550100001"] {
        assert!(!is_number(written), "{written}");
    }
}

#[test]
fn a_number_of_ours_is_shown_in_full_however_it_was_written() {
    for written in
        ["+15550100002", "15550100002", "0015550100002", "sip:+15550100002@trunk.example.com", "+1 (555) 010-0002"]
    {
        assert_eq!(in_full(written).as_deref(), Some("+15550100002"), "{written}");
    }
    for written in ["", "client:alice", "sip:desk@pbx.example.com", "02250000000", "anonymous", "+266696687"] {
        assert_eq!(in_full(written), None, "{written}");
    }
}
