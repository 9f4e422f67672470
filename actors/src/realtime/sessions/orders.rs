//! The call's orders: passed to the session in use, or kept for the next one.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::leg::Outage;
use super::{LegId, Sessions, SessionsAction, Standby, State};
use crate::ids::ResponseId;
use crate::realtime::conversation::SessionEvent;
use crate::realtime::messages::{ModelOrder, ResponseRequest};
use crate::realtime::plan::SessionPlan;
use crate::realtime::report::{LossClass, ModelLoss, ModelReport};
use crate::realtime::seed::Progress;

/// Orders that wait for a session, in order.
#[derive(Debug, Default)]
pub(super) struct WaitingOrders(VecDeque<ModelOrder>);

impl WaitingOrders {
    /// Appends `order`. Returns `false` if too many orders wait.
    fn push(&mut self, order: ModelOrder) -> bool {
        let fits = self.0.len() < MOST_ORDERS;
        if fits {
            self.0.push_back(order);
        }
        fits
    }

    /// Appends a request that the previous session was not given.
    pub(super) fn keep(&mut self, request: ResponseRequest) {
        // Only a loop somewhere makes more, and its orders are dropped and reported.
        let _ = self.push(ModelOrder::Speak(request));
    }

    /// Drops everything that asks for speech. Facts for the model are kept.
    fn overtake(&mut self) {
        self.0.retain(|order| !matches!(order, ModelOrder::Speak(_)));
    }

    /// Whether a waiting order asks for speech.
    pub(super) fn speak(&self) -> bool {
        let speaks =
            |order: &ModelOrder| matches!(order, ModelOrder::Speak(_) | ModelOrder::AnswerTool { speak: true, .. });
        self.0.iter().any(speaks)
    }

    /// Removes and returns all orders.
    pub(super) fn take(&mut self) -> VecDeque<ModelOrder> {
        std::mem::take(&mut self.0)
    }
}

impl Sessions {
    /// Handles an order of the call.
    pub(super) fn ordered(&mut self, order: ModelOrder, now: Instant, out: &mut Vec<SessionsAction>) {
        match order {
            ModelOrder::Close => return self.close(now, out),
            ModelOrder::Rotate => return self.rotate(now, out),
            ModelOrder::Replace => return self.replace(now, out),
            ModelOrder::HandOver { plan, call, output } => {
                let answer = ModelOrder::AnswerTool { call, output, speak: true };
                return self.hand_over(plan, answer, now, out);
            }
            ModelOrder::Configure { ref instructions, ref backend, ref transcription, ref language, ref tools } => {
                self.changes += 1;
                let plan = Arc::make_mut(&mut self.plan).common_mut();
                instructions.iter().for_each(|it| plan.instructions.clone_from(it));
                backend.iter().for_each(|it| plan.backend.clone_from(it));
                transcription.iter().for_each(|it| plan.transcription.clone_from(it));
                language.iter().for_each(|it| plan.language = Some(it.clone()));
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
        match self.state.in_use() {
            Some(leg) => self.pass_on(leg, order, now, out),
            None => self.keep(order, out),
        }
    }

    /// Passes an order to the session in use. An item that came from another session and contains
    /// more than was heard is rewritten first.
    pub(super) fn pass_on(&mut self, id: LegId, order: ModelOrder, now: Instant, out: &mut Vec<SessionsAction>) {
        if self.takes_for_clip(&order) {
            return;
        }
        let rewrite = self.history.order(&order);
        if self.done_instead(id, &order, now, out) {
            return;
        }
        if let Some(rewrite) = rewrite
            && let Some(leg) = self.leg(id)
        {
            let mut actions = Vec::new();
            leg.session.rewrite(&rewrite, &mut actions);
            self.perform_all(id, actions, now, out);
        }
        self.step(id, SessionEvent::Ordered(order), now, out);
    }

    /// Keeps an order while there is no session.
    fn keep(&mut self, order: ModelOrder, out: &mut Vec<SessionsAction>) {
        match &order {
            ModelOrder::TruncateItem { item, .. } | ModelOrder::DeleteItem { item } => {
                self.history.order(&order);
                let cut = self.history.response_of(item).cloned();
                self.forget_running(|response| response.is_some() && response == cut.as_ref());
            }
            ModelOrder::CancelResponse => self.forget_running(|_| true),
            ModelOrder::Overtake => {
                self.orders.overtake();
                if let State::Down(outage) = &mut self.state {
                    outage.unfinished.overtake();
                }
            }
            // The audio that waits was said after this order.
            ModelOrder::DiscardInput => {}
            // A session that is dialled later is configured with the change. A session that is
            // already dialled receives it when it takes over.
            ModelOrder::Configure { .. }
            | ModelOrder::HandOver { .. }
            | ModelOrder::Rotate
            | ModelOrder::Replace
            | ModelOrder::Close => {}
            ModelOrder::Speak(_) | ModelOrder::AnswerTool { .. } | ModelOrder::AddText { .. } => {
                if !self.orders.push(order) {
                    let code = "too_many_orders".to_owned();
                    let message = "an order was dropped because there is no session yet".to_owned();
                    out.push(SessionsAction::Report(ModelReport::Complained { code, message }));
                }
            }
        }
    }

    /// Drops the interrupted response because it is no longer wanted.
    fn forget_running(&mut self, which: impl Fn(Option<&ResponseId>) -> bool) {
        if let State::Down(Outage { unfinished, .. }) = &mut self.state {
            let unwanted = |progress| progress == Progress::Partly;
            unfinished.running.take_if(|running| which(running.response.as_ref()) && unwanted(running.progress));
        }
    }

    /// Ends the sessions because the call is over.
    fn close(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        self.clips.give_back();
        if let Some(next) = std::mem::replace(&mut self.standby, Standby::None).leg() {
            self.remove(next, out);
        }
        match self.state.in_use() {
            Some(leg) => {
                self.state = State::Closing(leg);
                self.step(leg, SessionEvent::Ordered(ModelOrder::Close), now, out);
            }
            None => self.end(out),
        }
    }

    /// Another agent has the call: a session of its plan replaces the one in use, and is given the
    /// answer to the tool. Without a session, the next one follows that plan.
    fn hand_over(&mut self, plan: Arc<SessionPlan>, answer: ModelOrder, now: Instant, out: &mut Vec<SessionsAction>) {
        self.failover_plan.hand_over(plan.candidates());
        self.plan = plan;
        self.changes += 1;
        // A handle leads back to the session of the agent before.
        self.resumption = None;
        self.keep(answer, out);
        match self.state.in_use() {
            Some(leg) => self.outdated(leg, now, out),
            None => {
                if let Some(next) = self.standby.leg() {
                    self.remove(next, out);
                }
                self.seek(None, out);
            }
        }
        self.renew_when_due(now, out);
    }

    /// Neither side speaks: the standby session takes over now, if there is one.
    fn rotate(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        if let (State::Up { .. }, Standby::Ready(next)) = (&self.state, &self.standby) {
            self.take_over(*next, now, out);
        }
    }

    /// Replaces the session in use because it does not give the answer that it owes.
    fn replace(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        if let Some(leg) = self.state.in_use() {
            let loss = ModelLoss { class: LossClass::Retryable, reason: "an answer is overdue".to_owned() };
            self.lost(leg, loss, now, out);
        }
    }
}

/// The number of orders that are kept while there is no session. A call gives one or two; more is a
/// loop somewhere, and it is reported.
const MOST_ORDERS: usize = 64;
