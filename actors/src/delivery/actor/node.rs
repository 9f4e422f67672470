//! A Delivery among several nodes: a tick keeps its folders, its schedule and the shared queue in
//! step.
//!
//! Each tick starts at most one exchange with Redis, and only when none is under way. A new case
//! stays in the outbox (`deliveries/pending`) until it is in the stream, then in
//! `deliveries/shared` until some node has finished it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{ActorContext, ActorFutureExt, AsyncContext, Context, WrapFuture};

use super::shared::{Asked, Link, Outcome, STALE_AFTER, Work};
use super::{Delivery, MOST_HELD};
use crate::clock;
use crate::delivery::case::{Case, Status};
use crate::delivery::events::Event;
use crate::events::emit;

/// What a node knows of the shared queue.
pub(super) struct Node {
    pub(super) link: Link,
    /// The stream entries of the cases that this node works on, by event id.
    pub(super) entries: HashMap<Arc<str>, Arc<str>>,
    /// Whether an exchange with Redis is under way.
    busy: bool,
    /// Whether Redis is away. Logged once.
    away: bool,
    touched: Option<Instant>,
    claimed: Option<Instant>,
    asked: Option<Instant>,
    checked: Option<Instant>,
    /// This node's own cases in the stream.
    shared: HashMap<String, Asked>,
}

impl Node {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            entries: HashMap::new(),
            busy: false,
            away: false,
            touched: None,
            claimed: None,
            asked: None,
            checked: None,
            shared: HashMap::new(),
        }
    }
}

impl Delivery {
    /// Starts an exchange with Redis, unless one is under way.
    pub(super) fn keep_in_step(&mut self, ctx: &mut Context<Self>) {
        let Some(node) = &mut self.node else { return };
        if std::mem::replace(&mut node.busy, true) {
            return;
        }
        let now = clock::now();
        let due = |last: &mut Option<Instant>, every: Duration| {
            let due = last.is_none_or(|at| now.saturating_duration_since(at) >= every);
            if due {
                *last = Some(now);
            }
            due
        };
        let (touch, claim) = (due(&mut node.touched, STALE_AFTER / 3), due(&mut node.claimed, STALE_AFTER / 3));
        let ask = due(&mut node.asked, ASK_EVERY);
        let check = ask && due(&mut node.checked, CHECK_EVERY);
        let touch = if touch { node.entries.values().cloned().collect() } else { Vec::new() };
        let entries = &node.entries;
        let progress =
            self.unsaved.iter().filter_map(|id| Some((entries.get(id)?.clone(), self.cases.get(id)?.clone())));
        // A node that is stopping claims no more cases.
        let room =
            if self.finishing.is_some() { 0 } else { MOST_HELD.saturating_sub(self.cases.len()).min(MOST_AT_ONCE) };
        let work =
            Work { progress: progress.collect(), touch, room, claim, push: self.outbox(), ask: Vec::new(), check };
        let ask = if ask { self.shared_cases() } else { Vec::new() };
        let work = Work { ask, ..work };
        let Some(node) = &self.node else { return };
        let mut link = node.link.clone();
        let conversation = async move {
            let outcome = link.work(work).await;
            (link, outcome)
        };
        ctx.spawn(conversation.into_actor(self).map(|(link, outcome), this: &mut Self, ctx: &mut Context<Self>| {
            this.was_in_step(link, outcome, ctx);
        }));
    }

    /// This node's cases in the stream, according to the disk.
    fn shared_cases(&mut self) -> Vec<Asked> {
        let Some(node) = &mut self.node else { return Vec::new() };
        let ids = self.store.shared().unwrap_or_default();
        let mut known = std::mem::take(&mut node.shared);
        for id in ids {
            let asked = known.remove(&id).or_else(|| {
                let entry = self.store.entry(&id).ok()?;
                let call = self.store.find(&id).ok()??.notice.call.id;
                Some(Asked { id: id.clone(), call, entry })
            });
            node.shared.extend(asked.map(|asked| (id, asked)));
        }
        node.shared.values().cloned().collect()
    }

    /// Adds lost cases to the stream again, under their old ids.
    fn push_again(&mut self, lost: &[String]) {
        let mut again = 0;
        for id in lost {
            match self.store.find(id) {
                Ok(Some(case)) if case.status() == Status::Pending => match self.store.save(&case) {
                    Ok(()) => again += 1,
                    Err(problem) => emit(Event::DeliveryUnsaved { problem: &problem.to_string() }),
                },
                Ok(_) => {}
                Err(problem) => {
                    emit(Event::NoticeDropped { event: id, carrier_call: None, problem: &problem.to_string() });
                }
            }
        }
        if again > 0 {
            emit(Event::QueueLost { events: again });
        }
    }

    /// The cases in the outbox, with their records.
    fn outbox(&self) -> Vec<(Case, Option<String>)> {
        let ids = self.store.ids(Status::Pending).unwrap_or_default();
        let cases = ids.iter().take(MOST_AT_ONCE).filter_map(|id| match self.store.pending(id) {
            Ok(case) => Some(case),
            Err(problem) => {
                emit(Event::NoticeDropped { event: id, carrier_call: None, problem: &problem.to_string() });
                None
            }
        });
        cases
            .map(|case| {
                // If its record is missing, the node that claims it gives it up and reports that.
                let files = case.notice.record.as_ref();
                let record = files.and_then(|files| self.store.transcript(files).ok()).map(|record| record.to_string());
                (case, record)
            })
            .collect()
    }

    fn was_in_step(&mut self, link: Link, outcome: Outcome, ctx: &mut Context<Self>) {
        let Some(node) = &mut self.node else { return };
        node.link = link;
        node.busy = false;
        let away = outcome.problem.is_some();
        if let Some(problem) = outcome.problem.filter(|_| !node.away) {
            emit(Event::QueueAway { problem: &problem });
        } else if node.away && !away {
            emit(Event::QueueBack);
        }
        node.away = away;
        for (case, entry) in &outcome.pushed {
            node.shared.remove(&case.notice.id);
            if let Err(problem) = self.store.share(case, entry) {
                emit(Event::DeliveryUnsaved { problem: &problem.to_string() });
            }
        }
        for case in outcome.saved {
            self.was_saved(&case);
        }
        for case in outcome.ended.into_iter().filter(|case| case.status() != Status::Pending) {
            match self.store.save(&case) {
                Ok(()) => self.mark(&case),
                Err(problem) => emit(Event::DeliveryUnsaved { problem: &problem.to_string() }),
            }
        }
        for id in &outcome.erased {
            self.forget(&Arc::from(id.as_str()), ctx);
        }
        self.push_again(&outcome.lost);
        for entry in &outcome.unreadable {
            emit(Event::NoticeDropped {
                event: entry,
                carrier_call: None,
                problem: "the entry in the shared queue cannot be read",
            });
        }
        for (entry, case) in outcome.taken {
            self.take_entry(entry, case, ctx);
        }
        if self.is_finished() {
            ctx.stop();
        }
    }

    fn take_entry(&mut self, entry: Arc<str>, case: Case, ctx: &mut Context<Self>) {
        let Some(node) = &mut self.node else { return };
        let id: Arc<str> = Arc::from(case.notice.id.as_str());
        node.entries.insert(Arc::clone(&id), entry);
        self.cases.entry(Arc::clone(&id)).or_insert(case);
        self.hold(&id, ctx);
    }

    /// The queue has stored this state of a case.
    fn was_saved(&mut self, case: &Case) {
        let id = case.notice.id.as_str();
        // The case may have advanced since.
        if self.cases.get(id).is_some_and(|now| now == case) {
            self.unsaved.remove(id);
            if case.status() != Status::Pending {
                self.cases.remove(id);
                if let Some(node) = &mut self.node {
                    node.entries.remove(id);
                }
            }
        }
    }
}

/// How often the results of this node's own cases are fetched.
const ASK_EVERY: Duration = Duration::from_secs(2);
/// How often this node checks that its cases are still in the stream. Shorter: more work for Redis.
/// Longer: receivers wait when Redis has lost its last writes.
const CHECK_EVERY: Duration = Duration::from_secs(10);
/// The most cases added or claimed in one exchange.
const MOST_AT_ONCE: usize = 64;
