//! What the callers of a server said last, by its description: a voice that is to say a description
//! says the turn itself, as the models of the other protocols repeat it.
//!
//! Engines know nothing of each other and share this alone. Only a few turns are kept.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::tools::rehearsal::sound::{Format, Sound};
use crate::tools::rehearsal::speech::part;

/// The memory of a server. Its clones are the same memory.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(Arc<Mutex<VecDeque<(String, Sound)>>>);

impl Memory {
    /// Keeps the sound of a turn.
    pub(super) fn keep(&self, text: &str, sound: Sound) {
        let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|(own, _)| own != text);
        turns.push_back((text.to_owned(), sound));
        if turns.len() > MOST_KEPT {
            turns.pop_front();
        }
    }

    /// The sound of a description, or of a part of it.
    pub(super) fn sound_of(&self, text: &str, format: Format) -> Option<Sound> {
        let turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = turns.iter().rev().find_map(|(own, sound)| Some((own, sound, own.find(text.trim())?)));
        let (own, sound, at) = found.filter(|_| !text.trim().is_empty())?;
        Some(part(&sound.in_format(format), own, at, text.trim().len()))
    }
}

/// Turns that are kept: those of the calls that are on at the same time in tests.
const MOST_KEPT: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_description_are_the_whole_turn() {
        let bytes: Vec<u8> = (0..4_000).map(|n| (n % 251) as u8).collect();
        let memory = Memory::default();
        memory.keep("[one, 0.5 s] two", Sound { format: Format::MuLaw, bytes: bytes.clone().into() });
        let sound_of = |text: &str| memory.clone().sound_of(text, Format::MuLaw);
        let parts = ["[one,", "0.5 s] ", "two"].map(|text| sound_of(text).expect("it is kept").bytes);
        assert_eq!(parts.concat(), bytes);
        assert!(sound_of("three words").is_none() && sound_of(" ").is_none());
        assert!(Memory::default().sound_of("two", Format::MuLaw).is_none(), "another server heard nothing");
    }
}
