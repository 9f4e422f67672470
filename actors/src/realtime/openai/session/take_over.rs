//! The end of a session with a successor, and the beginning of the successor: the unfinished work
//! and its takeover.

use std::time::{Duration, Instant};

use super::{Phase, Session, SessionAction, complain, send};
use crate::ids::{ItemId, ResponseId};
use crate::realtime::history::Rewrite;
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::openai::protocol::EventId;
use crate::realtime::openai::protocol::client::{ClientEvent, Item};
use crate::realtime::openai::sequencer::{SequencerEvent, Unfinished};
use crate::realtime::report::ModelReport;
use crate::realtime::seed::{CarryOver, Handoff, Progress, Running, Seed, SeedItem};

impl Session {
    /// The unfinished work of this session if it ends now, or when it was lost.
    pub fn carry_over(&self) -> CarryOver {
        let Unfinished { requests, answer, running, called } = self.sequencer.unfinished();
        let turn_open = self.turns.open().is_some();
        // The caller's speech has stopped the response, although its end was not reported.
        let cut = self.plan.turn_detection.interrupts() && (turn_open || self.unanswered);
        let running = running.filter(|_| !cut).map(|(response, request)| {
            let heard = response.map_or(Progress::Silent, |response| self.items.progress(response));
            let progress = if heard == Progress::Silent && called { Progress::Called } else { heard };
            Running { response: response.cloned(), request, progress }
        });
        // If the caller is mid-turn, the next session answers when that turn ends.
        let turn_open = turn_open || self.listen_until.is_some();
        CarryOver { requests, answer: answer || self.unanswered, running, turn_open }
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
        self.phase = Phase::Ready;
        // A change of configuration arrived meanwhile.
        for order in std::mem::take(&mut self.pending_orders) {
            self.ordered(order, now, out);
        }
        for item in &items {
            self.plant(item, None, out);
        }
        self.listen_until = answer_unless_spoken.then(|| now + HEAR_OUT);
        out.push(SessionAction::Report(ModelReport::Ready { session, setup: now - self.since }));
        for (number, call) in open_calls.into_iter().enumerate() {
            // Each call gets its own response, because it is no longer known which calls shared
            // one.
            let response = ResponseId::new(&format!("inherited_{number}"));
            self.reported_calls.push_back(call.clone());
            self.sequence(SequencerEvent::ToolCalled { response: response.clone(), call }, now, out);
            self.sequence(SequencerEvent::Done { response, request: None, failure: None }, now, out);
        }
        for request in requests {
            self.sequence(SequencerEvent::Requested(request), now, out);
        }
    }

    /// Rewrites an item that was taken over and says more than the caller heard.
    pub fn rewrite(&mut self, rewrite: &Rewrite, out: &mut Vec<SessionAction>) {
        if !self.is_ready() {
            return;
        }
        let id = ItemId::new(&rewrite.out);
        self.delete(&id, out);
        if let Some((behind, item)) = &rewrite.by {
            self.plant(item, Some(behind.as_deref().unwrap_or("root")), out);
        }
    }

    /// Answers a caller who did not continue after the previous session was lost mid-turn.
    pub(super) fn heard_out(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        self.listen_until = None;
        let request = ResponseRequest { purpose: ResponsePurpose::Answer, instructions: None };
        self.sequence(SequencerEvent::Requested(request), now, out);
    }

    fn plant(&mut self, item: &SeedItem, behind: Option<&str>, out: &mut Vec<SessionAction>) {
        let (id, number) = (item.id.as_str(), self.next_number());
        let item = match &item.seed {
            Seed::Text(role, text) => Item::text(id, *role, text, self.plan.dialect.assistant_part),
            Seed::CallerAudio(audio) => Item::caller_audio(id, audio),
            Seed::Call { call, name, arguments } => Item::FunctionCall { call_id: call.as_str(), name, arguments },
            Seed::Output { call, output } => Item::FunctionCallOutput { call_id: call.as_str(), output },
        };
        self.items.made(&ItemId::new(id));
        send(&ClientEvent::ItemCreate { event_id: EventId::Text(number), previous_item_id: behind, item }, out);
    }
}

/// How long the session listens to a caller who was speaking when their session was lost. A shorter
/// time answers half a sentence; a longer one leaves a caller waiting who had just finished.
const HEAR_OUT: Duration = Duration::from_millis(1_200);
