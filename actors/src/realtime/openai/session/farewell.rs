//! The end of a session after an order to close: at once, or after the caller's last transcript.
//!
//! A caller who hangs up has just spoken, and often is still speaking. The session turns the
//! remaining audio into an item, so that it is transcribed. A lingering session sends only
//! cancellations of responses and accepts only transcripts.

use std::time::{Duration, Instant};

use super::failure::class_of_error;
use super::{Phase, Session, SessionAction, SessionEvent, send};
use crate::ids::{ItemId, ResponseId};
use crate::realtime::openai::protocol::EventId;
use crate::realtime::openai::protocol::client::ClientEvent;
use crate::realtime::openai::protocol::server::{Committed, ErrorInfo, ItemPlaced, ServerEvent};
use crate::realtime::openai::sequencer::{SequencerAction, SequencerEvent};
use crate::realtime::report::{Speaker, Words};

/// A session that waits for the caller's last words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lingering {
    /// The time limit of the wait.
    pub(super) until: Instant,
    /// The number of our request to turn the caller's speech into an item. `None` after the request
    /// led to something, or if no request was needed.
    commit: Option<u64>,
}

impl Session {
    /// Closes the session because the call is over.
    pub(super) fn close(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let speaking = self.turns.open().is_some() && self.settings.transcribes();
        if !self.is_ready() || !speaking && !self.turns.is_awaited() {
            return self.end(out);
        }
        for action in self.sequencer.handle(SequencerEvent::CancelOrdered, now) {
            if let SequencerAction::Cancel { response, .. } = action {
                self.stop_response(response.as_ref(), out);
            }
        }
        let commit = speaking.then(|| self.next_number());
        if let Some(number) = commit {
            send(&ClientEvent::AudioCommit { event_id: EventId::Commit(number) }, out);
        }
        self.phase = Phase::Lingering(Lingering { until: now + LATE_WORDS, commit });
    }

    /// Closes the socket without sending anything.
    pub(super) fn end(&mut self, out: &mut Vec<SessionAction>) {
        self.charge(self.heard, out);
        self.phase = Phase::Over;
        out.push(SessionAction::Close);
    }

    /// Handles an event of a session that waits for the caller's last words.
    pub(super) fn linger(
        &mut self,
        lingering: Lingering,
        event: SessionEvent<'_>,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        use SessionEvent as E;
        match event {
            E::Text(text) => self.hear_last_words(lingering, text, out),
            E::Ping(payload) => out.push(SessionAction::Pong(payload)),
            E::DeadlinePassed if now >= lingering.until => self.end(out),
            // No more transcripts will arrive, and nothing else is awaited.
            E::Closed { .. } | E::Broken(_) => self.end(out),
            // The call gives no more orders, and complaints are of no use any more.
            E::Opened
            | E::DialFailed(_)
            | E::Binary(_)
            | E::Unintelligible
            | E::Pong
            | E::Link(_)
            | E::Ordered(_)
            | E::CallerSpeech { .. }
            | E::HandedOver(_)
            | E::DeadlinePassed => {}
        }
    }

    fn hear_last_words(&mut self, mut lingering: Lingering, text: &str, out: &mut Vec<SessionAction>) {
        use ServerEvent as S;
        let Ok(event) = ServerEvent::parse(text) else { return };
        match event {
            S::Committed(turn) => self.last_turn_made(&turn, &mut lingering, out),
            S::ItemPlaced(placed) => self.last_turn_placed(&placed, out),
            S::CallerTranscribed(turn) => self.last_words(&turn.item_id, Some(turn.transcript.into_owned()), out),
            S::TranscriptionFailed(turn) => self.last_words(&turn.item_id, None, out),
            // The server answers a turn on its own, and the call no longer waits for that answer.
            S::ResponseCreated(response) => self.stop_response(Some(&ResponseId::new(&response.id)), out),
            S::Error(error) if class_of_error(&error).is_some() => return self.end(out),
            S::Error(error) => self.commit_refused(&error, &mut lingering, out),
            S::SessionCreated(_)
            | S::SessionUpdated(_)
            | S::SpeechStarted(_)
            | S::SpeechStopped(_)
            | S::CallerWordsDelta(_)
            | S::CallerWordsSoFar(_)
            | S::ConversationCreated
            | S::Warning(_)
            | S::ResponseDone(_)
            | S::OutputItemAdded(_)
            | S::OutputItemDone(_)
            | S::AudioDelta(_)
            | S::AudioDone(_)
            | S::WordsDelta(_)
            | S::WordsDone(_)
            | S::ArgumentsDone(_)
            | S::Other(_) => {}
        }
        if self.turns.open().is_none() {
            lingering.commit = None;
        }
        self.phase = Phase::Lingering(lingering);
        if lingering.commit.is_none() && !self.turns.is_awaited() {
            self.end(out);
        }
    }

    /// Handles a turn that became an item: an earlier turn, the turn that the caller was in, or our
    /// requested item under a new name.
    fn last_turn_made(&mut self, turn: &Committed<'_>, lingering: &mut Lingering, out: &mut Vec<SessionAction>) {
        let item = ItemId::new(&turn.item_id);
        let is_new = self.turns.ended(&item, true);
        self.place(&turn.item_id, Speaker::Caller, turn.previous_item_id.as_deref(), out);
        if is_new && lingering.commit.take().is_some() {
            self.forget_open_turn(out);
        }
    }

    fn last_turn_placed(&mut self, placed: &ItemPlaced<'_>, out: &mut Vec<SessionAction>) {
        let Some(id) = placed.item.id.as_deref().filter(|id| !id.is_empty()) else { return };
        let by_caller = placed.item.role.as_deref() == Some("user") && !self.items.is_ours(&ItemId::new(id));
        if by_caller {
            self.place(id, Speaker::Caller, placed.previous_item_id.as_deref(), out);
        }
    }

    fn last_words(&mut self, item: &str, text: Option<String>, out: &mut Vec<SessionAction>) {
        let item = self.seen(item);
        self.turns.transcribed(&item);
        out.push(SessionAction::ToWords(Words::CallerSaid { item, text }));
    }

    /// Handles the refusal of our request. There was too little audio for an item.
    fn commit_refused(&mut self, error: &ErrorInfo<'_>, lingering: &mut Lingering, out: &mut Vec<SessionAction>) {
        let about = error.event_id.as_deref().and_then(EventId::parse);
        let ours = match (about, lingering.commit) {
            (_, None) => false,
            (Some(about), Some(number)) => about == EventId::Commit(number),
            (None, Some(_)) => error.code.as_deref() == Some("input_audio_buffer_commit_empty"),
        };
        if ours {
            lingering.commit = None;
            self.forget_open_turn(out);
        }
    }

    /// Records that the open turn gets no transcript under this id, so that the record does not
    /// wait for it.
    fn forget_open_turn(&mut self, out: &mut Vec<SessionAction>) {
        if let Some(item) = self.turns.open().cloned() {
            self.turns.transcribed(&item);
            out.push(SessionAction::ToWords(Words::CallerSaid { item, text: None }));
        }
    }

    pub(super) fn stop_response(&mut self, response: Option<&ResponseId>, out: &mut Vec<SessionAction>) {
        let event_id = EventId::Stop(self.next_number());
        let response_id = response.map(ResponseId::as_str);
        send(&ClientEvent::ResponseCancel { event_id, response_id }, out);
    }
}

/// The maximum wait for the caller's last transcript, which usually takes 1 to 1.5 s. A shorter
/// wait loses it; a longer one pays for an unused session. The Transcript waits equally long.
const LATE_WORDS: Duration = Duration::from_secs(2);
