//! The end of a session with a successor, and the beginning of the successor. Pure.

use std::time::{Duration, Instant};

use super::{Phase, Session, SessionAction};
use crate::realtime::cascade::dialogue::Wish;
use crate::realtime::cascade::thinker::Order;
use crate::realtime::history::Rewrite;
use crate::realtime::messages::{ModelOrder, ResponsePurpose, ResponseRequest, TextRole, exactly};
use crate::realtime::report::ModelReport;
use crate::realtime::seed::{CarryOver, Handoff, Progress, Running, Seed, SeedItem};

impl Session {
    /// The unfinished work of this session if it ends now, or when it was lost.
    pub fn carry_over(&self) -> CarryOver {
        let requests: Vec<ResponseRequest> = self.dialogue.waiting().filter_map(request).collect();
        let plain = |wish: &Wish| request(wish).is_none();
        let answer = self.dialogue.waiting().any(plain) || self.dialogue.awaits_results();
        let running = self.responses.running().map(|known| Running {
            response: Some(known.response.clone()),
            request: request(&known.wish),
            progress: match (known.sounds, known.is_whole) {
                (false, _) if known.called => Progress::Called,
                (false, _) => Progress::Silent,
                (true, true) => Progress::Whole,
                (true, false) => Progress::Partly,
            },
        });
        let turn_open = self.dialogue.is_turn() || self.listen_until.is_some();
        CarryOver { requests, answer, running, turn_open }
    }

    /// Takes over the handoff of the previous session and begins to speak.
    pub(super) fn take_over(&mut self, handoff: Handoff, now: Instant, out: &mut Vec<SessionAction>) {
        if self.phase != Phase::Prepared {
            return;
        }
        // A result of an open call comes as a note.
        let Handoff { items, open_calls: _, requests, answer_unless_spoken } = handoff;
        self.phase = Phase::Ready;
        for item in &items {
            self.remember(item);
        }
        for order in std::mem::take(&mut self.held) {
            self.carry_out(order, now, out);
        }
        self.listen_until = answer_unless_spoken.then(|| now + HEAR_OUT);
        let (session, setup) = (format!("session_{}", self.number), now.saturating_duration_since(self.since));
        out.push(SessionAction::Report(ModelReport::Ready { session, setup }));
        for request in requests {
            self.carry_out(ModelOrder::Speak(request), now, out);
        }
    }

    /// Corrects an item of an earlier session that holds more than the caller heard.
    pub fn rewrite(&mut self, rewrite: &Rewrite) {
        self.dialogue.mind().forget(&rewrite.out);
        if let Some((_, item)) = &rewrite.by {
            self.remember(item);
        }
    }

    /// Adds an item of an earlier session to the conversation.
    fn remember(&mut self, SeedItem { id, seed }: &SeedItem) {
        let mind = self.dialogue.mind();
        match seed {
            Seed::Text(TextRole::User, text) => mind.caller(id, text),
            Seed::Text(TextRole::Assistant, text) => mind.has_said(id, text),
            Seed::Text(TextRole::System | TextRole::Instruction, text) => mind.note(text),
            Seed::CallerAudio(_) => mind.note("The caller said something that was not understood."),
            Seed::Call { name, arguments, .. } => {
                mind.note(&format!("You have called the tool {name} with {arguments}."));
            }
            Seed::Output { output, .. } => mind.note(&format!("The result of the tool: {output}")),
        }
    }
}

/// The request that a wish came from; `None` for an answer to the caller or to results of tools.
fn request(wish: &Wish) -> Option<ResponseRequest> {
    match wish {
        Wish::Think(Order { purpose, instructions, .. }) => {
            Some(ResponseRequest { purpose: (*purpose)?, instructions: instructions.clone() })
        }
        Wish::Say { words, purpose } => Some(ResponseRequest {
            purpose: purpose.unwrap_or(ResponsePurpose::Answer),
            instructions: Some(exactly(words)),
        }),
    }
}

/// How long the session listens to a caller who was speaking when their session was lost. Shorter:
/// it answers half a sentence. Longer: a caller waits who had just finished.
const HEAR_OUT: Duration = Duration::from_millis(1_200);
