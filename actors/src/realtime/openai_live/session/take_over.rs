//! The beginning of a session with the conversation so far, and what it leaves unfinished at its
//! end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Phase, Session, SessionAction, complain, send, send_audio};
use crate::realtime::messages::TextRole;
use crate::realtime::openai_live::protocol::EventId;
use crate::realtime::openai_live::protocol::client::{ClientEvent, Message, Role, Session as Configuration, clipped};
use crate::realtime::report::ModelReport;
use crate::realtime::seed::{CarryOver, Handoff, Progress, Running, Seed, SeedItem};

impl Session {
    /// Starts the session with the handoff of the previous one.
    pub(super) fn start(&mut self, handoff: Handoff, now: Instant, out: &mut Vec<SessionAction>) {
        if !matches!(self.phase, Phase::Prepared) {
            return complain("not_prepared", "a conversation was to be taken over by a session that is not open", out);
        }
        let Handoff { items, open_calls, requests, answer_unless_spoken } = handoff;
        // A change of configuration that came before the start is part of the start.
        self.configure_before_start();
        let input = input_of(&items);
        let (common, plan) = (Arc::clone(&self.common), Arc::clone(&self.plan));
        let session = Box::new(Configuration::fresh(&common, &plan, &input, self.hash.as_deref()));
        send(&ClientEvent::Start { event_id: EventId::Start, session }, out);
        self.phase = Phase::Starting(now);
        self.work.inherit(open_calls);
        for request in requests {
            self.wish(request, out);
        }
        self.listen_until = answer_unless_spoken.then_some(now);
    }

    /// The server has started the session: the caller's audio flows from here on.
    pub(super) fn run(&mut self, session: String, now: Instant, out: &mut Vec<SessionAction>) {
        self.phase = Phase::Running;
        self.sounded = now;
        self.listen_until = self.listen_until.map(|_| now + HEAR_OUT);
        let frames = &mut self.last_frame;
        self.clock.begin(now, &mut |piece| send_audio(piece, frames, out));
        out.push(SessionAction::Report(ModelReport::Ready { session, setup: now - self.since }));
        for order in std::mem::take(&mut self.held) {
            self.ordered(order, now, out);
        }
    }

    /// What this session leaves unfinished if it ends now, or when it was lost.
    pub fn carry_over(&self) -> CarryOver {
        let current = self.wishes.current();
        let running = self.voice.running().map(|(response, finished)| Running {
            response: Some(response.clone()),
            request: current.filter(|(_, spoken)| *spoken).and_then(|(pending, _)| pending.ordered()),
            progress: if finished { Progress::Whole } else { Progress::Partly },
        });
        // What the work answers is not asked for again beside its answer.
        let worked_on = self.wishes.is_worked_on();
        let unspoken = current.filter(|(_, spoken)| !spoken && !worked_on).map(|(pending, _)| pending);
        let left = self.wishes.requests.left(unspoken);
        let works = self.work.owes_an_answer() || worked_on && !self.work.has_calls();
        let turn_open = self.turn_lost || self.caller.is_open() || self.listen_until.is_some();
        let answer = left.answer || self.owed_since.is_some() || works;
        CarryOver { requests: left.requests, answer, running, turn_open }
    }

    fn configure_before_start(&mut self) {
        use crate::realtime::messages::ModelOrder;
        let common = Arc::make_mut(&mut self.common);
        self.held.retain(|order| {
            let ModelOrder::Configure { instructions, backend, tools, .. } = order else { return true };
            instructions.iter().for_each(|it| common.instructions.clone_from(it));
            backend.iter().for_each(|it| common.backend.clone_from(it));
            tools.iter().for_each(|it| common.tools.clone_from(it));
            false
        });
    }
}

/// The conversation so far, the newest messages first in case not all of them fit.
fn input_of(items: &[SeedItem]) -> Vec<Message> {
    let mut input: Vec<Message> = Vec::new();
    let mut bytes = 0;
    for message in items.iter().rev().filter_map(|item| message_of(&item.seed)) {
        bytes += message.bytes();
        if bytes > MOST_INPUT_BYTES || input.len() >= MOST_INPUT {
            break;
        }
        input.push(message);
    }
    input.reverse();
    input
}

/// A message for an item. Calls and results become sentences, because a session knows no calls of
/// another one.
fn message_of(seed: &Seed) -> Option<Message> {
    let (role, text) = match seed {
        Seed::Text(TextRole::System | TextRole::Instruction, text) => (Role::Developer, text.clone()),
        Seed::Text(TextRole::User, text) => (Role::User, text.clone()),
        Seed::Text(TextRole::Assistant, text) => (Role::Assistant, text.clone()),
        Seed::CallerAudio(_) => (Role::Developer, "The caller said something that was not understood.".to_owned()),
        Seed::Call { name, arguments, .. } => (Role::Developer, format!("You used the tool {name} with {arguments}.")),
        Seed::Output { output, .. } => (Role::Developer, format!("The result of the tool was: {output}")),
    };
    let text = clipped(text.trim(), LONGEST_MESSAGE);
    (!text.is_empty()).then(|| Message::new(role, text.to_owned()))
}

/// How long the session listens to a caller who was speaking when their session was lost. A shorter
/// time answers half a sentence; a longer one leaves a caller waiting who had just finished.
const HEAR_OUT: Duration = Duration::from_millis(1_200);
/// The number of messages that the server takes.
const MOST_INPUT: usize = 128;
/// Bytes of messages: the server takes 8,192 tokens, and no usual language has fewer than two bytes
/// for one.
const MOST_INPUT_BYTES: usize = 16_000;
/// The longest message in bytes. A result of a tool may be long, and the rest matters more.
const LONGEST_MESSAGE: usize = 2_000;
