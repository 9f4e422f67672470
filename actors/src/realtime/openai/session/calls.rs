//! The model's tool calls. Each is reported once, however often and in whatever shape it arrives.

use std::borrow::Cow;
use std::time::Instant;

use super::{MOST_LOOSE_CALLS, MOST_REPORTED_CALLS, Session, SessionAction};
use crate::ids::{ResponseId, ToolCallId};
use crate::realtime::openai::protocol::server::{ArgumentsDone, ItemInfo, ResponseInfo};
use crate::realtime::openai::sequencer::SequencerEvent;
use crate::realtime::report::{ModelReport, ToolCall};

/// A function call whose arguments came without an item event.
#[derive(Debug)]
pub(super) struct LooseCall {
    pub(super) response: String,
    call: String,
    name: String,
    arguments: String,
}

impl Session {
    /// Reports the function calls of a response that no item event has reported.
    pub(super) fn calls_of(
        &mut self,
        response: &ResponseInfo<'_>,
        id: &ResponseId,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        for item in &response.output {
            self.tool_called(id, item, now, out);
        }
        let (mine, others) =
            std::mem::take(&mut self.loose_calls).into_iter().partition(|call| call.response == id.as_str());
        self.loose_calls = others;
        let mine: Vec<LooseCall> = mine;
        for call in mine {
            let item = ItemInfo {
                kind: Some(Cow::Borrowed("function_call")),
                call_id: Some(Cow::Owned(call.call)),
                name: Some(Cow::Owned(call.name)),
                arguments: Some(Cow::Owned(call.arguments)),
                ..ItemInfo::default()
            };
            self.tool_called(id, &item, now, out);
        }
    }

    /// Reports a complete function call once, however often it arrives.
    pub(super) fn tool_called(
        &mut self,
        response: &ResponseId,
        item: &ItemInfo<'_>,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        let whole = item.kind.as_deref() == Some("function_call") && item.status.as_deref() != Some("incomplete");
        let (Some(call), Some(name), true) = (item.call_id.as_deref(), item.name.as_deref(), whole) else { return };
        if call.is_empty()
            || self.overtaken.holds(response.as_str())
            || self.reported_calls.iter().any(|reported| reported.as_str() == call)
        {
            return;
        }
        let id = ToolCallId::new(call);
        if self.reported_calls.len() >= MOST_REPORTED_CALLS {
            self.reported_calls.pop_front();
        }
        self.reported_calls.push_back(id.clone());
        self.sequence(SequencerEvent::ToolCalled { response: response.clone(), call: id.clone() }, now, out);
        out.push(SessionAction::Report(ModelReport::ToolCalled(ToolCall {
            response: response.clone(),
            id,
            name: name.to_owned(),
            arguments: item.arguments.as_deref().unwrap_or_default().to_owned(),
        })));
    }

    pub(super) fn keep_loose(&mut self, done: ArgumentsDone<'_>, now: Instant) {
        let response = self.response_named(&done.response_id).into_owned();
        self.sequencer.stirred(&response, now);
        let Some(name) = done.name else { return };
        if self.loose_calls.len() >= MOST_LOOSE_CALLS {
            self.loose_calls.remove(0);
        }
        self.loose_calls.push(LooseCall {
            response,
            call: done.call_id.into_owned(),
            name: name.into_owned(),
            arguments: done.arguments.into_owned(),
        });
    }
}
