//! The two ends of a running call: one reports its progress, the other watches it and orders it to
//! hang up.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use url::Url;

/// The call's end: reports progress and receives orders.
#[derive(Debug)]
pub struct Handset {
    progress: watch::Sender<Progress>,
    hang_up: watch::Receiver<bool>,
    orders: mpsc::Receiver<Order>,
}

/// The observer's end: reads progress and sends orders.
#[derive(Debug, Clone)]
pub struct Remote {
    progress: watch::Receiver<Progress>,
    hang_up: watch::Sender<bool>,
    orders: mpsc::Sender<Order>,
}

/// An order to a running call from outside.
#[derive(Debug)]
pub(super) enum Order {
    /// The caller hangs up.
    HangUp,
    /// The carrier's API redirects the call to another document.
    Redirect(Url),
    /// The caller's conference is over because the other party left it.
    Left,
}

/// The current state of a call.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Progress {
    /// What the call is doing.
    pub phase: Phase,
    /// Time since dialling.
    pub elapsed: Duration,
    /// Level of the caller, 0 to 1.
    pub caller_level: f32,
    /// Level of the agent as the caller hears it, 0 to 1.
    pub agent_level: f32,
    /// Media played to the caller.
    pub heard: Duration,
    /// Media queued for the caller.
    pub queued: Duration,
    /// Marks echoed.
    pub marks: u64,
    /// Clears received.
    pub clears: u64,
    /// Warnings so far.
    pub warnings: u64,
}

/// What a call is doing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Requesting the webhook, or opening the stream.
    #[default]
    Dialling,
    /// The stream is open.
    Talking,
    /// Waiting as the document says: a pause, or a dialled callee.
    Waiting,
    /// The call is over.
    Over,
}

impl Phase {
    /// The word shown to users.
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
    /// Creates both ends of one call.
    pub fn new() -> (Self, Remote) {
        let (progress, watched) = watch::channel(Progress::default());
        let (order, hang_up) = watch::channel(false);
        let (orders, ordered) = mpsc::channel(MOST_ORDERS);
        (Self { progress, hang_up, orders: ordered }, Remote { progress: watched, hang_up: order, orders })
    }

    pub(super) fn show(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    /// Returns the next order. Never returns if all senders are gone.
    pub(super) async fn next_order(&mut self) -> Order {
        tokio::select! {
            Ok(_) = self.hang_up.wait_for(|order| *order) => Order::HangUp,
            Some(order) = self.orders.recv() => order,
            else => std::future::pending().await,
        }
    }
}

impl Remote {
    /// The current state of the call.
    pub fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Makes the caller hang up: sends `stop`, then closes the stream.
    pub fn hang_up(&self) {
        // The call may already be over; the order then has no receiver.
        let _ = self.hang_up.send(true);
    }

    /// Redirects the call through the carrier's API to the document at `url`: the stream ends, and
    /// the rest of the old document is dropped.
    pub fn redirect(&self, url: Url) {
        // The call may already be over; there is then nothing to redirect.
        let _ = self.orders.try_send(Order::Redirect(url));
    }

    /// Reports that the other party left the caller's conference, which ends it.
    pub fn leave(&self) {
        // The caller may already have left the conference.
        let _ = self.orders.try_send(Order::Left);
    }
}

/// Capacity for pending orders. A service sends one at a time.
const MOST_ORDERS: usize = 4;
