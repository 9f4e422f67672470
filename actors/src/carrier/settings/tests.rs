use super::*;

#[test]
fn secrets_are_read_by_their_form() {
    let secrets: Secrets = [("A", "one, two,"), ("B", "k1=one=1, k2 = two,=,x"), ("C", ", ")]
        .map(|(name, value)| (name, Private::new(value.to_owned())))
        .into_iter()
        .collect();
    let shown = |all: Vec<Private<String>>| all.iter().map(|it| it.expose().clone()).collect::<Vec<_>>();
    assert_eq!(shown(secrets.listed("A")), ["one", "two"]);
    let pairs = secrets.pairs("B");
    assert_eq!((pairs["k1"].expose().as_str(), pairs["k2"].expose().as_str(), pairs.len()), ("one=1", "two", 2));
    let there = |name, form| {
        let wanted = |_: &Given<'_>| true;
        secrets.has(&Secret { name, form, help: "", sounds: &[], own: false, api: false, wanted })
    };
    assert!(there("A", Form::Listed) && there("C", Form::One));
    assert!(!there("C", Form::Listed) && !there("C", Form::Pairs) && !there("D", Form::One));
}
