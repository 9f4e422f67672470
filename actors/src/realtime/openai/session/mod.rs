//! One Realtime session: the state machine of the connection and its messages. Pure.
//!
//! ```text
//! Dialling ──101──▶ AwaitCreated ──session.created──▶ AwaitUpdated ──session.updated──▶ Ready
//!     └──────────────────┴── error, close, deadline ──┴─────────────────┴──▶ Over
//!                                                     Lingering ◀──Close──┘ ──▲
//! ```
//!
//! An accepted upgrade is not an accepted session. The configuration is the first message and the
//! only one until the server has accepted it and the formats match. Earlier orders are kept; the
//! caller's audio is not.
//!
//! The session reports its end once, with a class: whether another try could help. After an order
//! to close, a session that still owes the transcript of the caller's last words lingers for it,
//! briefly and without speech.

mod asking;
mod billing;
mod caller;
mod calls;
mod changes;
mod failure;
mod farewell;
mod health;
mod hearing;
mod items;
mod loudness;
mod missed;
mod orders;
mod overtaken;
mod refusals;
mod take_over;
mod unsaid;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::caller::Turns;
use self::changes::Settings;
pub use self::failure::{loss_of_close, loss_of_status, scope_of};
use self::farewell::Lingering;
use self::health::{Malformed, Pongs};
use self::items::Items;
use self::loudness::Loudness;
use self::orders::Cut;
use self::overtaken::Overtaken;
use super::protocol::EventId;
use super::protocol::client::{self, ClientEvent};
use super::sequencer::{self, Sequencer, SequencerAction, SequencerEvent};
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId, ToolCallId};
use crate::realtime::conversation::{SessionAction, SessionEvent};
use crate::realtime::messages::ModelOrder;
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::plan::Common;
use crate::realtime::report::{LossClass, ModelLoss, ModelReport};
use crate::realtime::requests::Unspoken;

/// The deadlines of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timer {
    /// `session.created` did not arrive.
    CreatedLate,
    /// `session.updated` did not arrive.
    UpdatedLate,
    /// The server was silent for a while. The session sends a ping.
    Quiet,
    /// The server was silent for too long and did not answer the pings either.
    Silent,
    /// The session was ordered to close, and the caller's last transcript did not arrive.
    WordsLate,
    /// The caller was speaking when the previous session was lost, and did not continue.
    HeardOut,
    /// A deadline of the sequencer.
    Sequencer(sequencer::Timer),
}

/// One Realtime session.
#[derive(Debug)]
pub struct Session {
    common: Arc<Common>,
    plan: Arc<OpenAiPlan>,
    phase: Phase,
    /// The time when dialling began.
    since: Instant,
    /// The time of the server's last sign of life.
    heard: Instant,
    /// Pings sent since that time.
    pings: u32,
    sequencer: Sequencer,
    settings: Settings,
    items: Items,
    /// Whether the current speech is audible.
    loudness: Loudness,
    turns: Turns,
    overtaken: Overtaken,
    /// Orders that arrived before the session was ready.
    pending_orders: VecDeque<ModelOrder>,
    /// Reported tool calls. Each is reported once.
    reported_calls: VecDeque<ToolCallId>,
    /// How the server answers pings.
    pongs: Pongs,
    /// Responses whose first audio was reported, the newest last.
    sounded: VecDeque<ResponseId>,
    /// Function calls that arrived without an item event, in case the response does not repeat
    /// them.
    loose_calls: Vec<calls::LooseCall>,
    /// Truncations that the server may still refuse.
    cuts: VecDeque<Cut>,
    /// Unreadable messages since the last readable one.
    malformed: Malformed,
    /// Errors that arrived while no request was outstanding. They are about something else.
    unasked: Vec<String>,
    /// Bytes of caller audio sent.
    sent_bytes: u64,
    /// The last number given to an event or item of ours.
    last_number: u64,
    /// The last number given to a frame of caller audio.
    last_frame: u64,
    /// Whether the session waits for the handoff of another session before it speaks.
    standby: bool,
    /// Whether the caller's turn is over and the server will answer on its own, but has not begun.
    unanswered: bool,
    /// Set if the caller was speaking when the previous session was lost: the session listens until
    /// this time, then answers.
    listen_until: Option<Instant>,
    /// The time until which the session's duration was reported, where it is charged by that.
    charged_until: Option<Instant>,
    /// Responses that have begun, the newest last.
    begun: VecDeque<ResponseId>,
    /// Whether the server reports the end of the caller's speech.
    says_stopped: bool,
    /// The last item that was placed.
    last_placed: Option<ItemId>,
}

#[derive(Debug)]
enum Phase {
    Dialling,
    /// The upgrade was accepted. `complaint` is the error that arrived instead of
    /// `session.created`.
    AwaitCreated {
        since: Instant,
        complaint: Option<String>,
    },
    AwaitUpdated {
        since: Instant,
        update: EventId,
        session: String,
        complaint: Option<String>,
    },
    /// The session is configured and has not spoken. Only a standby session waits here.
    Prepared {
        session: String,
    },
    Ready,
    /// The session was ordered to close and waits for the caller's last transcript.
    Lingering(Lingering),
    Over,
}

impl Session {
    /// A session before dialling.
    pub fn new(common: Arc<Common>, plan: Arc<OpenAiPlan>, now: Instant) -> Self {
        Self {
            settings: Settings::of(&common),
            common,
            plan,
            phase: Phase::Dialling,
            since: now,
            heard: now,
            pings: 0,
            sequencer: Sequencer::default(),
            items: Items::default(),
            loudness: Loudness::default(),
            turns: Turns::default(),
            overtaken: Overtaken::default(),
            pending_orders: VecDeque::new(),
            reported_calls: VecDeque::new(),
            pongs: Pongs::Unasked,
            sounded: VecDeque::with_capacity(MOST_SOUNDED),
            loose_calls: Vec::new(),
            cuts: VecDeque::new(),
            malformed: Malformed::default(),
            unasked: Vec::new(),
            sent_bytes: 0,
            last_number: 0,
            last_frame: 0,
            standby: false,
            unanswered: false,
            listen_until: None,
            charged_until: None,
            begun: VecDeque::with_capacity(MOST_SOUNDED),
            says_stopped: false,
            last_placed: None,
        }
    }

    /// A session before dialling. After its configuration it waits for the handoff of the previous
    /// session.
    pub fn standby(common: Arc<Common>, plan: Arc<OpenAiPlan>, now: Instant) -> Self {
        Self { standby: true, ..Self::new(common, plan, now) }
    }

    /// Handles `event` and appends the resulting actions to `out`. The caller of this function
    /// keeps the vector, so that audio costs no allocation.
    pub fn handle(&mut self, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        use SessionEvent as E;
        match self.phase {
            Phase::Over => return,
            Phase::Lingering(lingering) => return self.linger(lingering, event, now, out),
            Phase::Dialling
            | Phase::AwaitCreated { .. }
            | Phase::AwaitUpdated { .. }
            | Phase::Prepared { .. }
            | Phase::Ready => {}
        }
        if matches!(event, E::Opened | E::Text(_) | E::Binary(_) | E::Unintelligible | E::Ping(_) | E::Pong) {
            (self.heard, self.pings) = (now, 0);
            if !matches!(event, E::Pong) {
                self.pongs.something_heard(now);
            }
        }
        match event {
            E::Opened => {
                self.phase = Phase::AwaitCreated { since: now, complaint: None };
                self.charged_until = Some(now);
            }
            E::DialFailed(loss) => self.lose(loss, out),
            E::Text(text) => self.hear(text, now, out),
            // The protocol has no binary messages.
            E::Binary(_) | E::Unintelligible => self.malformed("a message that is no text", out),
            E::Ping(payload) => out.push(SessionAction::Pong(payload)),
            E::Pong => self.pongs = Pongs::Come,
            E::Closed { code, reason } => self.closed(code, reason, out),
            E::Broken(problem) => self.lose_for(LossClass::Retryable, problem, out),
            E::Ordered(order) => self.ordered(order, now, out),
            // The server detects speech by itself.
            // It has no links beside its socket.
            E::CallerSpeech { .. } | E::Link(_) => {}
            E::HandedOver(handoff) => self.take_over(handoff, now, out),
            E::DeadlinePassed => self.deadline_passed(now, out),
        }
    }

    /// Gives the server at most `patience` to accept the configuration.
    pub fn hurry(&mut self, patience: Duration) {
        let plan = Arc::make_mut(&mut self.plan);
        plan.updated_timeout = plan.updated_timeout.min(patience);
    }

    /// Whether caller audio may be sent now.
    pub const fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready)
    }

    /// Whether the session was ordered to close and only waits for the caller's last transcript.
    pub const fn is_lingering(&self) -> bool {
        matches!(self.phase, Phase::Lingering(_))
    }

    /// The event for a frame of caller audio. The session must be ready.
    pub fn write_audio(&mut self, audio: &[u8]) -> Frame {
        self.last_frame += 1;
        self.sent_bytes += audio.len() as u64;
        client::append(self.last_frame, audio)
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        match self.phase {
            // Dialling has its own time limit.
            Phase::Dialling | Phase::Over => None,
            Phase::Lingering(lingering) => Some((lingering.until, Timer::WordsLate)),
            Phase::AwaitCreated { since, .. } => Some((since + self.plan.created_timeout, Timer::CreatedLate)),
            Phase::AwaitUpdated { since, .. } => Some((since + self.plan.updated_timeout, Timer::UpdatedLate)),
            Phase::Prepared { .. } | Phase::Ready => {
                let health = self.health();
                let own = self.sequencer.deadline().map(|(at, timer)| (at, Timer::Sequencer(timer)));
                let listening = self.listen_until.map(|at| (at, Timer::HeardOut));
                own.into_iter().chain([health]).chain(listening).min_by_key(|(at, _)| *at)
            }
        }
    }

    fn deadline_passed(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let Some((at, timer)) = self.deadline() else { return };
        if at > now {
            return;
        }
        match timer {
            Timer::CreatedLate => {
                self.lose_in_setup(format!("no session.created within {:?}", self.plan.created_timeout), out);
            }
            Timer::UpdatedLate => {
                self.lose_in_setup(format!("no session.updated within {:?}", self.plan.updated_timeout), out);
            }
            Timer::Quiet => self.ping(now, out),
            Timer::Silent => {
                let problem = format!("nothing heard for {:?}", now.saturating_duration_since(self.heard));
                self.lose_for(LossClass::Retryable, &problem, out);
            }
            Timer::WordsLate => self.end(out),
            Timer::HeardOut => self.heard_out(now, out),
            Timer::Sequencer(_) => self.sequence(SequencerEvent::DeadlinePassed, now, out),
        }
    }

    fn sequence(&mut self, event: SequencerEvent, now: Instant, out: &mut Vec<SessionAction>) {
        for action in self.sequencer.handle(event, now) {
            match action {
                SequencerAction::Create { ticket, request, purpose, instructions } => {
                    self.ask(ticket, request, purpose, instructions.as_deref(), out);
                }
                SequencerAction::Cancel { ticket, response } => {
                    let response_id = response.as_ref().map(ResponseId::as_str);
                    send(&ClientEvent::ResponseCancel { event_id: EventId::Stop(ticket), response_id }, out);
                }
                SequencerAction::Unspoken(Unspoken::GivenUp { purpose, reason, .. }) => {
                    out.push(SessionAction::Report(ModelReport::RequestGivenUp { purpose, reason }));
                }
                SequencerAction::Unspoken(Unspoken::Muted { purpose, reason, .. }) => {
                    out.push(SessionAction::Report(ModelReport::Muted { purpose, reason }));
                }
                SequencerAction::Recovered(timer) => {
                    complain(timer.word(), "the server owed an answer; went on without it", out);
                }
            }
        }
    }

    fn closed(&mut self, code: Option<u16>, reason: &str, out: &mut Vec<SessionAction>) {
        let complaint = match &self.phase {
            Phase::AwaitCreated { complaint, .. } | Phase::AwaitUpdated { complaint, .. } => complaint.as_deref(),
            // In a running session, an old complaint says nothing about its end.
            Phase::Dialling | Phase::Prepared { .. } | Phase::Ready | Phase::Lingering(_) | Phase::Over => None,
        };
        let loss = loss_of_close(code, reason, complaint);
        self.lose(loss, out);
    }

    /// Ends a session that did not become ready in time. An error that the server sent meanwhile
    /// may give the reason.
    fn lose_in_setup(&mut self, problem: String, out: &mut Vec<SessionAction>) {
        let complaint = match &self.phase {
            Phase::AwaitCreated { complaint, .. } | Phase::AwaitUpdated { complaint, .. } => complaint.clone(),
            Phase::Dialling | Phase::Prepared { .. } | Phase::Ready | Phase::Lingering(_) | Phase::Over => None,
        };
        let reason = match complaint {
            Some(complaint) => format!("{problem}; the server said {complaint}"),
            None => problem,
        };
        self.lose_for(LossClass::Retryable, &reason, out);
    }

    fn lose_for(&mut self, class: LossClass, reason: &str, out: &mut Vec<SessionAction>) {
        self.lose(ModelLoss { class, reason: failure::clipped(reason) }, out);
    }

    fn lose(&mut self, loss: ModelLoss, out: &mut Vec<SessionAction>) {
        self.charge(self.heard, out);
        self.phase = Phase::Over;
        self.pending_orders.clear();
        out.push(SessionAction::Lose(loss));
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

fn send(event: &ClientEvent<'_>, out: &mut Vec<SessionAction>) {
    out.push(SessionAction::Send(event.to_json()));
}

fn complain(code: &str, message: &str, out: &mut Vec<SessionAction>) {
    let (code, message) = (failure::clipped(code), failure::clipped(message));
    out.push(SessionAction::Report(ModelReport::Complained { code, message }));
}

/// The number of different errors to remember as unrelated to any request. A server has one or two
/// of them and repeats those.
const MOST_UNASKED: usize = 8;
/// The number of reported tool calls to remember. The same call arrives in up to three events of
/// one response.
const MOST_REPORTED_CALLS: usize = 256;
/// The number of responses with reported audio to remember. One response runs at a time, so only
/// the previous one can have late audio.
const MOST_SOUNDED: usize = 8;
/// The number of function calls without item events to remember until their response ends.
const MOST_LOOSE_CALLS: usize = 16;
