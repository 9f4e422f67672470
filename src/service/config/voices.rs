//! The bundled recordings that a caller hears if no model can speak. Each contains the default
//! words of its language (`voices/make.sh`).

use std::sync::{Arc, LazyLock};

use crate::tools::wav;

/// Recordings of one phrase, by language.
#[derive(Debug)]
pub(super) struct Voices(Vec<(&'static str, Arc<[i16]>)>);

impl Voices {
    /// The recording of the default words in the language `code`, 8 kHz; `None` for a language that
    /// is not bundled.
    pub(super) fn of(&self, code: &str) -> Option<Arc<[i16]>> {
        self.0.iter().find(|(known, _)| *known == code).map(|(_, samples)| Arc::clone(samples))
    }

    fn read(files: [(&'static str, &[u8]); 6]) -> Self {
        let read = |(code, bytes): (&'static str, &[u8])| {
            (code, Arc::from(wav::read_bundled(bytes, code).expect("a test reads every bundled recording")))
        };
        Self(files.into_iter().map(read).collect())
    }
}

macro_rules! voices {
    ($folder:literal: $($code:literal)*) => {
        LazyLock::new(|| Voices::read([$(($code, include_bytes!(concat!("voices/", $folder, "/", $code, ".wav")))),*]))
    };
}

/// The apology for a caller when no model is left to speak.
pub(super) static APOLOGIES: LazyLock<Voices> = voices!("apology": "en" "hi" "mr" "te" "ta" "ml");

/// The filler for a caller who waits while another session is opened.
pub(super) static FILLERS: LazyLock<Voices> = voices!("filler": "en" "hi" "mr" "te" "ta" "ml");

#[cfg(test)]
mod tests;
