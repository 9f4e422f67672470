//! The end of a session with a successor, and the beginning of the successor: the unfinished work
//! and its takeover.

use std::time::{Duration, Instant};

use super::asking::send_content;
use super::{Phase, Session, SessionAction, complain};
use crate::realtime::gemini::models::Texts;
use crate::realtime::gemini::protocol::client::{Role, bracketed};
use crate::realtime::messages::TextRole;
use crate::realtime::report::ModelReport;
use crate::realtime::requests::{Left, Pending};
use crate::realtime::seed::{CarryOver, Handoff, Progress, Running, Seed, SeedItem};

impl Session {
    /// The unfinished work of this session if it ends now, or when it was lost.
    pub fn carry_over(&self) -> CarryOver {
        let asked = self.asked.as_ref().filter(|asked| !asked.unwanted).map(|asked| &asked.request);
        let Left { requests, answer } = self.requests.left(asked);
        let running = self.run.as_ref().filter(|run| !run.dropped).map(|run| {
            let progress = match (run.bytes, run.generated) {
                (0, _) if run.called => Progress::Called,
                (0, _) => Progress::Silent,
                (_, true) => Progress::Whole,
                (_, false) => Progress::Partly,
            };
            let request = run.request.as_ref().and_then(Pending::ordered);
            Running { response: Some(run.response.clone()), request, progress }
        });
        let owed = self.unanswered.is_some() || self.calls.results_wait();
        // If the caller is mid-turn, the next session answers when that turn ends. What is noise so far
        // may be such a turn.
        let mid_turn = self.caller.is_speaking() || (self.caller.is_paused() && !owed);
        let turn_open = mid_turn || self.listen_until.is_some();
        CarryOver { requests, answer: answer || owed, running, turn_open }
    }

    /// Takes over the handoff of the previous session and begins to speak.
    pub(super) fn take_over(&mut self, handoff: Handoff, now: Instant, out: &mut Vec<SessionAction>) {
        let Phase::Prepared { session } = &mut self.phase else {
            return complain(
                "not_prepared",
                "a conversation was to be taken over by a session that is not prepared",
                out,
            );
        };
        let session = std::mem::take(session);
        let Handoff { items, open_calls, requests, answer_unless_spoken } = handoff;
        (self.phase, self.free_since) = (Phase::Ready, Some(now));
        self.hand_history(&items, out);
        // A change of configuration arrived meanwhile.
        for order in std::mem::take(&mut self.held) {
            self.ordered(order, now, out);
        }
        self.listen_until = answer_unless_spoken.then(|| now + HEAR_OUT);
        out.push(SessionAction::Report(ModelReport::Ready { session, setup: now - self.since }));
        open_calls.into_iter().for_each(|call| self.calls.inherit(call));
        for request in requests {
            self.request(request, out);
        }
        if std::mem::take(&mut self.speaks_early) {
            self.speech_detected(now, out);
        }
    }

    /// Sends the conversation so far as texts of the two roles that the API knows.
    fn hand_history(&mut self, items: &[SeedItem], out: &mut Vec<SessionAction>) {
        let texts: Vec<(Role, String)> = items.iter().map(|item| text_of(&item.seed)).collect();
        let mut turns: Vec<(Role, &str)> = texts.iter().map(|(role, text)| (*role, text.as_str())).collect();
        let announced = self.family.announces_history && self.opening.continues && self.opening.resumption.is_none();
        if announced {
            if turns.is_empty() {
                // The server waits for what was announced.
                turns.push((Role::User, "[The call goes on.]"));
            }
            // The history is complete. No answer is generated for it.
            send_content(&turns, true, out);
        } else if turns.is_empty() {
            // Nothing was said.
        } else if self.family.texts == Texts::AnyTime {
            send_content(&turns, false, out);
        } else {
            for (role, text) in texts {
                let text = if role == Role::Model { bracketed(&format!("You have said: {text}")) } else { text };
                self.note(text, out);
            }
        }
    }
}

fn text_of(seed: &Seed) -> (Role, String) {
    match seed {
        Seed::Text(TextRole::User, text) => (Role::User, text.clone()),
        Seed::Text(TextRole::Assistant, text) => (Role::Model, text.clone()),
        Seed::Text(TextRole::System | TextRole::Instruction, text) => (Role::User, bracketed(text)),
        Seed::CallerAudio(_) => (Role::User, bracketed("The caller said something that was not understood.")),
        Seed::Call { name, arguments, .. } => {
            (Role::User, bracketed(&format!("You have called the tool {name} with {arguments}.")))
        }
        Seed::Output { output, .. } => (Role::User, bracketed(&format!("The result of the tool: {output}"))),
    }
}

/// How long the session listens to a caller who was speaking when their session was lost. A shorter
/// time answers half a sentence; a longer one leaves a caller waiting who had just finished.
const HEAR_OUT: Duration = Duration::from_millis(1_200);
