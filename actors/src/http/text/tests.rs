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
    assert_eq!(text(b"\x93quoted\x94 \x80 5", Some("text/html")).as_deref(), Ok("\u{201c}quoted\u{201d} \u{20ac} 5"));
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
