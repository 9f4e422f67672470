//! Shared JSON code of the carriers: lenient values, bounded strings, errors that quote nothing.
//! Pure.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::WireError;

pub(super) fn parse<'a, T: Deserialize<'a>>(kind: &'static str, text: &'a str) -> Result<T, WireError> {
    serde_json::from_str(text).map_err(|e| malformed(kind, place(&e)))
}

/// The position of an error in a message. Serde's own text would quote the value, which may be
/// speech, a number or a token.
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

/// An outside string, shortened for a log line.
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
        // Writing to a String cannot fail, and the serializer accepts every string.
        let _ = write!(out, "{}", serde_json::Value::from(text));
    }
}

/// An unchanged id with a bounded length and without characters that would break a log line.
pub(super) fn id<'a>(kind: &'static str, field: &str, id: Scalar<'a>) -> Result<Cow<'a, str>, WireError> {
    if id.0.is_empty() || id.0.len() > LONGEST_ID || id.0.chars().any(char::is_control) {
        return Err(malformed(kind, format!("`{field}` is not an id of 1 to {LONGEST_ID} printable bytes")));
    }
    Ok(id.0)
}

/// A string, borrowed if it has no escapes. Inside an `Option`, serde would copy a bare `Cow`.
#[derive(serde::Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A value that is read as text, whether it came as a string, a number or a boolean.
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

/// The longest id, in bytes. Those of the supported carriers have 20 to 40.
const LONGEST_ID: usize = 128;
/// The most characters of an outside string in the log.
const LONGEST_WORD: usize = 64;
