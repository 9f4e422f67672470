//! The two ends of a running call: what it shows, and how it is told to hang up.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use url::Url;

/// The call's end: it reports here and listens for the order to hang up.
#[derive(Debug)]
pub struct Handset {
    progress: watch::Sender<Progress>,
    hang_up: watch::Receiver<bool>,
    orders: mpsc::Receiver<Order>,
}

/// The other end, for whoever watches.
#[derive(Debug, Clone)]
pub struct Remote {
    progress: watch::Receiver<Progress>,
    hang_up: watch::Sender<bool>,
    orders: mpsc::Sender<Order>,
}

/// What a running call is told from outside.
#[derive(Debug)]
pub(super) enum Order {
    /// The caller hangs up.
    HangUp,
    /// The carrier's API takes the call to another document.
    Redirect(Url),
    /// The conference that the caller is in is over, because the other has left it.
    Left,
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
        let (orders, ordered) = mpsc::channel(MOST_ORDERS);
        (Self { progress, hang_up, orders: ordered }, Remote { progress: watched, hang_up: order, orders })
    }

    pub(super) fn show(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    /// Returns when an order has come; never, when nobody is left to give it.
    pub(super) async fn told(&mut self) -> Order {
        tokio::select! {
            Ok(_) = self.hang_up.wait_for(|order| *order) => Order::HangUp,
            Some(order) = self.orders.recv() => order,
            else => std::future::pending().await,
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

    /// The carrier is told over its API to go on with the document at `url`: its stream ends, and what stood behind it is dropped.
    pub fn redirect(&self, url: Url) {
        // The call may be over already; then there is nothing to redirect.
        let _ = self.orders.try_send(Order::Redirect(url));
    }

    /// The other has left the conference that the caller is in, which is over with that.
    pub fn leave(&self) {
        // The caller may be gone from it already.
        let _ = self.orders.try_send(Order::Left);
    }
}

/// Orders that wait to be obeyed; a service sends one at a time.
const MOST_ORDERS: usize = 4;
