//! The sockets of a call's sessions: each socket's writer, and the task that dials or reads it.

use actix::SpawnHandle;

use crate::realtime::link::Writing;
use crate::realtime::sessions::LegId;

/// The sockets: one for each session that is connected or being dialled.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<LinkOfLeg>);

#[derive(Debug)]
struct LinkOfLeg {
    leg: LegId,
    /// `None` while the socket is dialled.
    writing: Option<Writing>,
    /// The task that dials, and later the one that reads.
    task: SpawnHandle,
}

impl Links {
    /// Adds a socket that is being dialled.
    pub(super) fn dialling(&mut self, leg: LegId, task: SpawnHandle) {
        self.0.push(LinkOfLeg { leg, writing: None, task });
    }

    /// Marks a socket as open; `task` reads it.
    pub(super) fn open(&mut self, leg: LegId, writing: Writing, task: SpawnHandle) {
        if let Some(link) = self.0.iter_mut().find(|link| link.leg == leg) {
            (link.writing, link.task) = (Some(writing), task);
        }
    }

    /// Whether the socket is still wanted.
    pub(super) fn knows(&self, leg: LegId) -> bool {
        self.0.iter().any(|link| link.leg == leg)
    }

    /// Removes a socket and returns its task, which must be cancelled.
    pub(super) fn remove(&mut self, leg: LegId) -> Option<SpawnHandle> {
        let place = self.0.iter().position(|link| link.leg == leg)?;
        Some(self.0.remove(place).task)
    }

    /// The writing end of an open link.
    pub(super) fn writing(&mut self, leg: LegId) -> Option<&mut Writing> {
        self.0.iter_mut().find(|link| link.leg == leg)?.writing.as_mut()
    }

    /// Writes to an open socket.
    pub(super) fn write(&mut self, leg: LegId, write: impl FnOnce(&Writing)) {
        if let Some(writing) = self.writing(leg) {
            write(writing);
        }
    }
}
