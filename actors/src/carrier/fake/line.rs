//! The carrier's end of one stream: what it sends, and its strict reader. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Complaint;
use crate::carrier::{AudioFormat, ByClear, Capabilities, Clear, Incoming, Length, Marks, Outgoing};

/// The carrier's end of one stream. Samples are 8 kHz mono.
pub trait Line: Send {
    /// Writes everything up to the stream's `start`, with `parameters`.
    fn start(&mut self, parameters: &BTreeMap<String, String>, out: &mut Outgoing);

    /// Writes the caller's next 20 ms, which end at `at` since the stream began.
    fn media(&mut self, samples: &[i16], at: Duration, out: &mut Outgoing);

    /// Writes a key press; nothing if the carrier does not report keys.
    fn key(&mut self, key: char, out: &mut Outgoing) {
        let _ = (key, out);
    }

    /// Echoes a mark after playout has reached it or a clear has passed it; nothing if the carrier
    /// has no marks.
    fn mark(&mut self, echo: &Echo, out: &mut Outgoing) {
        let _ = (echo, out);
    }

    /// Writes the end of the call; nothing if the carrier does not report it.
    fn stop(&mut self, out: &mut Outgoing);

    /// Whether the carrier closes the socket of an ended call.
    fn closes(&self) -> bool {
        true
    }

    /// Reads one message of the service. The carrier's immediate answer is written to `reply`.
    ///
    /// # Errors
    /// The carrier's complaint; the message is ignored.
    fn read(&mut self, message: Incoming<'_>, reply: &mut Outgoing) -> Result<Said, Complaint>;

    /// The number of samples in an audio message, without checking the message: a load generator
    /// must cost less than what it measures. `None` sends the message to [`Line::read`].
    fn samples_in(&self, message: Incoming<'_>) -> Option<usize> {
        let _ = message;
        None
    }
}

/// A command from the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Play these samples after what is queued.
    Media(Vec<i16>),
    /// Echo this name when playout has come here.
    Mark(String),
    /// Drop what is queued.
    Clear,
    /// End the stream and drop what is queued; the document goes on.
    HangUp,
}

/// A mark's echo.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// Its name.
    pub name: String,
    /// Playout has reached it. Otherwise a clear has passed it, which not every carrier's echo
    /// shows.
    pub played: bool,
}

impl Echo {
    /// The echo of a mark that playout has reached.
    pub const fn played(name: String) -> Self {
        Self { name, played: true }
    }
}

/// The echoes of the marks that were `pending` at a clear. If the carrier's documentation says
/// nothing, there are none: the service has to cope with that.
pub fn echoes_of_clear(can: &Capabilities, pending: Vec<String>) -> Vec<Echo> {
    match can.marks {
        Marks::Echoed { by_clear: ByClear::Echoes | ByClear::Labels, .. } => {
            pending.into_iter().map(|name| Echo { name, played: false }).collect()
        }
        Marks::Echoed { by_clear: ByClear::Drops | ByClear::Unknown, .. } | Marks::None => Vec::new(),
    }
}

/// The most samples that may be queued where the carrier cannot be relied on to drop them: twice
/// the lead, because the network may deliver the first frames late and the rest on time, and no less
/// than what comes at once after a busy moment of either machine.
pub fn most_queued(can: &Capabilities) -> Option<usize> {
    match can.clear {
        Clear::Sure { .. } => None,
        Clear::None | Clear::Unsure => {
            Some(Length::Time((2 * can.lead).max(BUSY_MOMENT)).samples(AudioFormat::PCM_8K) as usize)
        }
    }
}

/// Audio that a held-up thread sends at once.
const BUSY_MOMENT: Duration = Duration::from_millis(400);

#[cfg(test)]
mod tests;
