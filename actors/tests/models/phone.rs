//! The phone and its carrier: what was really played is known here.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use switchboard_actors::carrier::{AudioFormat, ByClear, Capabilities, Clear, LineCommand, LineFormats, Marks};

use super::server::{is_loud, ms, silence, tone};

/// A phone on a line of a carrier.
pub(crate) struct Phone {
    format: LineFormats,
    marks: Marks,
    clears: bool,
    /// Whether we keep the line open with silence of our own, which belongs to no answer.
    kept_open: bool,
    /// Whether silence is left out until the next sound.
    awaits_sound: bool,
    /// How long after playout has reached a mark its echo comes.
    mark_delay: Duration,
    /// Audio that was not played.
    queue: VecDeque<u8>,
    /// Everything played, in bytes. Silence while the queue is empty does not count.
    played: u64,
    /// Loud audio played, in bytes.
    loud: u64,
    /// Everything played until the last loud audio, in bytes.
    until_loud: u64,
    /// Up to when the phone has played.
    at: Instant,
    /// The marks that are not reached, each with the position behind which it stands.
    pending: VecDeque<(u64, String)>,
    /// The echoes to be sent.
    echoes: VecDeque<(Instant, String)>,
    /// Until when the caller speaks.
    pub(crate) speaks_until: Instant,
    /// When the next frame of the caller is due.
    pub(crate) next_frame: Instant,
    /// The times of the clears, with what had been played.
    pub(crate) clears_at: Vec<(Instant, Duration)>,
    pub(crate) hung_up: Option<Instant>,
}

impl Phone {
    pub(crate) fn new(can: &Capabilities, mark_delay: Duration, now: Instant) -> Self {
        Self {
            format: LineFormats { hears: can.hears[0], says: can.says[0] },
            marks: can.marks,
            clears: matches!(can.clear, Clear::Sure { .. }),
            kept_open: can.keeps_open_with.is_some(),
            awaits_sound: false,
            mark_delay,
            queue: VecDeque::new(),
            played: 0,
            loud: 0,
            until_loud: 0,
            at: now,
            pending: VecDeque::new(),
            echoes: VecDeque::new(),
            speaks_until: now,
            next_frame: now,
            clears_at: Vec::new(),
            hung_up: None,
        }
    }

    pub(crate) fn format(&self) -> LineFormats {
        self.format
    }

    /// Takes a command of ours.
    pub(crate) fn take(&mut self, command: LineCommand, now: Instant) {
        self.play_until(now);
        match command {
            LineCommand::Play(frame) => self.queue_frame(&frame),
            LineCommand::Mark(name) => self.pending.push_back((self.played + self.queue.len() as u64, name)),
            LineCommand::Clear => {
                self.clears_at.push((now, self.heard()));
                if self.clears {
                    self.queue.clear();
                    let passed = std::mem::take(&mut self.pending).into_iter();
                    if let Marks::Echoed { by_clear: ByClear::Echoes, .. } = self.marks {
                        self.echoes.extend(passed.map(|(_, name)| (now + self.mark_delay, name)));
                    }
                }
            }
            LineCommand::HangUp | LineCommand::Close => self.hung_up = Some(now),
        }
    }

    /// Leaves out the silence that keeps the line open, until the answer that comes next sounds.
    pub(crate) fn await_sound(&mut self) {
        self.awaits_sound = self.kept_open;
    }

    fn queue_frame(&mut self, frame: &[u8]) {
        self.awaits_sound &= !is_loud(self.format.says, frame);
        if !self.awaits_sound {
            self.queue.extend(frame);
        }
    }

    /// How much audio was played by now.
    pub(crate) fn played(&mut self, now: Instant) -> Duration {
        self.play_until(now);
        self.heard()
    }

    /// How much audio was played until the last that was loud: without the silence that fills up the
    /// last frame of an answer, which is long on some carriers.
    pub(crate) fn said(&mut self, now: Instant) -> Duration {
        self.play_until(now);
        self.lasts(self.until_loud)
    }

    /// How much loud audio was played by now.
    pub(crate) fn loud(&mut self, now: Instant) -> Duration {
        self.play_until(now);
        self.format.says.duration_of(self.loud as usize)
    }

    /// Whether nothing is left to play.
    pub(crate) fn is_silent(&mut self, now: Instant) -> bool {
        self.play_until(now);
        self.queue.is_empty()
    }

    /// When something is due: a frame of the caller, or the echo of a mark.
    pub(crate) fn due(&self) -> Instant {
        let reached = self.pending.front().map(|(at, _)| self.at + self.lasts(at.saturating_sub(self.played)));
        let echo = self.echoes.front().map(|(at, _)| *at);
        [Some(self.next_frame), reached, echo].into_iter().flatten().min().unwrap_or(self.next_frame)
    }

    /// The echoes that are due.
    pub(crate) fn due_echoes(&mut self, now: Instant) -> Vec<String> {
        self.play_until(now);
        let due = self.echoes.iter().take_while(|(at, _)| *at <= now).count();
        self.echoes.drain(..due).map(|(_, name)| name).collect()
    }

    /// The caller's next frame, if one is due.
    pub(crate) fn frame(&mut self, now: Instant) -> Option<Vec<u8>> {
        if self.next_frame > now {
            return None;
        }
        let speaks = self.next_frame < self.speaks_until;
        self.next_frame += ms(20);
        let format = self.format.hears;
        Some(if speaks { tone(format, 20) } else { silence(format, 20) })
    }

    fn heard(&self) -> Duration {
        self.format.says.duration_of(self.played as usize)
    }

    fn lasts(&self, bytes: u64) -> Duration {
        self.format.says.duration_of(bytes as usize)
    }

    fn play_until(&mut self, now: Instant) {
        let format: AudioFormat = self.format.says;
        let elapsed = now.saturating_duration_since(self.at).as_nanos() as usize;
        // Whole samples; the rest of the time is kept for the next ones.
        let sample = format.encoding.sample_bytes();
        let samples = elapsed * format.rate_hz as usize / 1_000_000_000;
        self.at += Duration::from_nanos(samples as u64 * 1_000_000_000 / u64::from(format.rate_hz));
        let bytes = (samples * sample).min(self.queue.len());
        let heard: Vec<u8> = self.queue.drain(..bytes).collect();
        let ms_bytes = format.bytes_per_ms();
        for part in heard.chunks(ms_bytes) {
            self.played += part.len() as u64;
            if is_loud(format, part) {
                self.loud += part.len() as u64;
                self.until_loud = self.played;
            }
        }
        while self.pending.front().is_some_and(|(at, _)| *at <= self.played) {
            let Some((_, name)) = self.pending.pop_front() else { break };
            if self.marks != Marks::None {
                self.echoes.push_back((now + self.mark_delay, name));
            }
        }
    }
}
