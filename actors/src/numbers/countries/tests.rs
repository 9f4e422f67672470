use super::*;

#[test]
fn no_code_begins_with_another_and_no_country_stands_twice() {
    for (at, one) in COUNTRIES.iter().enumerate() {
        assert!(one.shortest <= one.longest && one.longest + one.code.len() <= 15, "{one:?}");
        for other in &COUNTRIES[at + 1..] {
            assert_ne!(one.iso, other.iso);
            let prefix =
                one.code != other.code && (one.code.starts_with(other.code) || other.code.starts_with(one.code));
            assert!(!prefix, "{one:?} {other:?}");
        }
    }
}
