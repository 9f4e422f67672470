//! The agent's audio on its way to the carrier, and the ledger of what the caller has heard of it.
//! Pure.
//!
//! The model speaks far faster than real time, so its audio waits here, item by item, and is sent a
//! bounded lead ahead of playout. The carrier's [`Pacing`](crate::carrier::Pacing) chooses one of
//! two policies ([`Chunks`]):
//!
//! - **carrier buffers**: pieces of up to 100 ms are sent, the first ones at once up to the lead. A
//!   mark follows about every 200 ms and at the end of each item. `clear` takes audio back.
//! - **we pace**: frames of 20 ms are sent on one origin with a lead of at most 200 ms, because
//!   sent audio may be impossible to take back. Messages are whole multiples of the carrier's
//!   frame, and the last one of an answer is filled up with silence.
//!
//! Each item is received / sent / heard. *Heard* is the estimate of the [`Playhead`]: the carrier's
//! clock, moved forward by echoed marks, never more than was sent. A mark's name holds the
//! generation (an interruption begins a new one), the position in the item, and the item. An echo
//! counts only if its exact name is awaited, so echoes after a `clear` and echoes of foreign marks
//! have no effect. The end of an item is reported as heard when its end mark is echoed. Where no
//! echo comes, it is reported some time after the clock reaches the end.
//!
//! Playout may be paused while it is unknown whether the caller interrupts. The carrier then drops
//! what it has not played, and that audio is sent again when playout continues. For this, the queue
//! keeps sent audio until it is heard, which is no more than the lead. The seam is faded in. Audio
//! that cannot be taken back counts as heard.
//!
//! The queue holds [`MOST_QUEUED`] of audio. A model that says more is out of control: the newest
//! audio is dropped, the item is reported once as overflowed, and its response is muted. So the
//! heard audio ends there and has no hole.

mod sending;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause, earliest};
use super::chunks::Chunks;
use super::fade::FadeIn;
use super::item::{Item, Piece};
use super::keep_open::KeepOpen;
use super::marks::MarkLedger;
use super::playhead::Playhead;
use super::replay::ReplayQueue;
use crate::audio::report::{AudioReport, ItemPlayout};
use crate::carrier::{AudioFormat, Capabilities, Clear, Flow, FlowSignal, LineCommand};
use crate::ids::{ItemId, ResponseId};

/// The playout of one call.
#[derive(Debug)]
pub(super) struct Playout {
    format: AudioFormat,
    chunks: Chunks,
    /// Whether the carrier drops audio it has not played after a clear.
    clear: Clear,
    head: Playhead,
    /// Audio of all items, in order: first the sent audio that may be sent again, then the unsent
    /// audio.
    queue: ReplayQueue,
    /// Items not yet heard to their end, in playing order.
    items: VecDeque<Item>,
    marks: MarkLedger,
    /// Responses whose audio is no longer wanted, the newest last.
    muted: VecDeque<ResponseId>,
    /// Whether something was sent since the line was last reported silent, or a report of the
    /// silence was requested.
    playing: bool,
    /// Whether a partial frame is sent at once, padded with silence.
    flushing: bool,
    /// Whether playout is paused. Nothing is sent then.
    paused: bool,
    /// Whether the carrier sends flow signals.
    flow: Flow,
    /// Whether the carrier asked to wait. Nothing more is sent until it asks for more, or has
    /// nothing left by the clock.
    flow_held: bool,
    /// The timer that keeps the line open while the agent is silent, for a carrier that needs it.
    keep_open: Option<KeepOpen>,
    /// The fade-in of the first audio after a pause.
    fade: FadeIn,
}

impl Playout {
    /// An empty playout. `lead` is how far ahead of real time audio is sent. Without it, the
    /// carrier's capabilities give the value.
    pub(super) fn new(format: AudioFormat, capabilities: &Capabilities, lead: Option<Duration>) -> Self {
        let chunks = Chunks::new(format, capabilities, lead.unwrap_or(capabilities.lead));
        Self {
            format,
            flow: capabilities.flow,
            flow_held: false,
            keep_open: capabilities.keeps_open_with.map(|after| KeepOpen::new(after, chunks.shortest())),
            chunks,
            clear: capabilities.clear,
            head: Playhead::new(format.rate_hz),
            queue: ReplayQueue::default(),
            items: VecDeque::new(),
            marks: MarkLedger::new(capabilities.marks),
            muted: VecDeque::new(),
            playing: false,
            flushing: false,
            paused: false,
            fade: FadeIn::new(format),
        }
    }

    /// Queues `piece` after everything queued. Audio of a muted response and audio beyond the bound
    /// is dropped and counted.
    pub(super) fn push(&mut self, piece: &Piece<'_>, out: &mut Vec<AudioAction>) {
        let samples = (piece.bytes.len() / self.format.encoding.sample_bytes()) as u64;
        if piece.response.is_some_and(|response| self.is_muted(response)) {
            out.push(self.dropped(DropCause::Muted, samples));
            return;
        }
        let full = self.queued_time() + self.head.duration_of(samples) > MOST_QUEUED;
        if !self.items.back().is_some_and(|last| last.goes_on_with(piece)) {
            if self.items.len() == MOST_ITEMS || full {
                self.overflow(piece, out);
                out.push(self.dropped(DropCause::Overflow, samples));
                return;
            }
            self.begin(piece);
        } else if full {
            self.overflow(piece, out);
            out.push(self.dropped(DropCause::Overflow, samples));
            return;
        }
        let item = self.items.back_mut().expect("the piece continues the last item or began it");
        item.received += piece.samples;
        item.queued += samples;
        self.queue.push(&piece.bytes[..samples as usize * self.format.encoding.sample_bytes()]);
        self.flushing = false;
    }

    /// Notes that `item` gets no more audio. Unknown and finished items are ignored, because the
    /// end of an item may come late.
    pub(super) fn complete(&mut self, item: &ItemId) {
        if let Some(open) = self.items.iter_mut().rfind(|known| known.item == *item) {
            open.closed = true;
        }
    }

    /// Whether audio of `item` waits to be sent.
    pub(super) fn has_unsent(&self, item: &ItemId) -> bool {
        self.items.iter().any(|known| known.item == *item && known.queued > 0)
    }

    /// Reports [`AudioReport::PlayoutDrained`] once nothing is queued and all was heard, even if
    /// that is so already.
    pub(super) fn tell_when_drained(&mut self) {
        self.playing = true;
    }

    /// Sends less ahead of the ear while the model speaks in real time.
    pub(super) fn limit_lead(&mut self, limited: bool) {
        self.chunks.limit_lead(limited);
    }

    /// Sends a partial frame padded with silence, because no more audio comes to fill it.
    pub(super) fn flush(&mut self) {
        self.flushing = true;
    }

    /// Takes the echo of the mark `name`. The echo is ignored unless the mark is awaited: older
    /// generations, duplicates and foreign names are late or wrong.
    pub(super) fn mark_echoed(&mut self, name: &str, now: Instant) {
        if let Some(position) = self.marks.echoed(name) {
            self.head.confirm(position, now);
        }
    }

    /// Takes a flow signal of the carrier. It is ignored if the carrier is not known to send flow
    /// signals.
    pub(super) fn flow(&mut self, signal: FlowSignal) {
        self.flow_held = self.flow == Flow::HoldAndGo && signal == FlowSignal::Hold;
    }

    /// Whether the line must be kept open and its time is not counted yet.
    pub(super) fn awaits_first_time(&self) -> bool {
        self.keep_open.as_ref().is_some_and(|keep_open| !keep_open.has_begun())
    }

    /// Barge-in: drops the queue, mutes `response` and every response that is not heard to its end,
    /// clears the carrier if it may have audio left, and begins a new generation. Returns every
    /// item not heard whole, in playing order. Items heard whole are reported as heard.
    pub(super) fn interrupt(
        &mut self,
        response: Option<&ResponseId>,
        now: Instant,
        out: &mut Vec<AudioAction>,
    ) -> Vec<ItemPlayout> {
        self.tell_begun(now, out);
        // Audio that cannot be taken back will be heard, to the last sample sent.
        let played = if self.clears() { self.head.played(now) } else { self.head.end() };
        let mut cut = Vec::new();
        for item in std::mem::take(&mut self.items) {
            if item.is_sent() && played >= item.end() {
                out.push(AudioAction::Report(AudioReport::ItemHeard(item.heard_whole())));
            } else {
                if let Some(response) = &item.response {
                    self.mute(response);
                }
                cut.push(item.playout(played, &self.head));
            }
        }
        if let Some(response) = response {
            self.mute(response);
        }
        if self.clears() && !self.surely_played(self.head.end(), now) {
            self.clear_line(now, out);
        } else if self.clear == Clear::Unsure && self.head.ahead(now) > 0 {
            out.push(AudioAction::ToLine(LineCommand::Clear));
        }
        self.queue.clear();
        self.marks.new_generation();
        self.playing = false;
        self.paused = false;
        self.fade.end();
        self.tidy();
        cut
    }

    /// How much of each item was heard by `now`, in playing order. Items that were reported as heard
    /// are not among them.
    pub(super) fn heard(&self, now: Instant) -> Vec<ItemPlayout> {
        let played = self.head.played(now);
        let whole = |item: &Item| item.is_sent() && played >= item.end();
        self.items.iter().map(|it| if whole(it) { it.heard_whole() } else { it.playout(played, &self.head) }).collect()
    }

    /// Sends nothing until [`Self::resume`] or [`Self::interrupt`]. Audio that the carrier can
    /// still drop is taken back and sent again later.
    pub(super) fn pause(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        self.paused = true;
        self.fade.end();
        if !self.clears() || self.head.ahead(now) == 0 {
            return;
        }
        self.tell_begun(now, out);
        self.release(now);
        self.clear_line(now, out);
        self.take_back();
    }

    /// Sends again what the carrier has not played: its queue is gone, and another is empty.
    pub(super) fn restart(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        self.flow_held = false;
        if self.head.ahead(now) == 0 {
            return;
        }
        self.tell_begun(now, out);
        self.release(now);
        self.head.cleared(now);
        self.take_back();
        self.fade_in_the_middle();
    }

    /// Takes back the audio that the carrier has discarded, so that it is sent again.
    fn take_back(&mut self) {
        self.queue.rewind();
        let end = self.head.end();
        for item in self.items.iter_mut().filter(|item| item.sent > item.released) {
            item.take_back(end);
        }
        self.marks.new_generation();
    }

    /// An item that continues in the middle does not begin with silence, so it is faded in.
    fn fade_in_the_middle(&mut self) {
        if self.items.iter().find(|item| item.queued > 0).is_some_and(|item| item.sent > 0) {
            self.fade.begin();
        }
    }

    /// Continues after [`Self::pause`] where the caller stopped hearing.
    pub(super) fn resume(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        if !std::mem::replace(&mut self.paused, false) {
            return;
        }
        self.fade_in_the_middle();
        // The pieces are sent at once, so that the line does not seem dry.
        while self.send_piece(now, out) {}
    }

    /// Whether we or the carrier have paused playout.
    pub(super) fn is_paused(&self) -> bool {
        self.paused || self.flow_held
    }

    /// Drops audio of `response` from now on. The number of muted responses is bounded, because the
    /// oldest one finished long ago.
    pub(super) fn mute(&mut self, response: &ResponseId) {
        if !self.is_muted(response) {
            if self.muted.len() == MOST_MUTED {
                self.muted.pop_front();
            }
            self.muted.push_back(response.clone());
        }
    }

    /// Whether audio of `response` is dropped.
    pub(super) fn is_muted(&self, response: &ResponseId) -> bool {
        self.muted.contains(response)
    }

    /// Sends what is due and reports what was heard.
    pub(super) fn poll(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        // A carrier with nothing left to play has forgotten to ask for more.
        self.flow_held &= self.head.ahead(now) > 0;
        self.release(now);
        while self.send_piece(now, out) {}
        self.send_silence(now, out);
        self.mark_end(out);
        self.tell_begun(now, out);
        self.settle(now, out);
    }

    /// When [`Self::poll`] is wanted next, and what for.
    pub(super) fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        let refill = self.next_piece().and_then(|(_, samples)| {
            let room = self.chunks.lead().saturating_sub(samples);
            self.head.falls_to(room).map(|when| (when, AudioTimer::Refill))
        });
        let go = if self.flow_held { self.head.falls_to(0).map(|when| (when, AudioTimer::Refill)) } else { None };
        let keep_open = self.keep_open.as_ref().and_then(|keep_open| keep_open.due(self.head.falls_to(0)));
        let keep_open = keep_open.map(|when| (when, AudioTimer::KeepOpen));
        earliest([refill, go, self.begins(), self.settles(), keep_open])
    }

    /// When the line falls silent unless more audio comes, because everything queued and sent was
    /// played. `None` before the first sound.
    pub(super) fn runs_dry(&self) -> Option<Instant> {
        self.speech_ends().map(|when| when + self.queued_time())
    }

    /// Whether the caller hears the agent now.
    pub(super) fn sounds(&self, now: Instant) -> bool {
        self.speech_ends().is_some_and(|ends| ends > now)
    }

    /// Whether the last item is still open and part of a frame waits for more of it.
    pub(super) fn holds_part_of_a_frame(&self) -> bool {
        !self.flushing && self.next_piece().is_none() && self.items.iter().any(|item| item.queued > 0)
    }

    /// How long the audio not yet heard plays, from now or from the end of a pause.
    pub(super) fn remaining(&self, now: Instant) -> Duration {
        self.head.duration_of(self.head.ahead(now)) + self.queued_time()
    }

    /// How long the queued audio plays.
    pub(super) fn queued_time(&self) -> Duration {
        self.head.duration_of((self.queue.unread() / self.format.encoding.sample_bytes()) as u64)
    }

    fn begin(&mut self, piece: &Piece<'_>) {
        // An item is over when another one follows, whether or not its end was reported.
        if let Some(last) = self.items.back_mut() {
            last.closed = true;
        }
        self.items.push_back(Item::of(piece));
    }

    fn overflow(&mut self, piece: &Piece<'_>, out: &mut Vec<AudioAction>) {
        if let Some(response) = piece.response {
            self.mute(response);
        }
        let newest = self.items.back_mut().filter(|last| last.item == *piece.item);
        if newest.is_none_or(|last| !std::mem::replace(&mut last.overflowed, true)) {
            out.push(AudioAction::Report(AudioReport::PlayoutOverflowed { item: piece.item.clone() }));
        }
    }

    /// Whether audio that the carrier has not played can be taken back.
    const fn clears(&self) -> bool {
        matches!(self.clear, Clear::Sure { .. })
    }

    /// Releases the audio that was heard.
    fn release(&mut self, now: Instant) {
        let (played, sample_bytes) = (self.head.played(now), self.format.encoding.sample_bytes());
        for item in &mut self.items {
            self.queue.release(item.release(played) as usize * sample_bytes);
        }
    }

    fn clear_line(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        out.push(AudioAction::ToLine(LineCommand::Clear));
        self.head.cleared(now);
    }

    /// Reports the items whose beginning was heard.
    fn tell_begun(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        let (played, begun) = (self.head.played(now), self.begun_samples());
        for item in &mut self.items {
            if item.begins_at(begun).is_some_and(|position| played >= position)
                && let Some(sent) = item.unheard_since.take()
            {
                item.first_heard = true;
                out.push(AudioAction::Report(item.begun(now.saturating_duration_since(sent))));
            }
        }
    }

    fn begins(&self) -> Option<(Instant, AudioTimer)> {
        let begun = self.begun_samples();
        let position = self.items.iter().find_map(|item| item.begins_at(begun))?;
        self.head.reaches(position).map(|when| (when, AudioTimer::FirstHeard))
    }

    fn begun_samples(&self) -> u64 {
        u64::from(self.format.rate_hz) * FIRST_HEARD.as_millis() as u64 / 1000
    }

    fn settle(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        while let Some(item) = self.items.front() {
            if !item.is_sent() || !self.surely_played(item.end(), now) {
                break;
            }
            out.push(AudioAction::Report(AudioReport::ItemHeard(item.heard_whole())));
            self.queue.release((item.sent - item.released) as usize * self.format.encoding.sample_bytes());
            self.items.pop_front();
        }
        if self.playing && self.queue.unread() == 0 && self.is_silent(now) {
            self.playing = false;
            if let Some(open) = self.items.back_mut() {
                // If the model continues the item after all, that counts as a new start.
                open.announced = false;
            }
            out.push(AudioAction::Report(AudioReport::PlayoutDrained));
            self.tidy();
        }
    }

    /// Whether everything sent was heard. An item that is still open may continue at any moment, so
    /// it is given time.
    fn is_silent(&self, now: Instant) -> bool {
        match self.items.back() {
            None => true,
            Some(item) => !item.closed && self.speech_ends().is_none_or(|end| now >= end + OPEN_ITEM_PATIENCE),
        }
    }

    fn settles(&self) -> Option<(Instant, AudioTimer)> {
        let item = self.items.front()?;
        if item.is_sent() {
            let by_clock = self.head.reaches(item.end())? + self.patience();
            return Some((by_clock, AudioTimer::Heard));
        }
        let waits = self.playing && self.queue.unread() == 0 && !item.closed;
        waits.then_some((self.speech_ends()? + OPEN_ITEM_PATIENCE, AudioTimer::Drained))
    }

    fn surely_played(&self, position: u64, now: Instant) -> bool {
        self.head.confirmed() >= position
            || self.head.reaches(position).is_none_or(|by_clock| now >= by_clock + self.patience())
    }

    /// How long after the clock reaches its end an item counts as heard without an echo.
    fn patience(&self) -> Duration {
        if self.marks.are_echoed() { MARK_PATIENCE } else { CLOCK_PATIENCE }
    }

    fn dropped(&self, cause: DropCause, samples: u64) -> AudioAction {
        let frame = u64::from(self.format.rate_hz) / 50;
        AudioAction::CountDrops { cause, frames: samples.div_ceil(frame).max(1) }
    }

    /// Frees the memory of a long answer, so that a call of short answers does not keep it.
    fn tidy(&mut self) {
        self.queue.shrink_to(KEPT_QUEUE_BYTES);
    }
}

/// Most audio queued in a call, about 1 MB of mu-law. Smaller: long answers, which come in one
/// burst, are cut. Larger: memory for audio that no caller listens to.
pub(super) const MOST_QUEUED: Duration = Duration::from_secs(120);
/// Most items not yet heard. A model makes a few. A larger number is a server fault and is treated
/// like too much audio.
const MOST_ITEMS: usize = 256;
/// Most muted responses remembered. One response is active at a time, so a few would be enough.
const MOST_MUTED: usize = 32;
/// Audio of an item after which the caller has heard the answer begin: a usual frame. Shorter: the
/// heard audio may be inaudible.
const FIRST_HEARD: Duration = Duration::from_millis(20);
/// Wait for an echo after the clock reaches the end. Shorter: a slow network reads as heard.
/// Longer: a lost mark delays a hang-up.
const MARK_PATIENCE: Duration = Duration::from_secs(1);
/// Wait after the clock reaches the end where there are no marks: a carrier's own jitter buffer.
/// Shorter: the last word of a goodbye is cut. Longer: a hang-up comes late.
const CLOCK_PATIENCE: Duration = Duration::from_millis(300);
/// Silence after which an agent with an unfinished item counts as silent. Shorter: a model's pause
/// reads as its end.
const OPEN_ITEM_PATIENCE: Duration = Duration::from_secs(1);
/// Queue memory kept once all is heard: two seconds of mu-law.
const KEPT_QUEUE_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests;
