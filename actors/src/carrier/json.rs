//! Shared JSON code of the carriers: lenient values, bounded strings, errors that quote nothing.
//! Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, Visitor};

use super::{LineEvent, WireError};
use crate::frame::Frame;

/// The kind of a message, its field `event`.
///
/// # Errors
/// When the message is too long, not an object, or has no kind.
pub(super) fn kind_of(text: &str) -> Result<Cow<'_, str>, WireError> {
    #[derive(serde::Deserialize)]
    struct Envelope<'a> {
        #[serde(borrow, alias = "Event")]
        event: Option<Text<'a>>,
    }
    if text.len() > LONGEST_MESSAGE {
        return Err(WireError::Unreadable(format!("it has {} bytes, expected {LONGEST_MESSAGE} at most", text.len())));
    }
    // A derived struct would also accept a JSON array with the fields in order.
    if !text.trim_ascii_start().starts_with('{') {
        return Err(WireError::Unreadable("it is not a JSON object".to_owned()));
    }
    let envelope: Envelope<'_> = serde_json::from_str(text).map_err(|e| WireError::Unreadable(place(&e)))?;
    envelope.event.map(|event| event.0).ok_or_else(|| WireError::Unreadable("it has no `event`".to_owned()))
}

/// The audio in `media.payload`.
///
/// # Errors
/// When it is missing, empty, or not base64.
pub(super) fn payload_of(kind: &'static str, payload: Option<Text<'_>>) -> Result<Frame, WireError> {
    let Some(Text(encoded)) = payload else { return Err(missing(kind, "media.payload")) };
    if encoded.is_empty() {
        return Err(malformed(kind, "`media.payload` is empty".to_owned()));
    }
    Frame::of_base64(&encoded)
        .map_err(|_| malformed(kind, format!("`media.payload` of {} characters is not base64", encoded.len())))
}

/// The echo of a mark, whose name is in `mark.name`. We send names of `longest` bytes at most.
///
/// # Errors
/// When the name is missing, or longer than ours.
pub(super) fn mark_of(text: &str, longest: usize) -> Result<LineEvent, WireError> {
    const KIND: &str = "mark";
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        mark: Option<Mark<'a>>,
    }
    #[derive(serde::Deserialize)]
    struct Mark<'a> {
        #[serde(borrow)]
        name: Option<Scalar<'a>>,
    }
    let message: Message<'_> = parse(KIND, text)?;
    let name = message.mark.and_then(|mark| mark.name).ok_or_else(|| missing(KIND, "mark.name"))?;
    if name.0.len() > longest {
        return Err(malformed(KIND, format!("`mark.name` has {} bytes, we send {longest} at most", name.0.len())));
    }
    Ok(LineEvent::MarkEchoed(name.0.into_owned()))
}

/// The pressed key, which is in `dtmf.digit`.
///
/// # Errors
/// When it is missing, or no key.
pub(super) fn key_of(text: &str) -> Result<LineEvent, WireError> {
    const KIND: &str = "dtmf";
    #[derive(serde::Deserialize)]
    struct Message<'a> {
        #[serde(borrow)]
        dtmf: Option<Dtmf<'a>>,
    }
    #[derive(serde::Deserialize)]
    struct Dtmf<'a> {
        #[serde(borrow)]
        digit: Option<Scalar<'a>>,
    }
    let message: Message<'_> = parse(KIND, text)?;
    let digit = message.dtmf.and_then(|dtmf| dtmf.digit).ok_or_else(|| missing(KIND, "dtmf.digit"))?;
    let mut characters = digit.0.chars();
    match (characters.next().map(|c| c.to_ascii_uppercase()), characters.next()) {
        (Some(key @ ('0'..='9' | '*' | '#' | 'A'..='D')), None) => Ok(LineEvent::KeyPressed(key)),
        // The pressed key is not quoted: it may be part of a card number.
        _ => Err(malformed(KIND, "`dtmf.digit` is not one of 0-9, *, #, A-D".to_owned())),
    }
}

/// The parameters in `field`.
///
/// # Errors
/// When there are too many, or one is too long.
pub(super) fn parameters_of(
    kind: &'static str,
    field: &str,
    given: BTreeMap<Cow<'_, str>, Option<Scalar<'_>>>,
) -> Result<BTreeMap<String, String>, WireError> {
    if given.len() > MOST_PARAMETERS {
        let problem = format!("`{field}` has {} entries, expected {MOST_PARAMETERS} at most", given.len());
        return Err(malformed(kind, problem));
    }
    let mut taken = BTreeMap::new();
    for (name, value) in given {
        let value = value.map(|value| value.0).unwrap_or_default();
        if name.len() + value.len() > LONGEST_PARAMETER {
            return Err(malformed(kind, format!("an entry of `{field}` has more than {LONGEST_PARAMETER} bytes")));
        }
        taken.insert(name.into_owned(), value.into_owned());
    }
    Ok(taken)
}

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

/// The longest message, in bytes. Carriers' have a few hundred; a second of 24 kHz PCM16 would have
/// 64,000. A longer one is not a media stream's.
pub(super) const LONGEST_MESSAGE: usize = 128 * 1024;
/// The most parameters. Carriers have limits far below it, or none; the memory of a stranger's socket
/// needs one.
const MOST_PARAMETERS: usize = 64;
/// The longest parameter, name and value, in bytes: 500 characters of at most four bytes.
const LONGEST_PARAMETER: usize = 2_000;
/// The longest id, in bytes. Those of the supported carriers have 20 to 40.
const LONGEST_ID: usize = 128;
/// The most characters of an outside string in the log.
const LONGEST_WORD: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_of_sixteen_and_is_not_quoted_otherwise() {
        for (digit, key) in [("\"0\"", '0'), ("9", '9'), ("\"*\"", '*'), ("\"#\"", '#'), ("\"d\"", 'D')] {
            let read = key_of(&format!(r#"{{"dtmf":{{"digit":{digit}}}}}"#));
            assert_eq!(read, Ok(LineEvent::KeyPressed(key)));
        }
        for digit in ["\"E\"", "\"\"", "\"12\"", "12", "true"] {
            let refused = key_of(&format!(r#"{{"dtmf":{{"digit":{digit}}}}}"#));
            assert_eq!(refused, Err(malformed("dtmf", "`dtmf.digit` is not one of 0-9, *, #, A-D".to_owned())));
        }
        assert_eq!(key_of(r#"{"dtmf":{}}"#), Err(missing("dtmf", "dtmf.digit")));
        assert_eq!(key_of("{}"), Err(missing("dtmf", "dtmf.digit")));
    }

    #[test]
    fn the_name_of_a_mark_is_no_longer_than_ours() {
        let read = |name: &str| mark_of(&format!(r#"{{"mark":{{"name":"{name}"}}}}"#), 4);
        assert_eq!(read("four"), Ok(LineEvent::MarkEchoed("four".to_owned())));
        let problem = "`mark.name` has 5 bytes, we send 4 at most".to_owned();
        assert_eq!(read("fives"), Err(malformed("mark", problem)));
        assert_eq!(mark_of(r#"{"mark":null}"#, 4), Err(missing("mark", "mark.name")));
    }
}
