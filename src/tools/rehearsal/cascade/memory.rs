//! What callers said last, by its description: a voice that is to say a description says the turn
//! itself, as the models of the other protocols repeat it.
//!
//! Engines know nothing of each other and share this alone. Only a few turns are kept.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::part;

/// Keeps the sound of a turn.
pub(super) fn keep(text: &str, sound: Sound) {
    let mut turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    turns.retain(|(own, _)| own != text);
    turns.push_back((text.to_owned(), sound));
    if turns.len() > MOST_KEPT {
        turns.pop_front();
    }
}

/// The sound of a description, or of a part of it.
pub(super) fn sound_of(text: &str, format: Format) -> Option<Sound> {
    let turns = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    let found = turns.iter().rev().find_map(|(own, sound)| Some((own, sound, own.find(text.trim())?)));
    let (own, sound, at) = found.filter(|_| !text.trim().is_empty())?;
    Some(part(&sound.in_format(format), own, at, text.trim().len()))
}

static TURNS: Mutex<VecDeque<(String, Sound)>> = Mutex::new(VecDeque::new());
/// Turns that are kept: those of the calls that are on at the same time in tests.
const MOST_KEPT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_description_are_the_whole_turn() {
        let bytes: Vec<u8> = (0..4_000).map(|n| (n % 251) as u8).collect();
        keep("[one, 0.5 s] two", Sound { format: Format::MuLaw, bytes: bytes.clone().into() });
        let parts = ["[one,", "0.5 s] ", "two"].map(|text| sound_of(text, Format::MuLaw).expect("it is kept").bytes);
        assert_eq!(parts.concat(), bytes);
        assert!(sound_of("three words", Format::MuLaw).is_none() && sound_of(" ", Format::MuLaw).is_none());
    }
}
