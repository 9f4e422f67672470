//! The ledger entry of one item of the agent's audio: received, sent, heard. Pure.

use std::time::{Duration, Instant};

use super::messages::CLIP_RESPONSE;
use super::playhead::Playhead;
use crate::audio::report::{AudioReport, ItemPlayout};
use crate::ids::{ItemId, ResponseId};

/// A piece of an item's audio, in the line's format.
#[derive(Debug)]
pub(super) struct Piece<'a> {
    /// The response it belongs to. `None` for a clip of ours.
    pub response: Option<&'a ResponseId>,
    /// The item it belongs to.
    pub item: &'a ItemId,
    /// The time base in which the item is measured.
    pub source: Source,
    /// Samples of the item, at the source's rate, that came with this piece.
    pub samples: u64,
    /// The line's bytes. They may lag behind `samples` by the content of a resampler.
    pub bytes: &'a [u8],
}

/// The item's own time base, as its source counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Source {
    /// Samples per second.
    pub rate_hz: u32,
    /// How much later a sample stands on the line than in the item: the resampler's delay.
    pub delay: Duration,
}

/// The ledger entry of one item.
#[derive(Debug)]
pub(super) struct Item {
    /// The model's response. `None` for a clip of ours.
    pub response: Option<ResponseId>,
    /// The item's id.
    pub item: ItemId,
    /// The time base in which the item is measured.
    pub source: Source,
    /// Samples received from the source.
    pub received: u64,
    /// Line samples waiting to be sent.
    pub queued: u64,
    /// Line samples sent and not taken back.
    pub sent: u64,
    /// Sent samples that are not sent again, because they were heard or cannot be taken back.
    pub released: u64,
    /// The playhead's position of the first line sample. It is meaningful once something was sent.
    pub start: u64,
    /// Whether the item gets no more audio.
    pub closed: bool,
    /// Whether `PlayoutStarted` was reported.
    pub announced: bool,
    /// Whether `PlayoutOverflowed` was reported.
    pub overflowed: bool,
    /// When its first sample was sent, until `FirstHeard` is reported.
    pub unheard_since: Option<Instant>,
    /// Whether `FirstHeard` was reported.
    pub first_heard: bool,
}

impl Item {
    /// An empty item that begins with `piece`.
    pub(super) fn of(piece: &Piece<'_>) -> Self {
        Self {
            response: piece.response.cloned(),
            item: piece.item.clone(),
            source: piece.source,
            received: 0,
            queued: 0,
            sent: 0,
            released: 0,
            start: 0,
            closed: false,
            announced: false,
            overflowed: false,
            unheard_since: None,
            first_heard: false,
        }
    }

    /// Whether `piece` continues this item.
    pub(super) fn goes_on_with(&self, piece: &Piece<'_>) -> bool {
        self.item == *piece.item && self.response.as_ref() == piece.response && self.source == piece.source
    }

    /// Whether the whole item was sent.
    pub(super) fn is_sent(&self) -> bool {
        self.closed && self.queued == 0
    }

    /// The playhead's position after the last sample sent.
    pub(super) fn end(&self) -> u64 {
        self.start + self.sent
    }

    /// Samples of the item that were heard when the playhead stood at `played`.
    pub(super) fn heard(&self, played: u64) -> u64 {
        if self.sent == 0 { 0 } else { played.saturating_sub(self.start).min(self.sent) }
    }

    /// Releases the samples that were heard and returns their number.
    pub(super) fn release(&mut self, played: u64) -> u64 {
        let heard = self.heard(played);
        let released = heard.saturating_sub(self.released);
        self.released += released;
        released
    }

    /// Takes back the samples that were sent and not released, because the carrier has dropped
    /// them. The playhead stands at `played`, where the item continues.
    pub(super) fn take_back(&mut self, played: u64) {
        self.queued += self.sent - self.released;
        self.sent = self.released;
        self.start = played - self.sent;
    }

    /// The position at which the item counts as begun for the caller. `None` until `samples` of it
    /// were sent.
    pub(super) fn begins_at(&self, samples: u64) -> Option<u64> {
        let enough = if self.is_sent() { samples.min(self.sent) } else { samples };
        (self.unheard_since.is_some() && self.sent >= enough).then_some(self.start + enough)
    }

    /// The report that its first frame was sent.
    pub(super) fn started(&self) -> AudioReport {
        AudioReport::PlayoutStarted { response: self.response(), item: self.item.clone() }
    }

    /// The report that its beginning was heard.
    pub(super) fn begun(&self, after_sent: Duration) -> AudioReport {
        AudioReport::FirstHeard { response: self.response(), item: self.item.clone(), after_sent }
    }

    /// The response id for reports. A clip of ours belongs to no response of the model.
    fn response(&self) -> ResponseId {
        self.response.clone().unwrap_or_else(|| ResponseId::new(CLIP_RESPONSE))
    }

    /// The item's playout once all of it was heard.
    pub(super) fn heard_whole(&self) -> ItemPlayout {
        let received = self.received_time();
        ItemPlayout { response: self.response(), item: self.item.clone(), received, heard: received }
    }

    /// The item's playout, in its own time, when the playhead stood at `played`.
    pub(super) fn playout(&self, played: u64, head: &Playhead) -> ItemPlayout {
        let received = self.received_time();
        let heard = head.duration_of(self.heard(played)).saturating_sub(self.source.delay).min(received);
        ItemPlayout { response: self.response(), item: self.item.clone(), received, heard }
    }

    /// The received audio as a time. It is rounded down, so that the model is never asked for more
    /// than it has.
    fn received_time(&self) -> Duration {
        let nanos = u128::from(self.received) * 1_000_000_000 / u128::from(self.source.rate_hz);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
