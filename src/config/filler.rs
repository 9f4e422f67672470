//! The bundled fillers: a voice for a caller who waits while another model session is opened. Each says the shipped words of its
//! language.

use std::sync::{Arc, LazyLock};

use crate::wav;

/// The recording of the shipped filler in `code`'s language, 8 kHz; none for a language that is not shipped.
pub(super) fn recording(code: &str) -> Option<Arc<[i16]>> {
    let place = RECORDINGS.iter().position(|(known, _)| *known == code)?;
    SAMPLES.get(place).cloned()
}

static SAMPLES: LazyLock<Vec<Arc<[i16]>>> = LazyLock::new(|| {
    let read = |(code, bytes): &(&str, &[u8])| {
        Arc::from(wav::read_bundled(bytes, code).expect("a test reads every bundled recording"))
    };
    RECORDINGS.iter().map(read).collect()
});

const RECORDINGS: [(&str, &[u8]); 6] = [
    ("en", include_bytes!("filler/en.wav")),
    ("hi", include_bytes!("filler/hi.wav")),
    ("mr", include_bytes!("filler/mr.wav")),
    ("te", include_bytes!("filler/te.wav")),
    ("ta", include_bytes!("filler/ta.wav")),
    ("ml", include_bytes!("filler/ml.wav")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shipped_language_has_a_voice_for_its_filler() {
        for (code, _) in RECORDINGS {
            let sound = recording(code).expect("shipped");
            let loudest = sound.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
            assert!((6_000..24_000).contains(&sound.len()), "{code}: {} samples", sound.len());
            assert!((8_000..=24_000).contains(&loudest), "{code}: {loudest}");
        }
        assert!(recording("de").is_none());
    }
}
