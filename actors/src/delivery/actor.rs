//! The Delivery actor: runs [`super::schedule`] and [`super::store`], and performs their effects.
//!
//! It runs on an arbiter of its own. Its memory is bounded (`MOST_HELD`); further deliveries wait
//! on disk.

mod cases;
mod erased;
mod node;
mod records;
mod shared;
mod source;

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::{Actor, ActorContext, ActorFutureExt, AsyncContext, Context, Handler, ResponseFuture, WrapFuture};
use chrono::{DateTime, Local, NaiveDateTime, Utc};
use log::trace;
use send_wrapper::SendWrapper;
use serde_json::Value;
use tokio::sync::oneshot;

use self::node::Node;
use self::records::{Seen, Watch};
use self::shared::Link;
use self::source::Source;
use super::breaker::BreakerPlan;
use super::case::{Case, Status};
use super::events::Event;
use super::http::{Letter, post};
use super::messages::{CallUpdate, Finish};
use super::notice::{Kind, Notice};
use super::payload::{Material, Payload};
use super::plan::DeliveryPlan;
use super::schedule::{Action, Answer, Event as Happening, Job, Schedule, Why};
use super::store::Store;
use crate::alarm::{Alarm, TimeUp};
use crate::clock;
use crate::ending::Ending;
use crate::events::emit;
use crate::ids::{CallId, chance};

/// Sends notices of calls to the configured endpoints.
pub struct Delivery {
    plan: Arc<DeliveryPlan>,
    store: Store,
    schedule: Schedule,
    /// The unfinished cases, by their notice's id.
    cases: HashMap<Arc<str>, Case>,
    /// Cases whose last step is not on disk yet.
    unsaved: BTreeSet<Arc<str>>,
    /// Whether some pending cases are on disk and not in memory.
    overflown: bool,
    /// Queue files that were already read.
    seen: Seen,
    /// The folder of records.
    records: Watch,
    /// The folder of marks of erased calls.
    erased: Watch,
    /// When old files were last removed.
    swept: Option<Instant>,
    /// The queue shared with other nodes, if one is configured.
    node: Option<Node>,
    /// Created on the actor's own thread; the actor itself is created on another one.
    alarm: Option<SendWrapper<Alarm>>,
    /// Answered when the actor has finished.
    finishing: Option<oneshot::Sender<()>>,
}

impl Delivery {
    /// A Delivery that has not started yet.
    ///
    /// # Errors
    /// When the folders cannot be created.
    pub fn new(plan: DeliveryPlan) -> io::Result<Self> {
        let store = Store::open(&plan.records)?;
        let lanes: Vec<_> = plan
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.concurrency, store.is_shut(&endpoint.name, endpoint.url.as_str())))
            .collect();
        let node = plan.redis_url.as_ref().map(|url| Link::new(url.expose(), CallId::random().to_string(), plan.keep));
        let node = node.transpose().map_err(io::Error::other)?.map(Node::new);
        let breaker = BreakerPlan {
            threshold: FAILURES_IN_A_ROW,
            first: plan.retry.initial.saturating_mul(2).min(plan.retry.max),
            longest: plan.retry.max.min(LONGEST_PEACE),
        };
        Ok(Self {
            schedule: Schedule::new(plan.retry, breaker, &lanes),
            plan: Arc::new(plan),
            store,
            cases: HashMap::new(),
            unsaved: BTreeSet::new(),
            // An earlier process may have left deliveries: load them first.
            overflown: true,
            seen: Seen::default(),
            records: Watch::default(),
            erased: Watch::default(),
            swept: None,
            node,
            alarm: None,
            finishing: None,
        })
    }

    /// Hands an event to the schedule and performs its actions.
    fn step(&mut self, event: Happening, ctx: &mut Context<Self>) {
        let mut touched = BTreeSet::new();
        for action in self.schedule.handle(event, clock::now()) {
            self.perform(action, &mut touched, ctx);
        }
        for id in touched {
            self.save(&id);
        }
        if self.node.is_some() && !self.unsaved.is_empty() {
            self.keep_in_step(ctx);
        } else if self.is_finished() {
            ctx.stop();
        }
        self.arm();
    }

    fn perform(&mut self, action: Action, touched: &mut BTreeSet<Arc<str>>, ctx: &mut Context<Self>) {
        match action {
            Action::Attempt { job, .. } => self.attempt(job, ctx),
            Action::Completed { job, attempts } => {
                self.note(&job, attempts, Status::Completed, None);
                let endpoint = &self.plan.endpoints[job.endpoint].name;
                emit(Event::WebhookDelivered {
                    endpoint,
                    event: &job.notice,
                    carrier_call: self.carrier_call(&job.notice),
                    attempts,
                });
                touched.insert(job.notice);
            }
            Action::Delayed { job, attempts, wait } => {
                self.note(&job, attempts, Status::Pending, Some(wait));
                let (endpoint, problem) = (&self.plan.endpoints[job.endpoint].name, self.last(&job));
                emit(Event::WebhookDelayed {
                    endpoint,
                    event: &job.notice,
                    carrier_call: self.carrier_call(&job.notice),
                    attempts,
                    wait,
                    problem: &problem,
                });
                touched.insert(job.notice);
            }
            Action::GivenUp { job, attempts, why } => {
                if why == Why::Gone && attempts == 0 {
                    self.note_last(&job, "not tried: the endpoint has answered 410");
                }
                self.note(&job, attempts, Status::Failed, None);
                let (endpoint, problem) = (&self.plan.endpoints[job.endpoint].name, self.last(&job));
                emit(Event::WebhookGivenUp {
                    endpoint,
                    event: &job.notice,
                    carrier_call: self.carrier_call(&job.notice),
                    attempts,
                    problem: &problem,
                });
                touched.insert(job.notice);
            }
            Action::Shut { endpoint } => {
                let endpoint = &self.plan.endpoints[endpoint];
                emit(Event::EndpointShut { endpoint: &endpoint.name });
                if let Err(problem) = self.store.shut(&endpoint.name, endpoint.url.as_str()) {
                    emit(Event::DeliveryUnsaved { problem: &problem.to_string() });
                }
            }
            Action::BreakerOpened { endpoint, pause } => {
                emit(Event::EndpointRested { endpoint: &self.plan.endpoints[endpoint].name, pause });
            }
            Action::BreakerClosed { endpoint } => {
                emit(Event::EndpointRecovered { endpoint: &self.plan.endpoints[endpoint].name });
            }
        }
    }

    /// The carrier's id of the call that an event is about.
    fn carrier_call(&self, id: &Arc<str>) -> Option<&str> {
        self.cases.get(id).map(|case| case.notice.call.carrier_call_id.as_str())
    }

    /// Whether the service is stopping and no try is under way. Results go to the shared queue
    /// first.
    fn is_finished(&self) -> bool {
        let saved = self.node.is_none() || self.unsaved.is_empty();
        self.finishing.is_some() && self.schedule.in_flight() == 0 && saved
    }

    fn arm(&self) {
        let (Some((due, timer)), Some(alarm)) = (self.schedule.deadline(), &self.alarm) else { return };
        if alarm.ring_by(due) {
            trace!(timer:?; "timer armed");
        }
    }

    fn attempt(&mut self, job: Job, ctx: &mut Context<Self>) {
        let Some(notice) = self.cases.get(&job.notice).map(|case| case.notice.clone()) else { return };
        let entry =
            self.node.as_ref().and_then(|node| Some((node.link.clone(), node.entries.get(&job.notice)?.clone())));
        let source = Source::of(&notice, entry, &self.store);
        let plan = Arc::clone(&self.plan);
        let exchange = async move {
            let endpoint = &plan.endpoints[job.endpoint];
            let (answer, detail) = match source.record(&notice).await {
                Ok(record) => match letter(&notice, record.as_ref(), endpoint.payload) {
                    Ok(letter) => post(endpoint, letter).await,
                    Err(problem) => (Answer::Impossible, problem),
                },
                Err(answered) => answered,
            };
            (job, answer, detail)
        };
        ctx.spawn(exchange.into_actor(self).map(|(job, answer, detail), this: &mut Self, ctx: &mut Context<Self>| {
            let (notice, gone) = (Arc::clone(&job.notice), answer.clone());
            this.note_last(&job, &detail);
            this.step(Happening::Answered { job, answer, chance: chance() }, ctx);
            match gone {
                Answer::Erased => this.forget(&notice, ctx),
                Answer::Lost => this.release(&notice, ctx),
                Answer::Accepted | Answer::Refused { .. } | Answer::Unreached | Answer::Unsent | Answer::Impossible => {
                }
            }
        }));
    }

    /// Opens a case for a notice, if any endpoint subscribes to it.
    fn take(&mut self, notice: Notice, ctx: &mut Context<Self>) {
        let wanting = self.plan.endpoints.iter().filter(|endpoint| endpoint.events.contains(&notice.kind));
        let names: Vec<&str> = wanting.map(|endpoint| endpoint.name.as_str()).collect();
        let known = || self.cases.contains_key(notice.id.as_str()) || self.store.knows(&notice.id);
        if names.is_empty() || self.store.has_erased(&notice) || known() {
            return;
        }
        let case = Case::new(notice, &names, clock::wall());
        if self.node.is_some() {
            // This is the outbox: some node takes the case from the shared queue.
            match self.store.save(&case) {
                Ok(()) => self.mark(&case),
                Err(problem) => emit(Event::NoticeDropped {
                    event: &case.notice.id,
                    carrier_call: Some(&case.notice.call.carrier_call_id),
                    problem: &problem.to_string(),
                }),
            }
        } else if self.cases.len() < MOST_HELD {
            let id: Arc<str> = Arc::from(case.notice.id.as_str());
            self.cases.insert(Arc::clone(&id), case);
            // The case is on disk before the first try.
            self.save(&id);
            self.hold(&id, ctx);
        } else {
            match self.store.save(&case) {
                Ok(()) => self.overflown = true,
                Err(problem) => emit(Event::NoticeDropped {
                    event: &case.notice.id,
                    carrier_call: Some(&case.notice.call.carrier_call_id),
                    problem: &problem.to_string(),
                }),
            }
        }
    }

    /// Queues the pending deliveries of a case.
    fn hold(&mut self, id: &Arc<str>, ctx: &mut Context<Self>) {
        let now = clock::wall();
        let Some(case) = self.cases.get_mut(id) else { return };
        let mut queued = Vec::new();
        for (name, course) in case.deliveries.iter_mut().filter(|(_, course)| course.status == Status::Pending) {
            if let Some(endpoint) = self.plan.endpoints.iter().position(|endpoint| endpoint.name == *name) {
                let job = Job { notice: Arc::clone(id), endpoint };
                let age = (now - course.since).to_std().unwrap_or_default();
                // A clock that was set back must not make the wait longer than the longest pause.
                let wait = course.next_at.and_then(|at| (at - now).to_std().ok()).unwrap_or_default();
                queued.push(Happening::Queued { job, attempts: course.attempts, age, wait: wait.min(LONGEST_WAIT) });
            } else {
                course.status = Status::Failed;
                course.last = Some("the endpoint is no longer in webhooks.endpoints".to_owned());
                course.ended_at = Some(now);
            }
        }
        if queued.is_empty() {
            self.save(id);
        }
        for event in queued {
            self.step(event, ctx);
        }
    }

    /// Checks the disk for new work.
    fn look(&mut self, ctx: &mut Context<Self>) {
        self.look_for_erased(ctx);
        for id in self.unsaved.clone() {
            self.save(&id);
        }
        let looked = self
            .look_for_pending(ctx)
            .and_then(|()| self.look_for_retries(ctx))
            .and_then(|()| self.look_for_records(ctx))
            .and_then(|()| self.sweep());
        if let Err(problem) = looked {
            emit(Event::DeliveryUnsaved { problem: &problem.to_string() });
        }
        self.keep_in_step(ctx);
    }

    /// Loads cases that are only on disk, as far as there is room.
    fn look_for_pending(&mut self, ctx: &mut Context<Self>) -> io::Result<()> {
        if self.node.is_some() || !self.overflown || self.cases.len() > MOST_HELD / 2 {
            return Ok(());
        }
        let ids = self.store.ids(Status::Pending)?;
        self.overflown = false;
        for id in ids {
            if self.cases.contains_key(id.as_str()) {
                continue;
            }
            if self.cases.len() >= MOST_HELD {
                self.overflown = true;
                break;
            }
            match self.store.pending(&id) {
                Ok(case) if self.store.has_erased(&case.notice) => self.store.forget(&id)?,
                Ok(case) => {
                    let id: Arc<str> = Arc::from(id);
                    self.cases.insert(Arc::clone(&id), case);
                    self.hold(&id, ctx);
                }
                Err(problem) => {
                    emit(Event::NoticeDropped { event: &id, carrier_call: None, problem: &problem.to_string() });
                }
            }
        }
        Ok(())
    }

    /// Revives the dead letters that an operator has asked for.
    fn look_for_retries(&mut self, ctx: &mut Context<Self>) -> io::Result<()> {
        for id in self.store.retries()? {
            self.store.retried(&id)?;
            let in_hand = self.cases.get(id.as_str()).cloned();
            let Some(mut case) = in_hand.map_or_else(|| self.store.find(&id), |case| Ok(Some(case)))? else { continue };
            if self.store.has_erased(&case.notice) || !case.revive(clock::wall()) {
                continue;
            }
            let names: Vec<String> = case.deliveries.keys().cloned().collect();
            let id: Arc<str> = Arc::from(id);
            self.reopen(&names, ctx)?;
            if self.node.is_some() && !self.cases.contains_key(&id) {
                // This is the outbox: some node takes the case from the shared queue.
                self.store.save(&case)?;
                self.mark(&case);
            } else {
                self.cases.insert(Arc::clone(&id), case);
                self.save(&id);
                self.hold(&id, ctx);
            }
        }
        Ok(())
    }

    /// Opens endpoints again: retrying a dead letter implies that its endpoint is back.
    fn reopen(&mut self, names: &[String], ctx: &mut Context<Self>) -> io::Result<()> {
        for endpoint in 0..self.plan.endpoints.len() {
            let name = &self.plan.endpoints[endpoint].name;
            if names.contains(name) {
                self.store.reopen(name)?;
                self.step(Happening::Reopened { endpoint }, ctx);
            }
        }
        Ok(())
    }

    fn sweep(&mut self) -> io::Result<()> {
        let now = clock::now();
        if self.swept.is_some_and(|at| now.saturating_duration_since(at) < SWEEP_EVERY) {
            return Ok(());
        }
        self.swept = Some(now);
        self.store.sweep(self.plan.keep, clock::wall().into()).map(|_| ())
    }
}

impl Actor for Delivery {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        // A call sends three small messages: over a thousand calls begin and end on a hung disk
        // before one is dropped.
        ctx.set_mailbox_capacity(MOST_NEWS);
        self.alarm = Some(SendWrapper::new(Alarm::new(ctx.address().downgrade().recipient())));
        self.look(ctx);
        ctx.run_interval(LOOK_EVERY, |this, ctx| this.look(ctx));
    }

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(waiting) = self.finishing.take() {
            // The asker may have stopped waiting.
            let _ = waiting.send(());
        } else {
            emit(Event::DeliveryStopped { pending: self.schedule.len() });
        }
    }
}

impl Handler<CallUpdate> for Delivery {
    type Result = ();

    fn handle(&mut self, update: CallUpdate, ctx: &mut Self::Context) {
        match update {
            CallUpdate::Started(summary) => {
                self.take(Notice::of_call(Kind::CallStarted, &summary, summary.started_at, None), ctx);
            }
            CallUpdate::Ended { summary, ending, at } => {
                self.take(Notice::of_call(Kind::CallEnded, &summary, at, Some(ending)), ctx);
                if ending == Ending::Transferred {
                    self.take(Notice::of_call(Kind::CallTransferred, &summary, at, Some(ending)), ctx);
                }
            }
        }
    }
}

impl Handler<TimeUp> for Delivery {
    type Result = ();

    fn handle(&mut self, _: TimeUp, ctx: &mut Self::Context) {
        self.step(Happening::TimePassed, ctx);
    }
}

impl Handler<Finish> for Delivery {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, Finish { patience }: Finish, ctx: &mut Self::Context) -> Self::Result {
        let (done, finished) = oneshot::channel();
        // Reads the last records even if the folder's modification time is unchanged.
        self.records.again = true;
        self.look(ctx);
        self.finishing = Some(done);
        if self.is_finished() {
            ctx.stop();
        } else {
            ctx.run_later(patience, |_, ctx| ctx.stop());
        }
        Box::pin(async move {
            // An error means that the actor is gone: there is nothing left to wait for.
            let _ = finished.await;
        })
    }
}

fn letter(notice: &Notice, record: Option<&Value>, payload: Payload) -> Result<Letter, String> {
    let body = payload.body(Material { notice, record, local });
    let body = body.map_err(|problem| format!("the body cannot be written: {problem}"))?;
    Ok(Letter { id: notice.id.clone(), body })
}

fn local(moment: DateTime<Utc>) -> NaiveDateTime {
    moment.with_timezone(&Local).naive_local()
}

/// How often the disk is checked for new work: one `stat` where nothing has changed. Longer:
/// receivers wait. Shorter: needless work.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often old files are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(3600);
/// Cases in memory, of one or two kilobytes each. Further cases wait on disk; they lose only time.
const MOST_HELD: usize = 10_000;
/// Call updates that may wait while the disk hangs.
const MOST_NEWS: usize = 4096;
/// The longest pause that a receiver may ask for or an operator may configure.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);
/// Failures in a row that open an endpoint's breaker. Fewer: one bad delivery stops all others.
const FAILURES_IN_A_ROW: u32 = 5;
/// The longest pause of a breaker: by then the endpoint may have been repaired.
const LONGEST_PEACE: Duration = Duration::from_secs(300);

#[cfg(test)]
mod tests;
