//! The audio path of one call as a machine: events in, actions out. Pure.
//!
//! The pipeline joins the caller's direction ([`CallerPath`]), the agent's direction
//! ([`AgentPath`], then [`Playout`]) and the count of what was dropped. One resampler serves each
//! direction for the life of the call. The last samples of an answer wait in the resampler's block.
//! Silence drains them when the item is complete or, if the model stops without completing it, when
//! the line has gone quiet. So no silence is inserted between words.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause, earliest};
use super::agent::AgentPath;
use super::caller::CallerPath;
use super::diagnosis::FormatDetector;
use super::drops::Drops;
use super::level::Levels;
use super::playout::Playout;
use super::resample::ResampleError;
use super::second_opinion::Comparison;
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
        }
    }

    /// Records both sides from now on.
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
        self.record(before, now, out);
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
        earliest([self.caller.deadline(), self.agent_due, self.drops.deadline()])
    }

    /// Whether the model's audio waits for the order to attach it. Audio beyond the bound is
    /// dropped and counted.
    fn is_early(&self) -> bool {
        !self.agent.has_model() && self.early.len() < MOST_EARLY
    }

    /// Records what was sent to the line and takes finished blocks off the tape.
    fn record(&mut self, before: usize, now: Instant, out: &mut Vec<AudioAction>) {
        let Some(tape) = &mut self.tape else { return };
        for action in &out[before..] {
            if let AudioAction::ToLine(LineCommand::Play(frame)) = action {
                tape.agent(frame, now);
            } else if *action == AudioAction::ToLine(LineCommand::Clear) {
                tape.cleared(now);
            }
        }
        while let Some(block) = tape.block(now) {
            out.push(AudioAction::Record(block));
        }
    }

    fn take(&mut self, event: AudioEvent, now: Instant, out: &mut Vec<AudioAction>) -> Result<(), ResampleError> {
        match event {
            AudioEvent::ModelAudio { .. } | AudioEvent::ItemComplete(_) if self.is_early() => self.early.push(event),
            AudioEvent::CallerFrame(frame) => {
                if self.caller.compares_speech() {
                    self.caller.agent_sounds(self.playout.sounds(now));
                }
                self.caller.frame(frame, now, self.tape.as_mut(), out);
            }
            AudioEvent::MarkEchoed(name) => self.playout.mark_echoed(&name, now),
            AudioEvent::Flow(signal) => self.playout.flow(signal),
            AudioEvent::LineRestarted => {
                if let Some(tape) = &mut self.tape {
                    tape.cleared(now);
                }
                self.playout.restart(now, out);
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
            AudioEvent::PauseRecording(paused) => {
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
