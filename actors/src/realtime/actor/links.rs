//! The sockets of a call's sessions: what is written to each, and the task that dials or reads it.

use actix::SpawnHandle;

use crate::realtime::sessions::LegId;
use crate::realtime::writer::Writer;

/// The sockets, one for each session that has one or is on the way to it.
#[derive(Debug, Default)]
pub(super) struct Links(Vec<LinkOfLeg>);

#[derive(Debug)]
struct LinkOfLeg {
    leg: LegId,
    /// `None` while it is dialled.
    writer: Option<Writer>,
    /// The dialling, then the reading.
    task: SpawnHandle,
}

impl Links {
    /// A socket is being dialled.
    pub(super) fn dialling(&mut self, leg: LegId, task: SpawnHandle) {
        self.0.push(LinkOfLeg { leg, writer: None, task });
    }

    /// It is open, and `task` reads it.
    pub(super) fn open(&mut self, leg: LegId, writer: Writer, task: SpawnHandle) {
        if let Some(link) = self.0.iter_mut().find(|link| link.leg == leg) {
            (link.writer, link.task) = (Some(writer), task);
        }
    }

    /// Whether it is wanted.
    pub(super) fn knows(&self, leg: LegId) -> bool {
        self.0.iter().any(|link| link.leg == leg)
    }

    /// Forgets it; its task is to be ended.
    pub(super) fn remove(&mut self, leg: LegId) -> Option<SpawnHandle> {
        let place = self.0.iter().position(|link| link.leg == leg)?;
        Some(self.0.remove(place).task)
    }

    /// The writing end, of one that is open.
    pub(super) fn writer(&self, leg: LegId) -> Option<&Writer> {
        self.0.iter().find(|link| link.leg == leg)?.writer.as_ref()
    }

    /// Writes to one that is open.
    pub(super) fn write(&self, leg: LegId, write: impl FnOnce(&Writer)) {
        if let Some(writer) = self.writer(leg) {
            write(writer);
        }
    }
}
