//! From one session to the next: what is done when one is lost, when another one is there, and when one is about to expire.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::prelude::*;
use uuid::Uuid;

use super::legs::LegId;
use super::{RealtimeLlm, SessionEvent, refusals};
use crate::clock;
use crate::frame::Frame;
use crate::incident::{Incident, IncidentKind};
use crate::realtime::breaker::Standing;
use crate::realtime::failover_plan::Next;
use crate::realtime::handoff::handoff_of;
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::{LossClass, ModelLoss, ModelReport, ResponseOutcome};
use crate::realtime::seed::{CarryOver, Progress};
use crate::realtime::session::scope_of;

/// A time without a session.
#[derive(Debug)]
pub(super) struct Outage {
    since: Instant,
    /// What the session before left undone.
    carry_over: CarryOver,
}

impl Outage {
    /// Nothing was left by nobody.
    pub(super) fn at_the_start(now: Instant) -> Self {
        Self { since: now, carry_over: CarryOver::default() }
    }
}

/// Caller audio that waits for a session: the newest.
#[derive(Debug)]
pub(super) struct PendingAudio {
    frames: VecDeque<Frame>,
    bytes: usize,
    most_bytes: usize,
}

impl PendingAudio {
    pub(super) fn new(bytes_per_ms: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, most_bytes: LONGEST_HELD_MS * bytes_per_ms }
    }

    /// Takes `frame`; says how many older ones were dropped for it.
    fn push(&mut self, frame: Frame) -> u64 {
        self.bytes += frame.len();
        self.frames.push_back(frame);
        let mut dropped = 0;
        while self.bytes > self.most_bytes
            && let Some(oldest) = self.frames.pop_front()
        {
            self.bytes -= oldest.len();
            dropped += 1;
        }
        dropped
    }

    fn take(&mut self) -> VecDeque<Frame> {
        self.bytes = 0;
        std::mem::take(&mut self.frames)
    }
}

impl RealtimeLlm {
    /// The first dial.
    pub(super) fn begin(&mut self, ctx: &mut Context<Self>) {
        let now = clock::now();
        let (next, first) = refusals::look(|breakers| {
            (self.failover_plan.begin(breakers, now), breakers.standing(self.failover_plan.candidate(0), now))
        });
        if first == Standing::Blocked {
            let detail = "the first model refused other calls and was not dialled";
            self.report(ModelReport::Incident(Incident::new(IncidentKind::ModelBreaker, detail)));
        }
        self.pursue(next, now, ctx);
    }

    /// An order of the call: to the session in use, or for the one to come.
    pub(super) fn ordered(&mut self, order: ModelOrder, ctx: &mut Context<Self>) {
        match order {
            ModelOrder::Close => return self.close_all(ctx),
            ModelOrder::Rotate => return self.rotate(ctx),
            ModelOrder::Replace => return self.replace(ctx),
            ModelOrder::Configure { ref instructions, ref transcription, ref tools } => {
                self.changes += 1;
                let plan = Arc::make_mut(&mut self.plan);
                instructions.iter().for_each(|it| plan.instructions.clone_from(it));
                transcription.iter().for_each(|it| plan.transcription.clone_from(it));
                tools.iter().for_each(|it| plan.tools.clone_from(it));
            }
            ModelOrder::Speak(_)
            | ModelOrder::AnswerTool { .. }
            | ModelOrder::AddText { .. }
            | ModelOrder::CancelResponse
            | ModelOrder::Overtake
            | ModelOrder::DiscardInput
            | ModelOrder::TruncateItem { .. }
            | ModelOrder::DeleteItem { .. } => {}
        }
        match self.in_use {
            Some(leg) => self.pass_on(leg, order, ctx),
            None => self.keep_order(order),
        }
    }

    /// Caller audio while there is no session.
    pub(super) fn hold(&mut self, audio: Frame) {
        if self.closing {
            return;
        }
        // Until the first session is there, the pipeline holds what the caller says.
        let dropped = if self.came_up { self.held.push(audio) } else { 1 };
        if dropped > 0 {
            self.dropped("in", "model_not_ready", dropped);
        }
    }

    /// Something for the call to know, and for what the next session will know.
    pub(super) fn note_and_report(&mut self, report: ModelReport) {
        self.history.report(&report);
        if let ModelReport::SpeechStarted { item } = &report {
            self.turns.began(item);
        } else if let ModelReport::SpeechStopped { item } = &report {
            self.turns.ended(item);
        } else if let ModelReport::ResponseFinished { outcome: ResponseOutcome::Completed, .. } = &report {
            self.failover_plan.proved();
        }
        self.report(report);
    }

    /// A session is ready to be used: now, if there is none; else at the next quiet moment.
    pub(super) fn prepared(&mut self, leg: LegId, ctx: &mut Context<Self>) {
        if let Some(it) = self.legs.iter_mut().find(|it| it.id == leg) {
            it.prepared = true;
        }
        if self.in_use.is_none() {
            self.take_over(leg, ctx);
        } else {
            self.report(ModelReport::Renewable);
        }
    }

    /// A session is in use: the first, or one in the place of another.
    pub(super) fn ready(&mut self, leg: LegId, session: String, setup: Duration) {
        let gap =
            self.outage.take().map_or(Duration::ZERO, |outage| clock::now().saturating_duration_since(outage.since));
        if let Some(it) = self.legs.iter_mut().find(|it| it.id == leg) {
            it.used_since = Some(clock::now());
            self.dial_anew = false;
            refusals::came_up(self.failover_plan.candidate(it.candidate));
            let model = &self.failover_plan.candidate(it.candidate).model;
            if *model != self.served_by {
                self.served_by.clone_from(model);
                self.report(ModelReport::Serves { model: model.clone() });
            }
        }
        if std::mem::replace(&mut self.came_up, true) {
            self.report(ModelReport::Resumed { session, gap, answering: self.answering });
        } else {
            // Counted from the first dial, whichever it was that succeeded.
            self.report(ModelReport::Ready { session, setup: setup.max(gap) });
        }
    }

    /// A session says when it ends.
    pub(super) fn expires(&mut self, leg: LegId, epoch_s: f64) {
        let resilience = &self.plan.resilience;
        let left = epoch_s - clock::wall().timestamp_millis() as f64 / 1000.0;
        if resilience.rotate_before.is_zero() || !(SHORTEST_SESSION_S..=LONGEST_SESSION_S).contains(&left) {
            return;
        }
        let (now, left) = (clock::now(), Duration::from_secs_f64(left));
        let before = resilience.rotate_before.min(left / 2);
        let latest = resilience.rotate_latest.min(before / 2);
        if let Some(it) = self.legs.iter_mut().find(|it| it.id == leg) {
            it.renewal = Some((now + left - before, now + left - latest));
        }
    }

    /// When something is due for the sake of an expiry.
    pub(super) fn renewal_due(&self) -> Option<Instant> {
        let (begin, latest) = self.in_use.and_then(|id| self.legs.iter().find(|leg| leg.id == id))?.renewal?;
        match self.next {
            None => Some(begin),
            Some(_) => Some(latest),
        }
    }

    pub(super) fn renew_when_due(&mut self, now: Instant, ctx: &mut Context<Self>) {
        if self.closing || self.renewal_due().is_none_or(|at| at > now) {
            return;
        }
        match self.next {
            // There is nothing better to be done than to wait for its end.
            None => match refusals::look(|breakers| self.failover_plan.replace(breakers, now)) {
                Next::Dial { candidate, .. } => self.next = Some(self.open(candidate, ctx)),
                Next::GiveUp(_) => self.renew_again(now),
            },
            Some(next) if self.legs.iter().any(|leg| leg.id == next && leg.prepared) => self.take_over(next, ctx),
            Some(_) => self.renew_again(now),
        }
    }

    /// One of the sessions is gone.
    pub(super) fn lost(&mut self, leg: LegId, loss: ModelLoss, ctx: &mut Context<Self>) {
        let Some(gone) = self.remove(leg, ctx) else { return };
        let now = clock::now();
        self.dial_anew |= gone.warm && gone.used_since.is_none();
        if self.closing {
            if self.in_use == Some(leg) {
                self.end(ctx);
            }
            return;
        }
        if self.in_use == Some(leg) {
            self.in_use = None;
            let lived = gone.used_since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since));
            self.failover_plan.interrupted(lived, now);
            self.outage = Some(Outage { since: now, carry_over: gone.session.carry_over() });
        } else if self.next == Some(leg) {
            self.next = None;
            if self.in_use.is_some() {
                // The one in use goes on; another try follows.
                refusals::note_loss(self.failover_plan.candidate(gone.candidate), &loss, now);
                self.renew_again(now);
                let code = "renewal_failed".to_owned();
                return self.report(ModelReport::Complained { code, message: loss.reason });
            }
        } else {
            return;
        }
        let candidate = self.failover_plan.candidate(gone.candidate).clone();
        let next = refusals::learn(&candidate, &loss, now, |breakers| {
            self.failover_plan.lost(gone.candidate, &loss, scope_of(&loss), breakers, now, chance())
        });
        match (self.next, next) {
            // The fresh one that was to follow in time follows now.
            (Some(next), _) => {
                self.report(ModelReport::Faltered(loss));
                if self.legs.iter().any(|leg| leg.id == next && leg.prepared) {
                    self.take_over(next, ctx);
                }
            }
            (None, Next::GiveUp(loss)) => self.pursue(Next::GiveUp(loss), now, ctx),
            (None, dial @ Next::Dial { .. }) => {
                self.report(ModelReport::Faltered(loss));
                self.pursue(dial, now, ctx);
            }
        }
    }

    /// One of the sessions was told to end, and has.
    pub(super) fn closed(&mut self, leg: LegId, ctx: &mut Context<Self>) {
        self.remove(leg, ctx);
        if self.in_use == Some(leg) {
            self.end(ctx);
        }
    }

    pub(super) fn go_on_dialling(&mut self, now: Instant, ctx: &mut Context<Self>) {
        if let Some((_, candidate)) = self.redial.take_if(|(at, _)| *at <= now) {
            self.next = Some(self.open(candidate, ctx));
        }
    }

    fn pursue(&mut self, next: Next, now: Instant, ctx: &mut Context<Self>) {
        match next {
            Next::Dial { candidate, after } if after.is_zero() => self.next = Some(self.open(candidate, ctx)),
            Next::Dial { candidate, after } => self.redial = Some((now + after, candidate)),
            Next::GiveUp(loss) => {
                self.report(ModelReport::Lost(loss));
                self.end(ctx);
            }
        }
    }

    /// `leg` goes on where the session before stopped.
    fn take_over(&mut self, leg: LegId, ctx: &mut Context<Self>) {
        let before = self.in_use.take();
        let running = before.and_then(|id| self.legs.iter().find(|leg| leg.id == id));
        let carry_over = match (running, &mut self.outage) {
            (Some(leg), _) => leg.session.carry_over(),
            (None, Some(outage)) => std::mem::take(&mut outage.carry_over),
            (None, None) => CarryOver::default(),
        };
        let handoff = handoff_of(carry_over, &mut self.history, &mut self.turns);
        (self.in_use, self.next) = (Some(leg), None);
        let speaks =
            |order: &ModelOrder| matches!(order, ModelOrder::Speak(_) | ModelOrder::AnswerTool { speak: true, .. });
        self.answering = handoff.answer_unless_spoken || !handoff.requests.is_empty() || self.orders.iter().any(speaks);
        if self.legs.iter().any(|it| it.id == leg && it.changes != self.changes) {
            let plan = &self.plan;
            let configure = ModelOrder::Configure {
                instructions: Some(plan.instructions.clone()),
                transcription: Some(plan.transcription.clone()),
                tools: Some(plan.tools.clone()),
            };
            self.step(leg, SessionEvent::Ordered(configure), ctx);
        }
        self.step(leg, SessionEvent::HandedOver(handoff), ctx);
        for order in std::mem::take(&mut self.orders) {
            self.pass_on(leg, order, ctx);
        }
        for frame in self.held.take() {
            self.speak(frame);
        }
        // It may still have to tell what the caller said last.
        if let Some(before) = before {
            self.step(before, SessionEvent::Ordered(ModelOrder::Close), ctx);
        }
    }

    fn rotate(&mut self, ctx: &mut Context<Self>) {
        if let Some(next) = self.next
            && self.in_use.is_some()
            && self.legs.iter().any(|leg| leg.id == next && leg.prepared)
        {
            self.take_over(next, ctx);
        }
    }

    /// The session in use does not do what it is there for.
    fn replace(&mut self, ctx: &mut Context<Self>) {
        if let Some(leg) = self.in_use {
            self.lost(leg, ModelLoss { class: LossClass::Retryable, reason: "an answer is overdue".to_owned() }, ctx);
            self.arm();
        }
    }

    fn pass_on(&mut self, leg: LegId, order: ModelOrder, ctx: &mut Context<Self>) {
        if let Some(rewrite) = self.history.order(&order)
            && let Some(it) = self.legs.iter_mut().find(|it| it.id == leg)
        {
            let mut actions = Vec::new();
            it.session.rewrite(&rewrite, &mut actions);
            self.perform_all(leg, actions, ctx);
        }
        self.step(leg, SessionEvent::Ordered(order), ctx);
    }

    /// An order while there is no session.
    fn keep_order(&mut self, order: ModelOrder) {
        match &order {
            ModelOrder::TruncateItem { item, .. } | ModelOrder::DeleteItem { item } => {
                self.history.order(&order);
                let cut = self.history.response_of(item).cloned();
                self.forget_running(|response| response.is_some() && response == cut.as_ref());
            }
            ModelOrder::CancelResponse => self.forget_running(|_| true),
            ModelOrder::Overtake => {
                self.orders.retain(|order| !matches!(order, ModelOrder::Speak(_)));
                if let Some(outage) = &mut self.outage {
                    outage.carry_over.overtake();
                }
            }
            // What is held was said after it.
            ModelOrder::DiscardInput => {}
            // What is still to be dialled is configured with it; what is dialled already is told when it takes over.
            ModelOrder::Configure { .. } | ModelOrder::Rotate | ModelOrder::Replace | ModelOrder::Close => {}
            ModelOrder::Speak(_) | ModelOrder::AnswerTool { .. } | ModelOrder::AddText { .. } => {
                if self.orders.len() < MOST_ORDERS {
                    self.orders.push_back(order);
                } else {
                    let code = "too_many_orders".to_owned();
                    let message = "an order was dropped, as there is no session yet".to_owned();
                    self.report(ModelReport::Complained { code, message });
                }
            }
        }
    }

    /// What was being said when the session was lost is not wanted any more.
    fn forget_running(&mut self, which: impl Fn(Option<&crate::ids::ResponseId>) -> bool) {
        let Some(outage) = &mut self.outage else { return };
        outage
            .carry_over
            .running
            .take_if(|running| which(running.response.as_ref()) && running.progress == Progress::Partly);
    }

    fn close_all(&mut self, ctx: &mut Context<Self>) {
        self.closing = true;
        self.redial = None;
        if let Some(next) = self.next.take() {
            self.remove(next, ctx);
        }
        match self.in_use {
            Some(leg) => self.step(leg, SessionEvent::Ordered(ModelOrder::Close), ctx),
            None => self.end(ctx),
        }
    }

    fn renew_again(&mut self, now: Instant) {
        let in_use = self.in_use;
        if let Some(leg) = self.legs.iter_mut().find(|leg| Some(leg.id) == in_use)
            && let Some((begin, latest)) = &mut leg.renewal
        {
            *begin = now + RENEW_AGAIN;
            *latest = (*latest).max(now + RENEW_AGAIN);
        }
    }
}

/// Anything from 0 to 1, for jitter.
#[expect(clippy::disallowed_methods, reason = "calls that were dropped together must not come back together")]
fn chance() -> f64 {
    Uuid::new_v4().as_u128() as f64 / u128::MAX as f64
}

/// Caller audio held while there is no session. Less: words are lost. More: the model answers stale words.
const LONGEST_HELD_MS: usize = 2_000;
/// Orders kept while there is no session. A call gives one or two; more is a loop somewhere, and it is told.
const MOST_ORDERS: usize = 64;
/// The wait before a session that is to follow is dialled again.
const RENEW_AGAIN: Duration = Duration::from_secs(5);
/// A session that ends sooner is not worth replacing in time.
const SHORTEST_SESSION_S: f64 = 2.0;
/// A day. What says that it lasts longer has another clock than we.
const LONGEST_SESSION_S: f64 = 86_400.0;
