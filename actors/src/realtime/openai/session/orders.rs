//! Translates the call's orders to the protocol.

use std::time::{Duration, Instant};

use super::{Session, SessionAction, complain, send};
use crate::ids::{ItemId, ToolCallId};
use crate::realtime::messages::{ModelOrder, TextRole};
use crate::realtime::openai::protocol::EventId;
use crate::realtime::openai::protocol::client::{ClientEvent, Item};
use crate::realtime::openai::sequencer::SequencerEvent;
use crate::realtime::report::ModelReport;

/// A truncation that the server may still refuse.
#[derive(Debug)]
pub(super) struct Cut {
    pub(super) number: u64,
    pub(super) item: ItemId,
    /// Whether this is the second try, with the length that the server named.
    pub(super) again: bool,
}

impl Session {
    pub(super) fn ordered(&mut self, order: ModelOrder, now: Instant, out: &mut Vec<SessionAction>) {
        if matches!(order, ModelOrder::Close) {
            return self.close(now, out);
        }
        if !self.is_ready() {
            if self.pending_orders.len() < MOST_PENDING_ORDERS {
                self.pending_orders.push_back(order);
            } else {
                complain("too_many_orders", "an order was dropped, as the session is not ready yet", out);
            }
            return;
        }
        match order {
            ModelOrder::Speak(request) => self.sequence(SequencerEvent::Requested(request), now, out),
            ModelOrder::AnswerTool { call, output, speak } => self.answer_tool(call, &output, speak, now, out),
            ModelOrder::AddText { role, text } => self.add_text(role, &text, out),
            ModelOrder::Overtake => self.overtake(now, out),
            ModelOrder::CancelResponse => self.sequence(SequencerEvent::CancelOrdered, now, out),
            ModelOrder::TruncateItem { item, heard } => self.truncate(&item, heard, out),
            ModelOrder::DeleteItem { item } => self.delete(&item, out),
            ModelOrder::DiscardInput => {
                let event_id = EventId::Forget(self.next_number());
                send(&ClientEvent::AudioClear { event_id }, out);
            }
            ModelOrder::Configure { instructions, backend: _, transcription, language: _, tools } => {
                self.configure(instructions, transcription, tools.as_deref(), out);
            }
            // The layer that owns several sessions handles rotation.
            ModelOrder::HandOver { .. } | ModelOrder::Rotate | ModelOrder::Replace | ModelOrder::Close => {}
        }
    }

    fn answer_tool(&mut self, call: ToolCallId, output: &str, speak: bool, now: Instant, out: &mut Vec<SessionAction>) {
        if !self.sequencer.awaits(&call) {
            complain("unknown_tool_call", "a result was dropped, as no call waits for it", out);
            if speak && !self.sequencer.owes() {
                out.push(SessionAction::Report(ModelReport::NothingOwed));
            }
            return;
        }
        let event_id = EventId::Output(self.next_number());
        let item = Item::FunctionCallOutput { call_id: call.as_str(), output };
        send(&ClientEvent::ItemCreate { event_id, previous_item_id: None, item }, out);
        self.sequence(SequencerEvent::ToolAnswered { call, speak }, now, out);
    }

    pub(super) fn add_text(&mut self, role: TextRole, text: &str, out: &mut Vec<SessionAction>) {
        let number = self.next_number();
        let id = ItemId::new(&format!("sb_{number}"));
        self.items.made(&id);
        let item = Item::text(id.as_str(), role, text, self.plan.dialect.assistant_part);
        send(&ClientEvent::ItemCreate { event_id: EventId::Text(number), previous_item_id: None, item }, out);
    }

    /// Cuts `item` to the part that was heard, and never beyond its length. The server would refuse
    /// a longer cut, and the model would believe that the caller heard everything.
    fn truncate(&mut self, item: &ItemId, heard: Duration, out: &mut Vec<SessionAction>) {
        let Some((bytes, complete)) = self.items.audio(item) else { return };
        let has_ms = (bytes / self.plan.format.bytes_per_ms().max(1)) as u64;
        let heard_ms = u64::try_from(heard.as_millis()).unwrap_or(u64::MAX);
        if heard_ms >= has_ms && complete && has_ms > 0 {
            // The caller heard everything. A needless cut makes the model repeat itself.
            return;
        }
        self.cut(item.clone(), heard_ms.min(has_ms), false, out);
    }

    pub(super) fn cut(&mut self, item: ItemId, to_ms: u64, again: bool, out: &mut Vec<SessionAction>) {
        if to_ms == 0 {
            return self.delete(&item, out);
        }
        let number = self.next_number();
        send(
            &ClientEvent::ItemTruncate {
                event_id: EventId::Cut(number),
                item_id: item.as_str(),
                content_index: 0,
                audio_end_ms: to_ms,
            },
            out,
        );
        if self.cuts.len() >= MOST_CUTS {
            self.cuts.pop_front();
        }
        self.cuts.push_back(Cut { number, item, again });
    }

    pub(super) fn delete(&mut self, item: &ItemId, out: &mut Vec<SessionAction>) {
        // The server does not know an item that it never reported, such as our pre-rendered line or
        // an item of a lost session.
        if !self.items.knows(item) {
            return;
        }
        self.items.forget(item);
        let event_id = EventId::Delete(self.next_number());
        send(&ClientEvent::ItemDelete { event_id, item_id: item.as_str() }, out);
    }
}

/// The number of orders to keep for a session that is not ready. A call gives one or two. More
/// indicates a loop; the excess is dropped and reported.
pub(super) const MOST_PENDING_ORDERS: usize = 64;
/// The number of truncations whose refusal still matters. A refusal arrives within a round trip.
const MOST_CUTS: usize = 8;
