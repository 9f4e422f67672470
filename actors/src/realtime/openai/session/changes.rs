//! Changes of the running session's configuration, and the settings in force.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Session, SessionAction, send};
use crate::realtime::openai::options::AllTools;
use crate::realtime::openai::protocol::EventId;
use crate::realtime::openai::protocol::client::{Change, ClientEvent};
use crate::realtime::plan::{Common, Transcription};
use crate::tools::spec::ToolSpec;

/// The settings that this crate must know itself. A change counts from the moment it is sent,
/// because the server reads everything in order. A refusal takes it back.
#[derive(Debug)]
pub(super) struct Settings {
    agreed: Agreed,
    /// Changes without an answer, the newest last.
    asked: VecDeque<Asked>,
}

#[derive(Debug)]
struct Agreed {
    common: Arc<Common>,
    /// The instructions, if they differ from the plan's.
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
    /// The settings at the session's beginning.
    pub(super) fn of(common: &Arc<Common>) -> Self {
        let agreed =
            Agreed { common: Arc::clone(common), instructions: None, transcribes: common.transcription.is_some() };
        Self { agreed, asked: VecDeque::new() }
    }

    /// The complete prompt.
    pub(super) fn instructions(&self) -> &str {
        let asked = self.asked.iter().rev().find_map(|asked| asked.instructions.as_deref());
        asked.or(self.agreed.instructions.as_deref()).unwrap_or(&self.agreed.common.instructions)
    }

    /// Whether the caller's speech is transcribed.
    pub(super) fn transcribes(&self) -> bool {
        let asked = self.asked.iter().rev().find_map(|asked| asked.transcribes);
        asked.unwrap_or(self.agreed.transcribes)
    }

    /// Records that the server accepted the oldest change.
    pub(super) fn accepted(&mut self) {
        let Some(Asked { instructions, transcribes, .. }) = self.asked.pop_front() else { return };
        self.agreed.instructions = instructions.or_else(|| self.agreed.instructions.take());
        self.agreed.transcribes = transcribes.unwrap_or(self.agreed.transcribes);
    }

    /// Records that the server refused a whole change.
    pub(super) fn refused(&mut self, number: u64) {
        self.asked.retain(|asked| asked.number != number);
    }

    /// Records a refusal that names no change: the oldest unanswered one counts as refused. Returns
    /// whether there was one.
    pub(super) fn refused_oldest(&mut self) -> bool {
        self.asked.pop_front().is_some()
    }

    fn ask(&mut self, asked: Asked) {
        if self.asked.len() >= MOST_ASKED {
            // A server that never answers has not refused the change either.
            self.accepted();
        }
        self.asked.push_back(asked);
    }
}

impl Session {
    /// Sends the changed settings to the server, and no others.
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
        let session =
            Change::of(plan.dialect, instructions.as_deref(), transcription.as_ref().map(Option::as_ref), tools);
        send(&ClientEvent::SessionChange { event_id: EventId::Configure(number), session }, out);
        let transcribes = transcription.map(|transcription| transcription.is_some());
        self.settings.ask(Asked { number, instructions, transcribes });
    }
}

/// The maximum of changes whose answer still matters. A call changes its language now and then, and
/// an answer takes a round trip.
const MOST_ASKED: usize = 8;
