//! Reads the fields of a server event one by one, so that a field of an unexpected shape does not
//! spoil the others. Pure.
//!
//! Compatible servers omit fields, write numbers instead of words and objects instead of texts, cut
//! texts in the middle of a character, and write `NaN`. The reader takes what it can understand of
//! a field and treats the rest as absent.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// The fields of a JSON object, each as raw JSON.
#[derive(Debug, Clone, Default)]
pub struct Fields<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'a> Fields<'a> {
    /// Reads the fields of the object `text`.
    ///
    /// # Errors
    /// If `text` is not JSON, or not an object.
    pub fn read(text: &'a str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The fields of `raw`; empty if it is not an object.
    pub fn of(raw: Option<&'a RawValue>) -> Self {
        raw.and_then(|raw| Self::read(raw.get()).ok()).unwrap_or_default()
    }

    /// The fields of the object `name`; empty if it is not an object.
    pub fn object(&self, name: &str) -> Self {
        Self::of(self.raw(name))
    }

    /// Whether a field `name` exists, even with the value null.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| *key == name)
    }

    /// The raw value of `name`. A null counts as absent, and the last of several fields with the
    /// same name counts.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().rev().find(|(key, raw)| *key == name && raw.get() != "null").map(|(_, raw)| *raw)
    }

    /// A short text, or a number or boolean written as one.
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).and_then(text)
    }

    /// The text of a field, as [`Self::text`]; `None` also if it is empty.
    pub fn filled(&self, name: &str) -> Option<Cow<'a, str>> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// An id; empty if absent.
    pub fn id(&self, name: &str) -> Cow<'a, str> {
        self.text(name).unwrap_or_default()
    }

    /// Words, including words inside an object or in the pieces of a list.
    pub fn words(&self, name: &str) -> Option<Cow<'a, str>> {
        self.raw(name).and_then(|raw| words(raw, DEEPEST))
    }

    /// JSON, either inside a text or written directly.
    pub fn json(&self, name: &str) -> Option<Cow<'a, str>> {
        let raw = self.raw(name)?;
        text(raw).or(Some(Cow::Borrowed(raw.get())))
    }

    /// A finite number.
    pub fn number(&self, name: &str) -> Option<f64> {
        let text = self.text(name)?;
        text.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// A whole number from 0 to `most`, in any notation: `20`, `20.0`, `"20"`.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole and within the bounds")]
    pub fn count(&self, name: &str, most: u32) -> Option<u64> {
        let number = self.number(name)?;
        (number.fract() == 0.0 && (0.0..=f64::from(most)).contains(&number)).then_some(number as u64)
    }

    /// The elements of the list `name`; any other value counts as its only element.
    pub fn list(&self, name: &str) -> Vec<&'a RawValue> {
        self.raw(name).map(elements).unwrap_or_default()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::with_capacity(USUAL);
                while let Some((key, value)) = map.next_entry::<&'de RawValue, &'de RawValue>()? {
                    // The field names that this crate reads need no escaping.
                    fields.push((key.get().trim_matches('"'), value));
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The value of `raw` as a short text.
pub fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let written = raw.get();
    match written.as_bytes().first()? {
        b'"' => unquoted(written),
        b'{' | b'[' => None,
        _ => (written != "null").then_some(Cow::Borrowed(written)),
    }
}

/// The value of `raw` as words.
fn words(raw: &RawValue, depth: u8) -> Option<Cow<'_, str>> {
    let below = |raw| depth.checked_sub(1).and_then(|depth| words(raw, depth));
    match raw.get().as_bytes().first()? {
        b'{' => {
            let fields = Fields::of(Some(raw));
            SAYING.into_iter().find_map(|name| below(fields.raw(name)?))
        }
        b'[' => {
            let pieces: Vec<_> = elements(raw).into_iter().filter_map(below).collect();
            (!pieces.is_empty()).then(|| Cow::Owned(pieces.join(" ")))
        }
        _ => text(raw),
    }
}

/// The elements of a list; any other value counts as its only element.
pub fn elements(raw: &RawValue) -> Vec<&RawValue> {
    serde_json::from_str(raw.get()).unwrap_or_else(|_| vec![raw])
}

/// The value of a quoted text, with U+FFFD for each half of a surrogate pair that stands alone.
fn unquoted(written: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
    match serde_json::from_str(written) {
        Ok(Borrowed(text)) => Some(text),
        Err(_) => serde_json::from_str(&with_whole_characters(written)).ok().map(Cow::Owned),
    }
}

/// The text with U+FFFD in place of each half of a surrogate pair that stands alone.
fn with_whole_characters(written: &str) -> String {
    let mut whole = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(at) = rest.find('\\') {
        let (before, escaped) = rest.split_at(at);
        whole.push_str(before);
        // After a backslash follows either one character, or `u` and four hexadecimal digits.
        let length = match half(escaped) {
            Some(Half::Leading) if escaped.get(6..).and_then(half) == Some(Half::Trailing) => 12,
            Some(_) => {
                whole.push(char::REPLACEMENT_CHARACTER);
                rest = &escaped[6..];
                continue;
            }
            None => escaped.chars().take(2).map(char::len_utf8).sum(),
        };
        whole.push_str(&escaped[..length]);
        rest = &escaped[length..];
    }
    whole.push_str(rest);
    whole
}

#[derive(PartialEq)]
enum Half {
    Leading,
    Trailing,
}

/// Which half of a surrogate pair the escape at the beginning of `text` is.
fn half(text: &str) -> Option<Half> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    match u16::from_str_radix(digits, 16).ok()? {
        0xD800..=0xDBFF => Some(Half::Leading),
        0xDC00..=0xDFFF => Some(Half::Trailing),
        _ => None,
    }
}

/// Replaces by null the numbers that JSON does not know but that the JSON writers of Python and
/// JavaScript emit. Returns `None` if `text` has no such number.
pub fn without_non_finite(text: &str) -> Option<String> {
    if !NON_FINITE.iter().any(|literal| text.contains(literal)) {
        return None;
    }
    let mut mended = String::with_capacity(text.len());
    let (mut rest, mut in_text) = (text, false);
    while let Some(c) = rest.chars().next() {
        let literal = NON_FINITE.into_iter().find(|literal| !in_text && rest.starts_with(literal));
        let taken = match (literal, c) {
            (Some(literal), _) => {
                mended.push_str("null");
                rest = &rest[literal.len()..];
                continue;
            }
            (None, '\\') => rest.chars().take(2).map(char::len_utf8).sum(),
            (None, '"') => {
                in_text = !in_text;
                1
            }
            (None, c) => c.len_utf8(),
        };
        mended.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    Some(mended)
}

/// The usual number of fields of an event. An event with more fields costs another allocation.
const USUAL: usize = 12;
/// The depth to which words are searched within objects and lists.
const DEEPEST: u8 = 4;
/// The names of fields that hold words within an object, the likeliest first.
const SAYING: [&str; 8] = ["text", "transcript", "message", "msg", "detail", "error", "content", "delta"];
/// Numbers that are not JSON. The longer ones stand first, because they contain the shorter ones.
const NON_FINITE: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fields(text: &str) -> Fields<'_> {
        Fields::read(text).expect("an object")
    }

    #[test]
    fn one_field_of_another_shape_spoils_no_other() {
        let text = r#"{"a":{"x":[1]},"b":"b","c":null,"d":7,"d":8,"e":"\ud83d","f":true,"g":[{"text":"one"},"two"]}"#;
        let read = fields(text);
        assert_eq!(read.text("a"), None);
        assert_eq!(read.json("a").as_deref(), Some(r#"{"x":[1]}"#));
        assert!(matches!(read.text("b"), Some(Cow::Borrowed("b"))));
        assert_eq!((read.text("c"), read.has("c"), read.has("z")), (None, true, false));
        assert_eq!(read.text("d").as_deref(), Some("8"));
        assert_eq!(read.text("e").as_deref(), Some("\u{fffd}"));
        assert_eq!(read.text("f").as_deref(), Some("true"));
        assert_eq!(read.words("g").as_deref(), Some("one two"));
        assert_eq!(read.id("z"), "");
    }

    #[test]
    fn half_a_character_is_replaced_and_a_whole_one_is_not() {
        for (written, said) in [
            (r#""a \ud83d b""#, "a \u{fffd} b"),
            (r#""a \ude00""#, "a \u{fffd}"),
            (r#""\ud83d\ude00\ud83d""#, "\u{1f600}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\\ud83d \ud83d\n""#, "\\ud83d \u{fffd}\n"),
            (r#""é\DE00é""#, ""),
            (r#""\uDE00é""#, "\u{fffd}é"),
        ] {
            let raw = unquoted(written);
            assert_eq!(raw.as_deref().unwrap_or_default(), said, "{written}");
        }
    }

    #[test]
    fn a_number_counts_however_it_is_written_and_an_absurd_one_does_not() {
        let text =
            r#"{"a":20,"b":20.0,"c":"20","d":2e1,"e":-1,"f":1e300,"g":20.5,"h":true,"i":null,"j":[20],"k":1000001}"#;
        let read = fields(text);
        for name in ["a", "b", "c", "d"] {
            assert_eq!(read.count(name, 1_000_000), Some(20), "{name}");
        }
        for name in ["e", "f", "g", "h", "i", "j", "k", "z"] {
            assert_eq!(read.count(name, 1_000_000), None, "{name}");
        }
        assert_eq!(read.number("g"), Some(20.5));
    }

    #[test]
    fn nan_and_infinity_become_null_outside_of_strings_only() {
        assert_eq!(without_non_finite(r#"{"a":1}"#), None);
        assert_eq!(
            without_non_finite(r#"{"a":NaN,"b":[-Infinity,Infinity],"NaN":"NaN \" Infinity"}"#).as_deref(),
            Some(r#"{"a":null,"b":[null,null],"NaN":"NaN \" Infinity"}"#)
        );
    }

    proptest! {
        #[test]
        fn nothing_that_is_written_panics(text in r#"[{\["\\ud8dDcC0-9a-fNI:,é \]}]{0,40}"#) {
            let _ = (unquoted(&text), without_non_finite(&text));
            if let Ok(read) = Fields::read(&text) {
                let _ = (read.words("a"), read.json("a"), read.count("a", 9), read.list("a"));
            }
        }
    }
}
