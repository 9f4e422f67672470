//! Whether an answer answers its question, and how it is written down. Pure.
//!
//! Answers come from the model, which has them from speech: the form is what a record's reader relies on.

use chrono::NaiveDate;

use super::{AnswerKind, Question};

impl Question {
    /// The answer as it goes into the record.
    ///
    /// # Errors
    /// In words that the model can act on; the answer itself is not repeated.
    pub fn accept(&self, answer: &str) -> Result<String, String> {
        let answer = answer.trim();
        let written = match self.kind {
            AnswerKind::Text => self.choice(answer)?,
            AnswerKind::Number => number(answer)
                .ok_or("the answer has to be a number: digits, with a point before a fraction and no commas")?,
            AnswerKind::Digits => digits(answer).ok_or("the answer has to be digits alone")?,
            AnswerKind::Telephone => telephone(answer)
                .ok_or("the answer has to be a telephone number: 4 to 15 digits, with a + before a country")?,
            AnswerKind::Email => email(answer).ok_or("the answer has to be an e-mail address, as name@example.com")?,
            AnswerKind::Date => date(answer).ok_or("the answer has to be a day, as 2026-11-21")?,
            AnswerKind::YesNo => yes_no(answer).ok_or("the answer has to be yes or no")?,
        };
        let (least, most) = self.validation.length.clone().into_inner();
        match written.chars().count() {
            0 => Err("the answer is empty".to_owned()),
            found if found < least => Err(format!("the answer has {found} signs, expected at least {least}")),
            found if found > most => Err(format!("the answer has {found} signs, expected at most {most}")),
            _ => Ok(written),
        }
    }

    /// The choice that was meant, as the configuration writes it.
    fn choice(&self, answer: &str) -> Result<String, String> {
        let choices = &self.validation.choices;
        if choices.is_empty() {
            return Ok(answer.to_owned());
        }
        let meant = choices.iter().find(|choice| choice.to_lowercase() == answer.to_lowercase());
        meant.cloned().ok_or_else(|| format!("the answer has to be one of: {}", choices.join(", ")))
    }
}

fn number(answer: &str) -> Option<String> {
    // A comma parts thousands for some and fractions for others, so it is not guessed at.
    let plain: String = answer.chars().filter(|sign| *sign != ' ').collect();
    let unsigned = plain.strip_prefix(['-', '+']).unwrap_or(&plain);
    let (whole, part) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
    let good = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (good(whole) && good(part)).then_some(plain)
}

fn digits(answer: &str) -> Option<String> {
    let plain: String = answer.chars().filter(|sign| !is_between(*sign)).collect();
    (!plain.is_empty() && plain.bytes().all(|byte| byte.is_ascii_digit())).then_some(plain)
}

fn telephone(answer: &str) -> Option<String> {
    let (sign, rest) = answer.strip_prefix('+').map_or(("", answer), |rest| ("+", rest));
    let digits = digits(rest)?;
    (4..=15).contains(&digits.len()).then(|| format!("{sign}{digits}"))
}

fn email(answer: &str) -> Option<String> {
    let (name, host) = answer.rsplit_once('@')?;
    let good = |part: &str| !part.is_empty() && !part.contains(|sign: char| sign.is_whitespace() || sign == '@');
    let dotted = host.split('.').count() > 1 && host.split('.').all(|label| !label.is_empty());
    (good(name) && good(host) && dotted).then(|| answer.to_owned())
}

fn date(answer: &str) -> Option<String> {
    let day = NaiveDate::parse_from_str(answer, "%Y-%m-%d").ok()?;
    Some(day.format("%Y-%m-%d").to_string())
}

fn yes_no(answer: &str) -> Option<String> {
    ["yes", "no"].into_iter().find(|word| answer.eq_ignore_ascii_case(word)).map(str::to_owned)
}

/// A sign that people write between digits.
const fn is_between(sign: char) -> bool {
    matches!(sign, ' ' | '-' | '.' | '(' | ')')
}

#[cfg(test)]
mod tests {
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
    fn what_does_not_answer_is_told_without_being_repeated() {
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
            let told = question(kind).accept(said).expect_err("does not fit");
            assert!(told.starts_with("the answer"), "{told}");
            assert!(said.trim().is_empty() || !told.contains(said), "{told}");
        }
    }

    #[test]
    fn choices_and_length_are_held() {
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
}
