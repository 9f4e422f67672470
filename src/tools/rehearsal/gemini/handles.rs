//! The handles by which another connection continues a session. The sessions of a server share
//! them, as those of the real service do.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use super::conversation::Conversation;

/// What a handle stands for.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    /// The model. Another one cannot continue the session.
    pub(super) model: String,
    /// The turns so far.
    pub(super) conversation: Conversation,
}

/// The newest handles of all sessions.
#[derive(Debug, Default)]
pub(super) struct Handles(Mutex<VecDeque<(String, Snapshot)>>);

impl Handles {
    /// No handles.
    pub(super) const fn new() -> Self {
        Self(Mutex::new(VecDeque::new()))
    }

    /// Keeps what `handle` stands for.
    pub(super) fn keep(&self, handle: String, snapshot: Snapshot) {
        let mut handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if handles.len() >= MOST_HANDLES {
            handles.pop_front();
        }
        handles.push_back((handle, snapshot));
    }

    /// What `handle` stands for, if it is known.
    pub(super) fn find(&self, handle: &str) -> Option<Snapshot> {
        let handles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        handles.iter().rev().find(|(known, _)| known == handle).map(|(_, snapshot)| snapshot.clone())
    }
}

/// Maximum number of handles that are kept. Each turn of each call makes one.
const MOST_HANDLES: usize = 4_096;
