//! The audio path of one call as a machine: events in, actions out. Pure.
//!
//! Joins the caller's direction ([`CallerPath`]), the agent's direction ([`AgentPath`], then [`Playout`]) and the count of
//! what was dropped. One resampler serves each direction for the life of the call. The last samples of an answer wait in its
//! block. Silence drains them when the item is complete or, if the model just stops, when the line has gone quiet, so that no
//! silence is inserted between words.

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
use crate::audio::report::AudioReport;
use crate::carrier::{AudioFormat, CallerFrame, Capabilities, FlowSignal, LineCommand, LineFormats};
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId};
use crate::recording::tape::Tape;

/// Something that happened to the audio path.
#[derive(Debug)]
pub enum AudioEvent {
    /// A frame of the caller's voice.
    CallerFrame(CallerFrame),
    /// The carrier echoed a mark, or a clear passed over it.
    MarkEchoed(String),
    /// The carrier says that more audio is to wait, or may come again.
    Flow(FlowSignal),
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
    /// A model is there.
    ModelAttached {
        /// What it takes of the caller.
        input: AudioFormat,
        /// What it gives of the agent.
        output: AudioFormat,
    },
    /// The model is gone.
    ModelDetached,
    /// The caller interrupts; the response being generated, if one is.
    ClearPlayout(Option<ResponseId>),
    /// Play our own samples.
    PlayPcm {
        /// The id under which they are reported.
        item: ItemId,
        /// PCM16 at [`PCM_RATE_HZ`](super::messages::PCM_RATE_HZ).
        pcm: Arc<[i16]>,
    },
    /// The caller may be interrupting.
    PausePlayout,
    /// The caller was not interrupting.
    ResumePlayout,
    /// The caller's turn began or ended by the model's word.
    CallerTurn {
        /// Whether it began.
        open: bool,
    },
    /// Examine the line again.
    Examine,
    /// Record silence from now on, or both sides again.
    PauseRecording(bool),
    /// The call is over: the rest of the recording is written.
    EndRecording,
    /// Report when everything was heard.
    TellWhenDrained,
    /// The deadline has come.
    Tick,
}

/// The audio path of one call.
#[derive(Debug)]
pub struct Pipeline {
    caller: CallerPath,
    agent: AgentPath,
    playout: Playout,
    /// The agent side's deadline. It is kept, because most events are the caller's frames and do not change it.
    agent_due: Option<(Instant, AudioTimer)>,
    drops: Drops,
    /// What a model said before it was attached: the order to attach comes through the call, the audio does not.
    early: Vec<AudioEvent>,
    /// While the call is recorded.
    tape: Option<Tape>,
}

impl Pipeline {
    /// A silent path for a line of these formats, with no model attached.
    pub fn new(line: impl Into<LineFormats>, capabilities: &Capabilities, lead: impl Into<Option<Duration>>) -> Self {
        let LineFormats { hears, says } = line.into();
        Self {
            caller: CallerPath::new(hears, FormatDetector::new(hears, capabilities.name)),
            agent: AgentPath::new(says),
            playout: Playout::new(says, capabilities, lead.into()),
            agent_due: None,
            drops: Drops::default(),
            early: Vec::new(),
            tape: None,
        }
    }

    /// With both sides recorded, from now on.
    #[must_use]
    pub fn with_recording(mut self, now: Instant) -> Self {
        self.tape = Some(Tape::new(self.caller.line(), self.agent.line(), now));
        self
    }

    /// At `levels` from the first sample on.
    #[must_use]
    pub fn with_levels(mut self, levels: Levels) -> Self {
        self.caller.level(levels.from_caller);
        self.agent.level(levels.to_caller);
        self
    }

    /// With a line whose wrong format is put right where that can be done without loss.
    #[must_use]
    pub fn with_correction(mut self) -> Self {
        self.caller.correct();
        self
    }

    /// Takes `event` in and appends what is to be done to `out`. Infallible but for formats that cannot be joined.
    ///
    /// # Errors
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

    /// A frame could not be handed on: the neighbour has no room.
    pub fn refused(&mut self, cause: DropCause, now: Instant) {
        self.drops.add(cause, 1, now);
    }

    /// When [`AudioEvent::Tick`] is wanted, and what for.
    pub fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        earliest([self.caller.deadline(), self.agent_due, self.drops.deadline()])
    }

    /// Whether the model's audio waits for the order to attach it. Beyond the bound it is dropped and counted.
    fn is_early(&self) -> bool {
        !self.agent.has_model() && self.early.len() < MOST_EARLY
    }

    /// Records what was sent to the line and cuts off finished blocks.
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
            AudioEvent::CallerFrame(frame) => self.caller.frame(frame, now, self.tape.as_mut(), out),
            AudioEvent::MarkEchoed(name) => self.playout.mark_echoed(&name, now),
            AudioEvent::Flow(signal) => self.playout.flow(signal),
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

/// Pieces kept of a model that is not attached yet; the order to attach is less than a millisecond behind. Fewer: a model that
/// speaks at once loses its first words. More: memory for a model that is never attached.
const MOST_EARLY: usize = 64;
