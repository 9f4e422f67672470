//! The caller's transcripts, and the turns that still lack one.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Session, SessionAction};
use crate::ids::{ItemId, Private};
use crate::realtime::openai::protocol::server::CallerDelta;
use crate::realtime::report::{ModelReport, Words};

/// The caller's turns without a transcript.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The turn that the caller is speaking in.
    open: Option<ItemId>,
    /// Finished turns that lack their transcript, the newest last.
    awaited: VecDeque<ItemId>,
    /// The caller's last turn.
    last: Option<Last>,
    /// The words so far of the item that is being transcribed, as they were reported.
    so_far: Option<(ItemId, String)>,
    /// The last transcript.
    complete: Option<(ItemId, String)>,
}

/// The caller's last turn.
#[derive(Debug)]
struct Last {
    item: ItemId,
    /// Whether the transcription found it to be noise; `None` until the transcription arrives.
    noise: Option<bool>,
    /// Whether the turn before it was still unanswered.
    owed_before: bool,
}

impl Turns {
    /// Records that the caller began to speak. `owed` is whether the server still had to answer
    /// their previous turn.
    pub(super) fn began(&mut self, item: &ItemId, owed: bool) {
        let owed_before = owed && !self.last_was_noise();
        self.open = Some(item.clone());
        self.last = Some(Last { item: item.clone(), noise: None, owed_before });
    }

    /// Records the end of a turn and returns whether its transcript is newly awaited. The server
    /// reports an end up to twice: after the silence, and with the item. A transcript is awaited
    /// only if `transcribed` is set.
    pub(super) fn ended(&mut self, item: &ItemId, transcribed: bool) -> bool {
        self.open.take_if(|open| open == item);
        if !transcribed || self.awaited.contains(item) {
            return false;
        }
        if self.awaited.len() >= MOST_AWAITED {
            self.awaited.pop_front();
        }
        self.awaited.push_back(item.clone());
        true
    }

    /// Records that the turn's transcript arrived, or will not arrive.
    pub(super) fn transcribed(&mut self, item: &ItemId) {
        self.open.take_if(|open| open == item);
        self.awaited.retain(|awaited| awaited != item);
    }

    /// Records whether a turn was noise. Returns whether it was the last turn.
    pub(super) fn understood(&mut self, item: &ItemId, noise: bool) -> bool {
        let last = self.last.as_mut().filter(|last| last.item == *item);
        last.is_some_and(|last| {
            last.noise = Some(noise);
            true
        })
    }

    /// Whether the last turn was noise, as far as is known.
    pub(super) fn last_was_noise(&self) -> bool {
        matches!(self.last, Some(Last { noise: Some(true), .. }))
    }

    /// Whether the last turn, or an unanswered turn before it, may contain words.
    pub(super) fn want_an_answer(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.owed_before || last.noise != Some(true))
    }

    /// The turn that the caller is speaking in.
    pub(super) fn open(&self) -> Option<&ItemId> {
        self.open.as_ref()
    }

    /// Whether a finished turn lacks its transcript.
    pub(super) fn is_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }
}

impl Session {
    /// Reports a piece of the caller's transcript to the call, which waits for a sign of words. The
    /// record gets the complete transcript instead.
    pub(super) fn hear_caller(&mut self, delta: &CallerDelta<'_>, out: &mut Vec<SessionAction>) {
        let Some(piece) = delta.delta.as_deref().filter(|piece| !piece.is_empty()) else { return };
        let (item, text) = (self.seen(&delta.item_id), Private::new(piece.to_owned()));
        out.push(SessionAction::Report(ModelReport::CallerWords { item, text, last: false }));
    }

    /// Handles all words of an item so far, of a server that repeats them with every piece. Words
    /// that it revises are reported with the last transcript.
    pub(super) fn caller_words_so_far(&mut self, item: &str, text: &str, out: &mut Vec<SessionAction>) {
        let item = self.seen(item);
        let known = self.turns.so_far.as_ref().filter(|(known, _)| *known == item).map_or("", |(_, text)| text);
        let Some(piece) = text.strip_prefix(known).filter(|piece| !piece.is_empty()) else { return };
        let piece = Private::new(piece.to_owned());
        self.turns.so_far = Some((item.clone(), text.to_owned()));
        out.push(SessionAction::Report(ModelReport::CallerWords { item, text: piece, last: false }));
    }

    /// Handles the caller's complete transcript of an item. A server that sends it again has
    /// corrected it: the record takes the last one.
    pub(super) fn caller_transcribed(&mut self, item: &str, text: String, now: Instant, out: &mut Vec<SessionAction>) {
        let item = self.seen(item);
        if let Some((known, before)) = &mut self.turns.complete
            && *known == item
        {
            if *before != text {
                before.clone_from(&text);
                out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
            }
            return;
        }
        self.turns.complete = Some((item.clone(), text.clone()));
        self.turns.transcribed(&item);
        self.turn_understood(&item, &text, now, out);
        let words = Private::new(text.clone());
        out.push(SessionAction::Report(ModelReport::CallerWords { item: item.clone(), text: words, last: true }));
        out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
    }

    /// Handles an item whose transcription failed: its words stay unknown.
    pub(super) fn transcription_failed(&mut self, item: &str, out: &mut Vec<SessionAction>) {
        let item = self.seen(item);
        self.turns.transcribed(&item);
        out.push(SessionAction::Report(ModelReport::WordsFailed { item: item.clone() }));
        out.push(SessionAction::ToWords(Words::CallerSaid { item, text: None }));
    }
}

/// The maximum of turns that await a transcript. A transcript takes a second or two, so one or two
/// are usual. A server that owes more than this does not transcribe.
const MOST_AWAITED: usize = 16;
