//! The audio path of one call as a machine: what comes in, what is to be done. Pure.
//!
//! Joins the caller's direction ([`CallerPath`]), the agent's direction (model format → line format → [`Playout`]) and the count of
//! what was dropped. One resampler serves each direction for the life of the call. The last samples of an answer wait in its
//! block: they are drawn out with silence when the item is complete, or, if the model just stops, when the line has gone quiet, so
//! that nothing is put in where words follow.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause, earliest};
use super::caller::CallerPath;
use super::diagnosis::FormatDetector;
use super::item::{Piece, Source};
use super::level::{Gain, Level, Levels};
use super::messages::PCM_RATE_HZ;
use super::playout::Playout;
use super::resample::{ResampleError, Resampler};
use super::scratch::Scratch;
use crate::audio::report::AudioReport;
use crate::carrier::{AudioFormat, CallerFrame, Capabilities, LineCommand, LineFormats};
use crate::frame::Frame;
use crate::g711;
use crate::ids::{ItemId, ResponseId};
use crate::recording::tape::Tape;

/// Something that happened to the audio path.
#[derive(Debug)]
pub enum AudioEvent {
    /// A frame of the caller's voice.
    CallerFrame(CallerFrame),
    /// The carrier echoed a mark, or a clear passed over it.
    MarkEchoed(String),
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
    /// Samples of ours are to be played.
    PlayPcm {
        /// The id under which they are reported.
        item: ItemId,
        /// PCM16 at [`PCM_RATE_HZ`].
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
    /// The line is to be examined again.
    Examine,
    /// Silence is to be recorded from now on, or both sides again.
    PauseRecording(bool),
    /// The call is over: what was not recorded yet is.
    EndRecording,
    /// Somebody wants to know when all was heard.
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
    /// When time alone changes something on the agent's side. The caller's frames change nothing there, and most events are frames.
    agent_due: Option<(Instant, AudioTimer)>,
    drops: Drops,
    /// What a model said before this path was told of it: the word comes by way of the call, the audio does not.
    early: Vec<AudioEvent>,
    /// While the call is recorded.
    tape: Option<Tape>,
}

impl Pipeline {
    /// A silent path for a line of these formats, with no model attached.
    pub fn new(line: impl Into<LineFormats>, capabilities: &Capabilities, lead: Duration) -> Self {
        let LineFormats { hears, says } = line.into();
        Self {
            caller: CallerPath::new(hears, FormatDetector::new(hears, capabilities.name)),
            agent: AgentPath::new(says),
            playout: Playout::new(says, capabilities, lead),
            agent_due: None,
            drops: Drops::default(),
            early: Vec::new(),
            tape: None,
        }
    }

    /// With both sides recorded, from now on.
    #[must_use]
    pub fn with_recording(mut self, now: Instant) -> Self {
        self.tape = Some(Tape::new(self.caller.line(), self.agent.line, now));
        self
    }

    /// At `levels` from the first sample on.
    #[must_use]
    pub fn with_levels(mut self, levels: Levels) -> Self {
        self.caller.level(levels.from_caller);
        self.agent.level = Level::new(levels.to_caller, self.agent.line.rate_hz);
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
    /// When a model is attached whose rate is none of ours.
    pub fn handle(&mut self, event: AudioEvent, now: Instant, out: &mut Vec<AudioAction>) -> Result<(), ResampleError> {
        let before = out.len();
        let concerns_agent =
            !matches!(event, AudioEvent::CallerFrame(_)) || self.agent_due.is_some_and(|(due, _)| due <= now);
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

    /// Whether what the model says is to wait for the word that it is there. Beyond the bound it is dropped and counted.
    fn is_early(&self) -> bool {
        self.agent.model.is_none() && self.early.len() < MOST_EARLY
    }

    /// Puts on tape what was sent to the line, and cuts off what is certain.
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
                // What is early is dropped, and counted, once its format is known.
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

/// The agent's direction up to the queue: model format → line format.
#[derive(Debug)]
struct AgentPath {
    line: AudioFormat,
    /// `None` until a model was attached.
    model: Option<(AudioFormat, Resampler)>,
    /// The item whose last samples may be in the resampler.
    tail: Option<(ResponseId, ItemId)>,
    /// What the caller hears is brought to it.
    level: Level,
    /// The first half of a PCM16 sample whose second half is in the item's next piece.
    half: Option<u8>,
    /// When the model last gave audio.
    last: Option<Instant>,
    joined: Vec<u8>,
}

impl AgentPath {
    fn new(line: AudioFormat) -> Self {
        Self {
            line,
            model: None,
            tail: None,
            level: Level::new(Gain::OFF, line.rate_hz),
            half: None,
            last: None,
            joined: Vec::new(),
        }
    }

    fn attach(
        &mut self,
        format: AudioFormat,
        playout: &mut Playout,
        out: &mut Vec<AudioAction>,
    ) -> Result<(), ResampleError> {
        if self.model.as_ref().is_none_or(|(known, _)| *known != format) {
            self.draw_out(playout, out);
            self.model = Some((format, Resampler::new(format.rate_hz, self.line.rate_hz)?));
        }
        Ok(())
    }

    fn audio(
        &mut self,
        response: &ResponseId,
        item: &ItemId,
        audio: &[u8],
        now: Instant,
        playout: &mut Playout,
        out: &mut Vec<AudioAction>,
    ) {
        let Some((format, _)) = self.model else {
            out.push(AudioAction::CountDrops { cause: DropCause::Unexpected, frames: 1 });
            return;
        };
        if playout.is_muted(response) {
            let frames = audio.len().div_ceil(20 * format.bytes_per_ms()).max(1) as u64;
            out.push(AudioAction::CountDrops { cause: DropCause::Muted, frames });
            return;
        }
        if self.tail.as_ref().is_some_and(|(_, last)| last != item) {
            self.draw_out(playout, out);
        }
        if self.tail.is_none() {
            self.tail = Some((response.clone(), item.clone()));
        }
        self.last = Some(now);
        self.convert(response, item, audio, playout, out);
    }

    fn convert(
        &mut self,
        response: &ResponseId,
        item: &ItemId,
        audio: &[u8],
        playout: &mut Playout,
        out: &mut Vec<AudioAction>,
    ) {
        let audio = joined(audio, &mut self.half, &mut self.joined, self.model.as_ref().map(|(format, _)| *format));
        let Some((format, resampler)) = &mut self.model else { return };
        let source = Source { rate_hz: format.rate_hz, delay: resampler.delay() };
        if *format == self.line && self.level.is_off() {
            let samples = (audio.len() / format.encoding.sample_bytes()) as u64;
            playout.push(&Piece { response: Some(response), item, source, samples, bytes: audio }, out);
            return;
        }
        let sample_bytes = format.encoding.sample_bytes();
        for audio in audio.chunks(CONVERTED_AT_ONCE.as_millis() as usize * format.bytes_per_ms()) {
            Scratch::lend(|Scratch { narrow, wide, bytes }| {
                resampler.process(g711::read(format.encoding, audio, wide), narrow);
                self.level.process(narrow);
                g711::encode(self.line.encoding, narrow, bytes);
                let samples = (audio.len() / sample_bytes) as u64;
                playout.push(&Piece { response: Some(response), item, source, samples, bytes }, out);
            });
        }
    }

    fn complete(&mut self, item: &ItemId, playout: &mut Playout, out: &mut Vec<AudioAction>) {
        if self.tail.as_ref().is_some_and(|(_, last)| last == item) {
            self.draw_out(playout, out);
        }
        playout.complete(item);
    }

    fn pcm(
        &mut self,
        item: &ItemId,
        pcm: &[i16],
        playout: &mut Playout,
        out: &mut Vec<AudioAction>,
    ) -> Result<(), ResampleError> {
        self.draw_out(playout, out);
        // Lines of 8 kHz need none and the others are rare, so none is kept from clip to clip.
        let mut resampler = Resampler::new(PCM_RATE_HZ, self.line.rate_hz)?;
        let source = Source { rate_hz: PCM_RATE_HZ, delay: resampler.delay() };
        let at_once = CONVERTED_AT_ONCE.as_millis() as usize * PCM_RATE_HZ as usize / 1000;
        // One round more than there are pieces: the last one brings out what the resampler holds.
        for samples in pcm.chunks(at_once).map(Some).chain([None]) {
            Scratch::lend(|Scratch { narrow, bytes, .. }| {
                match samples {
                    Some(samples) => resampler.process(samples, narrow),
                    None => resampler.drain(narrow),
                }
                self.level.process(narrow);
                g711::encode(self.line.encoding, narrow, bytes);
                let samples = samples.map_or(0, <[i16]>::len) as u64;
                playout.push(&Piece { response: None, item, source, samples, bytes }, out);
            });
        }
        playout.complete(item);
        Ok(())
    }

    /// Brings the last item's last samples to the queue. The resampler is silent after it, so what follows has no seam.
    fn draw_out(&mut self, playout: &mut Playout, out: &mut Vec<AudioAction>) {
        self.half = None;
        let (Some((response, item)), Some((format, resampler))) = (self.tail.take(), &mut self.model) else { return };
        Scratch::lend(|Scratch { narrow, bytes, .. }| {
            resampler.drain(narrow);
            if narrow.is_empty() || playout.is_muted(&response) {
                return;
            }
            self.level.process(narrow);
            g711::encode(self.line.encoding, narrow, bytes);
            let source = Source { rate_hz: format.rate_hz, delay: resampler.delay() };
            playout.push(&Piece { response: Some(&response), item: &item, source, samples: 0, bytes }, out);
        });
    }

    /// Forgets audio that is in the resampler: it belongs to an answer that was interrupted.
    fn reset(&mut self) {
        if let Some((_, resampler)) = &mut self.model {
            resampler.reset();
        }
        self.tail = None;
        self.half = None;
    }

    fn poll(&mut self, now: Instant, playout: &mut Playout, out: &mut Vec<AudioAction>) {
        if self.tail_due(playout).is_some_and(|due| due <= now) {
            self.draw_out(playout, out);
            playout.flush();
        }
    }

    fn deadline(&self, playout: &Playout) -> Option<(Instant, AudioTimer)> {
        self.tail_due(playout).map(|due| (due, AudioTimer::Tail))
    }

    /// When an item that just stopped is played to its last sample.
    fn tail_due(&self, playout: &Playout) -> Option<Instant> {
        // While nothing is sent the line is not waiting for it.
        if playout.is_paused() || self.tail.is_none() && !playout.holds_part_of_a_frame() {
            return None;
        }
        let quiet = self.last?;
        Some(playout.runs_dry().map_or(quiet, |dry| dry.max(quiet)) + TAIL_PATIENCE)
    }
}

/// `audio` with whole samples: half a one is kept for the next piece.
fn joined<'a>(
    audio: &'a [u8],
    half: &mut Option<u8>,
    buffer: &'a mut Vec<u8>,
    format: Option<AudioFormat>,
) -> &'a [u8] {
    if format.is_none_or(|format| format.encoding.sample_bytes() == 1) {
        return audio;
    }
    let whole = match half.take() {
        None => audio,
        Some(first) => {
            buffer.clear();
            buffer.push(first);
            buffer.extend_from_slice(audio);
            buffer
        }
    };
    if whole.len() % 2 == 1 {
        *half = whole.last().copied();
    }
    &whole[..whole.len() / 2 * 2]
}

/// Drops, counted together: an overloaded second is one line in the log, not fifty.
#[derive(Debug, Default)]
struct Drops {
    frames: [u64; DropCause::ALL.len()],
    due: Option<Instant>,
}

impl Drops {
    /// Takes the counts out of `out[before..]` and puts those in that are due to be told.
    fn collect(&mut self, before: usize, now: Instant, out: &mut Vec<AudioAction>) {
        let mut place = before;
        while place < out.len() {
            if let AudioAction::CountDrops { cause, frames } = out[place] {
                self.add(cause, frames, now);
                out.remove(place);
            } else {
                place += 1;
            }
        }
        if self.due.is_some_and(|due| due <= now) {
            self.tell(out);
        }
    }

    fn add(&mut self, cause: DropCause, frames: u64, now: Instant) {
        self.frames[cause as usize] += frames;
        self.due.get_or_insert(now + DROPS_EVERY);
    }

    fn tell(&mut self, out: &mut Vec<AudioAction>) {
        self.due = None;
        let mut from_caller = 0;
        for cause in DropCause::ALL {
            let frames = std::mem::take(&mut self.frames[cause as usize]);
            if frames > 0 {
                out.push(AudioAction::CountDrops { cause, frames });
            }
            if cause.direction() == "in" {
                from_caller += frames;
            }
        }
        if from_caller > 0 {
            out.push(AudioAction::Report(AudioReport::FramesDropped(from_caller)));
        }
    }

    fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        self.due.map(|due| (due, AudioTimer::Drops))
    }
}

/// Model audio converted at once. Larger: a burst's size stays in the buffers. Smaller: more rounds for the same work.
const CONVERTED_AT_ONCE: Duration = Duration::from_millis(100);
/// Pieces that are kept of a model that is not known of yet; the word of it is behind by less than a millisecond. Fewer: a model that
/// speaks at once loses its first words. More: memory for a model that never comes.
const MOST_EARLY: usize = 64;
/// Quiet of the model, and of the line, after which the samples still inside are played. Shorter: silence is put between pieces of a
/// slow answer. Longer: the end of an answer that was never completed comes late.
const TAIL_PATIENCE: Duration = Duration::from_millis(40);
/// How long drops are gathered. Shorter: more lines in the log of a bad hour. Longer: the operator learns later.
const DROPS_EVERY: Duration = Duration::from_secs(1);
