//! What the carriers' JSON has in common: lenient values, bounded words, errors that quote nothing. Pure.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::WireError;

pub(super) fn parse<'a, T: Deserialize<'a>>(kind: &'static str, text: &'a str) -> Result<T, WireError> {
    serde_json::from_str(text).map_err(|e| malformed(kind, place(&e)))
}

/// Where a message is broken. Not serde's own text, which quotes the value: that may be speech, a number or a token.
pub(super) fn place(error: &serde_json::Error) -> String {
    use serde_json::error::Category;
    let what = match error.classify() {
        Category::Io | Category::Syntax => "it is not JSON",
        Category::Data => "a value is not of the expected type",
        Category::Eof => "it is cut short",
    };
    format!("{what} (line {}, column {})", error.line(), error.column())
}

pub(super) fn malformed(kind: &'static str, problem: String) -> WireError {
    WireError::Malformed { kind, problem }
}

pub(super) fn missing(kind: &'static str, field: &str) -> WireError {
    malformed(kind, format!("`{field}` is missing"))
}

/// A word of the outside, short enough for a log line.
pub(super) fn clipped(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_WORD).collect()
}

/// Appends `text` as a JSON string, quotes included.
pub(super) fn push_quoted(out: &mut String, text: &str) {
    use fmt::Write;
    if text.bytes().all(|b| b >= b' ' && b != b'"' && b != b'\\') {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        // Writing to a String cannot fail, nor can a string be refused by the serializer.
        let _ = write!(out, "{}", serde_json::Value::from(text));
    }
}

/// An id as it came, bounded, and without what would break a line of the log.
pub(super) fn id<'a>(kind: &'static str, field: &str, id: Scalar<'a>) -> Result<Cow<'a, str>, WireError> {
    if id.0.is_empty() || id.0.len() > LONGEST_ID || id.0.chars().any(char::is_control) {
        return Err(malformed(kind, format!("`{field}` is not an id of 1 to {LONGEST_ID} printable bytes")));
    }
    Ok(id.0)
}

/// A string, borrowed where nothing in it is escaped. Not a bare `Cow`: inside an `Option` serde copies that.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A value that is text to us, whether it came as a string, a number or a truth value.
pub(super) struct Scalar<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AsText;

        impl<'de> Visitor<'de> for AsText {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string, a number or a truth value")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Cow::Owned(text.to_owned()))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Self::Value, E> {
                Ok(Cow::Owned(number.to_string()))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Self::Value, E> {
                Ok(Cow::Owned(number.to_string()))
            }

            // `8000.0` prints as `8000`.
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Self::Value, E> {
                Ok(Cow::Owned(number.to_string()))
            }

            fn visit_bool<E: de::Error>(self, truth: bool) -> Result<Self::Value, E> {
                Ok(Cow::Owned(truth.to_string()))
            }
        }

        deserializer.deserialize_any(AsText).map(Self)
    }
}

/// Bytes of an id. Those of the carriers served have 20 to 40.
const LONGEST_ID: usize = 128;
/// Characters of an outside word that goes to the log.
const LONGEST_WORD: usize = 64;
