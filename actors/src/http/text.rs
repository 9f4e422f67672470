//! The text in an answer's bytes: in the alphabet that it says, or shows. Pure.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// What is no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no text")]
pub struct NotText;

/// The text in `bytes`, which came with this `Content-Type`.
///
/// # Errors
/// When they hold signs that no text has, as pictures and archives do.
pub fn text(bytes: &[u8], content_type: Option<&str>) -> Result<String, NotText> {
    let (alphabet, bytes) = match Encoding::for_bom(bytes) {
        Some((alphabet, mark)) => (Some(alphabet), &bytes[mark..]),
        None => (content_type.and_then(charset).or_else(|| shown(bytes)), bytes),
    };
    let text = match alphabet {
        Some(alphabet) if alphabet != UTF_8 => alphabet.decode_without_bom_handling(bytes).0.into_owned(),
        Some(_) | None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // Who says nothing, or says UTF-8 and sends something else, means what Windows and the old web wrote.
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        },
    };
    let strange = |sign: char| sign.is_ascii_control() && !matches!(sign, '\t' | '\n' | '\r' | '\u{c}');
    if text.chars().any(strange) { Err(NotText) } else { Ok(text) }
}

/// The alphabet that a `Content-Type` names, if we know it.
fn charset(content_type: &str) -> Option<&'static Encoding> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut named = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let (_, name) = named.next()?;
    Encoding::for_label(name.trim().trim_matches(['"', '\'']).as_bytes())
}

/// The alphabet that the first two signs show where they are plain ones, as those of JSON are (RFC 4627 §3).
fn shown(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(UTF_16BE),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(UTF_16LE),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn an_alphabet_is_the_one_that_is_said_or_shown() {
        let said = "{\"place\":\"Zürich\"}";
        let latin: Vec<u8> = said.chars().map(|sign| u8::try_from(u32::from(sign)).expect("Latin 1")).collect();
        let marked = [b"\xef\xbb\xbf", said.as_bytes()].concat();
        for (bytes, kind) in [
            (said.as_bytes().to_vec(), None),
            (said.as_bytes().to_vec(), Some("application/json; charset=utf-8")),
            (said.as_bytes().to_vec(), Some("application/json; charset=klingon")),
            (latin.clone(), Some("text/plain; charset=ISO-8859-1")),
            (latin.clone(), Some("text/plain;Charset=\"windows-1252\"")),
            (latin.clone(), Some("application/json")),
            (latin, Some("application/json; charset=utf-8")),
            (marked.clone(), None),
            (marked, Some("text/plain; charset=iso-8859-1")),
            (utf16(said, u16::to_le_bytes), Some("application/json; charset=utf-16le")),
            (utf16(said, u16::to_be_bytes), Some("application/json; charset=utf-16be")),
            (utf16(said, u16::to_le_bytes), None),
            (utf16(said, u16::to_be_bytes), None),
            (utf16(&format!("\u{feff}{said}"), u16::to_be_bytes), Some("application/json; charset=utf-16")),
        ] {
            assert_eq!(text(&bytes, kind).as_deref(), Ok(said), "{kind:?}");
        }
        assert_eq!(
            text(b"\x93quoted\x94 \x80 5", Some("text/html")).as_deref(),
            Ok("\u{201c}quoted\u{201d} \u{20ac} 5")
        );
        assert_eq!(text(b"", None).as_deref(), Ok(""));
    }

    #[test]
    fn what_is_no_text_is_none() {
        for bytes in [
            &b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..],
            b"\x1f\x8b\x08\0\0\0\0\0\x02\x03",
            b"PK\x03\x04",
            b"plain\0",
            b"\x1b[2J",
        ] {
            assert_eq!(text(bytes, Some("application/json")), Err(NotText), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_for_text_holds_no_strange_signs(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            kind in prop::option::of("[a-z/]{0,9};? ?charset=\"?[a-z0-9-]{0,9}\"?"),
        ) {
            if let Ok(text) = text(&bytes, kind.as_deref()) {
                prop_assert!(!text.contains(['\0', '\x1b']));
            }
        }
    }
}
