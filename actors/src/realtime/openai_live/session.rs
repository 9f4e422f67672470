//! One GPT-Live session: the state machine of the connection and its messages. Pure.
//!
//! ```text
//! Dialling ──101──▶ Prepared ──handoff: session.start──▶ Starting ──session.started──▶ Running
//!     └──────────────────┴──────────── error, close, deadline ───┴──────────────┴──▶ Over
//!                                          Closing ◀──Close: session.close──────┘ ──▲
//! ```
//!
//! The conversation so far is part of the first message, so a session is not started before it has
//! the handoff. A socket that waits for it costs nothing.
//!
//! From `session.started` to the end the caller's audio flows without a hole ([`clock`]). The
//! stream of the model becomes responses with items ([`voice`]), its transcript their words
//! ([`words`]). The caller's turns are found in their audio ([`caller`]). Wishes to speak are
//! appends ([`wishes`]), and tools belong to the work behind the voice ([`work`]).

mod caller;
mod clock;
mod hearing;
mod money;
mod orders;
mod take_over;
mod voice;
mod wishes;
mod words;
mod work;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use self::caller::Caller;
use self::clock::{Clock, Unsent};
use self::money::Meter;
use self::voice::{Voice, VoiceEvent};
use self::wishes::Wishes;
use self::words::Transcript;
use self::work::Work;
use super::failure::{clipped, loss_of_close};
use super::plan::{Delegation, OpenAiLivePlan};
use super::protocol::EventId;
use super::protocol::client::{Append, ClientEvent, append_audio, parts};
use crate::ids::ItemId;
use crate::realtime::conversation::{SessionAction, SessionEvent};
use crate::realtime::messages::ModelOrder;
use crate::realtime::plan::Common;
use crate::realtime::report::{LossClass, ModelLoss, ModelReport, Speaker, Usage, Words};
use crate::realtime::seed::Opening;

/// One GPT-Live session.
#[derive(Debug)]
pub struct Session {
    common: Arc<Common>,
    plan: Arc<OpenAiLivePlan>,
    phase: Phase,
    /// The time when dialling began.
    since: Instant,
    /// The time of the server's last sign of life.
    heard: Instant,
    /// Pings sent since that time.
    pings: u32,
    clock: Clock,
    caller: Caller,
    voice: Voice,
    transcript: Transcript,
    wishes: Wishes,
    work: Work,
    meter: Meter,
    /// A salted hash of the caller, for the server.
    hash: Option<String>,
    /// The beginning of the names of items, which is unique in a call.
    name: String,
    /// The last item that was placed.
    last_item: Option<ItemId>,
    /// Orders that arrived before the session ran.
    held: VecDeque<ModelOrder>,
    /// What the caller said since the last delegation.
    said: String,
    /// Since when the caller waits for an answer.
    owed_since: Option<Instant>,
    /// Set if the caller was speaking when the previous session was lost: the session listens until
    /// this time, then answers.
    listen_until: Option<Instant>,
    /// Whether the session was lost in the middle of a turn of the caller.
    turn_lost: bool,
    /// When the last piece of the stream came.
    sounded: Instant,
    /// Unreadable messages in a row.
    malformed: u32,
    /// The last numbers given to events, frames and turns.
    last_number: u64,
    last_frame: u64,
    last_turn: u64,
    /// Events of the voice. The buffer is reused.
    voiced: Vec<VoiceEvent>,
}

#[derive(Debug)]
enum Phase {
    Dialling,
    /// The socket is open, and nothing was sent.
    Prepared,
    /// `session.start` was sent at this time.
    Starting(Instant),
    Running,
    /// The call is over, and the last words of both sides are awaited until this time. Then
    /// `session.close` is sent.
    Lingering(Instant),
    /// `session.close` was sent; its answer is awaited until this time.
    Closing(Instant),
    Over,
}

impl Session {
    /// A session before dialling. It starts when it has the handoff of the previous session.
    pub fn standby(common: Arc<Common>, plan: Arc<OpenAiLivePlan>, opening: &Opening, now: Instant) -> Self {
        let (format, detector) = (plan.format, common.detector);
        Self {
            common,
            plan,
            phase: Phase::Dialling,
            since: now,
            heard: now,
            pings: 0,
            clock: Clock::new(format),
            caller: Caller::new(format, detector),
            voice: Voice::new(format),
            transcript: Transcript::default(),
            wishes: Wishes::default(),
            work: Work::default(),
            meter: Meter::default(),
            hash: opening.caller.clone(),
            name: format!("live{}", opening.number),
            last_item: None,
            held: VecDeque::new(),
            said: String::new(),
            owed_since: None,
            listen_until: None,
            turn_lost: false,
            sounded: now,
            malformed: 0,
            last_number: 0,
            last_frame: 0,
            last_turn: 0,
            voiced: Vec::new(),
        }
    }

    /// Handles `event` and appends the resulting actions to `out`. The caller of this function
    /// keeps the vector, so that audio costs no allocation.
    pub fn handle(&mut self, event: SessionEvent<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        use SessionEvent as E;
        if matches!(self.phase, Phase::Over) {
            return;
        }
        if matches!(event, E::Opened | E::Text(_) | E::Binary(_) | E::Unintelligible | E::Ping(_) | E::Pong) {
            (self.heard, self.pings) = (now, 0);
        }
        match event {
            E::Opened => {
                self.phase = Phase::Prepared;
                out.push(SessionAction::Prepared);
            }
            E::DialFailed(loss) => self.lose(loss, out),
            E::Text(text) => self.hear(text, now, out),
            // The protocol has no binary messages.
            E::Binary(_) | E::Unintelligible => self.not_understood("a message that is no text", out),
            E::Ping(payload) => out.push(SessionAction::Pong(payload)),
            // A detector of the call may say it too; the session hears the audio itself.
            E::Pong | E::CallerSpeech { .. } | E::Link(_) => {}
            E::Closed { .. } | E::Broken(_) if self.is_ending() => self.end(out),
            E::Closed { code, reason } => self.lose(loss_of_close(code, reason), out),
            E::Broken(problem) => self.lose_for(LossClass::Retryable, problem, out),
            E::Ordered(order) => self.ordered(order, now, out),
            E::HandedOver(handoff) => self.start(handoff, now, out),
            E::DeadlinePassed => self.deadline_passed(now, out),
        }
        self.settle(now, out);
    }

    /// Sends a frame of caller audio. Returns `false` if the session does not take audio yet.
    pub fn hear_caller(&mut self, audio: &[u8], now: Instant, out: &mut Vec<SessionAction>) -> bool {
        if !matches!(self.phase, Phase::Running) {
            return false;
        }
        let voiced = self.caller.hear(audio, self.clock.ms(), now);
        let frames = &mut self.last_frame;
        self.clock.take(audio, voiced, now, &mut |piece| send_audio(piece, frames, out));
        if let Some(Unsent { silence, words }) = self.clock.unsent(now) {
            complain("caller_caught_up", &format!("{silence} ms of silence of the caller were left out"), out);
            if words > 0 {
                complain("caller_late", &format!("{words} ms of late words of the caller were dropped"), out);
            }
        }
        self.settle(now, out);
        true
    }

    /// Limits the time that the server has to start the session to `patience`.
    pub fn hurry(&mut self, patience: Duration) {
        let plan = Arc::make_mut(&mut self.plan);
        plan.started_timeout = plan.started_timeout.min(patience);
    }

    /// The earliest deadline.
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            // Dialling has its own time limit.
            Phase::Dialling | Phase::Over => None,
            Phase::Prepared => Some(self.health()),
            Phase::Starting(since) => Some(since + self.plan.started_timeout),
            Phase::Closing(until) => Some(until),
            Phase::Lingering(until) => Some(self.clock.due().map_or(until, |due| due.min(until))),
            Phase::Running => {
                let own = [
                    self.clock.due(),
                    self.caller.due(),
                    self.wishes.due(self.voice.sounds()),
                    self.work.due(),
                    self.owed_since.map(|since| since + LONGEST_OWED),
                    self.listen_until,
                    Some(self.sounded + LONGEST_WITHOUT_SOUND),
                    Some(self.health()),
                ];
                own.into_iter().flatten().min()
            }
        }
    }

    fn deadline_passed(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        match self.phase {
            Phase::Dialling | Phase::Over => {}
            Phase::Prepared => self.check_health(now, out),
            Phase::Starting(since) if since + self.plan.started_timeout <= now => {
                let problem = format!("no session.started within {:?}", self.plan.started_timeout);
                self.lose_for(LossClass::Retryable, &problem, out);
            }
            Phase::Closing(until) if until <= now => self.end(out),
            Phase::Starting(_) | Phase::Closing(_) => {}
            Phase::Lingering(until) => {
                self.tick(now, out);
                if until <= now {
                    self.say_goodbye(now, out);
                }
            }
            Phase::Running => {
                self.tick(now, out);
                if self.sounded + LONGEST_WITHOUT_SOUND <= now {
                    // The server may still answer this, and the usage is then final.
                    send(&ClientEvent::Close { event_id: EventId::Close }, out);
                    let problem = format!("no sound of the model for {LONGEST_WITHOUT_SOUND:?}");
                    return self.lose_for(LossClass::Retryable, &problem, out);
                }
                self.check_health(now, out);
                if !matches!(self.phase, Phase::Running) {
                    return;
                }
                self.answer_overdue_calls(now, out);
                if self.listen_until.is_some_and(|at| at <= now) {
                    self.heard_out(out);
                }
                if self.owed_since.is_some_and(|since| since + LONGEST_OWED <= now) {
                    self.prod(now, out);
                }
                self.wishes_due(now, out);
            }
        }
    }

    /// Sends what the session's clock is due, for the caller's audio that did not come.
    fn tick(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let frames = &mut self.last_frame;
        if self.clock.due().is_some_and(|at| at <= now) {
            self.clock.tick(now, &mut |piece| send_audio(piece, frames, out));
        }
    }

    /// Whether the call has ordered the end.
    const fn is_ending(&self) -> bool {
        matches!(self.phase, Phase::Lingering(_) | Phase::Closing(_))
    }

    /// Does everything that has become possible. Called after every event.
    fn settle(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        self.follow_turns(now, out);
        if self.meter.unreported(self.clock.ms()) >= CHARGED_AFTER_MS {
            self.charge(out);
        }
        self.begin_delegations(now, out);
        if self.work.goes_on() {
            let event_id = EventId::GoOn(self.next_number());
            send(&ClientEvent::GoOn { event_id }, out);
        }
        self.next_wish(now, out);
        if self.work.is_used_up() && !self.voice.sounds() && !self.work.is_busy() {
            self.close_and_lose(LossClass::Expired, "the input of the model behind the voice is full", out);
        }
    }

    /// The time to ping the server, or the time when it counts as dead.
    fn health(&self) -> Instant {
        let limit = self.common.silence_timeout;
        self.heard + limit * (self.pings.min(PINGS) + 1) / (PINGS + 1)
    }

    fn check_health(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if self.health() > now {
            return;
        }
        if self.pings < PINGS {
            self.pings += 1;
            return out.push(SessionAction::Ping);
        }
        let problem = format!("nothing heard for {:?}", now.saturating_duration_since(self.heard));
        self.lose_for(LossClass::Retryable, &problem, out);
    }

    /// Puts `text` before the model: as parts that the server takes, one after the other.
    fn append<'a>(
        &mut self,
        kind: fn(Append<'a>) -> ClientEvent<'a>,
        text: &'a str,
        delegation: Option<&'a str>,
        out: &mut Vec<SessionAction>,
    ) {
        for part in parts(text) {
            let number = self.next_number();
            send(&kind(Append::new(number, part, delegation)), out);
        }
    }

    fn place(&mut self, item: &ItemId, speaker: Speaker, out: &mut Vec<SessionAction>) {
        let previous = self.last_item.replace(item.clone());
        out.push(SessionAction::ToWords(Words::Placed { item: item.clone(), speaker, previous }));
    }

    /// Reports the time of the session that was not reported yet.
    fn charge(&mut self, out: &mut Vec<SessionAction>) {
        let session_ms = self.meter.take(self.clock.ms());
        if session_ms > 0 {
            out.push(SessionAction::Report(ModelReport::Used(Usage { session_ms, ..Usage::default() })));
        }
    }

    /// Reports the tokens of the model behind the voice, which has a price of its own.
    fn charge_work(&self, tokens: Option<Usage>, out: &mut Vec<SessionAction>) {
        if let (Some(usage), Delegation::Responses(backend)) = (tokens, &self.plan.delegation) {
            out.push(SessionAction::Report(ModelReport::Worked { model: backend.model.clone(), usage }));
        }
    }

    fn close_and_lose(&mut self, class: LossClass, reason: &str, out: &mut Vec<SessionAction>) {
        send(&ClientEvent::Close { event_id: EventId::Close }, out);
        self.lose_for(class, reason, out);
    }

    fn lose_for(&mut self, class: LossClass, reason: &str, out: &mut Vec<SessionAction>) {
        self.lose(ModelLoss { class, reason: clipped(reason) }, out);
    }

    fn lose(&mut self, loss: ModelLoss, out: &mut Vec<SessionAction>) {
        if self.is_ending() {
            return self.end(out);
        }
        // A turn without words is no noise: its words will never come. The next session gets it.
        self.turn_lost = self.caller.is_open();
        self.last_words(|text| !text.is_empty(), out);
        self.charge(out);
        self.phase = Phase::Over;
        self.held.clear();
        out.push(SessionAction::Lose(loss));
    }

    /// Ends the session after an order to close.
    fn end(&mut self, out: &mut Vec<SessionAction>) {
        self.last_words(|_| true, out);
        self.charge(out);
        self.phase = Phase::Over;
        out.push(SessionAction::Close);
    }

    fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

fn send(event: &ClientEvent<'_>, out: &mut Vec<SessionAction>) {
    out.push(SessionAction::Send(event.to_json()));
}

fn send_audio(piece: &[u8], frames: &mut u64, out: &mut Vec<SessionAction>) {
    *frames += 1;
    out.push(SessionAction::SendAudio(append_audio(*frames, piece)));
}

fn complain(code: &str, message: &str, out: &mut Vec<SessionAction>) {
    let (code, message) = (clipped(code), clipped(message));
    out.push(SessionAction::Report(ModelReport::Complained { code, message }));
}

/// The number of evenly spaced pings during a silence before the server counts as dead.
const PINGS: u32 = 2;
/// How long the stream may pause while the caller's audio flows. A piece comes every 100 ms. Less:
/// a hiccup of the network costs the session. Longer: the caller hears nothing for longer.
const LONGEST_WITHOUT_SOUND: Duration = Duration::from_secs(3);
/// How long a caller who has spoken waits for a voice before the model is asked for an answer.
/// Shorter: a model that thinks is asked twice.
const LONGEST_OWED: Duration = Duration::from_secs(6);
/// The time of the session after which it is charged by our own count, in ms. The server reports
/// it every 15 s. Shorter: more reports. Longer: a call that ends is not charged for its last part,
/// because the server's final figure comes after the record.
const CHARGED_AFTER_MS: u64 = 1_000;
/// How long the session stays open for the transcript of what was said last, which follows the audio
/// by about half a second. Shorter: the record lacks the last words. Longer: it costs time of the
/// session.
const LAST_WORDS: Duration = Duration::from_millis(700);
/// How long the server may take to end the session. Longer: the record of the call waits.
const LONGEST_CLOSE: Duration = Duration::from_secs(5);
/// The number of orders to keep for a session that does not run yet. A call gives one or two.
const MOST_HELD: usize = 64;
/// The number of unreadable messages in a row before the session gives up on the server.
const MOST_MALFORMED: u32 = 50;
/// The longest text of the caller that a delegation gets, in bytes.
const LONGEST_SAID: usize = 2_000;
