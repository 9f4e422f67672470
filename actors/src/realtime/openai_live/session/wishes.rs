//! Wishes to speak. The model speaks by itself; a wish is an append that orders it to. One wish is
//! under way at a time. It is done when a segment that began after its append has ended, and given
//! up if none begins within [`PATIENCE`].

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::{Session, SessionAction, send};
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::openai_live::protocol::EventId;
use crate::realtime::openai_live::protocol::client::{Append, ClientEvent, parts};
use crate::realtime::report::ModelReport;
use crate::realtime::requests::{Failure, Pending, Remedy, Requests, Unspoken};

/// The wishes of one session.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub(super) requests: Requests,
    current: Option<Wish>,
}

/// The wish that is under way.
#[derive(Debug)]
struct Wish {
    pending: Pending,
    /// The parts of its text that were not sent, in order.
    parts: VecDeque<String>,
    /// The number of the part that was sent last, and when.
    sent: (u64, Instant),
    /// Whether that part was placed on the timeline.
    placed: bool,
    /// Whether the model speaks.
    spoken: bool,
    /// Whether the model behind the voice has worked since the order.
    worked: bool,
}

impl Wishes {
    /// The model began to speak.
    pub(super) fn onset(&mut self) {
        if let Some(wish) = &mut self.current {
            wish.spoken = true;
        }
    }

    /// The model behind the voice works.
    pub(super) fn works(&mut self) {
        if let Some(wish) = &mut self.current {
            wish.worked = true;
        }
    }

    /// Whether the wish that is under way asked for an answer that the work behind the voice
    /// gives: what comes of the work answers it.
    pub(super) fn is_worked_on(&self) -> bool {
        self.current.as_ref().is_some_and(|wish| {
            let asks = matches!(wish.pending.purpose, Some(ResponsePurpose::Keypad | ResponsePurpose::Answer));
            wish.worked && !wish.spoken && asks && wish.pending.instructions.is_none()
        })
    }

    /// The model has finished speaking.
    pub(super) fn spoken(&mut self, now: Instant) {
        if let Some(wish) = self.current.take_if(|wish| wish.spoken) {
            // A request that ran leaves nothing to report.
            let _ = self.requests.ended(Some(wish.pending), None, now);
        }
    }

    /// Drops all wishes. Returns whether one was under way whose words may still come.
    pub(super) fn overtake(&mut self) -> bool {
        self.requests.clear();
        self.current.take().is_some()
    }

    /// Whether something is to be said.
    pub(super) fn is_wished(&self) -> bool {
        self.current.is_some() || !self.requests.is_empty()
    }

    /// The wish that is under way, and whether the model speaks.
    pub(super) fn current(&self) -> Option<(&Pending, bool)> {
        self.current.as_ref().map(|wish| (&wish.pending, wish.spoken))
    }

    /// When something is due. While the model speaks (`sounds`), no wish begins.
    pub(super) fn due(&self, sounds: bool) -> Option<Instant> {
        let Some(wish) = &self.current else {
            return self.requests.front().filter(|_| !sounds)?.not_before();
        };
        let (_, at) = wish.sent;
        if wish.parts.is_empty() { (!wish.spoken).then_some(at + PATIENCE) } else { Some(at + LONGEST_UNPLACED) }
    }
}

impl Session {
    /// Queues a request to speak.
    pub(super) fn wish(&mut self, request: ResponseRequest, out: &mut Vec<SessionAction>) {
        let refused = self.wishes.requests.ask(request);
        unspoken(refused, out);
    }

    /// Begins the next wish if nothing is being said.
    pub(super) fn next_wish(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.wishes.requests.settle();
        if self.wishes.current.is_some() || self.voice.sounds() || self.clock.ms() == 0 {
            return;
        }
        let Some(pending) = self.wishes.requests.next(now) else { return };
        let text = order_of(&pending);
        let parts: VecDeque<String> = parts(&text).into_iter().map(str::to_owned).collect();
        self.wishes.current =
            Some(Wish { pending, parts, sent: (0, now), placed: false, spoken: false, worked: false });
        self.next_part(now, out);
    }

    /// The server has placed an append on the timeline. That is the time to send the next part.
    pub(super) fn appended(&mut self, about: Option<&str>, out: &mut Vec<SessionAction>) {
        let Some(wish) = &mut self.wishes.current else { return };
        let (number, at) = wish.sent;
        // Some servers do not say which one.
        if about.is_none_or(|about| EventId::parse(about) == Some(EventId::Append(number))) {
            wish.placed = true;
            if !wish.parts.is_empty() {
                // The time of the order stays: the wait is for the first word.
                self.next_part(at, out);
            }
        }
    }

    /// The server has refused an append.
    pub(super) fn append_refused(&mut self, number: u64, code: &str, now: Instant, out: &mut Vec<SessionAction>) {
        let concerns = |wish: &mut Wish| wish.sent.0 == number && !wish.spoken;
        if let Some(wish) = self.wishes.current.take_if(concerns) {
            let failure = Failure { code: code.to_owned(), remedy: Remedy::GiveUp };
            unspoken(self.wishes.requests.ended(Some(wish.pending), Some(failure), now), out);
        }
    }

    /// Handles the deadlines of the wish that is under way.
    pub(super) fn wishes_due(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let Some(wish) = &self.wishes.current else { return };
        if self.wishes.due(self.voice.sounds()).is_none_or(|at| at > now) {
            return;
        }
        if !wish.parts.is_empty() {
            return self.next_part(now, out);
        }
        let Some(wish) = self.wishes.current.take() else { return };
        // A greeting is worth a second order. Everything else has lost its moment.
        let remedy = match wish.pending.purpose {
            Some(ResponsePurpose::Greeting) | None => Remedy::TryOnce,
            Some(_) => Remedy::GiveUp,
        };
        let failure = Failure { code: "no_answer".to_owned(), remedy };
        unspoken(self.wishes.requests.ended(Some(wish.pending), Some(failure), now), out);
    }

    /// Asks for the answer that the caller has waited for too long.
    pub(super) fn prod(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        if self.work.is_busy() {
            self.owed_since = Some(now);
            return;
        }
        self.owed_since = None;
        if !self.wishes.is_wished() {
            let failure = Failure { code: "no_answer".to_owned(), remedy: Remedy::AskAgain };
            unspoken(self.wishes.requests.ended(None, Some(failure), now), out);
        }
    }

    /// Answers a caller who did not continue after the previous session was lost mid-turn.
    pub(super) fn heard_out(&mut self, out: &mut Vec<SessionAction>) {
        self.listen_until = None;
        self.wish(ResponseRequest { purpose: ResponsePurpose::Answer, instructions: None }, out);
    }

    fn next_part(&mut self, at: Instant, out: &mut Vec<SessionAction>) {
        let number = self.next_number();
        let Some(wish) = &mut self.wishes.current else { return };
        let Some(part) = wish.parts.pop_front() else { return };
        (wish.sent, wish.placed) = ((number, at), false);
        send(&ClientEvent::Commentary(Append::new(number, &part, None)), out);
    }
}

/// The order to the model. It has to be an order: anything else is taken for a remark, and the
/// model stays silent.
fn order_of(pending: &Pending) -> String {
    let ordered = pending.ordered();
    let own = ordered.as_ref().and_then(|request| request.instructions.as_deref());
    let task = own.unwrap_or(match pending.purpose {
        Some(ResponsePurpose::Greeting) => "Greet the caller in one short sentence.",
        Some(ResponsePurpose::Keypad) => "Answer what the caller entered on the keypad.",
        Some(ResponsePurpose::IdlePrompt) => "The caller has been silent; ask briefly whether they are still there.",
        Some(ResponsePurpose::Goodbye) => "Say goodbye in one short sentence.",
        Some(ResponsePurpose::ToolResult) => "Tell the caller the result that has come.",
        Some(ResponsePurpose::Notice | ResponsePurpose::Spoken) => "Tell the caller briefly where things stand.",
        Some(ResponsePurpose::Answer) | None => "The caller waits: answer what they said last.",
    });
    // The task comes last: it may end with words that are said as they stand.
    format!("Speak first, now, then stop and listen. {task}")
}

fn unspoken(unspoken: Option<Unspoken>, out: &mut Vec<SessionAction>) {
    out.extend(unspoken.map(|unspoken| {
        SessionAction::Report(match unspoken {
            Unspoken::GivenUp { purpose, reason, .. } => ModelReport::RequestGivenUp { purpose, reason },
            Unspoken::Muted { purpose, reason, .. } => ModelReport::Muted { purpose, reason },
        })
    }));
}

/// How long the model has to begin after an order. It usually takes 0.85 s. Shorter: a slow session
/// is given up. Longer: the caller waits in silence.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long the next part of an order waits for the one before it to be placed: usually 0.75 s.
const LONGEST_UNPLACED: Duration = Duration::from_millis(1_500);
