//! From one session to the next: chooses and dials a candidate, which continues where the previous
//! session stopped.

use std::time::{Duration, Instant};

use super::instead::Running;
use super::leg::{Leg, Outage, TakingOver};
use super::{LegId, Sessions, SessionsAction, Standby, State};
use crate::incident::{Incident, IncidentKind};
use crate::realtime::breaker::{Lesson, Standing};
use crate::realtime::conversation::SessionEvent;
use crate::realtime::failover_plan::Next;
use crate::realtime::handoff::handoff_of;
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::{ModelLoss, ModelReport, Usage};
use crate::realtime::seed::{CarryOver, Seed};

impl Sessions {
    /// Starts the search for the first session.
    pub(super) fn begin(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        self.failover_plan.begin(now);
        self.seek(None, out);
    }

    /// Asks which candidates are worth a try. `after` is the loss that was not reported to the call
    /// yet.
    pub(super) fn seek(&mut self, after: Option<ModelLoss>, out: &mut Vec<SessionsAction>) {
        self.last_question += 1;
        let question = self.last_question;
        self.standby = Standby::Asking { question, after };
        let addresses = self.failover_plan.addresses().cloned().collect();
        out.push(SessionsAction::Consult { question, addresses });
    }

    /// Handles the answer: which candidates are worth a try.
    pub(super) fn advised(
        &mut self,
        answer: u32,
        standings: &[Standing],
        chance: f64,
        now: Instant,
        out: &mut Vec<SessionsAction>,
    ) {
        let Standby::Asking { question, after } = &mut self.standby else { return };
        if *question != answer {
            return;
        }
        let after = after.take();
        self.standby = Standby::None;
        let standings = &self.failover_plan.advised(standings);
        let next = self.failover_plan.choose(standings, now, chance);
        let State::Down(Outage { first, .. }) = self.state else {
            // The session in use is about to expire.
            return match next {
                Next::Dial { candidate, .. } => self.open(candidate, now, out),
                Next::GiveUp(_) => self.renew_later(now),
            };
        };
        if first && after.is_none() && standings.first() == Some(&Standing::Blocked) {
            let detail = "the first model refused other calls and was not dialled";
            let incident = Incident::new(IncidentKind::ModelBreaker, detail);
            out.push(SessionsAction::Report(ModelReport::Incident(incident)));
        }
        match next {
            Next::Dial { candidate, after: wait } => {
                out.extend(after.map(ModelReport::Faltered).map(SessionsAction::Report));
                if wait.is_zero() {
                    self.open(candidate, now, out);
                } else {
                    self.standby = Standby::Waiting { at: now + wait, candidate };
                }
            }
            Next::GiveUp(loss) => self.give_up(loss, out),
        }
    }

    pub(super) fn dial_when_due(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        if let Standby::Waiting { at, candidate } = self.standby
            && at <= now
        {
            self.open(candidate, now, out);
        }
    }

    /// A session is ready for use. It takes over now if there is no session or the one in use is
    /// outdated; otherwise it waits for the next quiet moment.
    pub(super) fn prepared(&mut self, leg: LegId, now: Instant, out: &mut Vec<SessionsAction>) {
        if self.standby.leg() != Some(leg) {
            return;
        }
        let in_use = self.state.in_use();
        let outdated = self.legs.iter().any(|leg| Some(leg.id) == in_use && leg.outdated);
        if outdated || matches!(self.state, State::Down(_)) {
            self.take_over(leg, now, out);
        } else {
            self.standby = Standby::Ready(leg);
            out.push(SessionsAction::Report(ModelReport::Renewable));
        }
    }

    /// Lets `leg` continue where the previous session stopped.
    pub(super) fn take_over(&mut self, leg: LegId, now: Instant, out: &mut Vec<SessionsAction>) {
        let before = self.state.in_use();
        let running = before.and_then(|id| self.legs.iter().find(|leg| leg.id == id));
        let (mut unfinished, first, gap) = match (running, &mut self.state) {
            (Some(leg), _) => (leg.session.carry_over(), false, Duration::ZERO),
            (None, State::Down(outage)) => {
                let gap = now.saturating_duration_since(outage.since);
                (std::mem::take(&mut outage.unfinished), outage.first, gap)
            }
            (None, _) => (CarryOver::default(), false, Duration::ZERO),
        };
        self.repeat_exact_words(leg, &mut unfinished);
        let known = self.legs.iter().find(|it| it.id == leg).and_then(|leg| leg.resumes);
        let mut handoff = handoff_of(unfinished, known.unwrap_or_default(), &mut self.history, &mut self.turns);
        if let Some(adapter) = self.leg(leg).and_then(|leg| leg.adapter.as_ref()) {
            for item in &mut handoff.items {
                if let Seed::CallerAudio(audio) = &mut item.seed {
                    *audio = adapter.turn_for_session(std::mem::take(audio));
                }
            }
        }
        let asks = !handoff.requests.is_empty() || self.orders.speak() || self.clips.are_due();
        let answering = handoff.answer_unless_spoken || asks;
        self.state = State::TakingOver(TakingOver { leg, first, gap, answering });
        self.standby = Standby::None;
        self.running = Running::default();
        handoff.requests = self.take_left_over(handoff.requests);
        if self.legs.iter().any(|it| it.id == leg && it.changes != self.changes) {
            let configure = ModelOrder::Configure {
                instructions: Some(self.plan.common.instructions.clone()),
                backend: Some(self.plan.common.backend.clone()),
                transcription: Some(self.plan.common.transcription.clone()),
                language: self.plan.common.language.clone(),
                tools: Some(self.plan.common.tools.clone()),
            };
            if !self.done_instead(leg, &configure, now, out) {
                self.step(leg, SessionEvent::Ordered(configure), now, out);
            }
        }
        self.step(leg, SessionEvent::HandedOver(handoff), now, out);
        for order in self.orders.take() {
            self.pass_on(leg, order, now, out);
        }
        for frame in self.pending_audio.take() {
            self.hear_caller(frame, now, out);
        }
        // The previous session may still have to report what the caller said last.
        if let Some(before) = before {
            self.step(before, SessionEvent::Ordered(ModelOrder::Close), now, out);
        }
    }

    /// The charge for the time of a session. One that was replaced, or that has not taken over yet,
    /// may belong to another model than the one that serves.
    pub(super) fn charged(&self, id: LegId, usage: Usage) -> ModelReport {
        let leg = self.legs.iter().find(|leg| leg.id == id);
        let model = leg.map(|leg| &self.failover_plan.candidate(leg.candidate).address().model);
        match model.filter(|model| **model != self.served_by.1) {
            Some(model) => ModelReport::Worked { model: model.clone(), usage },
            None => ModelReport::Used(usage),
        }
    }

    /// A session has confirmed that it continues the conversation.
    pub(super) fn ready(
        &mut self,
        id: LegId,
        session: String,
        setup: Duration,
        now: Instant,
        out: &mut Vec<SessionsAction>,
    ) {
        let State::TakingOver(TakingOver { leg, first, gap, answering }) = self.state else { return };
        let Some(ready) = self.legs.iter().find(|it| it.id == id && id == leg) else { return };
        let can = ready.can.clone();
        let candidate = self.failover_plan.candidate(ready.candidate);
        let (address, is_one) = (candidate.address().clone(), candidate.parts().is_none());
        self.state = State::Up { leg, since: now };
        self.waiting_will_do = true;
        let (provider, model) = (address.provider, address.model.clone());
        if (provider, &model) != (self.served_by.0, &self.served_by.1) {
            self.served_by = (provider, model.clone());
            out.push(SessionsAction::Report(ModelReport::Serves { provider, model }));
        }
        if can != self.can {
            self.can.clone_from(&can);
            out.push(SessionsAction::Report(ModelReport::Can(can)));
        }
        // A session of several engines learns about each by itself.
        if is_one {
            out.push(SessionsAction::Learn { address, lesson: Lesson::CameUp });
        }
        out.push(SessionsAction::Report(if first {
            // The setup time counts from the first dial, whichever dial succeeded.
            ModelReport::Ready { session, setup: setup.max(gap) }
        } else {
            ModelReport::Resumed { session, gap, answering }
        }));
    }

    /// Handles the loss of one of the sessions.
    pub(super) fn lost(&mut self, leg: LegId, loss: ModelLoss, now: Instant, out: &mut Vec<SessionsAction>) {
        let (in_use, follows) = (self.state.in_use() == Some(leg), self.standby.leg() == Some(leg));
        let Some(gone) = self.remove(leg, out) else { return };
        self.not_resumable(&gone);
        match self.state {
            State::Closing(_) if in_use => self.end(out),
            State::Up { since, .. } if in_use => {
                self.interrupted(&gone, now.saturating_duration_since(since), false, loss, now, out);
            }
            State::TakingOver(TakingOver { first, .. }) if in_use => {
                self.interrupted(&gone, Duration::ZERO, first, loss, now, out);
            }
            State::Down(_) if follows => {
                self.waiting_will_do &= !gone.had_waited;
                self.try_another(&gone, loss, now, out);
            }
            State::Up { .. } | State::TakingOver(_) if follows => {
                // The session in use continues; another try follows.
                self.waiting_will_do &= !gone.had_waited;
                self.standby = Standby::None;
                self.learn(&gone, &loss, out);
                self.renew_later(now);
                let code = "renewal_failed".to_owned();
                out.push(SessionsAction::Report(ModelReport::Complained { code, message: loss.reason }));
            }
            State::Up { .. } | State::TakingOver(_) | State::Down(_) | State::Closing(_) | State::Over => {}
        }
    }

    /// Handles the loss of the session in use: an outage begins.
    fn interrupted(
        &mut self,
        gone: &Leg,
        lived: Duration,
        first: bool,
        loss: ModelLoss,
        now: Instant,
        out: &mut Vec<SessionsAction>,
    ) {
        self.failover_plan.interrupted(lived, now);
        self.state = State::Down(Outage { since: now, first, unfinished: gone.session.carry_over() });
        for request in self.clips.give_back() {
            self.orders.keep(request);
        }
        self.try_another(gone, loss, now, out);
    }

    /// There is no session. The standby session takes over, another one is sought, or the model is
    /// given up.
    fn try_another(&mut self, gone: &Leg, loss: ModelLoss, now: Instant, out: &mut Vec<SessionsAction>) {
        self.learn(gone, &loss, out);
        let given_up = self.failover_plan.lost(gone.candidate, &loss, now).err();
        match (&self.standby, given_up) {
            (Standby::Ready(next), _) => {
                let next = *next;
                out.push(SessionsAction::Report(ModelReport::Faltered(loss)));
                self.take_over(next, now, out);
            }
            (Standby::Dialling(next), _) if *next != gone.id => {
                out.push(SessionsAction::Report(ModelReport::Faltered(loss)));
            }
            (_, Some(loss)) => self.give_up(loss, out),
            (_, None) => self.seek(Some(loss), out),
        }
    }

    fn learn(&self, gone: &Leg, loss: &ModelLoss, out: &mut Vec<SessionsAction>) {
        let candidate = self.failover_plan.candidate(gone.candidate);
        if candidate.parts().is_some() {
            return;
        }
        let lesson = Lesson::Lost { loss: loss.clone(), scope: candidate.scope_of(loss) };
        out.push(SessionsAction::Learn { address: candidate.address().clone(), lesson });
    }

    fn give_up(&mut self, loss: ModelLoss, out: &mut Vec<SessionsAction>) {
        out.push(SessionsAction::Report(ModelReport::Lost(loss)));
        self.end(out);
    }

    /// A session has closed as ordered.
    pub(super) fn closed(&mut self, leg: LegId, out: &mut Vec<SessionsAction>) {
        let in_use = self.state.in_use() == Some(leg);
        self.remove(leg, out);
        if in_use {
            self.end(out);
        }
    }

    /// Ends all sessions.
    pub(super) fn end(&mut self, out: &mut Vec<SessionsAction>) {
        for leg in std::mem::take(&mut self.legs) {
            out.push(SessionsAction::HangUp(leg.id));
        }
        self.state = State::Over;
        self.standby = Standby::None;
        out.push(SessionsAction::End);
    }
}
