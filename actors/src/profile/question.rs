//! Validates an answer to a question and normalises it. Pure.
//!
//! Answers come from the model, which takes them from speech. Readers of a record rely on the
//! normalised form.

use chrono::NaiveDate;

use super::{AnswerKind, Question};

impl Question {
    /// The answer in the form that the record keeps.
    ///
    /// # Errors
    /// In words that the model can act on. They do not repeat the answer.
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

    /// The matching choice, spelled as in the configuration.
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
    // A comma separates thousands in some countries and decimals in others, so it is not
    // interpreted.
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

/// A character that people write between digits.
const fn is_between(sign: char) -> bool {
    matches!(sign, ' ' | '-' | '.' | '(' | ')')
}

#[cfg(test)]
mod tests;
