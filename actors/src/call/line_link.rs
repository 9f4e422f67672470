//! The line link: whether there is a stream on which the caller hears and is heard. Pure; one of
//! the regions of [`super::machine`].
//!
//! A line may break during a call. The carrier notices that its stream is gone and asks how the
//! call continues. It gets another stream, on which the agent says that the line broke and
//! continues where the caller stopped hearing. The model's session is kept, and nothing is said
//! meanwhile: a new answer is cut, so that the model knows what was heard. If the carrier does not
//! ask in time, the caller is gone.
//!
//! The same happens to a live call that its operator redirects to our first document: its stream
//! ends because another one follows.
//!
//! | state | |
//! |---|---|
//! | up | there is a stream, or it was closed for a transfer |
//! | offered | there is one, and the carrier has the document of the one that replaces it |
//! | broken | the stream is gone, and the call waits for another one |
#![doc = include_str!("line_link.md")]

use std::time::{Duration, Instant};

use super::floor::{Cut, Floor};
use super::shared::{Shared, Stage};
use super::steps::{CallAction, Note};
use super::timers::{Timer, TimerTable};
use crate::carrier::Handover;
use crate::ending::Ending;
use crate::line::messages::LineReport;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, TextRole};

/// The call's end of its line.
#[derive(Debug)]
pub(super) struct LineLink {
    state: Link,
    /// Streams whose end was not reported: the present one, and earlier ones that were replaced.
    unended: u32,
    /// When the carrier last gave a sign of life.
    heard: Instant,
}

/// Whether there is a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// There is one, or it was closed for a transfer.
    Up,
    /// There is one, and the carrier has the document of the stream that replaces it.
    Offered {
        /// No longer than until then.
        until: Instant,
    },
    /// It broke; the call waits for the caller.
    Broken(Break),
}

/// A call without a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Break {
    since: Instant,
    /// When the caller is given up.
    until: Instant,
    /// What the line interrupted: the call continues with it.
    into: Scene,
}

/// What a broken line interrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scene {
    /// The opening of the call.
    Opening {
        /// From where it is said again.
        from: Start,
    },
    /// The conversation.
    Talk(Cut),
}

/// Where an opening starts again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the legal notice, which was not heard to its end.
    Notice,
    /// At the greeting.
    Greeting,
}

/// The meaning of a stream's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamEnd {
    /// Nothing: it ends an earlier stream, or was already known.
    Nothing,
    /// The line broke, or another stream follows.
    Breaks,
    /// The call is being transferred; the exit decides.
    Beneath,
    /// The caller is gone, by the stream alone.
    CallerLeft,
    /// The call ends.
    Ends(Ending),
}

impl LineLink {
    pub(super) const fn new(now: Instant) -> Self {
        Self { state: Link::Up, unended: 1, heard: now }
    }

    /// The state's name in the table.
    #[cfg(test)]
    pub(super) const fn name(&self) -> &'static str {
        match self.state {
            Link::Up => "up",
            Link::Offered { .. } => "offered",
            Link::Broken(_) => "broken",
        }
    }

    pub(super) const fn is_broken(&self) -> bool {
        matches!(self.state, Link::Broken(_))
    }

    /// Whether the carrier has been given another stream for a caller who is on the first.
    pub(super) const fn is_offered(&self) -> bool {
        matches!(self.state, Link::Offered { .. })
    }

    /// Notes a sign of life from the carrier.
    pub(super) fn is_heard(&mut self, now: Instant) {
        self.heard = now;
    }

    /// A stream ends, as `report` says; `closing` is the ending that the last words wait for.
    pub(super) fn stream_end(
        &mut self,
        report: &LineReport,
        stage: Stage,
        closing: Option<Ending>,
        call: &Shared,
    ) -> StreamEnd {
        use {LineReport as L, StreamEnd as E};
        let earlier = self.unended > 1;
        if *report == L::Closed {
            self.unended = self.unended.saturating_sub(1);
        }
        match (report, stage) {
            // The report came after the caller returned on another stream.
            (L::Stopped | L::Closed, _) if earlier => E::Nothing,
            // The report is about the stream that broke.
            (L::Stopped | L::Closed, Stage::Broken) => E::Nothing,
            (L::Stopped | L::Closed | L::CallOver, Stage::Transferring) => E::Beneath,
            // A polite close is no network failure: no other stream will come. A close of an
            // earlier socket, or of one that another stream follows, means nothing here.
            (L::Left, Stage::Connecting | Stage::Talking | Stage::TakenOver)
                if !earlier && !self.another_follows(call.now) =>
            {
                E::Ends(Ending::LineLost)
            }
            (L::Left, _) => E::Nothing,
            // The carrier only does what the call was about to request.
            (_, Stage::Closing) if closing.is_some() => closing.map_or(E::Nothing, E::Ends),
            (L::Stopped, _) if self.another_follows(call.now) => E::Breaks,
            (L::Stopped, _) => E::CallerLeft,
            (L::CallOver, _) => E::Ends(Ending::CallerHungUp),
            (L::Closed, _) if may_reconnect(call) => E::Breaks,
            (L::Closed, _) => E::Ends(Ending::LineLost),
            _ => E::Nothing,
        }
    }

    fn another_follows(&self, now: Instant) -> bool {
        matches!(self.state, Link::Offered { until } if now < until)
    }

    /// The line is gone, or another one replaces it; the caller is still there.
    pub(super) fn breaks(&mut self, stage: Stage, floor: &mut Floor, call: &mut Shared) {
        let opening = if stage == Stage::Connecting { Some(opening(call)) } else { floor.opening_from() };
        let into = opening.map_or_else(|| Scene::Talk(floor.cut()), |from| Scene::Opening { from });
        call.tell(Note::LineBroke);
        let was_speaking = floor.line_breaks(stage, call);
        if stage != Stage::Connecting {
            if was_speaking {
                // Half a sentence would be answered as if it were complete.
                call.act(CallAction::CallerTurn { open: false });
                call.order(ModelOrder::DiscardInput);
            }
            call.order(ModelOrder::Overtake);
            call.act(CallAction::DetachModel);
        }
        let until = call.after(call.profile.limits.lost_socket);
        self.state = Link::Broken(Break { since: call.now, until, into });
    }

    /// The carrier has been given another stream for a caller who is on the first, or on none.
    pub(super) fn stream_offered(&mut self, call: &Shared) {
        let until = call.after(RETURNING);
        self.state = match self.state {
            Link::Broken(broken) => Link::Broken(Break { until: broken.until.max(until), ..broken }),
            Link::Up | Link::Offered { .. } => Link::Offered { until },
        };
    }

    /// Notes that something was due while there was no line.
    pub(super) fn owes_an_answer(&mut self) {
        if let Link::Broken(Break { into: into @ Scene::Talk(Cut::Nobody), .. }) = &mut self.state {
            *into = Scene::Talk(Cut::Answer);
        }
    }

    /// The model came up while there was no line: the call begins on the next.
    pub(super) fn model_came_up(&mut self, floor: &Floor, call: &mut Shared) {
        if let Link::Broken(Break { into, .. }) = &mut self.state {
            floor.tell_of_clip(call);
            *into = Scene::Opening { from: opening(call) };
        }
    }

    /// The caller is on another stream, whether the line broke before or the call was transferred.
    pub(super) fn returned(&mut self, now: Instant) {
        self.unended += 1;
        self.heard = now;
        if let Link::Offered { .. } = self.state {
            self.state = Link::Up;
        }
    }

    /// The caller is back, and hears what is due. `dialling` while there is no model yet.
    pub(super) fn goes_on(&mut self, dialling: bool, floor: &mut Floor, call: &mut Shared) {
        let Link::Broken(broken) = std::mem::replace(&mut self.state, Link::Up) else { return };
        match broken.into {
            Scene::Opening { .. } if dialling => floor.waits_for_model(call),
            Scene::Opening { from } => floor.opens_again(from, call),
            Scene::Talk(Cut::Caller) => say_it_broke("then ask them to repeat what they said last", floor, call),
            Scene::Talk(Cut::Answer) => say_it_broke("then answer what they said last", floor, call),
            Scene::Talk(Cut::Agent) => say_it_broke("then go on where they stopped hearing you", floor, call),
            Scene::Talk(Cut::Nobody) => say_it_broke("and that you are there again", floor, call),
        }
    }

    /// The caller is back, and the call does not continue what the line interrupted.
    pub(super) fn mended(&mut self) {
        self.state = Link::Up;
    }

    /// How long the caller has been away.
    pub(super) fn gap(&self, now: Instant) -> Option<Duration> {
        if let Link::Broken(broken) = self.state { Some(now.saturating_duration_since(broken.since)) } else { None }
    }

    /// When a silent line is given up.
    pub(super) fn silence_timer(&self, call: &Shared, timers: &mut TimerTable) {
        timers.set(Timer::LineSilence, self.heard.checked_add(call.profile.limits.line_silence));
    }

    /// When a caller who does not come back is given up.
    pub(super) fn break_timer(&self, timers: &mut TimerTable) {
        if let Link::Broken(broken) = self.state {
            timers.set(Timer::Reconnect, Some(broken.until));
        }
    }
}

/// The agent says that the line broke, and `what` is due.
pub(super) fn say_it_broke(what: &str, floor: &mut Floor, call: &mut Shared) {
    call.attach_model();
    call.add_text(TextRole::Instruction, BROKE.to_owned());
    let words = format!("Say in a few words that the line was interrupted for a moment, {what}.");
    floor.request(ResponsePurpose::Notice, Some(words), call);
}

/// Whether another stream may follow when one is gone: the carrier asks how the call continues, or
/// opens another by itself.
pub(super) fn may_reconnect(call: &Shared) -> bool {
    let may = call.means.handover == Some(Handover::Document) || call.means.reopens;
    may && !call.profile.limits.lost_socket.is_zero()
}

/// Returns where the opening of this call begins.
fn opening(call: &Shared) -> Start {
    if call.profile.notice.is_some() { Start::Notice } else { Start::Greeting }
}

/// Longest wait for the carrier to open the stream that brings a caller back.
pub(super) const RETURNING: Duration = Duration::from_secs(15);
/// The instruction for the model.
const BROKE: &str =
    "The line to the caller broke and is back. They are still there. What they did not hear of your words was cut.";
