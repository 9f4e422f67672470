//! The two ends of a running call: what it shows, and how it is told to hang up.

use std::time::Duration;

use tokio::sync::watch;

/// The call's end: it reports here and listens for the order to hang up.
#[derive(Debug)]
pub struct Handset {
    progress: watch::Sender<Progress>,
    hang_up: watch::Receiver<bool>,
}

/// The other end, for whoever watches.
#[derive(Debug)]
pub struct Remote {
    progress: watch::Receiver<Progress>,
    hang_up: watch::Sender<bool>,
}

/// A call as it is now.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Since dialling.
    pub elapsed: Duration,
    /// How loud the caller is, 0 to 1.
    pub caller_level: f32,
    /// How loud the agent is in the caller's ear, 0 to 1.
    pub agent_level: f32,
    /// Media played to the caller.
    pub heard: Duration,
    /// Media queued for the caller.
    pub queued: Duration,
    /// Marks echoed.
    pub marks: u64,
    /// Clears received.
    pub clears: u64,
    /// Warnings due so far.
    pub warnings: u64,
}

/// What a call is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Asking the webhook, or opening the stream.
    #[default]
    Dialling,
    /// The stream is open.
    Talking,
    /// Waiting as the document says: a pause, a dialled person.
    Waiting,
    /// Over.
    Over,
}

impl Phase {
    /// The word for a person.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Dialling => "dialling",
            Self::Talking => "talking",
            Self::Waiting => "waiting",
            Self::Over => "over",
        }
    }
}

impl Handset {
    /// Both ends of one call.
    pub fn new() -> (Self, Remote) {
        let (progress, watched) = watch::channel(Progress::default());
        let (order, hang_up) = watch::channel(false);
        (Self { progress, hang_up }, Remote { progress: watched, hang_up: order })
    }

    pub(super) fn show(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    /// Returns when the order to hang up has come; never, when nobody is left to give it.
    pub(super) async fn told_to_hang_up(&mut self) {
        if self.hang_up.wait_for(|order| *order).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Remote {
    /// The call as it is now.
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// The caller hangs up: `stop`, then the close of the stream.
    pub fn hang_up(&self) {
        // The call may be over already; then there is nobody to tell.
        let _ = self.hang_up.send(true);
    }
}
