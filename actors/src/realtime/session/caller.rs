//! What the caller said, as transcription tells it, and which turns still lack their words.

use super::{Session, SessionAction};
use crate::call::messages::{ModelReport, TranscriptionUsage};
use crate::ids::Private;
use crate::realtime::protocol::server::{CallerDelta, TranscriptionUsageInfo};
use crate::transcript::messages::Words;

impl Session {
    /// A piece of what the caller says: for the call, which waits for a sign of words. The record gets the whole.
    pub(super) fn hear_caller(&mut self, delta: &CallerDelta<'_>, out: &mut Vec<SessionAction>) {
        let Some(piece) = delta.delta.as_deref().filter(|piece| !piece.is_empty()) else { return };
        let (item, text) = (self.seen(&delta.item_id), Private::new(piece.to_owned()));
        out.push(SessionAction::Report(ModelReport::CallerWords { item, text, last: false }));
    }

    /// All that the caller said in an item; `None` when transcription failed.
    pub(super) fn caller_transcribed(&mut self, item: &str, text: Option<String>, out: &mut Vec<SessionAction>) {
        let item = self.seen(item);
        let told = Private::new(text.clone().unwrap_or_default());
        out.push(SessionAction::Report(ModelReport::CallerWords { item: item.clone(), text: told, last: true }));
        out.push(SessionAction::ToWords(Words::CallerSaid { item, text }));
    }
}

/// What a transcription cost; `None` where the server says nothing of use.
pub(super) fn transcription_used(info: TranscriptionUsageInfo) -> Option<ModelReport> {
    let input = info.input_token_details.unwrap_or_default();
    let usage = TranscriptionUsage {
        // Seconds of a call; whatever is no such number counts as none.
        audio_ms: (info.seconds.unwrap_or_default() * 1_000.0).round() as u64,
        // Where the kinds are not told, everything counts as audio: speech is what goes in.
        input_text: input.text_tokens.unwrap_or_default(),
        input_audio: info
            .input_token_details
            .map_or(info.input_tokens, |details| details.audio_tokens)
            .unwrap_or_default(),
        output_text: info.output_tokens.unwrap_or_default(),
    };
    (usage != TranscriptionUsage::default()).then_some(ModelReport::TranscriptionUsed(usage))
}
