//! The agent's direction up to the queue: model format → line format. Pure.

use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause};
use super::item::{Piece, Source};
use super::level::{Gain, Level};
use super::messages::PCM_RATE_HZ;
use super::playout::Playout;
use super::resample::{ResampleError, Resampler};
use super::scratch::Scratch;
use crate::carrier::AudioFormat;
use crate::g711;
use crate::ids::{ItemId, ResponseId};

/// The agent's direction of one call.
#[derive(Debug)]
pub(super) struct AgentPath {
    line: AudioFormat,
    /// `None` until a model is attached.
    model: Option<(AudioFormat, Resampler)>,
    /// The item whose last samples may be in the resampler.
    tail: Option<(ResponseId, ItemId)>,
    /// The level that the caller hears.
    level: Level,
    /// The first half of a PCM16 sample whose second half arrives in the item's next piece.
    half: Option<u8>,
    /// When the model's last audio arrived.
    last: Option<Instant>,
    joined: Vec<u8>,
}

impl AgentPath {
    pub(super) fn new(line: AudioFormat) -> Self {
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

    /// The format of the line.
    pub(super) const fn line(&self) -> AudioFormat {
        self.line
    }

    /// Whether a model was attached.
    pub(super) const fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// How long this audio of the model plays. Zero before a model was attached.
    pub(super) fn duration_of(&self, audio: &[u8]) -> Duration {
        self.model.as_ref().map_or(Duration::ZERO, |(format, _)| format.duration_of(audio.len()))
    }

    /// Sets the level that the caller hears.
    pub(super) fn level(&mut self, gain: Gain) {
        self.level = Level::new(gain, self.line.rate_hz);
    }

    pub(super) fn attach(
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

    pub(super) fn audio(
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

    pub(super) fn complete(&mut self, item: &ItemId, playout: &mut Playout, out: &mut Vec<AudioAction>) {
        if self.tail.as_ref().is_some_and(|(_, last)| last == item) {
            self.draw_out(playout, out);
        }
        playout.complete(item);
    }

    pub(super) fn pcm(
        &mut self,
        item: &ItemId,
        pcm: &[i16],
        playout: &mut Playout,
        out: &mut Vec<AudioAction>,
    ) -> Result<(), ResampleError> {
        self.draw_out(playout, out);
        // A line of 8 kHz needs no resampler and other rates are rare, so each clip makes its own.
        let mut resampler = Resampler::new(PCM_RATE_HZ, self.line.rate_hz)?;
        let source = Source { rate_hz: PCM_RATE_HZ, delay: resampler.delay() };
        let at_once = CONVERTED_AT_ONCE.as_millis() as usize * PCM_RATE_HZ as usize / 1000;
        // There is one more round than there are pieces: the last round drains the resampler.
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

    /// Drains the last item's samples into the queue. The resampler is silent afterwards, so the
    /// next item has no seam.
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

    /// Drops the audio inside the resampler, because it belongs to an interrupted answer.
    pub(super) fn reset(&mut self) {
        if let Some((_, resampler)) = &mut self.model {
            resampler.reset();
        }
        self.tail = None;
        self.half = None;
    }

    pub(super) fn poll(&mut self, now: Instant, playout: &mut Playout, out: &mut Vec<AudioAction>) {
        if self.tail_due(playout).is_some_and(|due| due <= now) {
            self.draw_out(playout, out);
            playout.flush();
        }
    }

    pub(super) fn deadline(&self, playout: &Playout) -> Option<(Instant, AudioTimer)> {
        self.tail_due(playout).map(|due| (due, AudioTimer::Tail))
    }

    /// When the rest of an item that stopped in the middle is played.
    fn tail_due(&self, playout: &Playout) -> Option<Instant> {
        // While playout is paused, the line does not wait for more.
        if playout.is_paused() || self.tail.is_none() && !playout.holds_part_of_a_frame() {
            return None;
        }
        let quiet = self.last?;
        Some(playout.runs_dry().map_or(quiet, |dry| dry.max(quiet)) + TAIL_PATIENCE)
    }
}

/// `audio` with whole samples. A half sample is kept for the next piece.
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

/// Model audio converted at once. Larger: the buffers keep the size of a burst. Smaller: more
/// rounds for the same work.
const CONVERTED_AT_ONCE: Duration = Duration::from_millis(100);
/// Quiet time of the model and of the line after which the remaining samples are played. Shorter:
/// silence is inserted between pieces of a slow answer. Longer: the end of an answer that was never
/// completed comes late.
const TAIL_PATIENCE: Duration = Duration::from_millis(40);
