//! What of the session's configuration can change while it runs, and what of it is in force.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Session, SessionAction, send};
use crate::realtime::openai::options::AllTools;
use crate::realtime::openai::protocol::EventId;
use crate::realtime::openai::protocol::client::{Change, ClientEvent};
use crate::realtime::plan::{Common, Transcription};
use crate::tools::spec::ToolSpec;

/// The settings that we have to know ourselves. A change counts from the moment it is sent, as the server reads everything in
/// order, and is taken back when it is refused.
#[derive(Debug)]
pub(super) struct Settings {
    agreed: Agreed,
    /// Sent and not yet answered, the newest last.
    asked: VecDeque<Asked>,
}

#[derive(Debug)]
struct Agreed {
    common: Arc<Common>,
    /// Where they are no longer those of the plan.
    instructions: Option<String>,
    transcribes: bool,
}

#[derive(Debug)]
struct Asked {
    number: u64,
    instructions: Option<String>,
    transcribes: Option<bool>,
}

impl Settings {
    /// As the session begins.
    pub(super) fn of(common: &Arc<Common>) -> Self {
        let agreed =
            Agreed { common: Arc::clone(common), instructions: None, transcribes: common.transcription.is_some() };
        Self { agreed, asked: VecDeque::new() }
    }

    /// The whole prompt.
    pub(super) fn instructions(&self) -> &str {
        let asked = self.asked.iter().rev().find_map(|asked| asked.instructions.as_deref());
        asked.or(self.agreed.instructions.as_deref()).unwrap_or(&self.agreed.common.instructions)
    }

    /// Whether the caller is transcribed.
    pub(super) fn transcribes(&self) -> bool {
        let asked = self.asked.iter().rev().find_map(|asked| asked.transcribes);
        asked.unwrap_or(self.agreed.transcribes)
    }

    /// The server took over the oldest change.
    pub(super) fn accepted(&mut self) {
        let Some(Asked { instructions, transcribes, .. }) = self.asked.pop_front() else { return };
        self.agreed.instructions = instructions.or_else(|| self.agreed.instructions.take());
        self.agreed.transcribes = transcribes.unwrap_or(self.agreed.transcribes);
    }

    /// The server refused a change, the whole of it.
    pub(super) fn refused(&mut self, number: u64) {
        self.asked.retain(|asked| asked.number != number);
    }

    /// The server refused a change and does not say which: the oldest that it has not answered. Whether there was one.
    pub(super) fn refused_oldest(&mut self) -> bool {
        self.asked.pop_front().is_some()
    }

    fn ask(&mut self, asked: Asked) {
        if self.asked.len() >= MOST_ASKED {
            // A server that does not answer has not refused either.
            self.accepted();
        }
        self.asked.push_back(asked);
    }
}

impl Session {
    /// Tells the server what changes, and nothing else.
    pub(super) fn configure(
        &mut self,
        instructions: Option<String>,
        transcription: Option<Option<Transcription>>,
        tools: Option<&[ToolSpec]>,
        out: &mut Vec<SessionAction>,
    ) {
        if instructions.is_none() && transcription.is_none() && tools.is_none() {
            return;
        }
        let number = self.next_number();
        let plan = Arc::clone(&self.plan);
        let tools = tools.map(|functions| AllTools { functions, mcp: &plan.options.mcp });
        let session = Change::of(instructions.as_deref(), transcription.as_ref().map(Option::as_ref), tools);
        send(&ClientEvent::SessionChange { event_id: EventId::Configure(number), session }, out);
        let transcribes = transcription.map(|transcription| transcription.is_some());
        self.settings.ask(Asked { number, instructions, transcribes });
    }
}

/// Changes whose answer is still acted upon. A call changes its language now and then, and an answer takes a round trip.
const MOST_ASKED: usize = 8;
