//! The path to the AudioPipeline: its mailbox, and the audio that the mailbox could not accept at
//! once.

use actix::Recipient;
use actix::dev::SendError;

use crate::carrier::AudioFormat;
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::backlog::{Backlog, Playable};

/// The path to the AudioPipeline.
#[derive(Debug)]
pub(super) struct Outlet {
    audio: Recipient<FromModel>,
    items: Recipient<ItemComplete>,
    backlog: Backlog,
}

impl Outlet {
    /// A path to these mailboxes, for audio of `format`.
    pub(super) fn new(audio: Recipient<FromModel>, items: Recipient<ItemComplete>, format: AudioFormat) -> Self {
        Self { audio, items, backlog: Backlog::new(LONGEST_BACKLOG_MS * format.bytes_per_ms()) }
    }

    /// Switches to another pipeline of the call.
    pub(super) fn replace(&mut self, audio: Recipient<FromModel>, items: Recipient<ItemComplete>) {
        (self.audio, self.items) = (audio, items);
    }

    /// Whether audio waits to be offered again.
    pub(super) fn waits(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Passes `playable` on, behind the audio that waits. Returns `false` if too much waits already
    /// and it is dropped.
    pub(super) fn play(&mut self, playable: Playable) -> bool {
        let refused = if self.backlog.is_empty() { self.offer(playable) } else { Some(playable) };
        refused.is_none_or(|playable| self.backlog.push(playable))
    }

    /// Offers the waiting audio until the mailbox is full again.
    pub(super) fn offer_again(&mut self) {
        while let Some(first) = self.backlog.pop() {
            if let Some(refused) = self.offer(first) {
                return self.backlog.put_back(refused);
            }
        }
    }

    /// Offers audio to the pipeline. Returns what the full mailbox refuses.
    fn offer(&self, playable: Playable) -> Option<Playable> {
        match playable {
            Playable::Audio(audio) => match self.audio.try_send(audio) {
                Err(SendError::Full(audio)) => Some(Playable::Audio(audio)),
                // Without a pipeline nothing can be played, and the call knows.
                Ok(()) | Err(SendError::Closed(_)) => None,
            },
            Playable::Complete(complete) => match self.items.try_send(complete) {
                Err(SendError::Full(complete)) => Some(Playable::Complete(complete)),
                Ok(()) | Err(SendError::Closed(_)) => None,
            },
        }
    }
}

/// The bound for model audio that waits for the pipeline: twice the longest burst in one read. The
/// pipeline has its own, larger bound. This one covers the moments in which the pipeline does not
/// run.
const LONGEST_BACKLOG_MS: usize = 60_000;
