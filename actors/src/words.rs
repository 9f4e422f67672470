//! Whether a transcript holds words at all. Pure.
//!
//! Transcription writes something for noise too: signs alone (`.`, `…`, `-`), what it heard in brackets (`[BLANK_AUDIO]`, `(music)`,
//! `*cough*`, `<noise>`, `[inaudible 0:12]`), notes of music, pictures. None of that was said. What stands beside it was, in any
//! script, and so were digits.

use crate::ids::ItemId;

/// Whether somebody said something in `text`: a letter or a digit is left once descriptions in brackets are out.
pub fn holds_words(text: &str) -> bool {
    let mut rest = text.chars();
    while let Some(sign) = rest.next() {
        if let Some(closing) = closing(sign) {
            // A description that is not closed yet may go on in the next piece.
            rest.by_ref().any(|sign| sign == closing);
        } else if sign.is_alphanumeric() && !is_picture(sign) {
            return true;
        }
    }
    false
}

/// What ends a description that `opening` begins.
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

/// Letters by Unicode's word that are drawn as pictures.
const fn is_picture(sign: char) -> bool {
    matches!(sign, 'ℹ' | '\u{24B6}'..='\u{24E9}' | '\u{1F130}'..='\u{1F189}' | '\u{1F1E6}'..='\u{1F1FF}')
}

/// The pieces of the transcript that is coming, joined: a piece by itself may be half a word or half a description.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    item: Option<ItemId>,
    text: String,
}

impl Pieces {
    /// All that is known of `item` with `piece`, which is everything where it is the `last`.
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

/// Bytes that are joined; what was said is clear long before.
const LONGEST: usize = 4096;

#[cfg(test)]
mod tests;
