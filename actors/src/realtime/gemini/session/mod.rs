//! One Live session: the state machine of the connection and its messages. Pure.
//!
//! ```text
//! Dialling ──101──▶ AwaitSetup ──setupComplete──▶ Prepared ──handoff──▶ Ready ──Close──▶ Lingering ──▶ Over
//!     └─────────────────┴───────── close, deadline ──────┴────────────────┴───────────────┴────────────▲
//! ```
//!
//! The configuration is the first message and the only one until the server has accepted it. The
//! protocol has no errors: a server that refuses something closes the socket, and the words of the
//! close say why ([`failure`]).
//!
//! The protocol names neither responses nor items. The session makes them: a response is a *run* of
//! the server, from its first content to the end of the turn ([`runs`]), and an item of the caller
//! is what is transcribed between two runs ([`caller`]). Requests to speak are texts, one at a time,
//! and the next run answers them ([`asking`]).

mod asking;
mod caller;
mod failure;
mod farewell;
mod health;
mod hearing;
mod input;
mod missed;
mod orders;
mod runs;
mod take_over;
mod tools;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::asking::Asked;
use self::caller::Caller;
use self::failure::{Stage, loss_of_close};
pub use self::failure::{loss_of_status, scope_of};
use self::health::{Health, Unreadables};
use self::input::Input;
use self::runs::{Last, Run};
use self::tools::Calls;
use super::models::Family;
use super::plan::GeminiPlan;
use super::protocol::client::{self, ClientMessage, Setup};
use crate::ids::{ItemId, ResponseId};
use crate::realtime::conversation::{SessionAction, SessionEvent};
use crate::realtime::messages::ModelOrder;
use crate::realtime::plan::Common;
use crate::realtime::report::{LossClass, ModelLoss, ModelReport, Usage};
use crate::realtime::requests::Requests;
use crate::realtime::seed::Opening;

/// The deadlines of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// The configuration was not accepted.
    SetupLate,
    /// The server was silent for a while. The session sends a ping.
    Quiet,
    /// The server was silent for too long and did not answer the pings either.
    Silent,
    /// A request to speak was not answered.
    RequestUnanswered,
    /// The caller's turn, or a tool's result, was not answered.
    TurnUnanswered,
    /// A request may be tried again.
    RetryDue,
    /// Some tools of a response have answered and the others have not.
    SiblingsLate,
    /// A run gives no sign of life, or its end does not come.
    RunStalled,
    /// No more words of the caller have come.
    CallerQuiet,
    /// The words of a turn that is over are taken for complete.
    WordsSettled,
    /// The caller was speaking when the previous session was lost, and did not continue.
    HeardOut,
    /// It is time to check whether caller audio still flows.
    StreamChecked,
    /// The session was ordered to close, and the caller's last words did not arrive.
    WordsLate,
}

/// One Live session.
#[derive(Debug)]
pub struct Session {
    common: Arc<Common>,
    plan: Arc<GeminiPlan>,
    family: Family,
    opening: Opening,
    phase: Phase,
    /// The time when dialling began.
    since: Instant,
    health: Health,
    /// Orders that arrived before the session was ready.
    held: VecDeque<ModelOrder>,
    requests: Requests,
    /// The request that was sent and whose run has not begun.
    asked: Option<Asked>,
    /// What the server generates now.
    run: Option<Run>,
    /// The last run that is over.
    last: Option<Last>,
    /// Since when the server has generated nothing; `None` before the session is ready.
    free_since: Option<Instant>,
    /// Ends of turns that are still to come from runs that were given up.
    ends_owed: u32,
    caller: Caller,
    /// Since when the server owes an answer to the caller or to a tool's result.
    unanswered: Option<Instant>,
    /// Until when an answer that the server owed may come although it is obsolete. It must not be
    /// heard.
    obsolete_until: Option<Instant>,
    /// Whether our detector heard the caller begin to speak before the session was ready.
    speaks_early: bool,
    /// Set if the caller was speaking when the previous session was lost: the session listens until
    /// this time, then answers.
    listen_until: Option<Instant>,
    calls: Calls,
    /// Texts for the model that wait for a moment at which they interrupt nothing.
    notes: VecDeque<String>,
    input: Input,
    /// Tokens that were counted and not reported yet.
    usage: Option<Usage>,
    /// Whether the caller's words are passed on.
    transcribes: bool,
    /// Whether the session has completed a response.
    proven: bool,
    unreadables: Unreadables,
    /// The number of responses and items that the session has made.
    last_response: u64,
    last_item: u64,
    /// The item that was placed last.
    placed: Option<ItemId>,
}

#[derive(Debug)]
enum Phase {
    Dialling,
    /// The upgrade was accepted, and the configuration is sent.
    AwaitSetup {
        since: Instant,
    },
    /// The session is configured and waits for the handoff.
    Prepared {
        session: String,
    },
    Ready,
    /// The session was ordered to close and waits for the caller's last words.
    Lingering {
        until: Instant,
    },
    Over,
}

impl Session {
    /// A session before dialling. After its configuration it waits for the handoff of the previous
    /// session.
    pub fn standby(common: Arc<Common>, plan: Arc<GeminiPlan>, opening: Opening, now: Instant) -> Self {
        Self {
            family: plan.family(),
            transcribes: common.transcription.is_some(),
            input: Input::new(plan.input, plan.activity, common.detector),
            health: Health::new(now),
            common,
            plan,
            opening,
            phase: Phase::Dialling,
            since: now,
            held: VecDeque::new(),
            requests: Requests::default(),
            asked: None,
            run: None,
            last: None,
            free_since: None,
            ends_owed: 0,
            caller: Caller::default(),
            unanswered: None,
            obsolete_until: None,
            speaks_early: false,
            listen_until: None,
            calls: Calls::default(),
            notes: VecDeque::new(),
            usage: None,
            proven: false,
            unreadables: Unreadables::default(),
            last_response: 0,
            last_item: 0,
            placed: None,
        }
    }

    /// Handles `event` and appends the resulting actions to `out`. The caller of this function
    /// keeps the vector, so that audio costs no allocation.
    pub fn handle(&mut self, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        use SessionEvent as E;
        match self.phase {
            Phase::Over => return,
            Phase::Lingering { until } => return self.linger(until, event, now, out),
            Phase::Dialling | Phase::AwaitSetup { .. } | Phase::Prepared { .. } | Phase::Ready => {}
        }
        if matches!(event, E::Opened | E::Text(_) | E::Binary(_) | E::Unintelligible | E::Ping(_) | E::Pong) {
            self.health.heard(now, matches!(event, E::Pong));
        }
        match event {
            E::Opened => self.configure(now, out),
            E::DialFailed(loss) => self.lose(loss, out),
            E::Text(text) => self.hear(text, now, out),
            // Servers send their JSON in binary messages.
            E::Binary(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => self.hear(text, now, out),
                Err(_) => self.unreadable("a message that is no text", out),
            },
            E::Unintelligible => self.unreadable("a message that is no text", out),
            E::Ping(payload) => out.push(SessionAction::Pong(payload)),
            // It has no links beside its socket.
            E::Pong | E::Link(_) => {}
            E::Closed { code, reason } => {
                let loss = loss_of_close(code, reason, self.stage());
                self.lose(loss, out);
            }
            E::Broken(problem) => self.lose_for(LossClass::Retryable, problem, out),
            E::Ordered(order) => self.ordered(order, now, out),
            E::CallerSpeech { begins } if !self.is_ready() => self.speaks_early = begins,
            E::CallerSpeech { begins: true } => self.speech_detected(now, out),
            E::CallerSpeech { begins: false } => self.caller_done(now, out),
            E::HandedOver(handoff) => self.take_over(handoff, now, out),
            E::DeadlinePassed => self.deadline_passed(now, out),
        }
        self.go_on(now, out);
    }

    /// Gives the server at most `patience` to accept the configuration.
    pub fn hurry(&mut self, patience: Duration) {
        let plan = Arc::make_mut(&mut self.plan);
        plan.setup_timeout = plan.setup_timeout.min(patience);
    }

    /// Whether caller audio may be sent now.
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        match self.phase {
            // Dialling has its own time limit.
            Phase::Dialling | Phase::Over => None,
            Phase::Lingering { until } => Some((until, Timer::WordsLate)),
            Phase::AwaitSetup { since } => Some((since + self.plan.setup_timeout, Timer::SetupLate)),
            Phase::Prepared { .. } => Some(self.health.deadline(&self.common)),
            Phase::Ready => [
                Some(self.health.deadline(&self.common)),
                self.asking_deadline(),
                self.run_deadline(),
                self.caller.deadline(self.input.is_in_activity(), self.unanswered.is_some() || self.asked.is_some()),
                self.listen_until.map(|at| (at, Timer::HeardOut)),
                self.input.deadline().map(|at| (at, Timer::StreamChecked)),
            ]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at),
        }
    }

    fn deadline_passed(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let Some((at, timer)) = self.deadline() else { return };
        if at > now {
            return;
        }
        match timer {
            Timer::SetupLate => {
                let problem = format!("no setupComplete within {:?}", self.plan.setup_timeout);
                self.lose_for(LossClass::Retryable, &problem, out);
            }
            Timer::Quiet => {
                self.health.ping(now);
                out.push(SessionAction::Ping);
            }
            Timer::Silent => {
                let problem = format!("nothing heard for {:?}", self.health.silence(now));
                self.lose_for(LossClass::Retryable, &problem, out);
            }
            Timer::RequestUnanswered => self.request_unanswered(out),
            Timer::TurnUnanswered => self.turn_unanswered(now, out),
            // The request is sent behind this.
            Timer::RetryDue => {}
            Timer::SiblingsLate => self.siblings_late(out),
            Timer::RunStalled => self.run_stalled(now, out),
            Timer::CallerQuiet => self.caller_quiet(now, out),
            Timer::WordsSettled => self.close_turn(out),
            Timer::HeardOut => self.heard_out(out),
            Timer::StreamChecked => self.check_stream(now, out),
            Timer::WordsLate => self.end(out),
        }
    }

    fn configure(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let (model, prompt) = (self.plan.model_path(), client::prompt(&self.common.instructions));
        let setup = Setup::of(&self.common, &self.plan, &model, &prompt, &self.opening);
        send(&ClientMessage::Setup(Box::new(setup)), out);
        self.phase = Phase::AwaitSetup { since: now };
    }

    /// The server owes an answer from now on.
    pub(super) const fn owe(&mut self, now: Instant) {
        (self.unanswered, self.obsolete_until) = (Some(now), None);
    }

    /// How far the session has come, for the meaning of its loss.
    fn stage(&self) -> Stage {
        if self.opening.resumption.is_some() && !self.proven {
            return Stage::Resumed;
        }
        match self.phase {
            Phase::Dialling | Phase::AwaitSetup { .. } => Stage::Setup,
            Phase::Prepared { .. } | Phase::Ready | Phase::Lingering { .. } | Phase::Over => Stage::Running,
        }
    }

    fn lose_for(&mut self, class: LossClass, reason: &str, out: &mut Vec<SessionAction>) {
        self.lose(ModelLoss { class, reason: failure::clipped(reason) }, out);
    }

    fn lose(&mut self, loss: ModelLoss, out: &mut Vec<SessionAction>) {
        self.tell_words_so_far(out);
        self.phase = Phase::Over;
        self.held.clear();
        out.push(SessionAction::Lose(loss));
    }

    /// A new response of ours.
    fn next_response(&mut self) -> ResponseId {
        self.last_response += 1;
        ResponseId::new(&format!("response_{}_{}", self.opening.number, self.last_response))
    }

    /// A new item of ours.
    fn next_item(&mut self) -> ItemId {
        self.last_item += 1;
        ItemId::new(&format!("item_{}_{}", self.opening.number, self.last_item))
    }
}

fn send(message: &ClientMessage<'_>, out: &mut Vec<SessionAction>) {
    out.push(SessionAction::Send(message.to_json()));
}

fn complain(code: &str, message: &str, out: &mut Vec<SessionAction>) {
    let (code, message) = (failure::clipped(code), failure::clipped(message));
    out.push(SessionAction::Report(ModelReport::Complained { code, message }));
}
