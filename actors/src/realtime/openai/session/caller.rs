//! What the caller said, as transcription tells it, and which turns still lack their words.

use std::collections::VecDeque;
use std::time::Instant;

use super::{Session, SessionAction};
use crate::ids::{ItemId, Private};
use crate::realtime::openai::protocol::server::CallerDelta;
use crate::realtime::report::{ModelReport, Words};

/// The caller's turns that are not yet words.
#[derive(Debug, Default)]
pub(super) struct Turns {
    /// The one that the caller is in.
    open: Option<ItemId>,
    /// Those that are over and lack their transcript, the newest last.
    awaited: VecDeque<ItemId>,
    /// The last one.
    last: Option<Last>,
}

/// The caller's last turn.
#[derive(Debug)]
struct Last {
    item: ItemId,
    /// Whether transcription found it to be noise; `None` until it says.
    noise: Option<bool>,
    /// The turn before it had no answer yet.
    owed_before: bool,
}

impl Turns {
    /// The caller began to speak; `owed` says whether the server had still to answer what they said before.
    pub(super) fn began(&mut self, item: &ItemId, owed: bool) {
        let owed_before = owed && !self.last_was_noise();
        self.open = Some(item.clone());
        self.last = Some(Last { item: item.clone(), noise: None, owed_before });
    }

    /// The caller's turn is over; told up to twice, when the silence was long enough and when the item was made. Its transcript is
    /// awaited if there will be one. Whether that is news.
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

    /// Its transcript came, or will not come.
    pub(super) fn transcribed(&mut self, item: &ItemId) {
        self.open.take_if(|open| open == item);
        self.awaited.retain(|awaited| awaited != item);
    }

    /// Transcription says whether a turn was noise. Whether it was the last one.
    pub(super) fn understood(&mut self, item: &ItemId, noise: bool) -> bool {
        let last = self.last.as_mut().filter(|last| last.item == *item);
        last.is_some_and(|last| {
            last.noise = Some(noise);
            true
        })
    }

    /// Whether there were no words in the last turn, as far as is known.
    pub(super) fn last_was_noise(&self) -> bool {
        matches!(self.last, Some(Last { noise: Some(true), .. }))
    }

    /// Whether there were words in the last turn or, unanswered, before it, as far as is known.
    pub(super) fn want_an_answer(&self) -> bool {
        self.last.as_ref().is_some_and(|last| last.owed_before || last.noise != Some(true))
    }

    /// The turn that the caller is in.
    pub(super) fn open(&self) -> Option<&ItemId> {
        self.open.as_ref()
    }

    /// Whether a turn that is over lacks its transcript.
    pub(super) fn is_awaited(&self) -> bool {
        !self.awaited.is_empty()
    }
}

impl Session {
    /// A piece of what the caller says: for the call, which waits for a sign of words. The record gets the whole.
    pub(super) fn hear_caller(&mut self, delta: &CallerDelta<'_>, out: &mut Vec<SessionAction>) {
        let Some(piece) = delta.delta.as_deref().filter(|piece| !piece.is_empty()) else { return };
        let (item, text) = (self.seen(&delta.item_id), Private::new(piece.to_owned()));
        out.push(SessionAction::Report(ModelReport::CallerWords { item, text, last: false }));
    }

    /// All that the caller said in an item.
    pub(super) fn caller_transcribed(&mut self, item: &str, text: String, now: Instant, out: &mut Vec<SessionAction>) {
        let item = self.seen(item);
        self.turns.transcribed(&item);
        self.turn_understood(&item, &text, now, out);
        let told = Private::new(text.clone());
        out.push(SessionAction::Report(ModelReport::CallerWords { item: item.clone(), text: told, last: true }));
        out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
    }

    /// Nobody will know what the caller said in an item.
    pub(super) fn transcription_failed(&mut self, item: &str, out: &mut Vec<SessionAction>) {
        let item = self.seen(item);
        self.turns.transcribed(&item);
        out.push(SessionAction::Report(ModelReport::WordsFailed { item: item.clone() }));
        out.push(SessionAction::ToWords(Words::CallerSaid { item, text: None }));
    }
}

/// Turns whose transcript is awaited. A transcript takes a second or two, so that one or two are the rule; a server that owes more
/// than this does not transcribe.
const MOST_AWAITED: usize = 16;
