//! Who is speaking: the agent's side of a turn, and what an interruption leaves of it. Pure; part of [`super::machine`].

use std::time::{Duration, Instant};

use super::steps::{CallAction, Note};
use crate::audio::messages::CLIP_RESPONSE;
use crate::audio::report::ItemPlayout;
use crate::ids::ResponseId;
use crate::realtime::messages::ModelOrder;
use crate::realtime::report::ToolCall;
use crate::transcript::messages::Fact;

/// What the agent is saying, generating, or owes.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// The response that the model is generating.
    active: Option<Active>,
    /// Whether the caller is hearing the agent, or will without anything more being generated.
    sounding: bool,
    /// Whether a response has been asked for, by us or by the caller's turn, and has not begun.
    owed: bool,
    /// An order to clear the playout whose answer is awaited.
    clearing: Option<Clearing>,
    /// The model was heard, or is about to be, since the caller last had the word.
    spoke: bool,
    /// The last response whose sound had no level: nothing of it counts as heard.
    inaudible: Option<ResponseId>,
}

#[derive(Debug)]
struct Active {
    response: ResponseId,
    /// It was interrupted: what still comes of it is muted, and it is not interrupted again.
    cut: bool,
}

#[derive(Debug)]
struct Clearing {
    since: Instant,
    /// The response that was being generated: its items may not have been whole.
    generating: Option<ResponseId>,
    /// The caller was hearing the agent and spoke.
    barge_in: bool,
}

/// Who interrupts the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupter {
    /// The caller; a server that interrupts by itself has cancelled the response already.
    Caller {
        /// Whether it does.
        server_cancels: bool,
    },
    /// The caller, by a key: what the model says is stopped by [`ModelOrder::Overtake`].
    Key,
    /// We do, because something has to be said instead.
    Us,
}

impl Turn {
    /// A response was asked for.
    pub(super) fn owe(&mut self) {
        self.owed = true;
    }

    /// A response that was asked for will not come.
    pub(super) fn forgive(&mut self) {
        self.owed = false;
    }

    /// The model began a response.
    pub(super) fn response_started(&mut self, response: ResponseId) {
        self.owed = false;
        self.active = Some(Active { response, cut: false });
    }

    /// The model ended a response; one that another has taken the place of changes nothing.
    pub(super) fn response_finished(&mut self, response: &ResponseId) {
        self.active.take_if(|active| active.response == *response);
    }

    /// The model is gone, and with it what it was generating or owed.
    pub(super) fn model_lost(&mut self) {
        self.active = None;
        self.owed = false;
    }

    /// The model's session is gone and another one will say what was being said or owed.
    pub(super) fn model_faltered(&mut self) {
        if let Some(active) = self.active.take() {
            self.owed |= !active.cut;
        }
    }

    /// Another session goes on. What the one before was generating comes from nobody any more.
    pub(super) fn model_resumed(&mut self, answering: bool) {
        self.active = None;
        self.owed = answering;
    }

    /// Whether a response has been asked for and has not begun.
    pub(super) fn is_owed(&self) -> bool {
        self.owed
    }

    /// The caller hears the agent.
    pub(super) fn playout_started(&mut self) {
        self.sounding = true;
    }

    /// The caller has heard everything there was.
    pub(super) fn playout_drained(&mut self) {
        self.sounding = false;
    }

    /// Whether the caller is hearing the agent.
    pub(super) fn is_sounding(&self) -> bool {
        self.sounding
    }

    /// Whether a response is being generated.
    pub(super) fn is_generating(&self) -> bool {
        self.active.is_some()
    }

    /// Whether `response` is being generated.
    pub(super) fn generates(&self, response: &ResponseId) -> bool {
        self.active.as_ref().is_some_and(|active| active.response == *response)
    }

    /// Whether nothing is being heard, generated or owed.
    pub(super) fn is_over(&self) -> bool {
        !self.sounding && !self.owed && self.active.is_none()
    }

    /// The model is heard, or about to be.
    pub(super) fn speaks(&mut self) {
        self.spoke = true;
    }

    /// The caller has had the word, or a tool has kept them waiting: what was said before is past.
    pub(super) fn begins_anew(&mut self) {
        self.spoke = false;
    }

    /// Whether the model has said something since.
    pub(super) fn has_spoken(&self) -> bool {
        self.spoke
    }

    /// Whether `response` is being generated and nobody has interrupted it.
    pub(super) fn goes_on_with(&self, response: &ResponseId) -> bool {
        self.active.as_ref().is_some_and(|active| !active.cut && active.response == *response)
    }

    /// Whether the sound of `response` had no level.
    pub(super) fn is_inaudible(&self, response: &ResponseId) -> bool {
        self.inaudible.as_ref() == Some(response)
    }

    /// The sound of `response` has no level: it is played no further, and the model is to forget it.
    pub(super) fn mute(&mut self, response: &ResponseId, now: Instant, out: &mut Vec<CallAction>) {
        self.inaudible = Some(response.clone());
        (self.sounding, self.spoke) = (false, false);
        if let Some(active) = self.active.as_mut().filter(|active| active.response == *response) {
            active.cut = true;
        }
        out.push(CallAction::ClearPlayout { response: Some(response.clone()) });
        self.clearing = Some(Clearing { since: now, generating: Some(response.clone()), barge_in: false });
    }

    /// The response that was interrupted and of which something may still come.
    pub(super) fn cut_response(&self) -> Option<ResponseId> {
        self.active.as_ref().filter(|active| active.cut).map(|active| active.response.clone())
    }

    /// Whether `call` belongs to a response that was interrupted.
    pub(super) fn was_cut(&self, call: &ToolCall) -> bool {
        self.active.as_ref().is_some_and(|active| active.cut && active.response == call.response)
    }

    /// Interrupts what the agent says or is about to say; whether the caller was hearing it.
    pub(super) fn interrupt(&mut self, by: Interrupter, now: Instant, out: &mut Vec<CallAction>) -> bool {
        let generating = self.active.as_mut().filter(|active| !active.cut).map(|active| {
            active.cut = true;
            active.response.clone()
        });
        if generating.is_none() && !self.sounding {
            return false;
        }
        let was_heard = std::mem::take(&mut self.sounding);
        let cancels = matches!(by, Interrupter::Us | Interrupter::Caller { server_cancels: false });
        let cancel = generating.is_some() && cancels;
        let barge_in = was_heard && by != Interrupter::Us;
        out.push(CallAction::ClearPlayout { response: generating.clone() });
        self.clearing = Some(Clearing { since: now, generating, barge_in });
        if cancel {
            out.push(CallAction::Order(ModelOrder::CancelResponse));
        }
        was_heard
    }

    /// The playout was cleared: the model forgets what the caller has not heard of these.
    pub(super) fn interrupted(&mut self, items: Vec<ItemPlayout>, now: Instant, out: &mut Vec<CallAction>) {
        let clearing = self.clearing.take();
        let generating = clearing.as_ref().and_then(|clearing| clearing.generating.as_ref());
        for mut playout in items {
            if self.is_inaudible(&playout.response) {
                playout.heard = Duration::ZERO;
            }
            let whole = playout.heard >= playout.received && generating != Some(&playout.response);
            if !is_ours(&playout) && !whole {
                out.push(CallAction::Order(forget_unheard(&playout)));
            }
            out.push(CallAction::Record(fact_of(playout, !whole)));
        }
        if let Some(Clearing { since, barge_in: true, .. }) = clearing {
            out.push(CallAction::Tell(Note::BargedIn(now.saturating_duration_since(since))));
        }
    }
}

/// The fact of how much was heard of an item that nobody interrupted.
pub(super) fn heard(playout: ItemPlayout) -> CallAction {
    CallAction::Record(fact_of(playout, false))
}

fn fact_of(playout: ItemPlayout, interrupted: bool) -> Fact {
    let ItemPlayout { item, received, heard, .. } = playout;
    Fact::Heard { item, heard: heard.min(received), of: received, interrupted }
}

/// Lines of ours are not known to the model.
fn is_ours(playout: &ItemPlayout) -> bool {
    playout.response.as_str() == CLIP_RESPONSE
}

/// The server refuses a truncate beyond the item's end and measures in milliseconds, so what was heard is rounded down; an item
/// cannot be truncated to nothing, so one that was not heard is deleted.
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
