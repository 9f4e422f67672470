//! Decodes an answer's bytes to text, by the declared or the detected character encoding. Pure.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// The bytes are not text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no text")]
pub struct NotText;

/// Decodes `bytes`, which came with this `Content-Type`.
///
/// # Errors
/// When they contain control characters, as pictures and archives do.
pub fn text(bytes: &[u8], content_type: Option<&str>) -> Result<String, NotText> {
    let (alphabet, bytes) = match Encoding::for_bom(bytes) {
        Some((alphabet, mark)) => (Some(alphabet), &bytes[mark..]),
        None => (content_type.and_then(charset).or_else(|| shown(bytes)), bytes),
    };
    let text = match alphabet {
        Some(alphabet) if alphabet != UTF_8 => alphabet.decode_without_bom_handling(bytes).0.into_owned(),
        Some(_) | None => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            // Text without a charset, or wrongly declared as UTF-8, is usually Windows-1252.
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0.into_owned(),
        },
    };
    let strange = |sign: char| sign.is_ascii_control() && !matches!(sign, '\t' | '\n' | '\r' | '\u{c}');
    if text.chars().any(strange) { Err(NotText) } else { Ok(text) }
}

/// Returns the encoding that a `Content-Type` names, if we know it.
fn charset(content_type: &str) -> Option<&'static Encoding> {
    let parameters = content_type.split(';').skip(1).filter_map(|parameter| parameter.split_once('='));
    let mut named = parameters.filter(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    let (_, name) = named.next()?;
    Encoding::for_label(name.trim().trim_matches(['"', '\'']).as_bytes())
}

/// Detects UTF-16 from the first two characters, which are ASCII in JSON (RFC 4627 §3).
fn shown(bytes: &[u8]) -> Option<&'static Encoding> {
    match bytes {
        [0, a, 0, b, ..] if *a != 0 && *b != 0 => Some(UTF_16BE),
        [a, 0, b, 0, ..] if *a != 0 && *b != 0 => Some(UTF_16LE),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
