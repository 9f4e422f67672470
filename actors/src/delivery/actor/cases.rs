//! The cases that a Delivery works on: their state in memory and on disk.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::Delivery;
use crate::clock;
use crate::delivery::case::{Case, Status};
use crate::delivery::events::Event;
use crate::delivery::schedule::Job;
use crate::events::emit;

impl Delivery {
    /// Writes the state of a delivery into its case.
    pub(super) fn note(&mut self, job: &Job, attempts: u32, status: Status, wait: Option<Duration>) {
        let now = clock::wall();
        let name = &self.plan.endpoints[job.endpoint].name;
        if let Some(course) = self.cases.get_mut(&job.notice).and_then(|case| case.deliveries.get_mut(name)) {
            course.status = status;
            course.attempts = attempts;
            course.next_at = wait.map(|wait| now + wait);
            course.ended_at = (status != Status::Pending).then_some(now);
        }
    }

    /// Writes the result of the last try into the case.
    pub(super) fn note_last(&mut self, job: &Job, result: &str) {
        let name = &self.plan.endpoints[job.endpoint].name;
        if let Some(course) = self.cases.get_mut(&job.notice).and_then(|case| case.deliveries.get_mut(name)) {
            course.last = Some(result.to_owned());
            course.last_at = Some(clock::wall());
        }
    }

    /// The result of the last try.
    pub(super) fn last(&self, job: &Job) -> String {
        let name = &self.plan.endpoints[job.endpoint].name;
        let course = self.cases.get(&job.notice).and_then(|case| case.deliveries.get(name));
        course.and_then(|course| course.last.clone()).unwrap_or_default()
    }

    /// Writes a case to disk and drops it from memory when it is finished. A failed write is tried
    /// again.
    pub(super) fn save(&mut self, id: &Arc<str>) {
        let Some(case) = self.cases.get(id) else { return };
        if self.node.as_ref().is_some_and(|node| node.entries.contains_key(id)) {
            // It belongs to the shared queue; the next exchange with Redis writes it.
            self.unsaved.insert(Arc::clone(id));
            return;
        }
        if let Err(problem) = self.store.save(case) {
            if self.unsaved.insert(Arc::clone(id)) {
                emit(Event::DeliveryUnsaved { problem: &problem.to_string() });
            }
            return;
        }
        self.unsaved.remove(id);
        self.mark(case);
        if case.status() != Status::Pending {
            self.cases.remove(id);
        }
    }

    /// Updates the status in the call's queue file.
    pub(super) fn mark(&self, case: &Case) {
        let Some(files) = &case.notice.record else { return };
        match self.store.mark_queue(&files.queue, case, clock::wall()) {
            // Its call was erased, or its retention has ended.
            Err(problem) if problem.kind() == io::ErrorKind::NotFound => {}
            Err(problem) => emit(Event::DeliveryUnsaved { problem: &format!("{}: {problem}", files.queue) }),
            Ok(()) => {}
        }
    }
}
