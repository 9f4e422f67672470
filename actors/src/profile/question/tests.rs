use super::*;
use crate::profile::Validation;

#[test]
fn an_answer_is_written_down_in_the_form_of_its_kind() {
    for (kind, said, written) in [
        (AnswerKind::Text, "  next week ", "next week"),
        (AnswerKind::Number, "1 250.50", "1250.50"),
        (AnswerKind::Number, "-3", "-3"),
        (AnswerKind::Digits, "00 12-34", "001234"),
        (AnswerKind::Telephone, "+91 98000 00000", "+919800000000"),
        (AnswerKind::Telephone, "(555) 010-0001", "5550100001"),
        (AnswerKind::Email, "asha.k@example.co.in", "asha.k@example.co.in"),
        (AnswerKind::Date, "2026-2-3", "2026-02-03"),
        (AnswerKind::YesNo, "Yes", "yes"),
    ] {
        assert_eq!(question(kind).accept(said).as_deref(), Ok(written), "{kind:?}");
    }
}

#[test]
fn an_answer_of_the_wrong_kind_is_refused_without_quoting_it() {
    for (kind, said) in [
        (AnswerKind::Text, "   "),
        (AnswerKind::Number, "twelve"),
        (AnswerKind::Number, "1.2.3"),
        (AnswerKind::Number, "3,5"),
        (AnswerKind::Number, "inf"),
        (AnswerKind::Digits, "12a"),
        (AnswerKind::Digits, " - "),
        (AnswerKind::Telephone, "911"),
        (AnswerKind::Telephone, "+1 555 010 0001 0002 0003"),
        (AnswerKind::Email, "asha at example.com"),
        (AnswerKind::Email, "asha@localhost"),
        (AnswerKind::Email, "@firm.in"),
        (AnswerKind::Date, "2026-02-30"),
        (AnswerKind::Date, "tomorrow"),
        (AnswerKind::YesNo, "perhaps"),
    ] {
        let problem = question(kind).accept(said).expect_err("does not fit");
        assert!(problem.starts_with("the answer"), "{problem}");
        assert!(said.trim().is_empty() || !problem.contains(said), "{problem}");
    }
}

#[test]
fn choices_and_length_are_enforced() {
    let mut order = question(AnswerKind::Digits);
    order.validation.length = 6..=6;
    assert_eq!(order.accept("12 34 56").as_deref(), Ok("123456"));
    assert!(order.accept("12345").expect_err("too short").contains("at least 6"));
    assert!(order.accept("1234567").expect_err("too long").contains("at most 6"));
    let mut when = question(AnswerKind::Text);
    when.validation.choices = vec!["Morning".to_owned(), "शाम".to_owned()];
    assert_eq!(when.accept("morning").as_deref(), Ok("Morning"));
    assert!(when.accept("noon").expect_err("no choice").contains("one of: Morning, शाम"));
}

fn question(kind: AnswerKind) -> Question {
    Question { key: "key".to_owned(), label: "A label".to_owned(), kind, validation: Validation::default() }
}
