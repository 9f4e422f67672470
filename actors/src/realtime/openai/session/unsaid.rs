//! What a server leaves out and other events show: the beginning of a response, the end of the
//! caller's speech, and the place of an item.

use std::time::Instant;

use super::{Session, SessionAction};
use crate::ids::ItemId;
use crate::realtime::openai::protocol::server::ResponseInfo;
use crate::realtime::report::ModelReport;

impl Session {
    /// Begins a response whose audio or words arrive and whose beginning was not reported.
    pub(super) fn begins_unsaid(&mut self, response: &str, now: Instant, out: &mut Vec<SessionAction>) {
        if response.is_empty() || self.begun.iter().any(|begun| begun.as_str() == response) {
            return;
        }
        let response = ResponseInfo { id: response.to_owned().into(), ..ResponseInfo::default() };
        self.response_created(&response, now, out);
    }

    /// Ends the caller's turn when the server answers it, if this server does not report the end of
    /// speech.
    pub(super) fn stops_unsaid(&mut self, request: Option<u64>, out: &mut Vec<SessionAction>) {
        let answers = request.is_none() && !self.sequencer.may_be_asked_for();
        if self.says_stopped || !answers {
            return;
        }
        if let Some(item) = self.turns.open().cloned() {
            self.turns.ended(&item, self.settings.transcribes());
            out.push(SessionAction::Report(ModelReport::SpeechStopped { item }));
        }
    }

    /// The item behind which a new one stands, where the server's own word cannot be relied on.
    pub(super) fn placed_before(&self, item: &ItemId) -> Option<ItemId> {
        self.last_placed.clone().filter(|last| last != item)
    }
}
