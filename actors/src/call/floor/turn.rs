//! Who is heard, what the model generates, and what remains after an interruption. Pure; part of
//! [`super`].

use std::time::{Duration, Instant};

use crate::audio::messages::CLIP_RESPONSE;
use crate::audio::report::ItemPlayout;
use crate::call::shared::Shared;
use crate::call::steps::{CallAction, Note};
use crate::ids::ResponseId;
use crate::realtime::clips::is_recording;
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::ToolCall;
use crate::transcript::messages::Fact;

/// The state of the floor.
#[derive(Debug, Default)]
pub(super) struct Turn {
    heard: Audible,
    voice: Voice,
    making: Making,
    said: Said,
    /// The clear whose report is awaited.
    clearing: Option<Clearing>,
    /// The last response without an audible level: nothing of it counts as heard.
    inaudible: Option<ResponseId>,
}

/// Who is heard: the caller as the model's turn detection reports, the agent as the caller hears
/// it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Audible {
    #[default]
    Neither,
    Caller,
    /// The agent is heard, or will be without a further response.
    Agent,
    Both,
}

/// Whose voice the caller hears, or heard last.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Voice {
    /// The model's.
    #[default]
    Models,
    /// That of a recording, of which the model hears nothing.
    Recorded,
}

/// What the model generates, and what it owes.
#[derive(Debug, Default, PartialEq, Eq)]
enum Making {
    #[default]
    Nothing,
    /// A response was requested and has not begun.
    Asked(Asked),
    /// A response has begun.
    Begun(Response),
    /// A response has begun, and a further one was requested.
    BegunAndAsked(Response),
    /// A response has ended; whether the caller hears any of it is not known yet.
    Settling,
}

/// Whose turn it is, as the caller sees it, while an answer is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The caller's: the response was requested during their turn.
    Aside,
    /// The agent's: the caller's turn is over, or the agent has paused.
    InTurn,
}

#[derive(Debug, PartialEq, Eq)]
struct Response {
    id: ResponseId,
    fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The response is played.
    Said,
    /// The response has no audible level; the rest of it is muted.
    Inaudible,
    /// The response was interrupted: the rest is muted, and it is not interrupted again.
    Cut,
}

/// Whether the model has spoken since the caller last did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Said {
    #[default]
    Nothing,
    Something,
}

#[derive(Debug)]
struct Clearing {
    since: Instant,
    /// The response that was being generated: its items may be incomplete.
    generating: Option<ResponseId>,
    by: ClearedBy,
}

#[derive(Debug, PartialEq, Eq)]
enum ClearedBy {
    /// The caller, who was hearing the agent.
    BargeIn,
    /// Another source, or the caller was hearing nothing.
    Other,
}

/// Who interrupts the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::call) enum Interrupter {
    /// The caller, by speech. A server that interrupts by itself has cancelled the response
    /// already.
    Caller {
        /// Whether the server does so.
        server_cancels: bool,
    },
    /// The caller, by a key: [`ModelOrder::Overtake`] stops the model.
    Key,
    /// The call, because something else has to be said.
    Us,
}

impl Making {
    /// Returns the response that has begun.
    fn begun(&self) -> Option<&Response> {
        match self {
            Self::Begun(response) | Self::BegunAndAsked(response) => Some(response),
            Self::Nothing | Self::Asked(_) | Self::Settling => None,
        }
    }

    fn begun_mut(&mut self) -> Option<&mut Response> {
        match self {
            Self::Begun(response) | Self::BegunAndAsked(response) => Some(response),
            Self::Nothing | Self::Asked(_) | Self::Settling => None,
        }
    }

    /// Whether it is the agent's turn, as the caller sees it.
    fn is_in_turn(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Settling => true,
            Self::Asked(asked) => *asked == Asked::InTurn,
            Self::Begun(response) | Self::BegunAndAsked(response) => response.fate != Fate::Cut,
        }
    }
}

/// The caller's side.
impl Turn {
    pub(super) fn caller_begins(&mut self) {
        self.heard = match self.heard {
            Audible::Neither | Audible::Caller => Audible::Caller,
            Audible::Agent | Audible::Both => Audible::Both,
        };
    }

    pub(super) fn caller_ends(&mut self) {
        self.heard = match self.heard {
            Audible::Neither | Audible::Caller => Audible::Neither,
            Audible::Agent | Audible::Both => Audible::Agent,
        };
    }

    /// Whether the model's turn detection hears the caller.
    pub(super) const fn is_caller_speaking(&self) -> bool {
        matches!(self.heard, Audible::Caller | Audible::Both)
    }
}

/// The agent's side.
impl Turn {
    /// A response was requested: within the agent's turn, or aside.
    pub(super) fn owe(&mut self) {
        let asked = if self.making.is_in_turn() { Asked::InTurn } else { Asked::Aside };
        self.making = match std::mem::take(&mut self.making) {
            Making::Begun(response) | Making::BegunAndAsked(response) => Making::BegunAndAsked(response),
            Making::Nothing | Making::Asked(_) | Making::Settling => Making::Asked(asked),
        };
    }

    /// The caller's turn is over and an answer to it is owed.
    pub(super) fn owe_an_answer(&mut self) {
        self.owe();
        self.is_next();
    }

    /// Makes it the agent's turn. Without a request, the next report decides.
    fn is_next(&mut self) {
        if matches!(self.making, Making::Nothing) {
            self.making = Making::Settling;
        } else if let Making::Asked(asked) = &mut self.making {
            *asked = Asked::InTurn;
        }
    }

    /// Makes it the caller's turn, whatever is owed.
    pub(super) fn steps_back(&mut self) {
        match &mut self.making {
            Making::Settling => self.making = Making::Nothing,
            Making::Asked(asked) => *asked = Asked::Aside,
            Making::Begun(response) | Making::BegunAndAsked(response) if response.fate == Fate::Inaudible => {
                response.fate = Fate::Cut;
            }
            Making::Nothing | Making::Begun(_) | Making::BegunAndAsked(_) => {}
        }
    }

    /// A requested response will not come.
    pub(super) fn forgive(&mut self) {
        self.making = match std::mem::take(&mut self.making) {
            Making::Asked(_) => Making::Nothing,
            Making::BegunAndAsked(response) => Making::Begun(response),
            making @ (Making::Nothing | Making::Begun(_) | Making::Settling) => making,
        };
    }

    /// The model began a response.
    pub(super) fn response_started(&mut self, id: ResponseId) {
        self.making = Making::Begun(Response { id, fate: Fate::Said });
    }

    /// The model ended a response. A response that was replaced changes nothing.
    pub(super) fn response_finished(&mut self, id: &ResponseId) {
        if !self.generates(id) {
            return;
        }
        let in_turn = self.making.is_in_turn();
        self.making = match (self.is_owed(), in_turn) {
            (true, true) => Making::Asked(Asked::InTurn),
            (true, false) => Making::Asked(Asked::Aside),
            (false, true) => Making::Settling,
            (false, false) => Making::Nothing,
        };
    }

    /// The model is gone, and with it the response that it generated or owed.
    pub(super) fn model_lost(&mut self) {
        self.making = Making::Nothing;
    }

    /// The session is gone, and another one will give the current or owed response.
    pub(super) fn model_faltered(&mut self) {
        let in_turn = self.making.is_in_turn();
        self.making = match std::mem::take(&mut self.making) {
            Making::Begun(Response { fate: Fate::Cut, .. }) => Making::Nothing,
            Making::Begun(Response { fate: Fate::Inaudible, .. }) => Making::Settling,
            Making::Begun(_) | Making::BegunAndAsked(_) => {
                Making::Asked(if in_turn { Asked::InTurn } else { Asked::Aside })
            }
            making @ (Making::Nothing | Making::Asked(_) | Making::Settling) => making,
        };
    }

    /// Another session has taken over. The previous session's response will not be continued.
    pub(super) fn model_resumed(&mut self, answering: bool) {
        self.making = match (answering, self.making.is_in_turn()) {
            (true, true) => Making::Asked(Asked::InTurn),
            (true, false) => Making::Asked(Asked::Aside),
            (false, true) => Making::Settling,
            (false, false) => Making::Nothing,
        };
    }

    /// Whether a response was requested and has not begun.
    pub(super) const fn is_owed(&self) -> bool {
        matches!(self.making, Making::Asked(_) | Making::BegunAndAsked(_))
    }

    /// The caller hears the agent: something of `response`.
    pub(super) fn playout_started(&mut self, response: &ResponseId) {
        let is_recorded = response.as_str() == CLIP_RESPONSE || is_recording(response);
        self.voice = if is_recorded { Voice::Recorded } else { Voice::Models };
        self.heard = if self.is_caller_speaking() { Audible::Both } else { Audible::Agent };
    }

    /// The caller has heard the whole queue.
    pub(super) fn playout_drained(&mut self) {
        self.heard = if self.is_caller_speaking() { Audible::Caller } else { Audible::Neither };
    }

    /// The queue was heard: the agent's turn is over, or the agent has paused within it. Returns
    /// whether the turn is over.
    pub(super) fn settle(&mut self, was_sounding: bool) -> bool {
        let over = self.is_over();
        if over {
            self.making = Making::Nothing;
        } else if was_sounding {
            self.is_next();
        }
        over
    }

    /// Whether the caller is hearing the agent.
    pub(super) const fn is_sounding(&self) -> bool {
        matches!(self.heard, Audible::Agent | Audible::Both)
    }

    /// Whether the caller is hearing a recording, or heard one last.
    pub(super) fn is_recorded(&self) -> bool {
        self.voice == Voice::Recorded
    }

    /// Whether the agent is silent and it is its turn, as the caller sees it.
    pub(super) fn is_thinking(&self) -> bool {
        !self.is_sounding() && self.making.is_in_turn()
    }

    /// Whether a response is being generated.
    pub(super) fn is_generating(&self) -> bool {
        self.making.begun().is_some()
    }

    /// Whether an answer is requested or generated.
    pub(super) fn is_due(&self) -> bool {
        self.is_owed() || self.is_generating()
    }

    /// The response that is being generated.
    pub(super) fn generated(&self) -> Option<&ResponseId> {
        self.making.begun().map(|begun| &begun.id)
    }

    /// Whether `response` is being generated.
    pub(super) fn generates(&self, response: &ResponseId) -> bool {
        self.making.begun().is_some_and(|begun| begun.id == *response)
    }

    /// Whether nothing is heard, generated or due.
    pub(super) fn is_over(&self) -> bool {
        !self.is_sounding() && matches!(self.making, Making::Nothing | Making::Settling)
    }

    /// Whether the floor is at rest: neither side is heard, and nothing is generated or still to be
    /// reported.
    pub(super) fn is_at_rest(&self) -> bool {
        self.heard == Audible::Neither && self.making == Making::Nothing
    }

    /// The model is heard, or about to be.
    pub(super) fn speaks(&mut self) {
        self.said = Said::Something;
    }

    /// The caller has spoken, or a tool has kept them waiting: earlier speech of the model no
    /// longer counts.
    pub(super) fn begins_anew(&mut self) {
        self.said = Said::Nothing;
    }

    /// Whether the model has spoken since.
    pub(super) fn has_spoken(&self) -> bool {
        self.said == Said::Something
    }

    /// Whether `response` is being generated and was not interrupted.
    pub(super) fn goes_on_with(&self, response: &ResponseId) -> bool {
        self.making.begun().is_some_and(|begun| begun.fate == Fate::Said && begun.id == *response)
    }

    /// Whether `response` had no audible level.
    pub(super) fn is_inaudible(&self, response: &ResponseId) -> bool {
        self.inaudible.as_ref() == Some(response)
    }

    /// `response` has no audible level: the rest is muted, and the model forgets it.
    pub(super) fn mute(&mut self, response: &ResponseId, call: &mut Shared) {
        self.inaudible = Some(response.clone());
        self.said = Said::Nothing;
        if let Some(begun) = self.making.begun_mut().filter(|begun| begun.id == *response)
            && begun.fate == Fate::Said
        {
            begun.fate = Fate::Inaudible;
        }
        if self.is_sounding() {
            self.playout_drained();
            self.is_next();
        }
        call.act(CallAction::ClearPlayout { response: Some(response.clone()) });
        let (since, generating) = (call.now, Some(response.clone()));
        self.clearing = Some(Clearing { since, generating, by: ClearedBy::Other });
    }

    /// Returns the interrupted response of which more audio may come.
    pub(super) fn cut_response(&self) -> Option<ResponseId> {
        self.making.begun().filter(|begun| begun.fate != Fate::Said).map(|begun| begun.id.clone())
    }

    /// Whether `asked` belongs to a response that was interrupted.
    pub(super) fn was_cut(&self, asked: &ToolCall) -> bool {
        self.making.begun().is_some_and(|begun| begun.fate != Fate::Said && begun.id == asked.response)
    }

    /// Interrupts what the agent says or is about to say. Returns whether the caller was hearing
    /// it.
    pub(super) fn interrupt(&mut self, by: Interrupter, call: &mut Shared) -> bool {
        let generating = self.making.begun_mut().filter(|begun| begun.fate == Fate::Said).map(|begun| {
            begun.fate = Fate::Cut;
            begun.id.clone()
        });
        let was_heard = self.is_sounding();
        if generating.is_none() && !was_heard {
            return false;
        }
        self.playout_drained();
        let cancels = matches!(by, Interrupter::Us | Interrupter::Caller { server_cancels: false });
        let cancel = generating.is_some() && cancels;
        let cleared_by = if was_heard && by != Interrupter::Us { ClearedBy::BargeIn } else { ClearedBy::Other };
        call.act(CallAction::ClearPlayout { response: generating.clone() });
        self.clearing = Some(Clearing { since: call.now, generating, by: cleared_by });
        if cancel {
            call.order(ModelOrder::CancelResponse);
        }
        was_heard
    }

    /// The playout was cleared: the model forgets the unheard part of these items.
    pub(super) fn interrupted(&mut self, items: Vec<ItemPlayout>, call: &mut Shared) {
        let clearing = self.clearing.take();
        let generating = clearing.as_ref().and_then(|clearing| clearing.generating.as_ref());
        for mut playout in items {
            if self.is_inaudible(&playout.response) {
                playout.heard = Duration::ZERO;
            }
            let whole = playout.heard >= playout.received && generating != Some(&playout.response);
            if !is_ours(&playout) && !whole {
                call.order(forget_unheard(&playout));
            }
            call.record(fact_of(playout, !whole));
        }
        if let Some(Clearing { since, by: ClearedBy::BargeIn, .. }) = clearing {
            call.tell(Note::BargedIn(call.now.saturating_duration_since(since)));
        }
    }

    /// The fact of how much of an item was heard when the call ended. An item that was still being
    /// generated, or was not played to its end, counts as interrupted.
    pub(super) fn heard_at_the_end(&self, mut playout: ItemPlayout) -> Fact {
        if self.is_inaudible(&playout.response) {
            playout.heard = Duration::ZERO;
        }
        let whole = playout.heard >= playout.received && !self.goes_on_with(&playout.response);
        fact_of(playout, !whole)
    }
}

/// Returns the fact of how much was heard of an item that was not interrupted.
pub(super) fn heard(playout: ItemPlayout) -> Fact {
    fact_of(playout, false)
}

fn fact_of(playout: ItemPlayout, interrupted: bool) -> Fact {
    let ItemPlayout { item, received, heard, .. } = playout;
    Fact::Heard { item, heard: heard.min(received), of: received, interrupted }
}

/// Whether the item is a recorded line, which the model does not know.
fn is_ours(playout: &ItemPlayout) -> bool {
    playout.response.as_str() == CLIP_RESPONSE
}

/// Returns the order that removes the unheard part from the model's context. The server measures in
/// milliseconds and refuses a truncation beyond the item's end, so the heard time is rounded down.
/// An item cannot be truncated to nothing, so an unheard one is deleted.
fn forget_unheard(playout: &ItemPlayout) -> ModelOrder {
    let item = playout.item.clone();
    let heard = playout.heard.min(playout.received);
    let whole_ms = heard - Duration::from_nanos(u64::from(heard.subsec_nanos() % 1_000_000));
    if whole_ms.is_zero() {
        ModelOrder::DeleteItem { item }
    } else {
        ModelOrder::TruncateItem { item, heard: whole_ms }
    }
}
