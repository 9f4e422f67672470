//! The agent's audio on its way to the carrier, and the ledger of what the caller has heard of it. Pure.
//!
//! The model speaks far faster than real time, so what it said waits here, item by item, and goes out a bounded lead ahead of
//! what is being played. Two policies, chosen by the carrier's [`Pacing`]:
//!
//! - **carrier buffers**: pieces of up to 100 ms, the first ones at once up to the lead, with a mark about every 200 ms and one at the
//!   end of each item; what is taken back is taken back by `clear`;
//! - **we pace**: frames of 20 ms on one origin with a lead of at most 200 ms, because what was sent may not be taken back;
//!   whole multiples of the carrier's frame, the last one of an answer filled up with silence.
//!
//! Each item is received / sent / heard. *Heard* is what the [`Playhead`] believes: the carrier's clock, pushed forward by echoed
//! marks, never more than was sent. A mark's name holds the generation (an interruption begins a new one), the position in the item
//! and the item; an echo counts only if its exact name is awaited, so those of a `clear` and those of strangers are nothing.
//! That an item was heard to its end is reported when its end mark is echoed, or, where no echo comes, when the clock and some
//! patience say so.
//!
//! The queue holds [`MOST_QUEUED`] of audio. A model that says more has lost its thread: the newest is dropped, the item is reported
//! as overflowed, once, and its response is muted, so that what is heard ends there and has no hole.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::action::{AudioAction, AudioTimer, DropCause};
use super::frame::Frame;
use super::messages::{CLIP_RESPONSE, ItemPlayout};
use super::playhead::Playhead;
use crate::call::messages::AudioReport;
use crate::ids::{ItemId, ResponseId};
use crate::wire::{AudioFormat, Capabilities, LineCommand, Pacing};

/// The playout of one call.
#[derive(Debug)]
pub struct Playout {
    format: AudioFormat,
    /// We keep the buffer: only whole pieces go out, on one origin.
    paced: bool,
    /// The carrier echoes marks.
    marks: bool,
    /// The carrier drops what it has not played when told to.
    clear: bool,
    /// Samples of the smallest frame this carrier takes.
    frame: u64,
    /// Samples of the largest piece sent at once.
    piece: u64,
    /// Samples sent ahead of what is being played, at most.
    lead: u64,
    head: Playhead,
    /// Audio not yet sent, of all items, in order.
    queue: VecDeque<u8>,
    /// Items not yet heard to their end, in playing order.
    items: VecDeque<Item>,
    /// Marks sent and not yet echoed, in order.
    awaited: VecDeque<Mark>,
    /// Samples sent since the last mark.
    unmarked: u64,
    /// Counts interruptions; part of each mark's name.
    generation: u32,
    /// Responses whose audio is no longer wanted, the newest last.
    muted: VecDeque<ResponseId>,
    /// Something was sent since the line was last reported silent, or somebody asked to be told.
    playing: bool,
    /// An unfinished frame is sent as it is, filled up.
    flushing: bool,
    /// Nothing is sent.
    paused: bool,
}

/// A piece of an item's audio, in the line's format.
#[derive(Debug)]
pub struct Piece<'a> {
    /// The response it belongs to; none for a clip of ours.
    pub response: Option<&'a ResponseId>,
    /// The item it belongs to.
    pub item: &'a ItemId,
    /// The time in which the item is measured.
    pub source: Source,
    /// Samples of the item, at the source's rate, that came with this piece.
    pub samples: u64,
    /// The line's bytes; they may lag behind `samples` by what a resampler holds.
    pub bytes: &'a [u8],
}

/// The item's own time, as its maker counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// Samples per second.
    pub rate_hz: u32,
    /// How much later a sample stands on the line than in the item: the resampler's delay.
    pub delay: Duration,
}

/// The ledger's line for one item.
#[derive(Debug)]
struct Item {
    response: Option<ResponseId>,
    item: ItemId,
    source: Source,
    /// Samples received from the source.
    received: u64,
    /// Line samples waiting in the queue.
    queued: u64,
    /// Line samples sent.
    sent: u64,
    /// The playhead's position of the first line sample; meaningful once something was sent.
    start: u64,
    /// No more audio of it will come.
    closed: bool,
    /// `PlayoutStarted` was reported.
    announced: bool,
    /// `PlayoutOverflowed` was reported.
    overflowed: bool,
}

#[derive(Debug)]
struct Mark {
    position: u64,
    name: String,
}

impl Playout {
    /// An empty playout. `lead` is how far ahead of real time audio is sent to a carrier that buffers.
    pub fn new(format: AudioFormat, capabilities: &Capabilities, lead: Duration) -> Self {
        let head = Playhead::new(format.rate_hz);
        let samples = |time: Duration| time.as_nanos() as u64 * u64::from(format.rate_hz) / 1_000_000_000;
        let (piece, lead) = match capabilities.pacing {
            Pacing::CarrierBuffers => (LARGEST_PIECE, lead),
            Pacing::WePace => (PACED_FRAME, lead.min(LONGEST_PACED_LEAD)),
        };
        let frame = (capabilities.frame_multiple as u64).max(1);
        let piece = samples(piece).next_multiple_of(frame);
        Self {
            format,
            paced: capabilities.pacing == Pacing::WePace,
            marks: capabilities.marks,
            clear: capabilities.clear,
            frame,
            piece,
            lead: samples(lead).max(piece),
            head,
            queue: VecDeque::new(),
            items: VecDeque::new(),
            awaited: VecDeque::new(),
            unmarked: 0,
            generation: 1,
            muted: VecDeque::new(),
            playing: false,
            flushing: false,
            paused: false,
        }
    }

    /// Queues `piece` behind everything queued. Audio of a muted response and audio beyond the bound is dropped and counted.
    pub fn push(&mut self, piece: &Piece<'_>, out: &mut Vec<AudioAction>) {
        let samples = (piece.bytes.len() / self.format.encoding.sample_bytes()) as u64;
        if piece.response.is_some_and(|response| self.is_muted(response)) {
            out.push(self.dropped(DropCause::Muted, samples));
            return;
        }
        let full = self.queued_time() + self.head.duration_of(samples) > MOST_QUEUED;
        if !self.continues(piece) {
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
        self.queue.extend(&piece.bytes[..samples as usize * self.format.encoding.sample_bytes()]);
        self.flushing = false;
    }

    /// No more audio of `item` will come. Unknown and finished items are ignored: the end of an item may come late.
    pub fn complete(&mut self, item: &ItemId) {
        if let Some(open) = self.items.iter_mut().rfind(|known| known.item == *item) {
            open.closed = true;
        }
    }

    /// Reports [`AudioReport::PlayoutDrained`] once nothing is queued and all was heard, also when that is so already.
    pub fn tell_when_drained(&mut self) {
        self.playing = true;
    }

    /// Sends what waits for a whole frame as it is: nothing is coming to fill it.
    pub fn flush(&mut self) {
        self.flushing = true;
    }

    /// The carrier echoed `name`. Ignored unless it is awaited: older generations, doubles and names not ours are late or wrong.
    pub fn mark_echoed(&mut self, name: &str, now: Instant) {
        if let Some(place) = self.awaited.iter().position(|mark| mark.name == name) {
            let position = self.awaited[place].position;
            // Marks are echoed in order, so an echo also answers for those before it.
            self.awaited.drain(..=place);
            self.head.confirm(position, now);
        }
    }

    /// Barge-in: drops the queue, mutes `response` and every response that is not heard to its end, clears the carrier if it may
    /// have something left, and begins a new generation. Gives every item not heard whole, in playing order; those heard whole are
    /// reported as such.
    pub fn interrupt(
        &mut self,
        response: Option<&ResponseId>,
        now: Instant,
        out: &mut Vec<AudioAction>,
    ) -> Vec<ItemPlayout> {
        // What cannot be taken back will be heard, to the last sample sent.
        let played = if self.clear { self.head.played(now) } else { self.head.end() };
        let mut cut = Vec::new();
        for item in std::mem::take(&mut self.items) {
            if item.closed && item.queued == 0 && played >= item.end() {
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
        if self.clear && !self.surely_played(self.head.end(), now) {
            out.push(AudioAction::ToLine(LineCommand::Clear));
            self.head.cleared(now);
        }
        self.queue.clear();
        self.awaited.clear();
        self.unmarked = 0;
        self.generation = self.generation.wrapping_add(1);
        self.playing = false;
        self.paused = false;
        self.tidy();
        cut
    }

    /// Sends nothing until [`Self::resume`] or [`Self::interrupt`].
    pub fn pause(&mut self) {
        self.paused = true;
    }

    /// Goes on after [`Self::pause`].
    pub fn resume(&mut self) {
        self.paused = false;
    }

    /// Drops audio of `response` from now on. Only so many are remembered: the oldest has long been finished.
    pub fn mute(&mut self, response: &ResponseId) {
        if !self.is_muted(response) {
            if self.muted.len() == MOST_MUTED {
                self.muted.pop_front();
            }
            self.muted.push_back(response.clone());
        }
    }

    /// Whether audio of `response` is dropped.
    pub fn is_muted(&self, response: &ResponseId) -> bool {
        self.muted.contains(response)
    }

    /// Sends what is due and reports what was heard.
    pub fn poll(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        while self.send_piece(now, out) {}
        self.mark_end(out);
        self.settle(now, out);
    }

    /// When [`Self::poll`] is wanted next, and what for.
    pub fn deadline(&self) -> Option<(Instant, AudioTimer)> {
        let refill = self.next_piece().and_then(|(_, samples)| {
            let room = self.lead.saturating_sub(samples);
            self.head.falls_to(room).map(|when| (when, AudioTimer::Refill))
        });
        [refill, self.settles()].into_iter().flatten().min_by_key(|(when, _)| *when)
    }

    /// When the line falls silent unless more comes: everything queued and sent was played. `None` before the first sound.
    pub fn runs_dry(&self) -> Option<Instant> {
        self.head.falls_to(0).map(|when| when + self.queued_time())
    }

    /// Whether the last item is still open and part of a frame waits for more of it.
    pub fn holds_part_of_a_frame(&self) -> bool {
        !self.flushing && self.next_piece().is_none() && self.items.iter().any(|item| item.queued > 0)
    }

    /// How long what is queued plays.
    pub fn queued_time(&self) -> Duration {
        self.head.duration_of((self.queue.len() / self.format.encoding.sample_bytes()) as u64)
    }

    fn continues(&self, piece: &Piece<'_>) -> bool {
        self.items.back().is_some_and(|last| {
            last.item == *piece.item && last.response.as_ref() == piece.response && last.source == piece.source
        })
    }

    fn begin(&mut self, piece: &Piece<'_>) {
        // An item that another one follows is over, whether or not its end was told.
        if let Some(last) = self.items.back_mut() {
            last.closed = true;
        }
        self.items.push_back(Item {
            response: piece.response.cloned(),
            item: piece.item.clone(),
            source: piece.source,
            received: 0,
            queued: 0,
            sent: 0,
            start: 0,
            closed: false,
            announced: false,
            overflowed: false,
        });
    }

    fn overflow(&mut self, piece: &Piece<'_>, out: &mut Vec<AudioAction>) {
        if let Some(response) = piece.response {
            self.mute(response);
        }
        let told = self.items.back_mut().filter(|last| last.item == *piece.item);
        if told.is_none_or(|last| !std::mem::replace(&mut last.overflowed, true)) {
            out.push(AudioAction::Report(AudioReport::PlayoutOverflowed { item: piece.item.clone() }));
        }
    }

    /// The item that is to be sent next and how many samples of it with padding; `None` while nothing waits or a frame is not full.
    fn next_piece(&self) -> Option<(usize, u64)> {
        if self.paused {
            return None;
        }
        let place = self.items.iter().position(|item| item.queued > 0)?;
        let item = &self.items[place];
        let samples = if item.queued >= self.piece {
            self.piece
        } else if item.closed || self.flushing {
            item.queued.next_multiple_of(self.frame)
        } else if self.paced {
            0
        } else {
            item.queued / self.frame * self.frame
        };
        (samples > 0).then_some((place, samples))
    }

    fn send_piece(&mut self, now: Instant, out: &mut Vec<AudioAction>) -> bool {
        let Some((place, samples)) = self.next_piece() else { return false };
        if self.head.ahead(now) + samples > self.lead {
            return false;
        }
        let (position, sample_bytes) = (self.head.end(), self.format.encoding.sample_bytes());
        let item = &mut self.items[place];
        let real = samples.min(item.queued);
        let mut frame = Frame::take();
        let bytes = real as usize * sample_bytes;
        let (front, back) = self.queue.as_slices();
        let in_front = bytes.min(front.len());
        frame.extend_from_slice(&front[..in_front]);
        frame.extend_from_slice(&back[..bytes - in_front]);
        self.queue.drain(..bytes);
        frame.resize(samples as usize * sample_bytes, self.format.encoding.silence());

        if item.sent == 0 {
            item.start = position;
        }
        item.queued -= real;
        item.sent += real;
        if !item.closed {
            // Padding in mid-item stands before what follows, not after what was heard.
            item.start += samples - real;
        }
        if !std::mem::replace(&mut item.announced, true) {
            out.push(AudioAction::Report(item.started()));
        }
        self.head.sent(samples, now);
        self.playing = true;
        out.push(AudioAction::ToLine(LineCommand::Play(frame)));

        self.unmarked += samples;
        if self.head.duration_of(self.unmarked) >= MARK_EVERY {
            self.mark(place, out);
        }
        true
    }

    /// The mark at the end of the last item sent, when no mark stands there yet.
    fn mark_end(&mut self, out: &mut Vec<AudioAction>) {
        let last = self.items.iter().rposition(|item| item.sent > 0);
        if let Some(place) = last.filter(|&place| self.items[place].closed && self.items[place].queued == 0)
            && self.unmarked > 0
        {
            self.mark(place, out);
        }
    }

    fn mark(&mut self, place: usize, out: &mut Vec<AudioAction>) {
        self.unmarked = 0;
        if !self.marks {
            return;
        }
        let item = &self.items[place];
        let name = format!("{}:{}:{}", self.generation, item.sent, item.item);
        if self.awaited.len() == MOST_AWAITED {
            self.awaited.pop_front();
        }
        self.awaited.push_back(Mark { position: self.head.end(), name: name.clone() });
        out.push(AudioAction::ToLine(LineCommand::Mark(name)));
    }

    fn settle(&mut self, now: Instant, out: &mut Vec<AudioAction>) {
        while let Some(item) = self.items.front() {
            if !item.closed || item.queued > 0 || !self.surely_played(item.end(), now) {
                break;
            }
            out.push(AudioAction::Report(AudioReport::ItemHeard(item.heard_whole())));
            self.items.pop_front();
        }
        if self.playing && self.queue.is_empty() && self.is_silent(now) {
            self.playing = false;
            if let Some(open) = self.items.back_mut() {
                // If the model goes on after all, that is a new start.
                open.announced = false;
            }
            out.push(AudioAction::Report(AudioReport::PlayoutDrained));
            self.tidy();
        }
    }

    /// Everything sent was heard. An item that is still open may go on at any moment, so it is given time.
    fn is_silent(&self, now: Instant) -> bool {
        match self.items.back() {
            None => true,
            Some(item) => !item.closed && self.head.falls_to(0).is_none_or(|end| now >= end + OPEN_ITEM_PATIENCE),
        }
    }

    fn settles(&self) -> Option<(Instant, AudioTimer)> {
        let item = self.items.front()?;
        if item.closed && item.queued == 0 {
            let by_clock = self.head.reaches(item.end())? + self.patience();
            return Some((by_clock, AudioTimer::Heard));
        }
        let waits = self.playing && self.queue.is_empty() && !item.closed;
        waits.then_some((self.head.falls_to(0)? + OPEN_ITEM_PATIENCE, AudioTimer::Drained))
    }

    fn surely_played(&self, position: u64, now: Instant) -> bool {
        self.head.confirmed() >= position
            || self.head.reaches(position).is_none_or(|by_clock| now >= by_clock + self.patience())
    }

    /// How long after the clock's word an item counts as heard without an echo.
    fn patience(&self) -> Duration {
        if self.marks { MARK_PATIENCE } else { CLOCK_PATIENCE }
    }

    fn dropped(&self, cause: DropCause, samples: u64) -> AudioAction {
        let frame = u64::from(self.format.rate_hz) / 50;
        AudioAction::CountDrops { cause, frames: samples.div_ceil(frame).max(1) }
    }

    /// A long answer's memory is not kept for a call of short ones.
    fn tidy(&mut self) {
        if self.queue.capacity() > KEPT_QUEUE_BYTES {
            self.queue.shrink_to(KEPT_QUEUE_BYTES);
        }
    }
}

impl Item {
    /// The playhead's position after the last sample sent.
    fn end(&self) -> u64 {
        self.start + self.sent
    }

    fn started(&self) -> AudioReport {
        AudioReport::PlayoutStarted { response: self.response(), item: self.item.clone() }
    }

    /// A clip of ours belongs to no response of the model.
    fn response(&self) -> ResponseId {
        self.response.clone().unwrap_or_else(|| ResponseId::new(CLIP_RESPONSE))
    }

    fn heard_whole(&self) -> ItemPlayout {
        let received = self.received_time();
        ItemPlayout { response: self.response(), item: self.item.clone(), received, heard: received }
    }

    /// What was heard of it when the playhead stood at `played`, in the item's own time.
    fn playout(&self, played: u64, head: &Playhead) -> ItemPlayout {
        let received = self.received_time();
        let line = if self.sent == 0 { 0 } else { played.saturating_sub(self.start).min(self.sent) };
        let heard = head.duration_of(line).saturating_sub(self.source.delay).min(received);
        ItemPlayout { response: self.response(), item: self.item.clone(), received, heard }
    }

    /// Rounded down, so that the model is never asked for more than it has.
    fn received_time(&self) -> Duration {
        let nanos = u128::from(self.received) * 1_000_000_000 / u128::from(self.source.rate_hz);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}

/// Most audio queued in a call, about 1 MB of mu-law. Less cuts long answers, which come in one burst; more keeps memory for
/// what nobody listens to.
pub const MOST_QUEUED: Duration = Duration::from_secs(120);
/// Most items not yet heard. A model makes a few; more is a server gone wrong, and is treated like too much audio.
const MOST_ITEMS: usize = 256;
/// Most marks awaited; a carrier that never echoes loses the oldest, and the clock stands in for them.
const MOST_AWAITED: usize = 64;
/// Most muted responses remembered. One response is active at a time, so a handful would do.
const MOST_MUTED: usize = 32;
/// Largest piece for a carrier that buffers. Smaller: more messages, each 5–10 µs of kernel time. Larger: the lead is coarser.
const LARGEST_PIECE: Duration = Duration::from_millis(100);
/// Frame for a carrier that cannot be told to clear. Smaller: more messages. Larger: more is said after an interruption.
const PACED_FRAME: Duration = Duration::from_millis(20);
/// Longest lead for such a carrier: all of it is heard after an interruption.
const LONGEST_PACED_LEAD: Duration = Duration::from_millis(200);
/// Audio between two marks. Less: more messages. More: the clock goes longer without proof.
const MARK_EVERY: Duration = Duration::from_millis(200);
/// Wait for an echo beyond the clock. Shorter: a slow network reads as heard. Longer: a lost mark holds a hang-up back.
const MARK_PATIENCE: Duration = Duration::from_secs(1);
/// Wait beyond the clock where there are no marks: a carrier's own jitter buffer. Shorter cuts a goodbye's last word.
const CLOCK_PATIENCE: Duration = Duration::from_millis(300);
/// Silence after which an item that was never finished counts as a silent agent. Shorter: a model's pause reads as its end.
const OPEN_ITEM_PATIENCE: Duration = Duration::from_secs(1);
/// Queue memory kept once all is heard: two seconds of mu-law.
const KEPT_QUEUE_BYTES: usize = 16 * 1024;
