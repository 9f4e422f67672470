//! Base64 in either alphabet, with or without padding. The API's own messages use the standard one;
//! proto JSON also allows the one for URLs.

use base64_simd::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::frame::Frame;

/// Decodes `text`.
///
/// # Errors
/// If `text` is not base64.
pub fn decoded(text: &str) -> Result<Frame, base64_simd::Error> {
    let text = text.trim_end_matches('=');
    let alphabet =
        if memchr::memchr2(b'-', b'_', text.as_bytes()).is_some() { URL_SAFE_NO_PAD } else { STANDARD_NO_PAD };
    let mut frame = Frame::with_room(text.len() / 4 * 3 + 3);
    alphabet.decode_append(text, &mut *frame)?;
    Ok(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        let bytes = [0xfb_u8, 0xff, 0xbe, 0x01];
        for text in ["+/++AQ==", "+/++AQ", "-_--AQ==", "-_--AQ"] {
            assert_eq!(decoded(text).expect("base64").as_slice(), bytes, "{text}");
        }
        assert_eq!(decoded("").expect("nothing").len(), 0);
        for text in ["+_++AQ", "A", "ÄÖÜ", "AQ=A"] {
            assert!(decoded(text).is_err(), "{text}");
        }
    }
}
