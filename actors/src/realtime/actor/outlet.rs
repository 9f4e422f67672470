//! The way to the AudioPipeline: its mailbox, and what that did not take at once.

use actix::Recipient;
use actix::dev::SendError;

use crate::carrier::AudioFormat;
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::backlog::{Backlog, Playable};

/// The way to the AudioPipeline.
#[derive(Debug)]
pub(super) struct Outlet {
    audio: Recipient<FromModel>,
    items: Recipient<ItemComplete>,
    backlog: Backlog,
}

impl Outlet {
    /// To these mailboxes, audio of `format`.
    pub(super) fn new(audio: Recipient<FromModel>, items: Recipient<ItemComplete>, format: AudioFormat) -> Self {
        Self { audio, items, backlog: Backlog::new(LONGEST_BACKLOG_MS * format.bytes_per_ms()) }
    }

    /// The call has another pipeline.
    pub(super) fn replace(&mut self, audio: Recipient<FromModel>, items: Recipient<ItemComplete>) {
        (self.audio, self.items) = (audio, items);
    }

    /// Whether something waits to be offered again.
    pub(super) fn waits(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Hands `playable` on, behind what waits. `false` where too much waits already and it is dropped.
    pub(super) fn play(&mut self, playable: Playable) -> bool {
        let refused = if self.backlog.is_empty() { self.offer(playable) } else { Some(playable) };
        refused.is_none_or(|playable| self.backlog.push(playable))
    }

    /// Offers what waits, until the mailbox is full again.
    pub(super) fn offer_again(&mut self) {
        while let Some(first) = self.backlog.pop() {
            if let Some(refused) = self.offer(first) {
                return self.backlog.put_back(refused);
            }
        }
    }

    /// Offers to the pipeline; what its full mailbox refuses comes back.
    fn offer(&self, playable: Playable) -> Option<Playable> {
        match playable {
            Playable::Audio(audio) => match self.audio.try_send(audio) {
                Err(SendError::Full(audio)) => Some(Playable::Audio(audio)),
                // Without a pipeline there is nobody to hear it, and the call knows.
                Ok(()) | Err(SendError::Closed(_)) => None,
            },
            Playable::Complete(complete) => match self.items.try_send(complete) {
                Err(SendError::Full(complete)) => Some(Playable::Complete(complete)),
                Ok(()) | Err(SendError::Closed(_)) => None,
            },
        }
    }
}

/// Model audio that waits for a pipeline that does not take it: twice the longest burst in one read. The pipeline has its
/// own, larger bound; this one is for the moments in which it does not run.
const LONGEST_BACKLOG_MS: usize = 60_000;
