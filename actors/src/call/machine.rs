//! The call machine: state × event → state′ + actions. Pure.
//!
//! A call is four regions that run side by side, each one page with its whole table, actions included, which a test compares with the
//! machine:
//!
//! | region | says | states |
//! |---|---|---|
//! | `floor` | who speaks | silent, caller, due, agent; greeting |
//! | `model_link` | whether there is a model | dialling, up, expiring, down, gone |
//! | `line_link` | whether there is a line | up, offered, broken |
//! | `exit` | how the call ends or is handed on | staying, closing, announcing, asking, ringing, …, ended |
//!
//! This page only routes: each event goes to the regions that it reaches, in order. What `/calls` shows as the state is a projection
//! of the four (`Exit::state`). The floor, model and line know nothing of the exit; it sees and moves all of them. What is due has a
//! deadline, and so has everything that is waited for: one timer, for the earliest of the `timers`.
//!
//! All four together, by the state that is shown (a word that is no state is an [`Ending`], a dot changes nothing shown; the agent's
//! own goodbye closes, a destination rings, and the line broke before anybody spoke; a time-out is the first that is no word for one
//! who waits):
//!
//! | | connecting | greeting | listening | thinking | speaking | closing | transferring | reconnecting |
//! |---|---|---|---|---|---|---|---|---|
//! | model ready | greeting | . | . | . | . | . | . | . |
//! | caller speaks | . | listening | . | listening | listening | listening | . | . |
//! | caller is done | . | . | thinking | . | . | . | . | . |
//! | response begins | . | . | thinking | . | . | . | . | . |
//! | response ends | . | . | . | . | . | . | . | . |
//! | agent is heard | . | . | speaking | speaking | . | . | . | . |
//! | all was heard | . | . | . | . | listening | . | . | . |
//! | wish given up | . | listening | . | . | . | . | . | . |
//! | answer not heard | . | . | . | . | thinking | . | . | . |
//! | session is mute | . | . | . | . | . | . | . | . |
//! | tool `end_call` | closing | closing | closing | closing | closing | . | . | . |
//! | tool not to be had | . | . | . | . | . | . | . | . |
//! | key | . | listening | . | listening | listening | listening | . | . |
//! | operator hangs up | operator_hung_up | closing | closing | closing | closing | . | operator_hung_up | operator_hung_up |
//! | nothing left to spend | spend_limit | closing | closing | closing | closing | . | transferred | spend_limit |
//! | drain | drained | closing | closing | closing | closing | . | transferred | drained |
//! | model session lost | . | . | . | . | . | . | . | . |
//! | another one goes on | . | . | . | . | . | . | . | . |
//! | model lost | closing | closing | closing | closing | closing | . | . | . |
//! | model refused | closing | closing | closing | closing | closing | . | . | . |
//! | carrier's stop | caller_hung_up | caller_hung_up | caller_hung_up | caller_hung_up | caller_hung_up | agent_hung_up | . | . |
//! | socket gone | reconnecting | reconnecting | reconnecting | reconnecting | reconnecting | agent_hung_up | . | . |
//! | another stream comes | reconnecting | reconnecting | reconnecting | reconnecting | reconnecting | . | . | . |
//! | call over, beside the stream | caller_hung_up | caller_hung_up | caller_hung_up | caller_hung_up | caller_hung_up | agent_hung_up | caller_hung_up | caller_hung_up |
//! | destination answered and done | . | . | . | . | . | . | transferred | . |
//! | destination busy | . | . | . | . | . | . | . | . |
//! | caller returns | . | . | . | . | . | . | listening | listening |
//! | audio actor lost | crashed | crashed | crashed | crashed | crashed | crashed | . | . |
//! | model actor lost | closing | closing | closing | closing | closing | . | . | . |
//! | transcript actor lost | . | . | . | . | . | . | . | . |
//! | first time-out | model_lost | model_lost | line_silent | model_lost | line_silent | agent_hung_up | transferred | line_lost |

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::conversation::Conversation;
use super::exit::{By, Exit, ToldBy};
use super::floor::{Awaited, Called, Entered, Silence, Waited};
use super::line_link::StreamEnd;
use super::messages::{CallDetail, HangUp, Next};
use super::meter::Verdict;
use super::shared::Stage;
use super::steps::{CallAction, CallEvent, Note};
use super::timers::{Timer, TimerTable};
use super::tools::Effect;
use super::transfer::TransferRefusal;
use crate::audio::report::AudioReport;
use crate::carrier::Handover;
use crate::child::Child;
use crate::ending::Ending;
use crate::ids::{ItemId, ResponseId};
use crate::incident::{Incident, IncidentKind};
use crate::line::messages::LineReport;
use crate::profile::CallProfile;
use crate::realtime::messages::{ModelOrder, ResponsePurpose};
use crate::realtime::report::{LossClass, ModelLoss, ModelReport, ResponseOutcome, ToolCall, Usage};
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

/// What the call's line can do, and when it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Means {
    /// How its carrier hands a caller on.
    pub handover: Option<Handover>,
    /// Whether the carrier can be asked over its API.
    pub requests: bool,
    /// When the call's time began by the wall, for opening hours.
    pub started_at: DateTime<Utc>,
}

impl CallMachine {
    /// A call whose stream has started and whose model is being dialled.
    pub fn new(profile: Arc<CallProfile>, now: Instant) -> Self {
        Self { exit: Exit::new(), talk: Conversation::new(profile, now), transcript: Transcript::First }
    }

    /// Held over a line that can do this.
    #[must_use]
    pub fn with_means(mut self, means: Means) -> Self {
        self.talk.call.means = means;
        self
    }

    /// What is to be done about `event`. Nothing once the call has ended.
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

    fn route(&mut self, event: CallEvent) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        match event {
            CallEvent::Begun => talk.floor.begin(&mut talk.call),
            CallEvent::Line(report) => self.line(report),
            CallEvent::Audio(report) => self.audio(report),
            CallEvent::Model(report) => self.model(report),
            CallEvent::HangUp(order) => exit.hang_up(order, talk),
            CallEvent::WrapUp => talk.floor.wrap_up(exit.stage(talk), &mut talk.call),
            CallEvent::RecordingPaused(paused) => talk.call.pause_recording(paused),
            CallEvent::ChildLost(child) => self.child_lost(child),
            CallEvent::ToolAnswered { call, output } => {
                if let Some(asked) = talk.floor.tool_answered(&call) {
                    talk.answer_tool(&asked, output, true, exit.stage(talk));
                }
            }
            CallEvent::TransferOrdered { destination } => {
                let reason = "ordered by an operator".to_owned();
                exit.transfer_asked(destination, reason, String::new(), By::Operator, talk);
            }
            CallEvent::TransferPermitGiven { granted } => exit.transfer_permit_given(granted, talk),
            CallEvent::CarrierAnswered(answer) => exit.carrier_answered(answer, talk),
            CallEvent::DialAnswered => exit.dial_answered(),
            CallEvent::DialEnded(outcome) => exit.dial_ended(outcome, talk),
            CallEvent::NextAsked => exit.next_asked(talk),
            CallEvent::PersonCalled(answer) => exit.person_called(answer, talk),
            CallEvent::PersonTook => exit.person_took(talk),
            CallEvent::PersonEnded(outcome) => exit.person_ended(outcome, talk),
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

/// The line.
impl CallMachine {
    fn line(&mut self, report: LineReport) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        if let LineReport::Incident(incident) = report {
            // No sign of life: it may be that there is none.
            return talk.call.tell(Note::IncidentTold(incident));
        }
        talk.line.is_heard(talk.call.now);
        match report {
            LineReport::KeyPressed(key) => self.key_pressed(key),
            LineReport::Stopped | LineReport::Left | LineReport::Closed | LineReport::CallOver => {
                match talk.line.stream_end(&report, stage, exit.closing(), &talk.call) {
                    StreamEnd::Nothing => {}
                    StreamEnd::Breaks => talk.line_breaks(stage),
                    StreamEnd::Beneath => exit.line_ends_beneath(&report, talk),
                    StreamEnd::CallerLeft => exit.finish_by(Ending::CallerHungUp, ToldBy::Stream, talk),
                    StreamEnd::Ends(ending) => exit.finish(ending, talk),
                }
            }
            // A model that has not come yet, or is gone, has heard nothing.
            LineReport::InputDiscarded if matches!(stage, Stage::Talking | Stage::Closing) => {
                talk.call.order(ModelOrder::DiscardInput);
            }
            LineReport::InputDiscarded | LineReport::Alive | LineReport::Malformed | LineReport::Incident(_) => {}
            LineReport::FramesDropped(frames) => {
                talk.call.tally.dropped_frames += frames;
                talk.call.tell(Note::FramesDropped(frames));
            }
        }
    }

    fn key_pressed(&mut self, key: char) {
        let stage = self.stage();
        let revocable = self.exit.is_revocable(&self.talk);
        let (floor, call) = (&mut self.talk.floor, &mut self.talk.call);
        call.record_key(key);
        match stage {
            // The end is not the caller's to call off, or they are with somebody else.
            Stage::Closing if !revocable => {}
            Stage::Broken | Stage::HandedOn | Stage::Ended => {}
            // While connecting, the entry waits for the model.
            Stage::Connecting | Stage::Talking | Stage::Closing => {
                floor.key_pressed(key, call);
                if floor.is_open() {
                    self.yield_to_keys();
                }
            }
        }
    }

    /// The caller has the word by their keys.
    fn yield_to_keys(&mut self) {
        match self.stage() {
            Stage::Talking => self.talk.floor.overtake(&mut self.talk.call),
            // The agent wished to end the call and the caller does not.
            Stage::Closing if self.exit.is_revocable(&self.talk) => {
                self.talk.floor.overtake(&mut self.talk.call);
                self.exit.goes_on("pressed a key", &mut self.talk);
            }
            // There is no model yet that could go on, or the end is not the caller's to call off.
            Stage::Connecting | Stage::Closing | Stage::Broken | Stage::HandedOn | Stage::Ended => {}
        }
    }

    fn keys_entered(&mut self) {
        match self.talk.floor.keys_entered(&mut self.talk.call) {
            Some(Entered::HangUp) => self.exit.say_goodbye(Ending::CallerHungUp, &mut self.talk),
            Some(Entered::Transfer { destination, reason }) => {
                self.exit.transfer_asked(destination, reason, String::new(), By::Caller, &mut self.talk);
            }
            None => {}
        }
    }
}

/// The audio.
impl CallMachine {
    fn audio(&mut self, report: AudioReport) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        match report {
            AudioReport::PlayoutStarted { response, .. } => {
                talk.model.sounds(true, talk.call.now);
                talk.floor.playout_started(&response, stage, &mut talk.call);
                if stage == Stage::Closing {
                    exit.expect_words(talk);
                }
            }
            AudioReport::FirstHeard { response, .. } => talk.floor.first_heard(&response, &mut talk.call),
            AudioReport::LastVoice { ago } => talk.floor.last_voice(ago),
            AudioReport::ItemHeard(playout) => {
                if talk.floor.item_heard(&playout, &mut talk.call) {
                    talk.model.heard();
                }
                if talk.floor.was_notice(&playout) {
                    self.end_protection();
                }
            }
            AudioReport::Queued { remaining } if stage == Stage::Closing => exit.expect_silence(remaining, talk),
            // Asked for out of turn; the report of silence is what counts.
            AudioReport::Queued { .. } => {}
            AudioReport::PlayoutDrained => self.playout_drained(stage),
            AudioReport::Interrupted(items) => talk.floor.interrupted(items, &mut talk.call),
            // The pipeline tells operators what it drops; an item that was cut is heard as far as it goes.
            AudioReport::PlayoutOverflowed { .. } => {}
            AudioReport::FramesDropped(frames) => talk.call.tally.dropped_frames += frames,
            AudioReport::Diagnosed(diagnosis) => talk.call.diagnosed(*diagnosis),
        }
    }

    fn playout_drained(&mut self, stage: Stage) {
        self.talk.model.sounds(false, self.talk.call.now);
        let was_sounding = self.talk.floor.playout_drained(stage, &mut self.talk.call);
        if self.talk.floor.all_was_heard(stage) {
            self.end_protection();
        }
        match stage {
            Stage::Talking => self.talk.floor.settle(was_sounding),
            Stage::Closing => self.exit.all_was_heard(&mut self.talk),
            Stage::Connecting | Stage::Broken | Stage::HandedOn | Stage::Ended => {}
        }
    }

    /// What must not be interrupted has been heard, or will not come: the caller's words flow, and their keys do what they do.
    fn end_protection(&mut self) {
        let stage = self.stage();
        let Some(was_notice) = self.talk.floor.end_protection(stage, &mut self.talk.call) else { return };
        let pressed = self.talk.floor.is_pressed();
        if pressed {
            self.yield_to_keys();
        }
        if was_notice && !self.exit.notice_is_over(&mut self.talk) && !pressed {
            let talks = self.stage() == Stage::Talking && !self.talk.model.is_gone();
            if talks {
                self.talk.floor.greet_behind_the_notice(&mut self.talk.call);
            }
        }
    }
}

/// The model.
impl CallMachine {
    fn model(&mut self, report: ModelReport) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        match report {
            ModelReport::Ready { setup, .. } => match (talk.model.ready(setup, &mut talk.call), stage) {
                (true, Stage::Connecting) => talk.floor.opens(&mut talk.call),
                (true, Stage::Broken) => talk.line.model_came_up(&talk.floor, &mut talk.call),
                _ => {}
            },
            ModelReport::SpeechStarted { item } => self.caller_spoke(item),
            ModelReport::SpeechStopped { item } => {
                talk.floor.caller_stopped(&item, stage, &mut talk.call);
                talk.line.owes_an_answer();
            }
            ModelReport::CallerWords { item, text, last } => {
                talk.floor.caller_words(&item, text.expose(), last, stage, &mut talk.call);
            }
            ModelReport::WordsFailed { item } => talk.floor.words_failed(&item, &mut talk.call),
            ModelReport::FirstAudio { response } => talk.floor.first_audio(&response, talk.call.now),
            ModelReport::ResponseStarted { response } => {
                talk.floor.response_started(response, stage, &mut talk.call);
                talk.line.owes_an_answer();
                if stage == Stage::Closing {
                    exit.words_begin();
                }
            }
            ModelReport::ResponseFinished { response, outcome, usage } => {
                self.response_finished(&response, outcome, usage);
            }
            ModelReport::AnswerMissed { response, kind, again } => {
                talk.floor.answer_missed(&response, kind, again, &mut talk.call);
            }
            ModelReport::NothingOwed => talk.floor.nothing_owed(stage),
            ModelReport::Muted { purpose, reason } => self.session_is_mute(purpose, &reason),
            ModelReport::TranscriptionUsed(usage) => {
                talk.call.transcription_used(usage);
                self.check_spending();
            }
            ModelReport::ToolCalled(asked) => self.tool_called(asked),
            ModelReport::RequestGivenUp { purpose, reason } => self.request_given_up(purpose, reason),
            ModelReport::Incident(incident) => talk.call.tell(Note::IncidentTold(incident)),
            ModelReport::Complained { code, message } => talk.call.tell(Note::ModelComplained { code, message }),
            ModelReport::Faltered(loss) => {
                if talk.model.faltered(loss, talk.floor.is_sounding(), &mut talk.call) {
                    talk.floor.model_faltered(&mut talk.call);
                    if stage == Stage::Closing {
                        exit.words_break_off(talk);
                    }
                }
            }
            ModelReport::Serves { model } => talk.call.meter.charge(&talk.call.profile.spend, &model),
            ModelReport::Resumed { gap, answering, .. } => {
                talk.model.resumed(gap, &mut talk.call);
                talk.floor.model_resumed(answering && !talk.model.is_gone());
                if stage == Stage::Talking {
                    // Should nothing be owed, the answer ends the agent's turn.
                    talk.tell_when_drained();
                }
            }
            ModelReport::Renewable => talk.model.expires(),
            ModelReport::Lost(loss) => self.model_lost(loss),
        }
    }

    fn caller_spoke(&mut self, item: ItemId) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        talk.floor.caller_spoke(&item, stage, &mut talk.call);
        // The agent wished to end the call and the caller does not: the caller is right.
        if stage == Stage::Closing && exit.is_revocable(talk) && !talk.floor.must_be_heard() {
            talk.floor.listen(&mut talk.call);
            exit.goes_on("spoke", talk);
        }
        talk.call.record(Fact::CallerSpoke { item });
        talk.call.act(CallAction::CallerTurn { open: true });
    }

    fn response_finished(&mut self, response: &ResponseId, outcome: ResponseOutcome, usage: Option<Usage>) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        if let ResponseOutcome::Incomplete(reason) = &outcome {
            talk.floor.answer_cut(response, reason, &mut talk.call);
        }
        talk.floor.response_finished(response, outcome == ResponseOutcome::Completed);
        talk.call.out.extend(Note::of_outcome(outcome).map(CallAction::Tell));
        if let Some(usage) = usage {
            talk.call.used(usage);
        }
        match stage {
            // Another one has begun since; its end is what counts.
            _ if talk.floor.is_generating() => {}
            Stage::Closing => exit.words_end(talk),
            // Its last audio may still be on its way to the playout; the report of silence ends the agent's turn.
            Stage::Talking => talk.tell_when_drained(),
            Stage::Connecting | Stage::Broken | Stage::HandedOn | Stage::Ended => {}
        }
        self.check_spending();
    }

    fn request_given_up(&mut self, purpose: Option<ResponsePurpose>, reason: String) {
        let stage = self.stage();
        let awaited = self.talk.floor.request_given_up();
        if self.talk.floor.is_over() || purpose == Some(ResponsePurpose::Notice) {
            self.end_protection();
        }
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        talk.call.tell(Note::RequestGivenUp { purpose, reason });
        match stage {
            Stage::Talking if awaited == Awaited::Yes && talk.floor.is_over() => {
                talk.floor.leave_it_at_an_apology(&mut talk.call);
            }
            Stage::Closing => exit.words_given_up(purpose, talk),
            // Something else is being said or awaited, and its own reports lead on.
            Stage::Connecting | Stage::Talking | Stage::Broken | Stage::HandedOn | Stage::Ended => {}
        }
    }

    /// The session does not speak: a word of ours, and another session.
    fn session_is_mute(&mut self, purpose: Option<ResponsePurpose>, reason: &str) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        let detail = format!("{}: {reason}", purpose.map_or("answer", ResponsePurpose::word));
        talk.call.tell(Note::Incident(Incident::new(IncidentKind::ModelMute, detail)));
        match exit.stage(talk) {
            Stage::Closing => exit.words_given_up(purpose, talk),
            Stage::Talking => {
                talk.floor.session_is_mute(&mut talk.call);
                self.replace_session();
            }
            Stage::Connecting | Stage::Broken | Stage::HandedOn | Stage::Ended => {}
        }
    }

    fn replace_session(&mut self) {
        if let Some(loss) = self.talk.model.replace(&mut self.talk.call) {
            self.model_lost(loss);
        }
    }

    fn model_lost(&mut self, loss: ModelLoss) {
        let ending = self.talk.model.lost(loss, &mut self.talk.call);
        self.exit.model_gone(ending, &mut self.talk);
    }

    /// Keeps the call within what it may cost.
    fn check_spending(&mut self) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        match talk.call.meter.verdict() {
            Verdict::Within => {}
            Verdict::WrapUp => talk.floor.wrap_up(exit.stage(talk), &mut talk.call),
            Verdict::Close => exit.hang_up(HangUp::Spent, talk),
        }
    }

    fn tool_called(&mut self, asked: ToolCall) {
        let (stage, exit, talk) = (self.stage(), &mut self.exit, &mut self.talk);
        let (asked, answer) = match talk.floor.tool_called(asked, stage, &mut talk.call) {
            Called::Nothing => return,
            Called::Endless(loss) => return self.model_lost(loss),
            Called::Done(asked, answer) => (asked, answer),
        };
        let mut output = answer.output;
        match (answer.effect, stage) {
            // Answered when it is known what comes of it.
            (Some(Effect::Transfer { destination, reason, summary }), _) => {
                return exit.transfer_asked(destination, reason, summary, By::Model(asked), talk);
            }
            (Some(Effect::HangUp), Stage::Closing | Stage::HandedOn) => {}
            (Some(Effect::HangUp), Stage::Broken) => {
                output = r#"{"ok":false,"error":"the line broke, so the call goes on"}"#.to_owned();
            }
            (Some(Effect::HangUp), _) if talk.floor.was_cut(&asked) => {
                output = r#"{"ok":false,"error":"the caller spoke, so the call goes on"}"#.to_owned();
            }
            (Some(Effect::HangUp), _) => exit.agent_hangs_up(talk),
            (Some(Effect::SwitchLanguage(code)), _) => talk.call.switch_language(&code),
            (Some(Effect::Answered { key, value, status }), _) => {
                talk.call.record(Fact::Answered { key, value, status: status.to_owned() });
            }
            (None, _) => {}
        }
        talk.answer_tool(&asked, output, answer.speak, exit.stage(talk));
    }

    fn child_lost(&mut self, child: Child) {
        let (exit, talk) = (&mut self.exit, &mut self.talk);
        talk.call.tell(Note::ChildLost(child));
        match (child, exit.stage(talk)) {
            // A caller who comes back has another one.
            (Child::Audio, Stage::Broken | Stage::HandedOn) => {}
            // Nothing can be heard any more.
            (Child::Audio, _) => exit.finish(Ending::Crashed, talk),
            (Child::Model, _) => exit.model_gone(Ending::Crashed, talk),
            (Child::Transcript, _) if self.transcript == Transcript::Second => talk.call.tell(Note::RecordLost),
            (Child::Transcript, _) => {
                self.transcript = Transcript::Second;
                talk.call.act(CallAction::RenewTranscript);
            }
        }
    }
}

/// The time.
impl CallMachine {
    /// What is waited for next; something until the call has ended.
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
            Stage::Closing | Stage::HandedOn => self.exit.timers(&mut timers),
            Stage::Broken => self.talk.line.break_timer(&mut timers),
            Stage::Ended => {}
        }
        if let Stage::Connecting | Stage::Talking = self.stage() {
            timers.set(Timer::DurationLimit, call.started.checked_add(call.profile.limits.max_duration));
        }
        if let Stage::Connecting | Stage::Talking | Stage::Closing = self.stage() {
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
                // The carrier may be silent while the last words are awaited; the ending is still ours.
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

/// What is asked of a call. Nothing of it changes anything.
impl CallMachine {
    fn stage(&self) -> Stage {
        self.exit.stage(&self.talk)
    }

    /// The state's name.
    pub fn state(&self) -> &'static str {
        self.exit.state(&self.talk)
    }

    /// The code of the language that is spoken now.
    pub fn language(&self) -> &str {
        &self.talk.call.language
    }

    /// Why the call ended, once it has.
    pub fn ending(&self) -> Option<Ending> {
        self.exit.ending()
    }

    /// Whether only the stream's own end said that the caller is gone.
    pub fn ended_by_stream(&self) -> bool {
        self.exit.ended_by_stream()
    }

    /// The call's counters so far.
    pub fn tally(&self) -> Tally {
        self.talk.call.tally()
    }

    /// What `GET /calls/{id}` shows besides.
    pub fn detail(&self) -> CallDetail {
        CallDetail { first_audio_ms: self.talk.call.tally.first_audio_ms, ..self.talk.call.detail.clone() }
    }

    /// Whether the call goes on over a line that is there.
    pub fn has_line(&self) -> bool {
        matches!(self.stage(), Stage::Connecting | Stage::Talking)
    }

    /// Whether the caller may be sent to `destination` now.
    ///
    /// # Errors
    /// Why not.
    pub fn may_transfer(&self, destination: &str, now: Instant) -> Result<(), TransferRefusal> {
        self.exit.may_transfer(destination, now, &self.talk)
    }

    /// How the call goes on, once its stream or a dialled destination has ended.
    pub fn next(&self) -> Next {
        self.exit.next(&self.talk)
    }

    /// What a person who answers is told; `None` when nobody waits for them any more.
    pub fn briefing(&self) -> Option<String> {
        self.exit.briefing(&self.talk)
    }

    /// Whether the caller waits for a person who has not taken the call.
    pub fn waits_for_person(&self) -> bool {
        self.exit.waits_for_person(&self.talk)
    }
}

/// The names of the states, as `/calls` shows them.
pub const STATES: [&str; 9] =
    ["connecting", "greeting", "listening", "thinking", "speaking", "transferring", "closing", "reconnecting", "ended"];

#[cfg(test)]
mod budget;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod meeting;
#[cfg(test)]
mod missed;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod owed;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod pressed;
#[cfg(test)]
mod reconnecting;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transfers;
#[cfg(test)]
mod waiting;
