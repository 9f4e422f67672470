//! The call's mind: state × event → state′ + actions. Pure.
//!
//! What is being said is the business of the turn; the caller's side (`hearing`, `keys`), what has to be heard (`protection`), the agent's (`playing`), the model's (`answering`),
//! ends, tools and transfers have files of their own. The states, and where each event leads from them (a test compares this table
//! with the machine):
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
//!
//! A time-out is counted behind the words for one who waits (`waiting`), and behind the session that is replaced for him.
//!
//! In a column, a word that is no state is an [`Ending`]. Greeting and thinking, here before the first sound, stay when all was heard; closing,
//! here the agent's own, is left by its caller's word, its second report of silence, or its deadline. Transferring, here while the
//! destination rings, is left by the carrier's word on it. Reconnecting (`reconnecting`) is left by the caller, who comes back or does
//! not; here before anybody was speaking, and on a carrier that asks what follows its stream: on another one a lost socket is `line_lost`.
//!
//! Every way to an end goes through `finish`, the only one that enters `ended`: what arrives first names the ending, what comes
//! later finds the call ended and does nothing.

mod answering;
mod ends;
mod handover;
mod hearing;
mod keys;
mod missed;
mod outage;
mod playing;
mod protection;
mod reconnecting;
mod spending;
mod tooling;
mod waiting;
mod warm;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::ends::Closing;
pub use self::handover::Means;
use self::keys::Recording;
use self::missed::CutShort;
use self::outage::Outage;
use self::protection::Protection;
use self::reconnecting::{Reconnecting, opening_protection};
use self::waiting::Wait;
use super::barge_in::BargeInFilter;
use super::keypad::Keypad;
use super::latency::Stopwatch;
use super::messages::CallDetail;
use super::meter::Meter;
use super::no_input::NoInput;
use super::steps::{CallAction, CallEvent, Note, Timer};
use super::tools::Tools;
use super::transfer::{By, Transfer, Transferring};
use super::turn::Turn;
use crate::audio::diagnosis::Diagnosis;
use crate::ending::Ending;
use crate::line::messages::LineReport;
use crate::profile::{CallProfile, LanguageProfile};
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest};
use crate::realtime::report::LossClass;
use crate::transcript::messages::{Fact, Tally};
use crate::words::Pieces;

/// One call.
#[derive(Debug)]
pub struct CallMachine {
    profile: Arc<CallProfile>,
    state: State,
    turn: Turn,
    barge_in: BargeInFilter,
    /// What the caller says, as it comes.
    pieces: Pieces,
    no_input: NoInput,
    keypad: Keypad,
    tools: Tools,
    stopwatch: Stopwatch,
    protection: Protection,
    recording: Recording,
    /// The code of the language that is spoken now.
    language: String,
    /// The model's turn detection hears the caller.
    caller_speaking: bool,
    /// There is no model session: one was lost, and another one is being opened.
    outage: Option<Outage>,
    /// An answer that ended in its middle.
    cut_short: CutShort,
    /// The model lets the caller wait.
    wait: Wait,
    /// The model session will expire, and a fresh one waits for a quiet moment.
    renewable: bool,
    /// Recordings of ours that were played, for their ids.
    lines_played: u32,
    /// When the stream started.
    started: Instant,
    /// When the carrier last gave a sign of life.
    line_heard: Instant,
    /// When the caller is to be warned of the longest duration; `None` once it was done, or where the call is too short for it.
    warning: Option<Instant>,
    /// Whether the Transcript has been replaced once.
    transcript_renewed: bool,
    meter: Meter,
    means: Means,
    /// The transfer that was asked for or is under way.
    transfer: Option<Transfer>,
    /// There is no model any more.
    mindless: bool,
    /// Streams that another one has followed and whose end was not told.
    earlier_lines: u32,
    /// Until when the end of the stream is the beginning of another one, which the carrier has been given.
    offered: Option<Instant>,
    /// The line is open, for all we were told.
    line_open: bool,
    /// The stream's own end ended the call.
    by_stream: bool,
    tally: Tally,
    detail: CallDetail,
    /// What is to be done; empty between events.
    out: Vec<CallAction>,
}

/// Where the call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The model is being dialled.
    Connecting,
    /// The agent opens the call, or has been asked to.
    Greeting,
    /// The agent is silent; the caller speaks or may.
    Listening,
    /// The caller's turn is over, or something else asks for an answer; it has not begun to sound.
    Thinking {
        /// When the caller's turn ended, if this answers one.
        caller_done: Option<Instant>,
    },
    /// The agent is heard.
    Speaking,
    /// The call ends, or is handed on, once the last words have been heard.
    Closing(Closing),
    /// The caller is being handed on to a person; the end of the stream does not end the call.
    Transferring(Transferring),
    /// The line broke under a call that goes on, and the caller gets another stream.
    Reconnecting(Reconnecting),
    /// Over.
    Ended(Ending),
}

impl CallMachine {
    /// A call whose stream has started and whose model is being dialled.
    pub fn new(profile: Arc<CallProfile>, now: Instant) -> Self {
        let longest = profile.limits.max_duration;
        let warning = (longest > 2 * WARNED_AHEAD).then(|| now.checked_add(longest - WARNED_AHEAD)).flatten();
        let protection = opening_protection(&profile);
        Self {
            state: State::Connecting,
            turn: Turn::default(),
            barge_in: BargeInFilter::default(),
            pieces: Pieces::default(),
            no_input: NoInput::new(profile.no_input.clone(), now),
            keypad: Keypad::default(),
            tools: Tools::default(),
            stopwatch: Stopwatch::default(),
            protection,
            recording: Recording::Running,
            language: profile.language.clone(),
            caller_speaking: false,
            outage: None,
            cut_short: CutShort::default(),
            wait: Wait::default(),
            renewable: false,
            lines_played: 0,
            meter: Meter::new(
                &profile.spend,
                &profile.model.model,
                profile.model.transcription.as_ref().map(|it| it.model.as_str()),
            ),
            profile,
            started: now,
            line_heard: now,
            warning,
            transcript_renewed: false,
            means: Means::default(),
            transfer: None,
            mindless: false,
            earlier_lines: 0,
            offered: None,
            line_open: true,
            by_stream: false,
            tally: Tally::default(),
            detail: CallDetail::default(),
            out: Vec::new(),
        }
    }

    /// Held over a line that can do this.
    #[must_use]
    pub fn with_means(mut self, means: Means) -> Self {
        self.means = means;
        self
    }

    /// What is to be done about `event`. Nothing once the call has ended.
    pub fn handle(&mut self, event: CallEvent, now: Instant) -> Vec<CallAction> {
        if let State::Ended(_) = self.state {
            return Vec::new();
        }
        let before = self.state.name();
        match event {
            CallEvent::Begun => self.begin(),
            CallEvent::Line(report) => self.line(report, now),
            CallEvent::Audio(report) => self.audio(report, now),
            CallEvent::Model(report) => self.model(report, now),
            CallEvent::HangUp(order) => self.hang_up(order, now),
            CallEvent::WrapUp => self.wrap_up(),
            CallEvent::RecordingPaused(paused) => self.pause_recording(paused),
            CallEvent::ChildLost(child) => self.child_lost(child, now),
            CallEvent::ToolAnswered { call, output } => self.tool_answered(&call, output),
            CallEvent::TransferOrdered { destination } => {
                let reason = "ordered by an operator".to_owned();
                self.transfer_asked(Transfer::new(destination, reason, By::Operator), now);
            }
            CallEvent::TransferPermitGiven { granted } => self.transfer_permit_given(granted, now),
            CallEvent::CarrierAnswered(answer) => self.carrier_answered(answer, now),
            CallEvent::DialAnswered => self.dial_answered(),
            CallEvent::DialEnded(outcome) => self.dial_ended(outcome, now),
            CallEvent::NextAsked => self.next_asked(now),
            CallEvent::PersonCalled(answer) => self.person_called(answer, now),
            CallEvent::PersonTook => self.person_took(),
            CallEvent::PersonEnded(outcome) => self.person_ended(outcome, now),
            CallEvent::StreamOffered => self.stream_offered(now),
            CallEvent::LineReplaced => self.line_replaced(now),
            CallEvent::LineReturned => self.line_returned(now),
            CallEvent::TimeUp => {}
        }
        self.check_words(now);
        self.check_silence(now);
        self.check_wait(now);
        self.time_passed(now);
        self.check_silence(now);
        self.check_wait(now);
        self.renew_if_quiet();
        if self.state.name() != before {
            self.tell(Note::StateChanged(self.state.name()));
        }
        std::mem::take(&mut self.out)
    }

    /// What is waited for next; something until the call has ended.
    pub fn deadline(&self) -> Option<(Instant, Timer)> {
        let limits = &self.profile.limits;
        let after = |from: Instant, wait, timer| from.checked_add(wait).map(|at| (at, timer));
        let line = after(self.line_heard, limits.line_silence, Timer::LineSilence);
        let limit = after(self.started, limits.max_duration, Timer::DurationLimit);
        let own = match self.state {
            State::Connecting => {
                let setup = after(self.started, limits.model_setup, Timer::ModelSetup);
                vec![setup, self.wait_due().map(|at| (at, Timer::Wait)), limit, line]
            }
            State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking => vec![
                self.keypad.due().filter(|_| self.protection == Protection::Over).map(|at| (at, Timer::Keypad)),
                self.warning.map(|at| (at, Timer::DurationWarning)),
                self.barge_in.due().map(|at| (at, Timer::Interruption)),
                self.no_input.deadline().filter(|_| !self.must_be_heard()).map(|at| (at, Timer::Idle)),
                self.tools.filler_due().map(|at| (at, Timer::Filler)),
                self.outage_due().map(|at| (at, Timer::Outage)),
                self.wait_due().map(|at| (at, Timer::Wait)),
                self.protected_until().map(|at| (at, Timer::Protection)),
                limit,
                line,
            ],
            State::Closing(closing) => vec![Some((closing.until, Timer::Goodbye)), line],
            State::Transferring(transferring) => vec![Some((transferring.until, Timer::Transfer))],
            State::Reconnecting(broken) => vec![Some((broken.until, Timer::Reconnect))],
            State::Ended(_) => Vec::new(),
        };
        own.into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// The code of the language that is spoken now.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// The words of the language that is spoken now.
    fn spoken(&self) -> Option<&LanguageProfile> {
        self.profile.languages.get(&self.language)
    }

    /// The state's name.
    pub fn state(&self) -> &'static str {
        self.state.name()
    }

    /// Why the call ended, once it has.
    pub fn ending(&self) -> Option<Ending> {
        if let State::Ended(ending) = self.state { Some(ending) } else { None }
    }

    /// Whether only the stream's own end said that the caller is gone.
    pub fn ended_by_stream(&self) -> bool {
        self.by_stream
    }

    /// The call's counters so far.
    pub fn tally(&self) -> Tally {
        Tally { cost_usd: self.meter.spent(), ..self.tally }
    }

    /// What `GET /calls/{id}` shows besides.
    pub fn detail(&self) -> CallDetail {
        CallDetail { first_audio_ms: self.tally.first_audio_ms, ..self.detail.clone() }
    }

    /// Each finding is told once; the record keeps the last diagnosis.
    fn diagnosed(&mut self, diagnosis: Diagnosis) {
        let known = self.detail.diagnosis.take();
        let known = known.as_ref().map_or(&[][..], |known| &known.findings);
        for &finding in diagnosis.findings.iter().filter(|finding| !known.contains(finding)) {
            self.out.push(CallAction::Tell(Note::LineFaulty { finding, diagnosis: Box::new(diagnosis.clone()) }));
        }
        // Numbers and words alone: there is nothing in it that could not be written.
        self.record(Fact::Diagnosed(serde_json::to_value(&diagnosis).unwrap_or_default()));
        self.detail.diagnosis = Some(diagnosis);
    }

    fn line(&mut self, report: LineReport, now: Instant) {
        if let LineReport::Incident(incident) = report {
            // No sign of life: it may be that there is none.
            return self.tell(Note::IncidentTold(incident));
        }
        self.line_heard = now;
        match (report, self.state) {
            // An earlier stream's end, told after the caller has come back on another.
            (LineReport::Stopped, _) if self.earlier_lines > 0 => {}
            (LineReport::Closed, _) if self.earlier_lines > 0 => self.earlier_lines -= 1,
            // The end of the stream that broke.
            (LineReport::Stopped, State::Reconnecting(_)) => {}
            (LineReport::Closed, State::Reconnecting(_)) => self.line_open = false,
            (report @ (LineReport::Stopped | LineReport::Closed | LineReport::CallOver), State::Transferring(on)) => {
                self.line_ends_beneath(&report, on);
            }
            (LineReport::KeyPressed(key), _) => self.key_pressed(key, now),
            // No network breaks so politely: another stream will not come. A socket of before, or one that is to be
            // followed by another, tells nothing here.
            (
                LineReport::Left,
                State::Connecting | State::Greeting | State::Listening | State::Thinking { .. } | State::Speaking,
            ) if self.earlier_lines == 0 && !self.is_offered(now) => self.finish(Ending::LineLost),
            (LineReport::Left, _) => {}
            // The carrier only does what we were about to ask for.
            (LineReport::Stopped | LineReport::Closed | LineReport::CallOver, State::Closing(closing))
                if closing.ending != Ending::Transferred =>
            {
                self.finish(closing.ending);
            }
            // Another stream follows this one.
            (LineReport::Stopped, _) if self.is_offered(now) => self.line_breaks(now),
            (LineReport::Stopped, _) => {
                self.by_stream = true;
                self.finish(Ending::CallerHungUp);
            }
            (LineReport::CallOver, _) => self.finish(Ending::CallerHungUp),
            (LineReport::Closed, _) if self.may_reconnect() => {
                self.line_open = false;
                self.line_breaks(now);
            }
            (LineReport::Closed, _) => self.finish(Ending::LineLost),
            // A model that has not come yet, or is gone, has heard nothing.
            (
                LineReport::InputDiscarded,
                State::Connecting | State::Reconnecting(_) | State::Transferring(_) | State::Ended(_),
            ) => {}
            (LineReport::InputDiscarded, _) => self.out.push(CallAction::Order(ModelOrder::DiscardInput)),
            (LineReport::Alive | LineReport::Malformed | LineReport::Incident(_), _) => {}
            (LineReport::FramesDropped(frames), _) => {
                self.tally.dropped_frames += frames;
                self.tell(Note::FramesDropped(frames));
            }
        }
    }

    fn time_passed(&mut self, now: Instant) {
        while let Some((_, timer)) = self.deadline().filter(|(at, _)| *at <= now) {
            match (timer, self.state) {
                // The carrier may be silent while the last words are awaited; the ending is still ours.
                (Timer::LineSilence, State::Closing(closing)) if closing.ending != Ending::Transferred => {
                    self.finish(closing.ending);
                }
                (Timer::Goodbye, State::Closing(closing)) => self.closed(closing, now),
                (Timer::Transfer, State::Transferring(on)) => self.transfer_overdue(on, now),
                (Timer::LineSilence, _) => self.finish(Ending::LineSilent),
                (Timer::Reconnect, _) => self.finish(Ending::LineLost),
                (Timer::ModelSetup, _) => {
                    let reason = "no session within the time for model setup".to_owned();
                    self.tell(Note::ModelLost { class: LossClass::Retryable, reason });
                    if self.profile.on_model_loss.is_some()
                        || self.spoken().is_some_and(|language| language.apology_sound.is_some())
                    {
                        self.close_without_model(Ending::ModelLost, now);
                    } else {
                        self.finish(Ending::ModelLost);
                    }
                }
                (Timer::Keypad, _) => self.keys_entered(now),
                (Timer::Interruption, _) => {
                    let verdict = self.barge_in.judge(now);
                    self.rule(verdict, now);
                }
                (Timer::Idle, _) => self.advance(now),
                (Timer::Filler, _) => self.fill_the_wait(now),
                (Timer::Outage, _) => self.fill_the_outage(now),
                (Timer::Wait, _) => self.end_the_wait(now),
                (Timer::Protection, _) => self.end_protection(now),
                (Timer::DurationWarning, _) => {
                    self.warning = None;
                    self.request(ResponsePurpose::Notice, Some(WARNING.to_owned()));
                }
                (Timer::DurationLimit, _) => self.say_goodbye(Ending::DurationLimit, now),
                // `Closing` alone has the one deadline, `Transferring` the other.
                (Timer::Goodbye | Timer::Transfer, _) => return,
            }
        }
    }

    fn request(&mut self, purpose: ResponsePurpose, instructions: Option<String>) {
        self.turn.owe();
        self.out.push(CallAction::Order(ModelOrder::Speak(ResponseRequest { purpose, instructions })));
    }

    fn record(&mut self, fact: Fact) {
        self.out.push(CallAction::Record(fact));
    }

    fn tell(&mut self, note: Note) {
        self.out.push(CallAction::Tell(note));
    }
}

impl State {
    const fn name(self) -> &'static str {
        STATES[match self {
            Self::Connecting => 0,
            Self::Greeting => 1,
            Self::Listening => 2,
            Self::Thinking { .. } => 3,
            Self::Speaking => 4,
            Self::Closing(Closing { ending: Ending::Transferred, .. }) | Self::Transferring(_) => 5,
            Self::Closing(_) => 6,
            Self::Reconnecting(_) => 7,
            Self::Ended(_) => 8,
        }]
    }
}

/// The names of the states, as `/calls` shows them.
pub const STATES: [&str; 9] =
    ["connecting", "greeting", "listening", "thinking", "speaking", "transferring", "closing", "reconnecting", "ended"];
/// Timed turns that `GET /calls/{id}` shows; older ones are in the record.
const MOST_TIMED: usize = 200;
/// How long before the longest duration the caller is told. Shorter: no time to come to an end. Longer: the rest of the call is
/// held under a threat. Calls that may not last twice this long are not warned.
const WARNED_AHEAD: Duration = Duration::from_secs(30);
/// What the model is told to say then.
const WARNING: &str =
    "Tell the caller in one short sentence that this call will end in about half a minute, then go on.";
#[cfg(test)]
mod budget;
#[cfg(test)]
mod conversation;
#[cfg(test)]
mod meeting;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod owed;
#[cfg(test)]
mod presence;
#[cfg(test)]
mod pressed;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod transfers;
