//! The model's voice. The server sends one endless stream, digital silence included: no item, no
//! beginning and no end. A gate on its level cuts it into segments, which the call knows as
//! responses with one item each.
//!
//! Silence is not passed on, because the line is silent by itself. A pause within a segment keeps
//! its length as long as the audio is on time; if the audio is late, the pause is shortened, so
//! that nothing is ever behind for long. More than [`BACKLOG`] late, all silence is left out. Words
//! are dropped only if they are more than [`MOST_AHEAD`] late.

use std::time::{Duration, Instant};

use crate::audio::scratch::Scratch;
use crate::carrier::AudioFormat;
use crate::frame::Frame;
use crate::g711;
use crate::ids::{ItemId, ResponseId};

/// The stream of one session.
#[derive(Debug)]
pub(super) struct Voice {
    format: AudioFormat,
    /// Bytes received: the position in the stream.
    received: u64,
    segment: Option<Segment>,
    hush: Option<Hush>,
    /// The number of the last segment.
    number: u64,
    /// Where the stream stands in the audio of the last segment.
    places: Places,
}

/// A segment: what the call knows as a response.
#[derive(Debug)]
struct Segment {
    response: ResponseId,
    item: ItemId,
    /// Silence since the last loud piece, in ms of the stream.
    quiet_ms: u64,
    /// The part of it that was not passed on.
    held_ms: u64,
    /// When the caller has heard what was passed on, if nothing delays it.
    heard_at: Instant,
    /// What was passed on, in ms.
    passed_ms: u64,
}

/// Where positions in the stream stand in the audio that is passed on of a segment. Both run alike,
/// except where silence is added or left out.
#[derive(Debug, Default)]
pub(super) struct Places(Vec<Place>);

#[derive(Debug, Clone, Copy)]
struct Place {
    stream_ms: u64,
    segment_ms: u64,
}

/// Output that nobody may hear: the model still speaks although it was cut.
#[derive(Debug, Clone, Copy)]
struct Hush {
    until: Instant,
    quiet_ms: u64,
}

/// What became of the stream.
#[derive(Debug)]
pub(super) enum VoiceEvent {
    /// A segment began at this position, in ms.
    Began { response: ResponseId, at_ms: u64 },
    /// Audio for the caller.
    Audio { response: ResponseId, item: ItemId, audio: Frame },
    /// The segment is over.
    Ended { response: ResponseId, item: ItemId },
    /// Silence was left out because the audio is too late, in ms.
    CaughtUp(u64),
    /// Words were dropped because the audio is far too late, in ms.
    Dropped(u64),
}

impl Voice {
    /// Nothing received.
    pub(super) const fn new(format: AudioFormat) -> Self {
        Self { format, received: 0, segment: None, hush: None, number: 0, places: Places(Vec::new()) }
    }

    /// Hears a piece of the stream. `session` makes the segments' names unique in a call.
    pub(super) fn hear(&mut self, audio: &[u8], session: &str, now: Instant, out: &mut Vec<VoiceEvent>) {
        let piece = PIECE_MS as usize * self.format.bytes_per_ms();
        let mut run = Frame::default();
        let (mut offset_ms, mut dropped_ms, mut caught_up_ms) = (0, 0, 0);
        for part in audio.chunks(piece.max(1)) {
            let length_ms = (part.len() / self.format.bytes_per_ms().max(1)) as u64;
            let loud = self.ms() >= DEAF_MS && self.is_loud(part);
            self.received += part.len() as u64;
            if self.is_hushed(loud, length_ms, now) {
                continue;
            }
            if self.segment.is_none() && loud {
                out.push(self.begin(session, length_ms, now));
                // The silence before the first word is a margin for what comes late.
                run = Frame::with_room(audio.len() + self.format.bytes_per_ms() * MARGIN.as_millis() as usize);
                self.add_silence(MARGIN.as_millis() as u64, now, &mut run);
            }
            let Some(segment) = &mut self.segment else { continue };
            if loud {
                let pause = segment.pause(Duration::from_millis(offset_ms), now);
                (segment.quiet_ms, segment.held_ms) = (0, 0);
                self.add_silence(pause, now, &mut run);
            } else {
                segment.quiet_ms += length_ms;
            }
            if !loud && self.segment.as_ref().is_some_and(|segment| segment.ahead(now) > BACKLOG) {
                caught_up_ms += length_ms;
            } else {
                dropped_ms += self.pass(part, length_ms, now, &mut run);
            }
            offset_ms += length_ms;
            if self.segment.as_ref().is_some_and(|segment| segment.quiet_ms >= ENDS_AFTER_MS) {
                self.flush(&mut run, out);
                out.extend(self.end());
            }
        }
        self.flush(&mut run, out);
        if caught_up_ms > 0 {
            out.push(VoiceEvent::CaughtUp(caught_up_ms));
        }
        if dropped_ms > 0 {
            out.push(VoiceEvent::Dropped(dropped_ms));
        }
    }

    /// Ends the segment: no more audio comes, or none is wanted.
    pub(super) fn end(&mut self) -> Option<VoiceEvent> {
        let Segment { response, item, .. } = self.segment.take()?;
        Some(VoiceEvent::Ended { response, item })
    }

    /// Drops the output until the model was silent for a while.
    pub(super) fn hush(&mut self, now: Instant) {
        self.hush = Some(Hush { until: now + LONGEST_HUSH, quiet_ms: 0 });
    }

    /// Whether the model speaks, or spoke a moment ago.
    pub(super) const fn sounds(&self) -> bool {
        self.segment.is_some()
    }

    /// The running segment, and whether the model has probably finished it.
    pub(super) fn running(&self) -> Option<(&ResponseId, bool)> {
        self.segment.as_ref().map(|segment| (&segment.response, segment.quiet_ms >= FINISHED_AFTER_MS))
    }

    /// The running segment and its item.
    pub(super) fn names(&self) -> Option<(&ResponseId, &ItemId)> {
        self.segment.as_ref().map(|segment| (&segment.response, &segment.item))
    }

    /// The position in the stream, in ms.
    pub(super) fn ms(&self) -> u64 {
        self.received / self.format.bytes_per_ms().max(1) as u64
    }

    /// Where the stream stands in the audio of the last segment.
    pub(super) const fn places(&self) -> &Places {
        &self.places
    }

    fn begin(&mut self, session: &str, length_ms: u64, now: Instant) -> VoiceEvent {
        self.number += 1;
        let number = self.number;
        let response = ResponseId::new(&format!("{session}_r{number}"));
        let item = ItemId::new(&format!("{session}_a{number}"));
        let segment =
            Segment { response: response.clone(), item, quiet_ms: 0, held_ms: 0, heard_at: now, passed_ms: 0 };
        self.segment = Some(segment);
        self.places.0.clear();
        VoiceEvent::Began { response, at_ms: self.ms().saturating_sub(length_ms) }
    }

    /// Whether the output is dropped now.
    fn is_hushed(&mut self, loud: bool, length_ms: u64, now: Instant) -> bool {
        let Some(hush) = &mut self.hush else { return false };
        hush.quiet_ms = if loud { 0 } else { hush.quiet_ms + length_ms };
        if hush.quiet_ms >= HUSH_ENDS_AFTER_MS || now >= hush.until {
            self.hush = None;
        }
        true
    }

    /// Adds a piece to what is passed on. Returns the ms that were dropped of it.
    fn pass(&mut self, part: &[u8], length_ms: u64, now: Instant, run: &mut Frame) -> u64 {
        let Some(segment) = &mut self.segment else { return 0 };
        if segment.quiet_ms > TAIL_MS {
            segment.held_ms += length_ms;
            return 0;
        }
        if segment.ahead(now) > MOST_AHEAD {
            return length_ms;
        }
        run.extend_from_slice(part);
        let begins_ms = (self.received / self.format.bytes_per_ms().max(1) as u64).saturating_sub(length_ms);
        self.places.note(begins_ms, segment.passed_ms);
        segment.add(length_ms, now);
        0
    }

    fn add_silence(&mut self, length_ms: u64, now: Instant, run: &mut Frame) {
        let Some(segment) = &mut self.segment else { return };
        let length = run.len() + length_ms as usize * self.format.bytes_per_ms();
        run.resize(length, self.format.encoding.silence());
        segment.add(length_ms, now);
    }

    fn flush(&self, run: &mut Frame, out: &mut Vec<VoiceEvent>) {
        if let Some(Segment { response, item, .. }) = &self.segment
            && !run.is_empty()
        {
            let (response, item, audio) = (response.clone(), item.clone(), std::mem::take(run));
            out.push(VoiceEvent::Audio { response, item, audio });
        }
    }

    fn is_loud(&self, part: &[u8]) -> bool {
        Scratch::lend(|Scratch { narrow, .. }| {
            let samples = g711::read(self.format.encoding, part, narrow);
            samples.iter().any(|sample| sample.unsigned_abs() > LOUDEST_SILENCE)
        })
    }
}

impl Segment {
    /// How much silence stands for the pause that has just ended, in ms. `offset` is how far into
    /// the received piece the sound begins.
    fn pause(&self, offset: Duration, now: Instant) -> u64 {
        let on_time = now + MARGIN + offset;
        let from = self.heard_at.max(now);
        let wanted = on_time.saturating_duration_since(from).as_millis() as u64;
        wanted.clamp(self.held_ms.min(SHORTEST_PAUSE_MS), self.held_ms)
    }

    fn add(&mut self, length_ms: u64, now: Instant) {
        self.passed_ms += length_ms;
        self.heard_at = self.heard_at.max(now) + Duration::from_millis(length_ms);
    }

    fn ahead(&self, now: Instant) -> Duration {
        self.heard_at.saturating_duration_since(now)
    }
}

impl Places {
    /// A piece of the stream at `stream_ms` is passed on at `segment_ms`.
    fn note(&mut self, stream_ms: u64, segment_ms: u64) {
        let goes_on = self.0.last().is_some_and(|last| stream_ms + last.segment_ms == segment_ms + last.stream_ms);
        if !goes_on && self.0.len() < MOST_PLACES {
            self.0.push(Place { stream_ms, segment_ms });
        }
    }

    /// Where the stream's position `stream_ms` stands in the audio passed on. What was left out
    /// stands where the audio went on. `None` before the first segment.
    pub(super) fn in_segment(&self, stream_ms: u64) -> Option<u64> {
        let next = self.0.partition_point(|place| place.stream_ms <= stream_ms);
        let Some(Place { stream_ms: from, segment_ms }) = next.checked_sub(1).map(|at| self.0[at]) else {
            return self.0.first().map(|first| first.segment_ms);
        };
        let here = segment_ms + (stream_ms - from);
        Some(self.0.get(next).map_or(here, |next| here.min(next.segment_ms)))
    }
}

/// Changes between stream and segment that are kept: one for each pause that is shortened, which is
/// more than an answer has. Later ones count as none.
const MOST_PLACES: usize = 512;
/// The piece whose level is judged, in ms.
const PIECE_MS: u64 = 20;
/// The loudest sample of silence. The stream's pauses have a peak of 1, its connecting tick 45, and
/// its quietest word about 1,150.
const LOUDEST_SILENCE: u16 = 200;
/// The beginning of the stream in which nothing is a voice: it holds a tick.
const DEAF_MS: u64 = 600;
/// Silence that ends a segment. Shorter: a breath ends an answer. Longer: the call learns late that
/// the agent has finished.
const ENDS_AFTER_MS: u64 = 800;
/// Silence after which a running segment counts as finished if the session is lost.
const FINISHED_AFTER_MS: u64 = 400;
/// Silence that is passed on as it is. Shorter: soft ends of words are cut. Longer: more audio
/// waits after a hole in the stream.
const TAIL_MS: u64 = 100;
/// How much audio is ahead of the caller's ear when it is on time. Smaller: the stream's jitter of
/// 30 ms is heard. Larger: the caller waits.
const MARGIN: Duration = Duration::from_millis(60);
/// What is left of a pause when the audio is late, in ms. Nothing at all would join words.
const SHORTEST_PAUSE_MS: u64 = 40;
/// How far the audio may be behind before silence is left out. Smaller: breaths are missed.
/// Larger: the caller hears old words, and an interruption cuts what nobody needs any more.
const BACKLOG: Duration = Duration::from_millis(400);
/// How far the audio may be behind before words are dropped. The pauses win it back long before.
const MOST_AHEAD: Duration = Duration::from_millis(1_500);
/// Silence that ends a hush.
const HUSH_ENDS_AFTER_MS: u64 = 400;
/// The longest hush. A model that still speaks has something new to say.
const LONGEST_HUSH: Duration = Duration::from_millis(2_500);

#[cfg(test)]
mod tests;
