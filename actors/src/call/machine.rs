//! The call machine: state × event → state′ + actions. Pure.
//!
//! A call is five regions that run side by side. Each region has one page with its whole table,
//! actions included, which a test compares with the machine:
//!
//! | region | says | states |
//! |---|---|---|
//! | `floor` | who speaks | silent, caller, due, agent; greeting |
//! | `hands` | who talks for us | agent, person |
//! | `model_link` | whether there is a model | dialling, up, expiring, down, gone |
//! | `line_link` | whether there is a line | up, offered, broken |
//! | `exit` | how it ends or is transferred | staying, closing, announcing, asking, …, ended |
//!
//! This page only routes: it passes each event to the regions that it concerns, in order. The state
//! in `/calls` is a projection of the five (`Exit::state`). The floor, the model and the line know
//! nothing of the exit, which sees and moves all of them. Everything that is due or awaited has a
//! deadline: one timer, for the earliest of the `timers`.
#![doc = include_str!("machine.md")]

mod audio;
mod line;
mod model;
mod steering;

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::conversation::Conversation;
use super::exit::{By, Exit};
use super::floor::{Silence, Waited};
use super::messages::{Briefing, CallDetail, Next};
use super::shared::Stage;
use super::steps::{CallAction, CallEvent, Note};
use super::timers::{Timer, TimerTable};
use super::transfer::TransferRefusal;
use crate::audio::report::ItemPlayout;
use crate::carrier::Handover;
use crate::ending::Ending;
use crate::incident::{Incident, IncidentKind};
use crate::line::identity::CallIdentity;
use crate::profile::CallProfile;
use crate::realtime::report::LossClass;
use crate::transcript::messages::{Fact, Tally};

/// One call.
#[derive(Debug)]
pub struct CallMachine {
    exit: Exit,
    talk: Conversation,
    /// Whether the Transcript has been replaced once.
    transcript: Transcript,
}

/// The actor that writes the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Transcript {
    First,
    Second,
}

/// What the call's line supports, and when it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Means {
    /// How its carrier transfers a caller.
    pub handover: Option<Handover>,
    /// Whether the carrier's API can redirect or hand on the call.
    pub requests: bool,
    /// Whether the carrier opens another stream by itself when one is lost.
    pub reopens: bool,
    /// The wall-clock time of the call's start, for opening hours.
    pub started_at: DateTime<Utc>,
}

impl CallMachine {
    /// Creates a call whose stream has started and whose model is being dialled.
    pub fn new(profile: Arc<CallProfile>, now: Instant) -> Self {
        Self { exit: Exit::new(), talk: Conversation::new(profile, now), transcript: Transcript::First }
    }

    /// Sets what the line supports.
    #[must_use]
    pub fn with_means(mut self, means: Means) -> Self {
        self.talk.call.means = means;
        self
    }

    /// Sets who calls whom, for the texts of an agent that takes the call over.
    #[must_use]
    pub fn of(mut self, identity: &CallIdentity) -> Self {
        self.talk.call.identity = Some(Arc::new(identity.clone()));
        self
    }

    /// Handles `event` and returns the actions; none once the call has ended.
    pub fn handle(&mut self, event: CallEvent, now: Instant) -> Vec<CallAction> {
        if self.stage() == Stage::Ended {
            return Vec::new();
        }
        let before = self.state();
        self.talk.call.now = now;
        self.route(event);
        self.talk.floor.check_words(&mut self.talk.call);
        self.check_clocks();
        self.time_passed();
        self.check_clocks();
        if self.stage() == Stage::Talking && self.talk.floor.is_quiet() {
            self.talk.model.quiet_moment(&mut self.talk.call);
        }
        if self.state() != before {
            self.talk.call.tell(Note::StateChanged(self.state()));
        }
        std::mem::take(&mut self.talk.call.out)
    }

    /// The facts of what the caller had heard of `items` when the call ended.
    pub fn heard_at_the_end(&self, items: Vec<ItemPlayout>) -> Vec<Fact> {
        self.talk.floor.heard_at_the_end(items)
    }

    fn route(&mut self, event: CallEvent) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        match event {
            CallEvent::Begun => {
                talk.call.fetch_clips();
                if let Some(problem) = talk.call.profile.given.unknown.clone() {
                    talk.call.tell(Note::IncidentLogged(Incident::new(IncidentKind::LookUp, problem)));
                }
                talk.floor.begin(&mut talk.call);
            }
            CallEvent::Line(report) => self.line(report),
            CallEvent::Audio(report) => self.audio(report),
            CallEvent::Model(report) => self.model(report),
            CallEvent::HangUp(order) => exit.hang_up(order, talk),
            CallEvent::WrapUp => talk.floor.wrap_up(exit.stage(talk), &mut talk.call),
            CallEvent::RecordingPaused(paused) => talk.floor.pause_recording(paused, &mut talk.call),
            CallEvent::Steered(order) => self.steered(order),
            CallEvent::ChildLost(child) => self.child_lost(child),
            CallEvent::ToolAnswered { call, output } => {
                if let Some(asked) = talk.floor.tool_answered(&call) {
                    talk.answer_tool(&asked, output, true, exit.stage(talk));
                }
            }
            CallEvent::ClipFetched { words, made } => talk.call.clip_fetched(&words, made),
            CallEvent::TransferOrdered { destination } => {
                let reason = "ordered by an operator".to_owned();
                exit.transfer_asked(destination, reason, String::new(), By::Operator, talk);
            }
            CallEvent::TransferPermitGiven { granted } => exit.transfer_permit_given(granted, talk),
            CallEvent::CarrierAnswered(answer) => exit.carrier_answered(answer, talk),
            CallEvent::DialAnswered => exit.dial_answered(),
            CallEvent::Incident(incident) => talk.call.tell(Note::IncidentLogged(incident)),
            CallEvent::Detected(detected) => exit.detected(detected, talk),
            CallEvent::DialEnded(outcome) => exit.dial_ended(outcome, talk),
            CallEvent::NextAsked => {
                exit.next_asked(talk);
                talk.call.act(CallAction::Reply(exit.next(talk)));
            }
            CallEvent::CalleeCalled(answer) => exit.callee_called(answer, talk),
            CallEvent::CalleeAccepted => exit.callee_accepted(talk),
            CallEvent::CalleeEnded(outcome) => exit.callee_ended(outcome, talk),
            CallEvent::StreamOffered => exit.stream_offered(talk),
            CallEvent::LineReplaced => {
                if self.has_line() {
                    self.talk.line_breaks(self.stage());
                }
            }
            CallEvent::LineReturned => exit.line_returned(talk),
            CallEvent::TimeUp => {}
        }
    }
}

/// Timers.
impl CallMachine {
    /// Returns the next deadline; there is always one until the call has ended.
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        let (mut timers, call) = (TimerTable::default(), &self.talk.call);
        match self.stage() {
            Stage::Connecting => {
                self.talk.model.setup_timer(call, &mut timers);
                self.talk.floor.connecting_timers(&mut timers, call);
            }
            Stage::Talking => {
                self.talk.floor.timers(&mut timers, call);
                self.talk.model.outage_timer(self.talk.floor.is_owed(), &mut timers);
            }
            Stage::Closing | Stage::Transferring => self.exit.timers(&mut timers),
            Stage::Broken => self.talk.line.break_timer(&mut timers),
            // Nothing is awaited of the caller or of the agent.
            Stage::TakenOver | Stage::Ended => {}
        }
        if let Stage::Connecting | Stage::Talking = self.stage() {
            timers.set(Timer::DurationLimit, call.started.checked_add(call.profile.limits.max_duration));
        }
        if let Stage::Connecting | Stage::Talking | Stage::TakenOver | Stage::Closing = self.stage() {
            self.talk.line.silence_timer(call, &mut timers);
        }
        timers.next()
    }

    fn check_clocks(&mut self) {
        let (stage, outage) = (self.stage(), self.talk.model.is_down());
        self.talk.floor.check_clocks(stage, outage, self.talk.call.now);
    }

    fn time_passed(&mut self) {
        while let Some((_, timer)) = self.deadline().filter(|(at, _)| *at <= self.talk.call.now) {
            let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
            match timer {
                // The carrier may be silent while the last words play; the ending stays the same.
                Timer::LineSilence => exit.finish(exit.closing().unwrap_or(Ending::LineSilent), talk),
                Timer::Goodbye => exit.closed(talk),
                Timer::Transfer => exit.transfer_overdue(talk),
                Timer::Reconnect => exit.finish(Ending::LineLost, talk),
                Timer::ModelSetup => {
                    let reason = "no session within the time for model setup".to_owned();
                    talk.call.tell(Note::ModelLost { class: LossClass::Retryable, reason });
                    exit.model_overdue(talk);
                }
                Timer::Keypad => self.keys_entered(),
                Timer::Interruption => talk.floor.judge_interruption(stage, &mut talk.call),
                Timer::Idle => {
                    if talk.floor.advance(&mut talk.call) == Silence::TooLong {
                        exit.say_goodbye(Ending::CallerSilent, talk);
                    }
                }
                Timer::Filler => talk.floor.fill_the_wait(&mut talk.call),
                Timer::Outage => {
                    talk.model.line_played(talk.call.now);
                    talk.floor.play_filler(&mut talk.call);
                }
                Timer::Wait => {
                    if talk.floor.end_the_wait(stage, &mut talk.call) == Waited::ForTheModel {
                        self.replace_session();
                    }
                }
                Timer::Protection => self.end_protection(),
                Timer::DurationWarning => talk.floor.warn(&mut talk.call),
                Timer::DurationLimit => exit.say_goodbye(Ending::DurationLimit, talk),
            }
        }
    }
}

/// Queries, which change nothing.
impl CallMachine {
    fn stage(&self) -> Stage {
        self.exit.stage(&self.talk)
    }

    /// The state's name.
    pub fn state(&self) -> &'static str {
        self.exit.state(&self.talk)
    }

    /// The agent that has the call.
    pub fn agent(&self) -> &str {
        &self.talk.call.profile.agent
    }

    /// The code of the current language.
    pub fn language(&self) -> &str {
        &self.talk.call.language
    }

    /// The name of the model that answers, or of the one that is dialled first.
    pub fn served_by(&self) -> &str {
        &self.talk.call.model.model
    }

    /// Why the call ended; `None` before its end.
    pub fn ending(&self) -> Option<Ending> {
        self.exit.ending()
    }

    /// Whether only the stream's own end reported that the caller is gone.
    pub fn ended_by_stream(&self) -> bool {
        self.exit.ended_by_stream()
    }

    /// The call's counters so far.
    pub fn tally(&self) -> Tally {
        self.talk.call.tally()
    }

    /// The further fields of `GET /calls/{id}`.
    pub fn detail(&self) -> CallDetail {
        CallDetail { first_audio_ms: self.talk.call.tally.first_audio_ms, ..self.talk.call.detail.clone() }
    }

    /// How long the caller waited for the newest answer that was heard.
    pub fn answer_ms(&self) -> Option<u64> {
        self.talk.call.detail.latency.iter().rev().find_map(|turn| turn.total_ms)
    }

    /// Whether the call is live and has a line.
    pub fn has_line(&self) -> bool {
        matches!(self.stage(), Stage::Connecting | Stage::Talking | Stage::TakenOver)
    }

    /// Whether the caller may be transferred to `destination` now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_transfer(&self, destination: &str, now: Instant) -> Result<(), TransferRefusal> {
        self.exit.may_transfer(destination, now, &self.talk)
    }

    /// Returns how the call continues after the end of its stream or of a dialled leg.
    pub fn next(&self) -> Next {
        self.exit.next(&self.talk)
    }

    /// The announcement to a callee who answers; `None` if the caller no longer waits for them.
    pub fn briefing(&self) -> Option<Briefing> {
        self.exit.briefing(&self.talk)
    }
}

/// The names of the states, as `/calls` shows them.
pub const STATES: [&str; 10] = [
    "connecting",
    "greeting",
    "listening",
    "thinking",
    "speaking",
    "taken_over",
    "transferring",
    "closing",
    "reconnecting",
    "ended",
];

#[cfg(test)]
mod tests;
