//! The audio that is sent and its time: pieces of the queue, the marks after them, and silence that
//! keeps a line open. Part of [`super`].

use std::time::Instant;

use super::Playout;
use crate::audio::action::AudioAction;
use crate::audio::marks::MARK_EVERY;
use crate::carrier::LineCommand;
use crate::frame::Frame;

impl Playout {
    /// The next item to send and the number of its samples with padding. `None` while nothing waits
    /// or a frame is not full.
    pub(super) fn next_piece(&self) -> Option<(usize, u64)> {
        if self.is_paused() {
            return None;
        }
        let place = self.items.iter().position(|item| item.queued > 0)?;
        let item = &self.items[place];
        let last = item.closed || self.flushing;
        let samples = self.chunks.next(item.queued, last);
        (samples > 0).then_some((place, samples))
    }

    pub(super) fn send_piece(&mut self, now: Instant, out: &mut Vec<AudioAction>) -> bool {
        let Some((place, samples)) = self.next_piece() else { return false };
        if self.head.ahead(now) + samples > self.chunks.lead() {
            return false;
        }
        let (position, sample_bytes) = (self.head.end(), self.format.encoding.sample_bytes());
        let clears = self.clears();
        let item = &mut self.items[place];
        let real = samples.min(item.queued);
        let mut frame = Frame::with_room(samples as usize * sample_bytes);
        let bytes = real as usize * sample_bytes;
        self.queue.read(bytes, &mut frame);
        frame.resize(samples as usize * sample_bytes, self.format.encoding.silence());
        self.fade.apply(&mut frame);

        // Silence that kept the line open is counted before the audio that follows, not after the
        // audio that was heard.
        item.start = position - item.sent;
        item.queued -= real;
        item.sent += real;
        if !clears {
            // The audio cannot be taken back, so it is not kept.
            item.released = item.sent;
            self.queue.release(bytes);
        }
        if !item.first_heard {
            item.unheard_since.get_or_insert(now);
        }
        if !item.closed {
            // Padding in mid-item is counted before the audio that follows, not after the audio
            // that was heard.
            item.start += samples - real;
        }
        if !std::mem::replace(&mut item.announced, true) {
            out.push(AudioAction::Report(item.started()));
        }
        self.head.sent(samples, now);
        if let Some(keep_open) = &mut self.keep_open {
            keep_open.speech_sent();
        }
        self.playing = true;
        out.push(AudioAction::ToLine(LineCommand::Play(frame)));

        self.marks.sent(samples);
        if self.head.duration_of(self.marks.unmarked()) >= MARK_EVERY {
            self.mark(place, out);
        }
        true
    }

    /// Keeps the line open with silence once nothing was played for the longest time that the
    /// carrier accepts. All earlier audio was played by then.
    pub(super) fn send_silence(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        let ends = self.head.falls_to(0);
        let Some(samples) = self.keep_open.as_mut().and_then(|keep_open| keep_open.silence(ends, now)) else { return };
        self.head.confirm(self.head.end(), now);
        let bytes = samples as usize * self.format.encoding.sample_bytes();
        let mut frame = Frame::with_room(bytes);
        frame.resize(bytes, self.format.encoding.silence());
        self.head.sent(samples, now);
        out.push(AudioAction::ToLine(LineCommand::Play(frame)));
    }

    /// When the last speech sent was played, by the clock. `None` before the first speech.
    pub(super) fn speech_ends(&self) -> Option<Instant> {
        match &self.keep_open {
            Some(keep_open) if keep_open.is_silent() => keep_open.speech_ended(),
            Some(_) | None => self.head.falls_to(0),
        }
    }

    /// Sends the mark at the end of the last item sent, if there is no mark yet.
    pub(super) fn mark_end(&mut self, out: &mut Vec<AudioAction>) {
        let last = self.items.iter().rposition(|item| item.sent > 0);
        if let Some(place) = last.filter(|&place| self.items[place].is_sent())
            && self.marks.unmarked() > 0
        {
            self.mark(place, out);
        }
    }

    fn mark(&mut self, place: usize, out: &mut Vec<AudioAction>) {
        let item = &self.items[place];
        if let Some(name) = self.marks.write(&item.item, item.sent, self.head.end()) {
            out.push(AudioAction::ToLine(LineCommand::Mark(name)));
        }
    }
}
