//! The sockets of a call's sessions: each socket's writer, and the task that dials or reads it.

use actix::SpawnHandle;

use crate::realtime::sessions::LegId;
use crate::realtime::writer::Writer;

/// The sockets: one for each session that is connected or being dialled.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<LinkOfLeg>);

#[derive(Debug)]
struct LinkOfLeg {
    leg: LegId,
    /// `None` while the socket is dialled.
    writer: Option<Writer>,
    /// The task that dials, and later the one that reads.
    task: SpawnHandle,
}

impl Links {
    /// Adds a socket that is being dialled.
    pub(super) fn dialling(&mut self, leg: LegId, task: SpawnHandle) {
        self.0.push(LinkOfLeg { leg, writer: None, task });
    }

    /// Marks a socket as open; `task` reads it.
    pub(super) fn open(&mut self, leg: LegId, writer: Writer, task: SpawnHandle) {
        if let Some(link) = self.0.iter_mut().find(|link| link.leg == leg) {
            (link.writer, link.task) = (Some(writer), task);
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

    /// The writer of an open socket.
    pub(super) fn writer(&self, leg: LegId) -> Option<&Writer> {
        self.0.iter().find(|link| link.leg == leg)?.writer.as_ref()
    }

    /// Writes to an open socket.
    pub(super) fn write(&self, leg: LegId, write: impl FnOnce(&Writer)) {
        if let Some(writer) = self.writer(leg) {
            write(writer);
        }
    }
}
