use proptest::prelude::*;

use super::*;

#[test]
fn a_form_keeps_order_repetitions_and_empty_values() {
    let form = Form::parse(b"B=2&A=x+y&B=1&C=&D&&From=%2B1555&City=S%C3%83O").expect("a form");
    let pairs: Vec<_> = form.pairs().iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(pairs, [("B", "2"), ("A", "x y"), ("B", "1"), ("C", ""), ("D", ""), ("From", "+1555"), ("City", "SÃO")]);
    assert_eq!(form.value("C"), None);
    assert_eq!(form.value("B"), Some("2"));
}

#[test]
fn a_broken_escape_is_named_by_its_place() {
    assert_eq!(Form::parse(b"A=1&B=%4"), Err(FormError::BadEscape { at: 6 }));
    assert_eq!(Form::parse(b"%zz=1"), Err(FormError::BadEscape { at: 0 }));
    assert_eq!(Form::parse(b"A=1&B=%FF"), Err(FormError::NotUtf8 { number: 2 }));
}

#[test]
fn an_id_is_short_and_visible() {
    let form = Form::parse(b"A=CA1&B=&C=a+b&D=%00").expect("a form");
    assert_eq!(form.id("A"), Ok("CA1"));
    assert_eq!(form.id("B"), Err(FormError::Missing { name: "B" }));
    assert!(matches!(form.id("C"), Err(FormError::Unusable { name: "C", .. })));
    assert!(matches!(form.id("D"), Err(FormError::Unusable { .. })));
    let long = format!("A={}", "x".repeat(65));
    assert!(Form::parse(long.as_bytes()).expect("a form").id("A").is_err());
}

#[test]
fn what_it_holds_is_not_printed() {
    assert_eq!(format!("{:?}", Form::parse(b"From=%2B1555").expect("a form")), "Form(1 pairs)");
}

proptest! {
    #[test]
    fn what_a_browser_encodes_is_read_back(pairs in prop::collection::vec(("\\PC{1,8}", "\\PC{0,12}"), 0..6)) {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        encoded.extend_pairs(&pairs);
        let form = Form::parse(encoded.finish().as_bytes()).expect("a form");
        prop_assert_eq!(form.pairs(), pairs.as_slice());
    }

    #[test]
    fn any_bytes_are_judged_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = Form::parse(&bytes);
    }
}
