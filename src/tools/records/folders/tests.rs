use super::*;

#[test]
fn a_number_is_its_digits_however_it_is_written() {
    for written in ["+91 98000 00001", "0091-98000-00001", "919800000001"] {
        assert_eq!(digits(written), "919800000001", "{written}");
    }
    assert_eq!(digits("+0044"), "0044");
    assert_eq!(digits("anonymous"), "");
}
