//! Requests for a response, in the way that the dialect has.

use super::{Session, SessionAction, send};
use crate::realtime::messages::{ResponsePurpose, TextRole, exact_words};
use crate::realtime::openai::dialects::Exact;
use crate::realtime::openai::options::ResponseToolChoice;
use crate::realtime::openai::protocol::EventId;
use crate::realtime::openai::protocol::client::{self, ClientEvent, Item, Metadata};

impl Session {
    /// Asks for a response. `request` is its number and `ticket` that of the event.
    pub(super) fn ask(
        &mut self,
        ticket: u64,
        request: u64,
        purpose: Option<ResponsePurpose>,
        extra: Option<&str>,
        out: &mut Vec<SessionAction>,
    ) {
        let (dialect, event_id) = (self.plan.dialect, EventId::Say(ticket));
        let words = extra.and_then(exact_words);
        if let (Exact::ForcedItem, Some(words)) = (dialect.exact, words) {
            self.sequencer.goes_unnamed();
            let item = Item::forced(words);
            return send(&ClientEvent::ItemCreate { event_id, previous_item_id: None, item }, out);
        }
        let exact = words.filter(|_| dialect.exact == Exact::PreGenerated);
        let instructions = match extra.filter(|_| exact.is_none()) {
            // A response's instructions replace the session's, so both are sent.
            Some(extra) if dialect.responses.instructions => {
                Some(format!("{}\n\n{extra}", self.settings.instructions()))
            }
            Some(extra) => {
                self.add_text(TextRole::System, extra, out);
                None
            }
            None => None,
        };
        // The server refuses a response that must call a tool if the session has no tools.
        let choosing = dialect.responses.tool_choice && !self.common.tools.is_empty();
        let request = request.to_string();
        let response = client::Response {
            instructions: instructions.as_deref(),
            tool_choice: self.tool_choice(purpose).filter(|_| choosing),
            pre_generated_assistant_message: exact.map(Item::exact),
            metadata: dialect
                .responses
                .metadata
                .then_some(Metadata { purpose: purpose.map_or("answer", ResponsePurpose::word), request: &request }),
        };
        send(&ClientEvent::ResponseCreate { event_id, response }, out);
    }

    fn tool_choice(&self, purpose: Option<ResponsePurpose>) -> Option<ResponseToolChoice> {
        if purpose == Some(ResponsePurpose::Spoken) {
            return Some(ResponseToolChoice::None);
        }
        let word = purpose.map_or("answer", ResponsePurpose::word);
        self.plan.options.tool_choices.get(word).copied()
    }
}
