//! A session of the cascade: the conversation of the three parts ([`Dialogue`]) as the layers above
//! know a provider's session. Pure.
//!
//! ```text
//! Dialling ──▶ Opening ──ears and voice are open──▶ Prepared ──handoff──▶ Ready ──Close──▶ Lingering ──▶ Over
//!                 └── no engine of a part is left, or time ─────────────────┴───────────────────────────▲
//! ```
//!
//! A response has one item. Their names are ours, and so are those of the caller's turns. Our
//! detector hears the caller's audio here, because the ears alone tell too late when speech ends.

pub(super) mod links;
mod orders;
mod responses;
mod serving;
mod take_over;
mod told;
mod turn;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::responses::Responses;
use self::serving::Serving;
use self::turn::{CallerTurn, Detector};
use super::dialogue::{Dialogue, DialogueAction};
use super::failure::{self, Part};
use super::plan::CascadePlan;
use super::thinker::Order;
use crate::ids::ItemId;
use crate::realtime::conversation::{SessionAction, SessionEvent};
use crate::realtime::messages::ModelOrder;
use crate::realtime::named::{LinkEvent, LinkName, LinkOrder};
use crate::realtime::plan::Common;
use crate::realtime::report::{LossClass, ModelLoss, ModelReport};

/// A session.
#[derive(Debug)]
pub struct Session {
    plan: Arc<CascadePlan>,
    /// The plan of the call's first language, with those of the others, and the one that is next.
    first: Arc<CascadePlan>,
    next: Option<Arc<CascadePlan>>,
    /// The number of the session in its call. It is part of every name that the session makes.
    number: u64,
    phase: Phase,
    /// When dialling began.
    since: Instant,
    dialogue: Dialogue,
    detector: Detector,
    /// Orders that arrived before the session was ready.
    held: VecDeque<ModelOrder>,
    responses: Responses,
    serving: Serving,
    turn: Option<CallerTurn>,
    /// The item that was placed last.
    placed: Option<ItemId>,
    /// Texts that were added to the conversation.
    texts: u64,
    /// Whether the caller's words are passed on.
    transcribes: bool,
    /// Set if the caller was speaking when the previous session was lost: the session listens until
    /// this time, then answers.
    listen_until: Option<Instant>,
    /// Actions of the conversation. The buffer is reused.
    actions: Vec<DialogueAction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Dialling,
    /// The ears and the voice are opened.
    Opening {
        since: Instant,
    },
    /// Both are open, and the session waits for the handoff.
    Prepared,
    Ready,
    /// The session was ordered to close and waits for the caller's last words.
    Lingering {
        until: Instant,
    },
    Over,
}

impl Session {
    /// A session before its links are opened. It is the `number`th of its call.
    pub fn standby(common: &Common, plan: Arc<CascadePlan>, number: u64, now: Instant) -> Self {
        Self {
            dialogue: plan.conversation(common),
            detector: Detector::new(common.detector, plan.input()),
            transcribes: common.transcription.is_some(),
            plan: Arc::clone(plan.speaking(common.language.as_deref()).unwrap_or(&plan)),
            first: plan,
            next: None,
            number,
            phase: Phase::Dialling,
            since: now,
            held: VecDeque::new(),
            responses: Responses::default(),
            serving: Serving::default(),
            turn: None,
            placed: None,
            texts: 0,
            listen_until: None,
            actions: Vec::new(),
        }
    }

    /// Handles `event` and appends the resulting actions to `out`.
    pub fn handle(&mut self, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        use SessionEvent as E;
        if self.phase == Phase::Over {
            return;
        }
        match event {
            E::Opened => self.open(now, out),
            E::DialFailed(loss) => self.lose(loss, out),
            E::Link(event) => self.link(event, now, out),
            E::Ordered(order) => self.ordered(order, now, out),
            E::HandedOver(handoff) => self.take_over(handoff, now, out),
            E::DeadlinePassed => self.deadline_passed(now, out),
            // The session hears the caller's audio itself, and has no socket of its own.
            E::CallerSpeech { .. }
            | E::Text(_)
            | E::Binary(_)
            | E::Unintelligible
            | E::Ping(_)
            | E::Pong
            | E::Closed { .. } => {}
            E::Broken(problem) => {
                let loss = ModelLoss { class: LossClass::Retryable, reason: problem.to_owned() };
                self.lose(loss, out);
            }
        }
        if matches!(self.phase, Phase::Opening { .. }) && self.dialogue.is_open() {
            self.phase = Phase::Prepared;
            out.push(SessionAction::Prepared);
        }
    }

    /// Takes a frame of caller audio. Returns `false` if the session does not accept audio yet.
    pub fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<SessionAction>) -> bool {
        if self.phase != Phase::Ready {
            return false;
        }
        let mut actions = std::mem::take(&mut self.actions);
        let change = self.detector.hear(audio, now);
        if change == Some(true) {
            self.dialogue.speech(true, now, &mut actions);
        }
        self.dialogue.hear_caller(audio, now, &mut actions);
        if change == Some(false) {
            self.dialogue.speech(false, now, &mut actions);
        }
        self.follow(actions, now, out);
        true
    }

    /// Gives the links at most `patience` to open.
    pub fn hurry(&mut self, patience: Duration) {
        let plan = Arc::make_mut(&mut self.plan);
        plan.opening_timeout = plan.opening_timeout.min(patience);
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        let own = match self.phase {
            Phase::Dialling | Phase::Over => return None,
            Phase::Opening { since } => Some(since + self.plan.opening_timeout),
            Phase::Prepared => None,
            Phase::Ready => [self.listen_until, self.detector.deadline()].into_iter().flatten().min(),
            Phase::Lingering { until } => Some(until),
        };
        own.into_iter().chain(self.dialogue.deadline()).min()
    }

    fn deadline_passed(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        match self.phase {
            Phase::Opening { since } if since + self.plan.opening_timeout <= now => {
                let reason = format!("ears and voice are not open within {:?}", self.plan.opening_timeout);
                return self.lose(ModelLoss { class: LossClass::Retryable, reason }, out);
            }
            Phase::Lingering { until } if until <= now => return self.end(out),
            Phase::Dialling
            | Phase::Opening { .. }
            | Phase::Prepared
            | Phase::Ready
            | Phase::Lingering { .. }
            | Phase::Over => {}
        }
        let mut actions = std::mem::take(&mut self.actions);
        if self.dialogue.deadline().is_some_and(|at| at <= now) {
            self.dialogue.deadline_passed(now, &mut actions);
        }
        if self.detector.fell_silent(now) {
            self.dialogue.speech(false, now, &mut actions);
        }
        if self.listen_until.take_if(|at| *at <= now).is_some() {
            self.dialogue.think(Order::default(), now, &mut actions);
        }
        self.follow(actions, now, out);
    }

    fn open(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.phase = Phase::Opening { since: now };
        let mut actions = std::mem::take(&mut self.actions);
        self.dialogue.begin(now, &mut actions);
        self.follow(actions, now, out);
        // The greeting seldom needs it, and the caller's first turn would wait for its connection.
        out.extend(self.plan.mind.first().map(|mind| SessionAction::ToLink(LinkOrder::Connect(mind.endpoint()))));
    }

    /// Something came of a link.
    fn link(&mut self, event: LinkEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let mut actions = std::mem::take(&mut self.actions);
        let dialogue = &mut self.dialogue;
        match event {
            LinkEvent::Socket(LinkName::Ears, event) => dialogue.ears_socket(event, now, &mut actions),
            LinkEvent::Socket(LinkName::Voice, event) => dialogue.voice_socket(event, now, &mut actions),
            // It has requests alone.
            LinkEvent::Socket(LinkName::Mind, _) => {}
            LinkEvent::Request(id, event) => match id.link {
                LinkName::Ears => links::uploaded(dialogue, id.number, event, now, &mut actions),
                LinkName::Mind => dialogue.mind_request(id.number, event, now, &mut actions),
                LinkName::Voice => dialogue.voice_request(id.number, event, now, &mut actions),
            },
        }
        self.follow(actions, now, out);
    }

    /// Follows the actions of the conversation, and keeps their buffer.
    fn follow(&mut self, mut actions: Vec<DialogueAction>, now: Instant, out: &mut Vec<SessionAction>) {
        for action in actions.drain(..) {
            if self.phase == Phase::Over {
                break;
            }
            self.perform(action, now, out);
        }
        actions.clear();
        self.actions = actions;
    }

    fn perform(&mut self, action: DialogueAction, now: Instant, out: &mut Vec<SessionAction>) {
        use DialogueAction as A;
        let lingers = matches!(self.phase, Phase::Lingering { .. });
        match action {
            A::Ears(action) if lingers => self.last_ears(action, out),
            A::CallerSaid { turn, text } if lingers => {
                self.caller_said(turn, text, out);
                self.end(out);
            }
            // Nothing more is said.
            A::Mind(_) | A::Voice(_) | A::ResponseBegan { .. } | A::Lost(_) if lingers => {}
            A::Ears(action) => out.extend(links::of_ears(&self.plan, action).map(SessionAction::ToLink)),
            A::Mind(action) => out.extend(links::of_mind(&self.plan, action).map(SessionAction::ToLink)),
            A::Voice(action) => out.extend(links::of_voice(&self.plan, action).map(SessionAction::ToLink)),
            A::Lost(failure) => {
                self.serving.lost(&failure, &self.plan, out);
                self.lose(failure::loss_of(&failure), out);
            }
            A::CallerBegan { turn } => self.caller_began(turn, out),
            A::CallerSays { turn, text } => {
                self.serving.worked(Part::Ears, &self.plan, out);
                self.caller_says(turn, &text, out);
            }
            A::CallerSaid { turn, text } => self.caller_said(turn, text, out),
            A::CallerSaidNothing { turn } => self.caller_said_nothing(turn, out),
            A::ResponseBegan { response, wish } => self.response_began(response, wish, out),
            A::AgentSays { response, text } => {
                if self.responses.is_thought(response) {
                    self.serving.worked(Part::Mind, &self.plan, out);
                }
                self.agent_says(response, &text, out);
            }
            A::Audio { response, audio } => {
                self.serving.worked(Part::Voice, &self.plan, out);
                self.sounds(response, audio, out);
            }
            A::AudioComplete { response } => self.sounded(response, out),
            A::CallTool { response, key, name, arguments } => {
                self.tool_called(response, &key, name, arguments, out);
            }
            A::ResponseEnded { response, outcome, usage } => self.response_ended(response, outcome, usage, now, out),
            A::Speaks => self.speaks(out),
            A::Took { response, mind, voice } => self.took(response, mind, voice, out),
            A::Timed { response, words } => self.timed(response, words, out),
            A::Eager { kept } => out.push(SessionAction::Report(ModelReport::BegunEarly { kept })),
            A::Wasted(usage) => out.push(SessionAction::Report(ModelReport::Used(told::tokens(usage)))),
            A::TookOver { engine, failure } => {
                // What was used until here is charged to the engine that used it.
                self.report_used(out);
                self.serving.took_over(engine, &failure, &self.plan, out);
                told::took_over(engine, &failure, out);
            }
            A::Complained { part, code, message } => told::complained(part, &code, &message, out),
        }
    }

    /// The engines of another language serve from here on.
    fn speaks(&mut self, out: &mut Vec<SessionAction>) {
        let Some(next) = self.next.take() else { return };
        // What was used until here is charged to the engines that used it.
        self.report_used(out);
        (self.plan, self.serving) = (next, Serving::default());
    }

    /// Reports what the ears and the voice were given, which is charged for.
    fn report_used(&mut self, out: &mut Vec<SessionAction>) {
        let (heard, characters) = self.dialogue.take_used();
        self.serving.used(heard, characters, &self.plan, out);
    }

    fn lose(&mut self, loss: ModelLoss, out: &mut Vec<SessionAction>) {
        self.tell_words_so_far(out);
        self.report_used(out);
        self.phase = Phase::Over;
        self.held.clear();
        out.push(SessionAction::Lose(loss));
    }
}

#[cfg(test)]
mod tests;
