//! The end of a session that was told to close: at once, or when the caller's last words have come.
//!
//! A caller who hangs up has just said something, and often is still saying it. What was not yet made an item is made one, so that
//! it is transcribed. While it lingers, the session says nothing but what stops a response; it takes transcripts, and nothing
//! else.

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
    /// No longer than this.
    pub(super) until: Instant,
    /// Our request to make an item of what the caller was saying; `None` once it has led to something, or was not needed.
    commit: Option<u64>,
}

impl Session {
    /// The call is over.
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

    /// Closes the socket without a word.
    pub(super) fn end(&mut self, out: &mut Vec<SessionAction>) {
        self.phase = Phase::Over;
        out.push(SessionAction::Close);
    }

    /// What happens to a session that waits for the caller's last words.
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
            // Nothing more will come, and nobody waits for anything else.
            E::Closed { .. } | E::Broken(_) => self.end(out),
            // Nobody is there any more to give orders, and this is no time for complaints.
            E::Opened
            | E::DialFailed(_)
            | E::Binary(_)
            | E::Unintelligible
            | E::Pong
            | E::Ordered(_)
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
            // The server's own answer to a turn that nobody waits for the end of.
            S::ResponseCreated(response) => self.stop_response(Some(&ResponseId::new(&response.id)), out),
            S::Error(error) if class_of_error(&error).is_some() => return self.end(out),
            S::Error(error) => self.commit_refused(&error, &mut lingering, out),
            S::SessionCreated(_)
            | S::SessionUpdated(_)
            | S::SpeechStarted(_)
            | S::SpeechStopped(_)
            | S::CallerWordsDelta(_)
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

    /// A turn became an item: one that was over before, the one that the caller was in, or what we asked for under a name of its own.
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

    /// There was too little to make an item of.
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

    /// The turn that the caller was in has no words under this name; the record need not wait for them.
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

/// How long the caller's last words are waited for; a transcript commonly takes one to one and a half seconds. Shorter loses them,
/// longer pays for a session that nobody uses. The Transcript waits as long.
const LATE_WORDS: Duration = Duration::from_secs(2);
