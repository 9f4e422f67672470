//! Drops cases of calls that were erased.

use std::sync::Arc;

use actix::Context;

use super::{Delivery, Happening};
use crate::delivery::events::Event;
use crate::events::emit;

impl Delivery {
    /// Drops the cases of calls that were erased since the last look.
    pub(super) fn look_for_erased(&mut self, ctx: &mut Context<Self>) {
        if !self.erased.is_due(self.store.erased_at()) {
            return;
        }
        let gone = self.cases.iter().filter(|(_, case)| self.store.has_erased(&case.notice));
        for id in gone.map(|(id, _)| Arc::clone(id)).collect::<Vec<_>>() {
            self.forget(&id, ctx);
        }
    }

    /// Drops a case and removes its files: nothing of it is sent, logged or written again.
    pub(super) fn forget(&mut self, id: &Arc<str>, ctx: &mut Context<Self>) {
        if let Err(problem) = self.store.forget(id) {
            emit(Event::DeliveryUnsaved { problem: &format!("erase {id}: {problem}") });
        }
        self.release(id, ctx);
    }

    /// Removes a case from memory.
    pub(super) fn release(&mut self, id: &Arc<str>, ctx: &mut Context<Self>) {
        self.cases.remove(id);
        self.unsaved.remove(id);
        if let Some(node) = &mut self.node {
            node.entries.remove(id);
        }
        self.step(Happening::Forgotten { notice: Arc::clone(id) }, ctx);
    }
}
