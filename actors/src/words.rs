//! Whether a transcript contains words at all, and where its words end. Pure.
//!
//! Transcription also writes something for noise: punctuation alone (`.`, `…`, `-`), descriptions
//! in brackets (`[BLANK_AUDIO]`, `(music)`, `*cough*`, `<noise>`, `[inaudible 0:12]`), musical
//! notes, pictographs. None of that was said. Text beside it was said, in any script, and so were
//! digits.

use crate::ids::ItemId;

/// Whether `text` contains speech: at least one letter or digit outside descriptions in brackets.
pub fn holds_words(text: &str) -> bool {
    let mut rest = text.chars();
    while let Some(sign) = rest.next() {
        if let Some(closing) = closing(sign) {
            // An unclosed description may continue in the next piece.
            rest.by_ref().any(|sign| sign == closing);
        } else if sign.is_alphanumeric() && !is_picture(sign) {
            return true;
        }
    }
    false
}

/// The first `end` bytes of `text`, without a last word that they do not hold completely. `end` is the
/// boundary of a character.
pub fn first_words(text: &str, end: usize) -> &str {
    let (part, rest) = text.split_at(end);
    let is_complete = rest.is_empty() || rest.starts_with(char::is_whitespace);
    let end = if is_complete { end } else { part.rfind(char::is_whitespace).unwrap_or(0) };
    part[..end].trim()
}

/// The character that closes a description opened by `opening`.
const fn closing(opening: char) -> Option<char> {
    Some(match opening {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        '（' => '）',
        '［' => '］',
        '【' => '】',
        '〔' => '〕',
        '*' | '♪' | '♫' | '♩' | '♬' | '🎵' | '🎶' => opening,
        _ => return None,
    })
}

/// Characters that Unicode counts as letters but that are drawn as pictures.
const fn is_picture(sign: char) -> bool {
    matches!(sign, 'ℹ' | '\u{24B6}'..='\u{24E9}' | '\u{1F130}'..='\u{1F189}' | '\u{1F1E6}'..='\u{1F1FF}')
}

/// The pieces of the current transcript, joined. A single piece may be half a word or half a
/// description.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    item: Option<ItemId>,
    text: String,
}

impl Pieces {
    /// Returns all text known of `item`, `piece` included. The `last` piece carries the whole text.
    pub(crate) fn join(&mut self, item: &ItemId, piece: &str, last: bool) -> &str {
        if last || self.item.as_ref() != Some(item) {
            self.item = Some(item.clone());
            self.text.clear();
        }
        if self.text.len() < LONGEST {
            self.text.push_str(piece);
        }
        &self.text
    }
}

/// The most bytes that are joined. A much shorter text already shows whether something was said.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests;
