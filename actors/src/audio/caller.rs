//! The caller's direction: line frames become the model's audio without a gap. Pure.
//!
//! - A model that takes the line's own format gets the line's bytes unchanged.
//! - Until a model is attached, the newest two seconds are kept. Speech during the model's
//!   connection is not lost, and older speech is not worth answering.
//! - A carrier may send nothing for a while (hold, comfort noise, loss). Its timestamps say how
//!   much is missing, and silence of that length is inserted. The model measures the call, and the
//!   caller's pauses, by the audio it gets.
//! - If the carrier goes quiet while the caller's turn is open, silence is inserted before a
//!   timestamp asks for it. Otherwise the turn would never end. Later timestamps find that silence
//!   already counted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause};
use super::diagnosis::FormatDetector;
use super::ears::Ears;
use super::level::{Gain, Level};
use super::person::Beside;
use super::quiet::Quiet;
use super::resample::{ResampleError, Resampler};
use super::scratch::Scratch;
use super::second_opinion::{Comparison, Opinion, SecondOpinion};
use super::voice::VoiceActivity;
use crate::audio::report::AudioReport;
use crate::carrier::{AudioFormat, CallerFrame, Encoding};
use crate::frame::Frame;
use crate::g711;
use crate::recording::tape::Tape;

/// The caller's direction of one call.
#[derive(Debug)]
pub(super) struct CallerPath {
    line: AudioFormat,
    /// `None` while no model is attached.
    model: Option<Converter>,
    /// Line audio kept until a model is attached.
    pending: VecDeque<u8>,
    /// The first half of a PCM16 sample whose second half arrives in the next frame.
    half: Option<u8>,
    /// The expected timestamp of the next frame.
    expected: Option<Duration>,
    /// The level for the model.
    gain: Gain,
    /// Checks that the line carries the format it declares.
    detector: FormatDetector,
    /// When the caller was last heard.
    voice: VoiceActivity,
    /// Present while our detector is compared with the server's reports.
    second_opinion: Option<SecondOpinion>,
    /// Whether the agent is being heard, as far as the second opinion needs it.
    agent_sounds: bool,
    /// Whether the model says that the caller's turn is open.
    turn_open: bool,
    /// When the carrier counts as stalled, and how much silence was inserted in this stall.
    stall: Option<(Instant, Duration)>,
    /// The silence that the carrier leaves out, if it does.
    quiet: Option<Quiet>,
    /// The sound of a person who talks with the caller, for the model.
    beside: Option<Beside>,
    /// Whether that person has left, and only the end of the open turn is awaited, which may be theirs.
    leaving: bool,
}

/// Who else hears the caller.
#[derive(Debug, Default)]
pub(super) struct Witnesses<'a> {
    /// The recording.
    pub tape: Option<&'a mut Tape>,
    /// Those who listen in.
    pub ears: Option<&'a mut Ears>,
}

/// The converter from the line's format to the model's.
#[derive(Debug)]
struct Converter {
    line: AudioFormat,
    model: AudioFormat,
    level: Level,
    resampler: Resampler,
}

impl CallerPath {
    /// A path that keeps audio until a model is attached.
    pub(super) fn new(line: AudioFormat, detector: FormatDetector) -> Self {
        let (pending, voice) = (VecDeque::new(), VoiceActivity::new(line));
        Self {
            line,
            model: None,
            pending,
            half: None,
            expected: None,
            gain: Gain::OFF,
            detector,
            voice,
            second_opinion: None,
            agent_sounds: false,
            turn_open: false,
            stall: None,
            quiet: None,
            beside: None,
            leaving: false,
        }
    }

    /// A person talks with the caller from now on, or no longer.
    pub(super) fn taken_over(&mut self, taken_over: bool) {
        if taken_over {
            (self.beside, self.leaving) = (Some(Beside::default()), false);
        } else if self.turn_open {
            self.leaving = true;
        } else {
            self.beside = None;
        }
    }

    /// A person who has left is of no interest any more.
    fn leave(&mut self) {
        if std::mem::take(&mut self.leaving) {
            self.beside = None;
        }
    }

    /// The sound of a person for the model, while one talks with the caller.
    pub(super) const fn beside(&mut self) -> Option<&mut Beside> {
        self.beside.as_mut()
    }

    /// Supplies the silence that a carrier leaves out.
    pub(super) fn supply_silence(&mut self) {
        self.quiet = Some(Quiet::default());
    }

    /// Attaches a model that takes `format`. The kept audio goes to it in order, then all that
    /// follows.
    ///
    /// # Errors
    ///
    /// When a rate is not supported. Audio is then kept as before.
    pub(super) fn attach(&mut self, format: AudioFormat, out: &mut Vec<AudioAction>) -> Result<(), ResampleError> {
        self.model = Some(Converter::new(self.line, format, self.gain)?);
        if let Some(quiet) = &mut self.quiet {
            quiet.restart();
        }
        let pending = std::mem::take(&mut self.pending);
        let (front, back) = pending.as_slices();
        for half in [front, back] {
            self.forward(half, out);
        }
        Ok(())
    }

    /// Moves to `gain`.
    pub(super) fn level(&mut self, gain: Gain) {
        self.gain = gain;
        if let Some(converter) = &mut self.model {
            converter.level.move_to(gain);
        }
    }

    /// Corrects a wrong format of the line from now on.
    pub(super) fn correct(&mut self) {
        self.detector.correct();
    }

    /// Examines the line again.
    pub(super) fn examine_again(&mut self) {
        self.detector.examine_again();
    }

    /// Compares our detector with the server's reports of speech from now on, or no longer.
    pub(super) fn compare_speech(&mut self, comparison: Option<Comparison>) {
        self.second_opinion = comparison.and_then(|comparison| SecondOpinion::new(self.line, comparison));
    }

    /// Whether [`Self::agent_sounds`] is wanted.
    pub(super) const fn compares_speech(&self) -> bool {
        self.second_opinion.is_some()
    }

    /// Notes whether the agent is being heard.
    pub(super) const fn agent_sounds(&mut self, sounds: bool) {
        self.agent_sounds = sounds;
    }

    /// Detaches the model. Audio is kept again.
    pub(super) fn detach(&mut self) {
        self.model = None;
        self.second_opinion = None;
        self.turn(false, None);
        self.leave();
    }

    /// The format of the line's frames.
    pub(super) fn line(&self) -> AudioFormat {
        self.line
    }

    /// Takes a frame from the line.
    pub(super) fn frame(
        &mut self,
        mut frame: CallerFrame,
        now: Instant,
        witnesses: Witnesses<'_>,
        out: &mut Vec<AudioAction>,
    ) {
        self.join_samples(&mut frame.payload);
        if let Some(diagnosis) = self.detector.hear(&mut frame, now) {
            out.push(AudioAction::Report(AudioReport::Diagnosed(Box::new(diagnosis))));
        }
        if let Some(tape) = witnesses.tape {
            tape.caller(&frame.payload, frame.timestamp, now);
        }
        if let Some(sound) = witnesses.ears.and_then(|ears| ears.caller(&frame.payload)) {
            out.push(AudioAction::Overhear(sound));
        }
        self.voice.hear(&frame.payload, now);
        // A server that has no audio yet reports nothing.
        let opinion = self.second_opinion.as_mut().filter(|_| self.model.is_some());
        let opinion = opinion.and_then(|ours| ours.hear(&frame.payload, self.agent_sounds, now));
        self.report(opinion, out);
        if let Some(beside) = &mut self.beside {
            beside.mix(&mut frame.payload, self.line);
        }
        self.pad_gap(&frame, out);
        if let Some(quiet) = &mut self.quiet {
            quiet.heard(self.line.duration_of(frame.payload.len()), now);
        }
        if self.model.as_ref().is_some_and(Converter::is_plain) && frame.payload.len() <= self.largest_piece() {
            if !frame.payload.is_empty() {
                out.push(AudioAction::ToModel(frame.payload));
            }
        } else {
            self.forward(&frame.payload, out);
        }
        if self.turn_open && self.quiet.is_none() {
            self.stall = Some((now + STALL_AFTER, Duration::ZERO));
        }
    }

    /// Notes that the model reported the beginning or end of the caller's turn. The end is answered
    /// with the time of the last voice.
    pub(super) fn caller_turn(&mut self, open: bool, now: Instant, out: &mut Vec<AudioAction>) {
        self.turn(open, Some(now));
        let opinion = self.second_opinion.as_mut().and_then(|ours| ours.server_reports(open, now));
        self.report(opinion, out);
        let by_person = self.beside.as_mut().and_then(|beside| beside.turn(open));
        // A turn of a person of ours tells nothing of the caller's wait.
        if let Some(ago) = self.voice.last_voice(now).filter(|_| !open && by_person != Some(true)) {
            out.push(AudioAction::Report(AudioReport::LastVoice { ago }));
        }
        if let Some(by_person) = by_person {
            out.push(AudioAction::Report(AudioReport::TurnSpoken { by_person }));
            self.leave();
        }
    }

    /// Inserts silence if the carrier has stalled in an open turn, or leaves silence out.
    pub(super) fn poll(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        // Kept silence would push the kept speech out.
        if self.model.is_some()
            && let Some(length) = self.quiet.as_mut().and_then(|quiet| quiet.silence(now))
        {
            self.pad(length, out);
        }
        if let Some((due, given)) = self.stall.filter(|(due, _)| *due <= now) {
            self.pad(STALL_SILENCE, out);
            let given = given + STALL_SILENCE;
            self.stall = (given < MOST_PADDED).then_some((due + STALL_SILENCE, given));
        }
    }

    /// When [`Self::poll`] is wanted next.
    pub(super) fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        let quiet = self.quiet.as_ref().filter(|_| self.model.is_some()).and_then(Quiet::due);
        let due = [self.stall.map(|(due, _)| due), quiet].into_iter().flatten().min()?;
        Some((due, AudioTimer::Stall))
    }

    /// Reports an opinion, and the diagnosis that counts it.
    fn report(&mut self, opinion: Option<Opinion>, out: &mut Vec<AudioAction>) {
        let Some(opinion) = opinion else { return };
        let diagnosis = Box::new(self.detector.count(opinion));
        out.push(AudioAction::Report(AudioReport::SpeechCompared(opinion)));
        out.push(AudioAction::Report(AudioReport::Diagnosed(diagnosis)));
    }

    fn turn(&mut self, open: bool, now: Option<Instant>) {
        self.turn_open = open;
        let supplied = self.quiet.is_some();
        self.stall =
            now.filter(|_| open && !supplied && self.model.is_some()).map(|now| (now + STALL_AFTER, Duration::ZERO));
    }

    /// Keeps samples whole where a carrier split one between two frames.
    fn join_samples(&mut self, payload: &mut Frame) {
        if self.line.encoding != Encoding::Pcm16 {
            return;
        }
        if let Some(half) = self.half.take() {
            payload.insert(0, half);
        }
        if payload.len() % 2 == 1 {
            self.half = payload.pop();
        }
    }

    /// Inserts silence for the audio that is missing before `frame` according to the carrier's
    /// clock.
    fn pad_gap(&mut self, frame: &CallerFrame, out: &mut Vec<AudioAction>) {
        let length = self.line.duration_of(frame.payload.len());
        let Some(timestamp) = frame.timestamp else {
            self.expected = self.expected.map(|expected| expected + length);
            return;
        };
        let expected = self.expected.unwrap_or(timestamp);
        let gap = timestamp.saturating_sub(expected);
        let reset = gap > MOST_PADDED || expected.saturating_sub(timestamp) > MOST_PADDED;
        if gap >= SMALLEST_GAP {
            self.pad(gap.min(MOST_PADDED), out);
        }
        // A clock that jumped is followed. A clock that only jitters is not, because its jitter
        // would add up as silence.
        let base = if reset { timestamp } else { self.expected.unwrap_or(timestamp) };
        self.expected = Some(base + length);
    }

    /// Inserts silence of `length` into the model's audio or into the kept audio.
    fn pad(&mut self, length: Duration, out: &mut Vec<AudioAction>) {
        self.expected = self.expected.map(|expected| expected + length);
        // Silence beyond the bound would only push the kept speech out.
        let length = if self.model.is_some() { length } else { length.min(MOST_PENDING) };
        let mut left = length.as_millis() as usize * self.line.bytes_per_ms();
        let piece = left.min(self.largest_piece());
        let mut silence = Frame::with_room(piece);
        silence.resize(piece, self.line.encoding.silence());
        while left > 0 {
            let piece = left.min(silence.len());
            self.forward(&silence[..piece], out);
            left -= piece;
        }
    }

    /// Sends line bytes to the model in pieces, or keeps them.
    fn forward(&mut self, bytes: &[u8], out: &mut Vec<AudioAction>) {
        let largest = self.largest_piece();
        match &mut self.model {
            Some(converter) => {
                for piece in bytes.chunks(largest) {
                    converter.convert(piece, out);
                }
            }
            None => self.hold(bytes, out),
        }
    }

    fn hold(&mut self, bytes: &[u8], out: &mut Vec<AudioAction>) {
        let most = MOST_PENDING.as_millis() as usize * self.line.bytes_per_ms();
        let newest = &bytes[bytes.len().saturating_sub(most)..];
        let too_old = (self.pending.len() + newest.len()).saturating_sub(most);
        self.pending.drain(..too_old);
        self.pending.extend(newest);
        let lost = too_old + bytes.len() - newest.len();
        if lost > 0 {
            let frame = 20 * self.line.bytes_per_ms();
            out.push(AudioAction::CountDrops { cause: DropCause::NotAttached, frames: lost.div_ceil(frame) as u64 });
        }
    }

    fn largest_piece(&self) -> usize {
        LARGEST_PIECE.as_millis() as usize * self.line.bytes_per_ms()
    }
}

impl Converter {
    fn new(line: AudioFormat, model: AudioFormat, gain: Gain) -> Result<Self, ResampleError> {
        let resampler = Resampler::new(line.rate_hz, model.rate_hz)?;
        let level = Level::new(gain, line.rate_hz);
        Ok(Self { line, model, level, resampler })
    }

    /// Whether the model takes the line's bytes unchanged.
    fn is_plain(&self) -> bool {
        self.line == self.model && self.level.is_off()
    }

    fn convert(&mut self, bytes: &[u8], out: &mut Vec<AudioAction>) {
        let mut frame = Frame::with_room(bytes.len() * self.model.bytes_per_ms() / self.line.bytes_per_ms());
        if self.is_plain() {
            frame.extend_from_slice(bytes);
        } else {
            for bytes in bytes.chunks(CONVERTED_AT_ONCE.as_millis() as usize * self.line.bytes_per_ms()) {
                Scratch::lend(|Scratch { narrow, wide, .. }| {
                    g711::decode(self.line.encoding, bytes, narrow);
                    self.level.process(narrow);
                    self.resampler.process(narrow, wide);
                    g711::encode(self.model.encoding, wide, &mut frame);
                });
            }
        }
        if !frame.is_empty() {
            out.push(AudioAction::ToModel(frame));
        }
    }
}

/// Caller audio kept until a model is attached. Shorter: a caller who speaks first is cut. Longer:
/// the model answers stale words.
const MOST_PENDING: Duration = Duration::from_secs(2);
/// Largest piece sent to the model at once. Larger: the kept audio needs fewer messages, but each
/// takes long to decode.
const LARGEST_PIECE: Duration = Duration::from_millis(200);
/// Line audio converted at once: one usual frame. Larger: the buffers keep the size of a burst.
const CONVERTED_AT_ONCE: Duration = Duration::from_millis(20);
/// A smaller step of the carrier's clock is jitter. The value is one usual frame, the smallest
/// possible loss.
const SMALLEST_GAP: Duration = Duration::from_millis(20);
/// Most silence for one gap or one stall. More silence is billed as input audio and gives the model
/// no new information.
const MOST_PADDED: Duration = Duration::from_secs(10);
/// Silence of the carrier that counts as a stall in an open turn. Shorter: a network hiccup ends a
/// turn. Longer: the caller waits.
const STALL_AFTER: Duration = Duration::from_millis(750);
/// Silence inserted at once in a stall, and again while the stall lasts. It is longer than the
/// model's own end-of-turn silence. Shorter: the piece does not end the turn.
const STALL_SILENCE: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
