//! The lines of ours: what is played when no model can speak. Pure.
//!
//! The apology and the filler of the current language are bundled, files of the operator, or made
//! by the server of `[clips]` in the voice that the caller knows. The call asks for those when it
//! begins and when its language changes: at the moment of need they have to be at hand.

use std::collections::HashMap;
use std::sync::Arc;

use super::shared::Shared;
use super::steps::CallAction;
use crate::ids::{ItemId, Private};
use crate::realtime::clips::messages::FetchedClip;
use crate::realtime::report::Usage;

/// The lines of one call.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// Number of lines that were played, for their ids.
    played: u32,
    /// The recordings that the server has made, by their words. They go before the bundled ones.
    made: HashMap<String, Arc<[i16]>>,
}

impl Shared {
    /// Asks for the recordings that the server makes of the current language's lines.
    pub(super) fn fetch_clips(&mut self) {
        let Some(language) = self.spoken() else { return };
        let lines = [&language.apology, &language.filler];
        let open = lines.into_iter().filter(|words| !self.lines.made.contains_key(*words));
        let orders: Vec<_> = open.filter_map(|words| self.profile.model.line(words)).collect();
        self.out.extend(orders.into_iter().map(CallAction::FetchClip));
    }

    /// A recording is made, or cannot be made.
    pub(super) fn clip_fetched(&mut self, words: &Private<String>, made: Result<FetchedClip, String>) {
        // Without it the bundled one is played. The maker has logged why.
        let Ok(FetchedClip { samples, characters }) = made else { return };
        let order = self.profile.model.line(words.expose()).filter(|_| characters > 0);
        if let Some(order) = order {
            self.worked(&order.source.model, Usage { tts_characters: characters, ..Usage::default() });
        }
        self.lines.made.insert(words.expose().clone(), samples);
    }

    /// Whether there is a recording of the apology.
    pub(super) fn can_apologise(&self) -> bool {
        self.apology().is_some()
    }

    /// Plays the recorded apology, because no model can speak. Returns `false` if the language has
    /// no recording.
    pub(super) fn apologise(&mut self) -> bool {
        let apology = self.apology();
        self.play_line("apology", apology)
    }

    /// Plays the recorded line for a waiting caller. Returns `false` if the language has no
    /// recording.
    pub(super) fn play_filler(&mut self) -> bool {
        let filler = self.spoken().and_then(|it| self.line(&it.filler, it.filler_sound.as_ref()));
        self.play_line("filler", filler)
    }

    fn apology(&self) -> Option<Line> {
        self.spoken().and_then(|it| self.line(&it.apology, it.apology_sound.as_ref()))
    }

    fn line(&self, words: &str, usual: Option<&Arc<[i16]>>) -> Option<Line> {
        let sound = self.lines.made.get(words).or(usual)?;
        Some(Line { words: words.to_owned(), sound: Arc::clone(sound) })
    }

    fn play_line(&mut self, kind: &str, line: Option<Line>) -> bool {
        let Some(Line { words, sound }) = line else { return false };
        self.lines.played += 1;
        self.play(ItemId::new(&format!("line_{kind}_{}", self.lines.played)), words, sound);
        true
    }
}

/// Words and their recording: 8 kHz mono.
struct Line {
    words: String,
    sound: Arc<[i16]>,
}
