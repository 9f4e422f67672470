//! The model's sessions of one call: which session is in use, which one is next, and what happens
//! when one is lost. Pure.
//!
//! # What happens when a session drops
//!
//! The table lists every state and every event that changes something. Other events change nothing.
//! *First* means that no session was in use yet. The rows are what the machine does:
//! `tests/table.rs` compares them.
//!
//! | while | when | then | and is |
//! |---|---|---|---|
//! | first: asking | a candidate is worth a try | dial | first: dialling |
//! | first: asking | no candidate is | report Incident, report Lost, end | over |
//! | first: asking | Speak | keep it for the next session | first: asking |
//! | first: asking | the caller's audio | drop it | first: asking |
//! | first: asking | Close | end | over |
//! | first: dialling | the session dialled is configured | note that it works, report Ready | up |
//! | first: dialling | the session dialled or ready fails | hang up, note the loss, ask who is worth a try | first: asking |
//! | first: dialling | the same, and patience is over | hang up, note the loss, report Lost, end | over |
//! | first: dialling | Speak | keep it for the next session | first: dialling |
//! | first: dialling | the caller's audio | drop it | first: dialling |
//! | first: dialling | Close | hang up, end | over |
//! | up | the session in use drops | hang up, note the loss, ask who is worth a try | down: asking |
//! | up | the session in use expires soon | ask who is worth a try | up, next: asking |
//! | up | Replace: an answer is overdue | hang up, note the loss, ask who is worth a try | down: asking |
//! | up | Speak | send | up |
//! | up | Configure | send | up |
//! | up | the caller's audio | send audio | up |
//! | up | Close | hang up, end | over |
//! | up, next: dialling | the session dialled is configured | report Renewable | up, next: ready |
//! | up, next: dialling | the session dialled or ready fails | hang up, note the loss, report a complaint | up |
//! | up, next: dialling | the same, and patience is over | hang up, note the loss, report a complaint | up |
//! | up, next: dialling | the session in use drops | hang up, note the loss, report Faltered | down: dialling |
//! | up, next: dialling | Replace: an answer is overdue | hang up, note the loss, report Faltered | down: dialling |
//! | up, next: dialling | Speak | send | up, next: dialling |
//! | up, next: dialling | Configure | send | up, next: dialling |
//! | up, next: dialling | the caller's audio | send audio | up, next: dialling |
//! | up, next: dialling | Close | hang up, end | over |
//! | up, next: ready | the session dialled or ready fails | hang up, note the loss, report a complaint | up |
//! | up, next: ready | the same, and patience is over | hang up, note the loss, report a complaint | up |
//! | up, next: ready | the session in use drops | hang up, note the loss, report Faltered, note that it works, report Resumed | up |
//! | up, next: ready | the session in use expires soon | note that it works, report Resumed, hang up | up |
//! | up, next: ready | Rotate: nobody speaks | note that it works, report Resumed, hang up | up |
//! | up, next: ready | Replace: an answer is overdue | hang up, note the loss, report Faltered, note that it works, report Resumed | up |
//! | up, next: ready | Speak | send | up, next: ready |
//! | up, next: ready | Configure | send | up, next: ready |
//! | up, next: ready | the caller's audio | send audio | up, next: ready |
//! | up, next: ready | Close | hang up, end | over |
//! | down: asking | a candidate is worth a try | report Faltered, dial | down: dialling |
//! | down: asking | no candidate is | report Lost, end | over |
//! | down: asking | Speak | keep it for the next session | down: asking |
//! | down: asking | the caller's audio | keep it for the next session | down: asking |
//! | down: asking | Close | end | over |
//! | down: waiting | it is time to dial | dial | down: dialling |
//! | down: waiting | Speak | keep it for the next session | down: waiting |
//! | down: waiting | the caller's audio | keep it for the next session | down: waiting |
//! | down: waiting | Close | end | over |
//! | down: dialling | the session dialled is configured | report Serves, note that it works, report Resumed | up |
//! | down: dialling | the session dialled or ready fails | hang up, note the loss, ask who is worth a try | down: asking |
//! | down: dialling | the same, and patience is over | hang up, note the loss, report Lost, end | over |
//! | down: dialling | Speak | keep it for the next session | down: dialling |
//! | down: dialling | the caller's audio | keep it for the next session | down: dialling |
//! | down: dialling | Close | hang up, end | over |
//! | closing | the session in use drops | hang up, end | over |
//! | closing | Replace: an answer is overdue | hang up, end | over |
//!
//! # What is kept
//!
//! While there is no session, orders and the newest audio of the caller wait for the next one. An
//! order is given to exactly one session, unless that session is lost before it has carried out the
//! order. What the caller has heard is not said again: the conversation continues where it stopped
//! ([`super::handoff`]). The loss of the model is reported to the call once, and nothing follows
//! that report.

mod adapter;
mod clips;
mod instead;
mod leg;
mod orders;
mod pending_audio;
mod renewal;
mod succession;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use self::adapter::Formats;
use self::clips::Clips;
pub use self::clips::{ClipAction, ClipFetched};
use self::instead::Running;
pub use self::leg::LegId;
use self::leg::{Leg, Outage, Resumption, Standby, State};
use self::orders::WaitingOrders;
use self::pending_audio::PendingAudio;
use super::breaker::{Lesson, Standing};
use super::capabilities::Capabilities;
use super::conversation::{SessionAction, SessionEvent};
use super::failover_plan::FailoverPlan;
use super::history::History;
use super::messages::ModelOrder;
use super::named::LinkOrder;
use super::plan::{ModelAddress, SessionPlan};
use super::turn_audio::TurnAudio;
use crate::frame::Frame;
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::report::Words;
use crate::realtime::report::{ModelReport, ResponseOutcome};

/// An event of the sessions.
#[derive(Debug)]
pub enum SessionsEvent<'a> {
    /// The call begins.
    Started,
    /// The answer to [`SessionsAction::Consult`].
    Advised {
        /// The number of the question.
        question: u32,
        /// The standing of each candidate, in the plan's order. Missing ones count as good.
        standings: &'a [Standing],
        /// A fresh random number from 0 to 1 for each answer: the share of the backoff to wait.
        chance: f64,
    },
    /// A socket is open.
    Dialled {
        /// The session that the socket belongs to.
        leg: LegId,
        /// What the server has sent so far. It is empty unless the session had waited for a call.
        said: Vec<Bytes>,
        /// The wall-clock time, in seconds since 1970.
        epoch_s: f64,
    },
    /// An event of one session.
    Session {
        /// The session.
        leg: LegId,
        /// The event.
        event: SessionEvent<'a>,
    },
    /// Audio of the caller in the model's input format.
    CallerAudio(Frame),
    /// An order of the call.
    Ordered(ModelOrder),
    /// The answer to [`ClipAction::Fetch`].
    ClipFetched(ClipFetched),
    /// The deadline has passed.
    DeadlinePassed,
}

/// An action that the sessions request.
#[derive(Debug)]
pub enum SessionsAction {
    /// Asks how the candidates stand. The answer is [`SessionsEvent::Advised`] with the same
    /// number.
    Consult {
        /// The number of the question.
        question: u32,
        /// The addresses of all candidates, in the plan's order.
        addresses: Vec<ModelAddress>,
    },
    /// Reports what happened to a model, for the breakers of the process.
    Learn {
        /// The model.
        address: ModelAddress,
        /// What happened.
        lesson: Lesson,
    },
    /// Opens a socket.
    Dial {
        /// The session that the socket is for.
        leg: LegId,
        /// The configuration of the session.
        plan: Arc<SessionPlan>,
        /// Whether a session from the pool may be used instead.
        waiting_will_do: bool,
    },
    /// Closes the socket in an orderly way, or stops the dial.
    HangUp(LegId),
    /// Sends a text message. It is never dropped.
    Send(LegId, String),
    /// Sends an audio message. It may be dropped when the server does not read.
    SendAudio(LegId, Frame),
    /// An order to a link that a session opens itself.
    ToLink(LegId, LinkOrder),
    /// Answers a ping before sending anything else.
    Pong(LegId, Bytes),
    /// Pings the server to check that it is alive.
    Ping(LegId),
    /// Audio for the caller.
    ToAudio(FromModel),
    /// The end of an item's audio. It follows the audio itself.
    Complete(ItemComplete),
    /// Words for the transcript.
    ToWords(Words),
    /// A report to the call.
    Report(ModelReport),
    /// Something about a recording of exact words.
    Clip(ClipAction),
    /// Caller audio was dropped.
    AudioDropped {
        /// The reason.
        reason: &'static str,
        /// The number of frames.
        frames: u64,
    },
    /// All sessions are over. Nothing follows.
    End,
}

/// The sessions of one call.
#[derive(Debug)]
pub struct Sessions {
    /// The configuration in force, used for later sessions.
    plan: Arc<SessionPlan>,
    /// The formats of the call's audio: those of the first candidate.
    formats: Formats,
    /// The number of configuration changes.
    changes: u32,
    state: State,
    standby: Standby,
    /// All sessions that have a socket or are being dialled: in use, standing by, or waiting for
    /// the caller's last words.
    legs: Vec<Leg>,
    last_leg: u64,
    last_question: u32,
    failover_plan: FailoverPlan,
    /// The model that currently answers, as reported to the call.
    served_by: (&'static str, String),
    /// The capabilities of its sessions, as reported to the call.
    can: Capabilities,
    /// Whether sessions from the pool are used. This turns false when such a session is lost before
    /// it was used, and true again once another session is in use.
    waiting_will_do: bool,
    /// The handle for the next session, if the server of the one in use gave one.
    resumption: Option<Resumption>,
    orders: WaitingOrders,
    pending_audio: PendingAudio,
    running: Running,
    clips: Clips,
    history: History,
    turns: TurnAudio,
    /// A salted hash of the caller, for the sessions that take it in their first message.
    caller: Option<String>,
    /// The actions of a session. The buffer is reused.
    actions: Vec<SessionAction>,
}

impl Sessions {
    /// The sessions of a new call.
    pub fn new(plan: Arc<SessionPlan>, now: Instant) -> Self {
        let can = plan.capabilities();
        let formats = Formats::of(&can);
        Self {
            formats,
            failover_plan: FailoverPlan::new(plan.candidates(), plan.resilience.patience),
            changes: 0,
            state: State::Down(Outage::at_the_start(now)),
            standby: Standby::None,
            legs: Vec::new(),
            last_leg: 0,
            last_question: 0,
            served_by: (plan.provider.address().provider, plan.model().to_owned()),
            can,
            waiting_will_do: true,
            resumption: None,
            orders: WaitingOrders::default(),
            pending_audio: PendingAudio::new(formats.input.bytes_per_ms()),
            running: Running::default(),
            clips: Clips::default(),
            history: History::new(formats.output),
            turns: TurnAudio::new(formats.input),
            caller: None,
            actions: Vec::new(),
            plan,
        }
    }

    /// The same sessions, which tell the provider this salted hash of the caller.
    #[must_use]
    pub fn of_caller(self, caller: Option<String>) -> Self {
        Self { caller, ..self }
    }

    /// Appends to `out` the actions that follow from `event`. The caller of this function keeps the
    /// vector, so that audio costs no allocation.
    pub fn handle(&mut self, event: SessionsEvent<'_>, now: Instant, out: &mut Vec<SessionsAction>) {
        use SessionsEvent as E;
        if matches!(self.state, State::Over) {
            return;
        }
        match event {
            E::Started => self.begin(now, out),
            E::Advised { question, standings, chance } => self.advised(question, standings, chance, now, out),
            E::Dialled { leg, said, epoch_s } => self.dialled(leg, &said, epoch_s, now, out),
            E::Session { leg, event } => self.step(leg, event, now, out),
            E::CallerAudio(audio) => self.hear_caller(audio, now, out),
            E::Ordered(order) => self.ordered(order, now, out),
            E::ClipFetched(fetched) => self.clip_fetched(fetched, now, out),
            E::DeadlinePassed => self.deadline_passed(now, out),
        }
        self.next_request(now, out);
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        let redial = match self.standby {
            Standby::Waiting { at, .. } => Some(at),
            Standby::None | Standby::Asking { .. } | Standby::Dialling(_) | Standby::Ready(_) => None,
        };
        let sessions = self.legs.iter().filter_map(|leg| leg.session.deadline());
        sessions.chain(redial).chain(self.renewal_due()).chain(self.clips.deadline()).min()
    }

    /// Whether this session has a socket or is being dialled.
    pub fn knows(&self, leg: LegId) -> bool {
        self.legs.iter().any(|known| known.id == leg)
    }

    fn deadline_passed(&mut self, now: Instant, out: &mut Vec<SessionsAction>) {
        let is_due = |leg: &&Leg| leg.session.deadline().is_some_and(|at| at <= now);
        let due: Vec<LegId> = self.legs.iter().filter(is_due).map(|leg| leg.id).collect();
        for leg in due {
            self.step(leg, SessionEvent::DeadlinePassed, now, out);
        }
        self.dial_when_due(now, out);
        self.renew_when_due(now, out);
    }

    fn dialled(&mut self, id: LegId, said: &[Bytes], epoch_s: f64, now: Instant, out: &mut Vec<SessionsAction>) {
        let Some(leg) = self.leg(id) else { return };
        leg.opened = Some((now, epoch_s));
        if !said.is_empty() {
            // Dialling another session would take less time than a server may usually take here.
            leg.session.hurry(WAITING_PATIENCE);
            leg.had_waited = true;
        }
        self.ends_unsaid(id);
        self.step(id, SessionEvent::Opened, now, out);
        for text in said.iter().filter_map(|text| std::str::from_utf8(text).ok()) {
            self.step(id, SessionEvent::Text(text), now, out);
        }
    }

    /// Passes an event to one of the sessions. Does nothing if that session is already gone.
    fn step(&mut self, id: LegId, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionsAction>) {
        let mut actions = std::mem::take(&mut self.actions);
        if let Some(leg) = self.leg(id) {
            leg.session.handle(event, now, &mut actions);
        }
        self.perform_all(id, actions, now, out);
    }

    fn perform_all(
        &mut self,
        leg: LegId,
        mut actions: Vec<SessionAction>,
        now: Instant,
        out: &mut Vec<SessionsAction>,
    ) {
        for action in actions.drain(..) {
            self.perform(leg, action, now, out);
        }
        self.actions = actions;
    }

    fn perform(&mut self, leg: LegId, action: SessionAction, now: Instant, out: &mut Vec<SessionsAction>) {
        use SessionAction as A;
        match action {
            A::ToAudio(audio) if self.running.is_unheard(&audio.response) => self.running.left_out(audio.item),
            A::Complete(complete) if self.running.is_unheard(&complete.response) => {}
            A::ToAudio(audio) => {
                let audio = match self.leg(leg).and_then(|leg| leg.adapter.as_mut()) {
                    Some(adapter) => adapter.for_call(audio),
                    None => audio,
                };
                self.play(audio, out);
            }
            A::Complete(complete) => {
                let adapter = self.leg(leg).and_then(|leg| leg.adapter.as_mut());
                if let Some(rest) = adapter.and_then(|adapter| adapter.rest(&complete)) {
                    self.play(rest, out);
                }
                self.history.audio_complete(&complete.item);
                out.push(SessionsAction::Complete(complete));
            }
            A::ToWords(mut words) => {
                if let Words::Placed { item, previous, .. } = &mut words {
                    *previous = self.clips.place(item, previous.take());
                }
                self.history.words(&words);
                if let Words::CallerSaid { item, .. } = &words {
                    self.turns.written(item);
                }
                out.push(SessionsAction::ToWords(words));
            }
            A::SendAudio(message) => out.push(SessionsAction::SendAudio(leg, message)),
            A::Send(text) => out.push(SessionsAction::Send(leg, text)),
            A::ToLink(order) => out.push(SessionsAction::ToLink(leg, order)),
            A::Pong(payload) => out.push(SessionsAction::Pong(leg, payload)),
            A::Ping => out.push(SessionsAction::Ping(leg)),
            A::Report(ModelReport::Ready { session, setup }) => self.ready(leg, session, setup, now, out),
            A::Report(ModelReport::Used(usage)) => {
                let report = self.charged(leg, usage);
                self.note_and_report(report, out);
            }
            A::Report(report) => {
                let left_out = self.running.ends_unheard(&report);
                self.note_and_report(report, out);
                if let Some(item) = left_out {
                    self.tell_of_left_out(leg, item, now, out);
                }
            }
            A::Learned { address, lesson } => out.push(SessionsAction::Learn { address, lesson }),
            A::ExpiresAt(epoch_s) => self.expires(leg, epoch_s),
            A::EndsIn(left) => self.ends_in(leg, left, now),
            A::Resumable(handle) => self.resumable(leg, handle),
            A::Prepared => self.prepared(leg, now, out),
            A::Lose(loss) => self.lost(leg, loss, now, out),
            A::Close => self.closed(leg, out),
        }
    }

    /// Plays audio that is in the call's format.
    fn play(&mut self, audio: FromModel, out: &mut Vec<SessionsAction>) {
        if !audio.audio.is_empty() {
            self.history.audio(&audio);
            out.push(SessionsAction::ToAudio(audio));
        }
    }

    /// Records what the next session needs to know, and reports it to the call.
    fn note_and_report(&mut self, report: ModelReport, out: &mut Vec<SessionsAction>) {
        let Some(report) = self.running.note(report, self.clips.play_alone()) else { return };
        if let ModelReport::Serves { provider, model } = &report {
            self.served_by = (provider, model.clone());
        }
        self.history.report(&report);
        if let ModelReport::SpeechStarted { item } = &report {
            self.turns.began(item);
        } else if let ModelReport::SpeechStopped { item } = &report {
            self.turns.ended(item);
        } else if let ModelReport::ResponseFinished { outcome: ResponseOutcome::Completed, .. } = &report {
            self.failover_plan.proved();
        }
        out.push(SessionsAction::Report(report));
    }

    fn hear_caller(&mut self, audio: Frame, now: Instant, out: &mut Vec<SessionsAction>) {
        let leg = match &self.state {
            State::Up { leg, .. } => *leg,
            State::Down(Outage { first: true, .. }) => {
                // The pipeline keeps what the caller says until the first session is ready.
                return out.push(SessionsAction::AudioDropped { reason: "model_not_ready", frames: 1 });
            }
            State::Down(_) | State::TakingOver(_) => {
                let frames = self.pending_audio.push(audio);
                if frames > 0 {
                    out.push(SessionsAction::AudioDropped { reason: "model_not_ready", frames });
                }
                return;
            }
            // The call is over; audio that is still on its way no longer matters.
            State::Closing(_) | State::Over => return,
        };
        self.turns.sent(&audio);
        let mut actions = std::mem::take(&mut self.actions);
        let taken = self.leg(leg).is_some_and(|leg| leg.hear_caller(audio, now, &mut actions));
        self.perform_all(leg, actions, now, out);
        if !taken {
            out.push(SessionsAction::AudioDropped { reason: "model_not_reading", frames: 1 });
        }
    }

    fn leg(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }
}

/// How long a session from the pool may take to be configured. One that takes longer counts as
/// dead.
const WAITING_PATIENCE: Duration = Duration::from_millis(1_500);
