//! The audio path of one call as a machine: events in, actions out. Pure.
//!
//! The pipeline joins the caller's direction ([`CallerPath`]), the agent's direction
//! ([`AgentPath`], then [`Playout`]) and the count of what was dropped. One resampler serves each
//! direction for the life of the call. The last samples of an answer wait in the resampler's block.
//! Silence drains them when the item is complete or, if the model stops without completing it, when
//! the line has gone quiet. So no silence is inserted between words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::action::{AudioAction, AudioTimer, DropCause, earliest};
use super::agent::AgentPath;
use super::caller::{CallerPath, Witnesses};
use super::diagnosis::FormatDetector;
use super::drops::Drops;
use super::ears::Ears;
use super::level::Levels;
use super::person::Person;
use super::playout::Playout;
use super::resample::ResampleError;
use super::second_opinion::Comparison;
use super::tap::Side;
use crate::audio::report::{AudioReport, ItemPlayout};
use crate::carrier::{AudioFormat, CallerFrame, Capabilities, FlowSignal, LineCommand, LineFormats, Liveness};
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::recording::tape::Tape;

/// An event of the audio path.
#[derive(Debug)]
pub enum AudioEvent {
    /// A frame of the caller's voice.
    CallerFrame(CallerFrame),
    /// The carrier echoed a mark, or a clear passed over it.
    MarkEchoed(String),
    /// The carrier asks to wait with more audio, or to send again.
    Flow(FlowSignal),
    /// The carrier's queue is gone with its stream, and another stream has begun.
    LineRestarted,
    /// Audio of a response, in the model's format.
    ModelAudio {
        /// The response it belongs to.
        response: ResponseId,
        /// The item it belongs to.
        item: ItemId,
        /// The audio.
        audio: Frame,
    },
    /// The model has sent all audio of this item.
    ItemComplete(ItemId),
    /// A model is attached.
    ModelAttached {
        /// The format in which the model takes the caller's audio.
        input: AudioFormat,
        /// The format in which the model sends the agent's audio.
        output: AudioFormat,
    },
    /// The model is detached.
    ModelDetached,
    /// The caller interrupts. The value is the response being generated, if there is one.
    ClearPlayout(Option<ResponseId>),
    /// Play our own samples.
    PlayPcm {
        /// The id under which the samples are reported.
        item: ItemId,
        /// PCM16 at [`PCM_RATE_HZ`](super::messages::PCM_RATE_HZ).
        pcm: Arc<[i16]>,
    },
    /// The caller may be interrupting. Playout pauses.
    PausePlayout,
    /// The caller was not interrupting. Playout continues.
    ResumePlayout,
    /// The model reported the beginning or the end of the caller's turn.
    CallerTurn {
        /// Whether the turn began.
        open: bool,
    },
    /// Compare our detector with the server's reports of speech, or no longer.
    CompareSpeech(Option<Comparison>),
    /// Examine the line again.
    Examine,
    /// Record silence from now on, or both sides again.
    PauseRecording(bool),
    /// The call is over. The rest of the recording is written.
    EndRecording,
    /// Somebody listens in (`true`), or nobody any more.
    Overheard(bool),
    /// A person talks with the caller in place of the agent (`true`), or no longer.
    TakenOver(bool),
    /// Sound of that person: mu-law at 8 kHz.
    PersonSpeaks(Bytes),
    /// Report when everything was heard.
    TellWhenDrained,
    /// Send less ahead of the ear, or as far as the carrier's setting says.
    LimitLead(bool),
    /// A deadline has passed.
    Tick,
}

/// The audio path of one call.
#[derive(Debug)]
pub struct Pipeline {
    caller: CallerPath,
    agent: AgentPath,
    playout: Playout,
    /// The agent side's deadline. It is cached, because most events are the caller's frames and do
    /// not change it.
    agent_due: Option<(Instant, AudioTimer)>,
    drops: Drops,
    /// Model audio that arrived before the model was attached. The order to attach comes through
    /// the call, but the audio comes directly.
    early: Vec<AudioEvent>,
    /// Present while the call is recorded.
    tape: Option<Tape>,
    /// Present while somebody listens in.
    ears: Option<Ears>,
    /// Present while a person talks with the caller.
    person: Option<Person>,
    /// Persons so far, for their ids.
    persons: u32,
    /// The item of a person who has given the call back, while not all of it is sent.
    leaving: Option<ItemId>,
    /// The last item of the agent that was not played because a person talks.
    withheld: Option<ItemId>,
    /// Whether the recording is paused.
    paused: bool,
}

impl Pipeline {
    /// A silent path for a line of these formats, with no model attached.
    pub fn new(line: impl Into<LineFormats>, capabilities: &Capabilities, lead: impl Into<Option<Duration>>) -> Self {
        let LineFormats { hears, says } = line.into();
        let mut caller = CallerPath::new(hears, FormatDetector::new(hears, capabilities.name));
        if capabilities.liveness == Liveness::OpenSocket {
            caller.supply_silence();
        }
        Self {
            caller,
            agent: AgentPath::new(says),
            playout: Playout::new(says, capabilities, lead.into()),
            agent_due: None,
            drops: Drops::default(),
            early: Vec::new(),
            tape: None,
            ears: None,
            person: None,
            persons: 0,
            leaving: None,
            withheld: None,
            paused: false,
        }
    }

    /// Records all sides from now on.
    #[must_use]
    pub fn with_recording(mut self, now: Instant) -> Self {
        self.tape = Some(Tape::new(self.caller.line(), self.agent.line(), now));
        self
    }

    /// Applies `levels` from the first sample on.
    #[must_use]
    pub fn with_levels(mut self, levels: Levels) -> Self {
        self.caller.level(levels.from_caller);
        self.agent.level(levels.to_caller);
        self
    }

    /// Corrects a wrong format of the line where that is possible without loss.
    #[must_use]
    pub fn with_correction(mut self) -> Self {
        self.caller.correct();
        self
    }

    /// Takes `event` and appends the resulting actions to `out`.
    ///
    /// # Errors
    ///
    /// When a model is attached whose rate is not supported.
    pub fn handle(&mut self, event: AudioEvent, now: Instant, out: &mut Vec<AudioAction>) -> Result<(), ResampleError> {
        let before = out.len();
        let voice = self.voice();
        let concerns_agent = !matches!(event, AudioEvent::CallerFrame(_))
            || self.agent_due.is_some_and(|(due, _)| due <= now)
            || self.playout.awaits_first_time();
        let result = self.take(event, now, out);
        self.caller.poll(now, out);
        if concerns_agent {
            self.agent.poll(now, &mut self.playout, out);
            self.playout.poll(now, out);
            self.agent_due = earliest([self.agent.deadline(&self.playout), self.playout.deadline()]);
        }
        self.witness(voice, before, now, out);
        self.drops.collect(before, now, out);
        result
    }

    /// How much the caller has heard of each item that was not reported as heard yet, in playing
    /// order.
    pub fn heard(&self, now: Instant) -> Vec<ItemPlayout> {
        self.playout.heard(now)
    }

    /// Counts a frame that was dropped because its receiver had no room.
    pub fn refused(&mut self, cause: DropCause, now: Instant) {
        self.drops.add(cause, 1, now);
    }

    /// When [`AudioEvent::Tick`] is wanted, and for which timer.
    pub fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        let ears = self.ears.as_ref().and_then(Ears::due).map(|due| (due, AudioTimer::Ears));
        earliest([self.caller.deadline(), self.agent_due, self.drops.deadline(), ears])
    }

    /// Whether the model's audio waits for the order to attach it. Audio beyond the bound is
    /// dropped and counted.
    fn is_early(&self) -> bool {
        !self.agent.has_model() && self.early.len() < MOST_EARLY
    }

    /// Who sounds in what is sent now. What a person has said is sent to its end also after they have
    /// given the call back.
    fn voice(&mut self) -> Side {
        self.leaving.take_if(|item| !self.playout.has_unsent(item));
        if self.person.is_some() || self.leaving.is_some() { Side::Person } else { Side::Agent }
    }

    /// Shows what was sent to the line, by this `voice`, to the recording and to those who listen in.
    /// Takes finished blocks off the tape, and passes on what is heard by now.
    fn witness(&mut self, voice: Side, before: usize, now: Instant, out: &mut Vec<AudioAction>) {
        if self.tape.is_none() && self.ears.is_none() {
            return;
        }
        for action in &out[before..] {
            if let AudioAction::ToLine(LineCommand::Play(frame)) = action {
                self.tape.iter_mut().for_each(|tape| match voice {
                    Side::Person => tape.person(frame, now),
                    Side::Agent | Side::Caller => tape.agent(frame, now),
                });
                self.ears.iter_mut().for_each(|ears| ears.sent(voice, frame, now));
            } else if *action == AudioAction::ToLine(LineCommand::Clear) {
                self.cleared(now);
            }
        }
        while let Some(block) = self.tape.as_mut().and_then(|tape| tape.block(now)) {
            out.push(AudioAction::Record(block));
        }
        while let Some(sound) = self.ears.as_mut().and_then(|ears| ears.heard(now)) {
            out.push(AudioAction::Overhear(sound));
        }
    }

    /// What the carrier had not played is gone.
    fn cleared(&mut self, now: Instant) {
        self.tape.iter_mut().for_each(|tape| tape.cleared(now));
        self.ears.iter_mut().for_each(|ears| ears.cleared(now));
    }

    /// Somebody listens in, or nobody any more. Ears that cannot be made cost the call nothing.
    fn overheard(&mut self, overheard: bool) {
        match (overheard, &self.ears) {
            (false, _) => self.ears = None,
            (true, Some(_)) => {}
            (true, None) => self.ears = Ears::new(self.caller.line(), self.agent.line(), self.paused).ok(),
        }
    }

    /// A person talks with the caller in place of the agent, or no longer.
    fn taken_over(&mut self, taken_over: bool) {
        match (taken_over, self.person.take()) {
            (true, None) => {
                self.persons += 1;
                self.person = Person::new(self.persons, self.caller.line(), self.agent.line()).ok();
            }
            (true, person) => return self.person = person,
            (false, person) => self.leaving = person.map(|person| person.leaves(&mut self.playout)),
        }
        self.caller.taken_over(self.person.is_some());
    }

    /// The agent speaks while a person talks with the caller: nothing of it is played, also later.
    fn withhold(&mut self, response: ResponseId, item: ItemId, audio: &[u8], out: &mut Vec<AudioAction>) {
        self.playout.mute(&response);
        let frames = audio.len().div_ceil(20 * self.caller.line().bytes_per_ms()).max(1) as u64;
        out.push(AudioAction::CountDrops { cause: DropCause::Muted, frames });
        if self.withheld.as_ref() != Some(&item) {
            self.withheld = Some(item.clone());
            let received = self.agent.duration_of(audio).max(Duration::from_millis(1));
            let unheard = ItemPlayout { response, item, received, heard: Duration::ZERO };
            out.push(AudioAction::Report(AudioReport::Interrupted(vec![unheard])));
        }
    }

    fn take(&mut self, event: AudioEvent, now: Instant, out: &mut Vec<AudioAction>) -> Result<(), ResampleError> {
        match event {
            AudioEvent::ModelAudio { .. } | AudioEvent::ItemComplete(_) if self.is_early() => self.early.push(event),
            AudioEvent::CallerFrame(frame) => {
                if self.caller.compares_speech() {
                    self.caller.agent_sounds(self.playout.sounds(now));
                }
                let witnesses = Witnesses { tape: self.tape.as_mut(), ears: self.ears.as_mut() };
                self.caller.frame(frame, now, witnesses, out);
            }
            AudioEvent::MarkEchoed(name) => self.playout.mark_echoed(&name, now),
            AudioEvent::Flow(signal) => self.playout.flow(signal),
            AudioEvent::LineRestarted => {
                self.cleared(now);
                self.playout.restart(now, out);
            }
            AudioEvent::ModelAudio { response, item, audio } if self.person.is_some() => {
                self.withhold(response, item, &audio, out);
            }
            AudioEvent::ModelAudio { response, item, audio } => {
                self.agent.audio(&response, &item, &audio, now, &mut self.playout, out);
            }
            AudioEvent::ItemComplete(item) => self.agent.complete(&item, &mut self.playout, out),
            AudioEvent::ModelAttached { input, output } => {
                self.agent.attach(output, &mut self.playout, out)?;
                self.caller.attach(input, out)?;
                for event in std::mem::take(&mut self.early) {
                    self.take(event, now, out)?;
                }
            }
            AudioEvent::ModelDetached => self.caller.detach(),
            // What plays is the person's, and the agent has nothing that could be heard.
            AudioEvent::ClearPlayout(response) if self.person.is_some() => {
                response.iter().for_each(|response| self.playout.mute(response));
                out.push(AudioAction::Report(AudioReport::Interrupted(Vec::new())));
            }
            AudioEvent::PlayPcm { .. } | AudioEvent::PausePlayout if self.person.is_some() => {}
            AudioEvent::ClearPlayout(response) => {
                // Early audio is dropped, and counted, once its format is known.
                for event in &self.early {
                    if let AudioEvent::ModelAudio { response, .. } = event {
                        self.playout.mute(response);
                    }
                }
                self.agent.reset();
                let cut = self.playout.interrupt(response.as_ref(), now, out);
                out.push(AudioAction::Report(AudioReport::Interrupted(cut)));
            }
            AudioEvent::PlayPcm { item, pcm } => self.agent.pcm(&item, &pcm, &mut self.playout, out)?,
            AudioEvent::PausePlayout => self.playout.pause(now, out),
            AudioEvent::ResumePlayout => self.playout.resume(now, out),
            AudioEvent::CompareSpeech(comparison) => self.caller.compare_speech(comparison),
            AudioEvent::Examine => self.caller.examine_again(),
            AudioEvent::Overheard(overheard) => self.overheard(overheard),
            AudioEvent::TakenOver(taken_over) => self.taken_over(taken_over),
            AudioEvent::PersonSpeaks(mulaw) => {
                if let (Some(person), Some(beside)) = (&mut self.person, self.caller.beside()) {
                    person.speaks(&mulaw, now, &mut self.playout, beside, out);
                }
            }
            AudioEvent::PauseRecording(paused) => {
                self.paused = paused;
                self.ears.iter_mut().for_each(|ears| ears.pause(paused));
                if let Some(tape) = &mut self.tape {
                    tape.pause(paused, now);
                }
            }
            AudioEvent::EndRecording => {
                let mut tape = self.tape.take();
                while let Some(block) = tape.as_mut().and_then(|tape| tape.last_block(now)) {
                    out.push(AudioAction::Record(block));
                }
            }
            AudioEvent::CallerTurn { open } => self.caller.caller_turn(open, now, out),
            AudioEvent::LimitLead(limited) => self.playout.limit_lead(limited),
            AudioEvent::TellWhenDrained => {
                let remaining = self.playout.remaining(now);
                out.push(AudioAction::Report(AudioReport::Queued { remaining }));
                self.playout.tell_when_drained();
            }
            AudioEvent::Tick => {}
        }
        Ok(())
    }
}

/// Most pieces kept of a model that is not attached yet. The order to attach follows in less than a
/// millisecond. Fewer: a model that speaks at once loses its first words. More: memory for a model
/// that is never attached.
const MOST_EARLY: usize = 64;
