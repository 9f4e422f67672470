//! One conversation with a client: incoming events, outgoing events, and deadlines. Pure: the
//! socket supplies the time.

mod caller;
mod opening;
#[cfg(test)]
mod random;
mod responses;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(super) use self::opening::Opening;
use super::client::{self, Incoming};
use super::conversation::Conversation;
use super::events::Events;
use super::item::{Body, Item};
use super::performance::Performance;
use super::settings::{Circumstances, Settings};
use super::transcripts::Transcripts;
use super::usage::Meter;
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::input::Input;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::outgoing::Out;
use crate::tools::rehearsal::pace::Pace;
use crate::tools::rehearsal::protocol::ServerSession;

/// One conversation with a client.
#[derive(Debug)]
pub(super) struct Session {
    id: String,
    conversation_id: String,
    expires_at: u64,
    settings: Settings,
    conversation: Conversation,
    input: Input,
    events: Events,
    /// The running responses: at most one in the conversation, and those out of band.
    performances: Vec<Performance>,
    transcripts: Transcripts,
    pace: Pace,
    misbehaviour: Rc<Misbehaviour>,
    /// The id of the item that the caller's open turn will become.
    turn_item: Option<String>,
    /// When a silent caller is prompted.
    idle_at: Option<Instant>,
    /// The scheduled ends of the session.
    ends: Vec<(Instant, End)>,
    ping_at: Instant,
    ping_every: Duration,
    /// Whether a ping is still unanswered.
    unanswered_ping: bool,
    /// Whether the model has spoken. If so, its voice is locked.
    voiced: bool,
    responses_begun: u64,
    responses_done: u64,
    /// Turns of the caller so far.
    turns_begun: u64,
    /// Number of tokens that the next response finds in the cache.
    cached: u64,
    meter: Meter,
    /// Whether the session is over. Further messages are then ignored.
    closed: bool,
}

/// A scheduled end of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The maximum session length is reached.
    Expire,
    /// A rehearsed server error.
    Close,
    /// A rehearsed loss of the connection.
    Drop,
}

impl Session {
    /// Opens a session: sends `session.created`, or an `error` and a close.
    pub(super) fn open(opening: &Opening, now: Instant) -> Self {
        let misbehaviour = &opening.misbehaviour;
        let mut events = Events::new(opening.seed, Rc::clone(misbehaviour));
        let settings = Settings::new(opening.model.as_deref().unwrap_or_default());
        let ping_every = misbehaviour.ping_every_ms.map_or(PING_EVERY, |ms| Duration::from_millis(ms.max(10)));
        let lifetime = misbehaviour.expire_after_ms.map_or(opening.lifetime, Duration::from_millis);
        let mut ends = vec![(now + lifetime, End::Expire)];
        ends.extend(misbehaviour.close_after_ms.map(|ms| (now + Duration::from_millis(ms), End::Close)));
        ends.extend(misbehaviour.drop_after_ms.map(|ms| (now + Duration::from_millis(ms), End::Drop)));
        let mut session = Self {
            id: events.id("sess"),
            conversation_id: events.id("conv"),
            expires_at: opening.epoch_s + lifetime.as_secs(),
            conversation: Conversation::default(),
            input: Input::new(settings.input_format(), settings.detection()),
            settings,
            performances: Vec::new(),
            transcripts: Transcripts::new(opening.transcript_after, Rc::clone(misbehaviour)),
            pace: opening.pace.with(misbehaviour),
            misbehaviour: Rc::clone(misbehaviour),
            turn_item: None,
            idle_at: None,
            ends,
            ping_at: now + ping_every,
            ping_every,
            unanswered_ping: false,
            voiced: false,
            responses_begun: 0,
            responses_done: 0,
            turns_begun: 0,
            cached: 0,
            meter: Meter::new(now),
            closed: false,
            events,
        };
        match opening::refusal(opening) {
            Some((code, fault)) => session.refuse(code, &fault),
            None if misbehaviour.busy.is_some() => session.be_busy(),
            None if Misbehaviour::on(misbehaviour.no_created) => {}
            None => session.send_settings("session.created", 0),
        }
        session
    }

    fn handle(&mut self, event: &Value, now: Instant) -> Result<(), Fault> {
        let text = |key: &str| event[key].as_str().unwrap_or_default();
        match text("type") {
            "session.update" => self.update(&event["session"]),
            "input_audio_buffer.append" => self.append(text("audio"), now),
            "input_audio_buffer.commit" => self.commit(now),
            "input_audio_buffer.clear" => {
                self.input.clear();
                self.turn_item = None;
                self.events.send("input_audio_buffer.cleared", &json!({}));
                Ok(())
            }
            "conversation.item.create" => self.create_item(event),
            "conversation.item.retrieve" => {
                let item = self.conversation.retrieve(text("item_id"))?;
                self.events.send("conversation.item.retrieved", &json!({"item": item}));
                Ok(())
            }
            "conversation.item.truncate" => {
                let audio_end_ms = event["audio_end_ms"].as_u64().unwrap_or_default();
                self.conversation.truncate(text("item_id"), audio_end_ms)?;
                let truncated = json!({"item_id": text("item_id"), "content_index": 0, "audio_end_ms": audio_end_ms});
                self.events.send("conversation.item.truncated", &truncated);
                self.cached = 0;
                Ok(())
            }
            "conversation.item.delete" => {
                self.conversation.delete(text("item_id"))?;
                self.events.send("conversation.item.deleted", &json!({"item_id": text("item_id")}));
                self.cached = 0;
                Ok(())
            }
            "response.create" => self.respond(&event["response"], now),
            "response.cancel" => self.cancel(event["response_id"].as_str(), now),
            // `output_audio_buffer.clear` belongs to other transports; a WebSocket session has no
            // such buffer.
            _ => Ok(()),
        }
    }

    fn update(&mut self, update: &Value) -> Result<(), Fault> {
        let circumstances = Circumstances { voiced: self.voiced, responding: !self.performances.is_empty() };
        self.settings.update(update, circumstances)?;
        self.input.configure(self.settings.input_format(), self.settings.detection());
        if !self.input.speaking() {
            self.turn_item = None;
        }
        if update.get("instructions").is_some() || update.get("tools").is_some() {
            self.cached = 0;
        }
        if !Misbehaviour::on(self.misbehaviour.no_updated) {
            self.send_settings("session.updated", self.misbehaviour.big_updated_bytes.unwrap_or_default());
        }
        Ok(())
    }

    fn create_item(&mut self, event: &Value) -> Result<(), Fault> {
        let id = self.events.id("item");
        let item = Item::read(&event["item"], id, self.settings.input_format())?;
        let object = item.object(false);
        // In a conversation that began elsewhere, the model's own words answered everything before
        // them.
        let answers = matches!(item.body, Body::Call { .. } | Body::Message { role: "assistant", .. });
        let previous = self.conversation.insert(item, event["previous_item_id"].as_str())?;
        if answers {
            self.conversation.mark_answered();
        }
        let added = json!({"item": object, "previous_item_id": previous});
        self.events.send("conversation.item.added", &added);
        self.events.send("conversation.item.done", &added);
        Ok(())
    }

    fn ping(&mut self, now: Instant) {
        if self.unanswered_ping && Misbehaviour::on(self.misbehaviour.require_pong) {
            self.closed = true;
            self.events.close(1011, "keepalive ping timeout");
            return;
        }
        if !Misbehaviour::on(self.misbehaviour.no_pings) {
            self.unanswered_ping = true;
            self.events.ping();
        }
        self.ping_at = now + self.ping_every;
    }

    fn end(&mut self, end: End) {
        self.closed = true;
        match end {
            End::Expire => {
                let message = "Your session hit the maximum duration of 60 minutes.";
                self.send_error(&Fault::request("session_expired", message), None);
                self.events.close(1001, "invalid_request_error.session_expired");
            }
            End::Close => self.events.close(1011, "server_error"),
            End::Drop => self.events.drop_connection(),
        }
    }

    fn be_busy(&mut self) {
        self.closed = true;
        let reason = if self.misbehaviour.busy == Some(1) { "rate_limit_exceeded" } else { "server_overloaded" };
        self.events.close(1013, reason);
    }

    fn refuse(&mut self, code: u16, fault: &Fault) {
        self.closed = true;
        self.send_error(fault, None);
        self.events.close(code, &format!("{}.{}", fault.kind, fault.code));
    }

    fn send_settings(&mut self, kind: &str, least_bytes: u64) {
        let mut session = self.settings.object(&self.id, self.expires_at);
        if least_bytes > 0 {
            let padding = "\n[rehearsed length]".repeat(least_bytes.min(LARGEST_UPDATED) as usize / 19 + 1);
            session["instructions"] = json!(format!("{}{padding}", self.settings.instructions()));
        }
        self.events.send(kind, &json!({"session": session}));
    }

    fn send_error(&mut self, fault: &Fault, client_event: Option<&str>) {
        self.events.send("error", &json!({"error": fault.object("event_id", client_event)}));
    }
}

impl ServerSession for Session {
    fn next_out(&mut self) -> Option<Out> {
        self.events.next()
    }

    fn waiting(&self) -> usize {
        self.events.waiting()
    }

    fn hear_text(&mut self, text: &str, now: Instant) {
        if self.closed {
            return;
        }
        match client::read(text) {
            Ok(Incoming::Append(audio)) => {
                if let Err(fault) = self.append(audio, now) {
                    self.send_error(&fault, None);
                }
            }
            Ok(Incoming::Event(event)) => {
                if let Err(fault) = self.handle(&event, now) {
                    self.send_error(&fault, event["event_id"].as_str());
                }
            }
            Err(refused) => self.send_error(&refused.fault, refused.event_id.as_deref()),
        }
    }

    fn hear_binary(&mut self, _: &[u8], _: Instant) {
        if !self.closed {
            self.send_error(&client::binary(), None);
        }
    }

    fn hear_pong(&mut self) {
        self.unanswered_ping = false;
    }

    fn deadline(&self) -> Instant {
        let performances = self.performances.iter().map(Performance::next_at);
        let ends = self.ends.iter().map(|(at, _)| *at);
        performances.chain(ends).chain(self.transcripts.next_at()).chain(self.idle_at).fold(self.ping_at, Instant::min)
    }

    fn tick(&mut self, now: Instant) {
        if self.closed {
            return;
        }
        if let Some((_, end)) = self.ends.iter().filter(|(at, _)| *at <= now).min().copied() {
            self.end(end);
            return;
        }
        if self.ping_at <= now {
            self.ping(now);
        }
        self.perform(now);
        for transcript in self.transcripts.take_due(now) {
            self.transcripts.send(&transcript, &mut self.events);
            self.keep_transcript(&transcript);
        }
        if self.idle_at.is_some_and(|at| at <= now) {
            self.prompt_idle_caller(now);
        }
    }
}

/// Maximum rehearsed length: what a client with a reasonable limit accepts.
const LARGEST_UPDATED: u64 = 16 * 1024 * 1024;
/// Ping interval of the real server.
const PING_EVERY: Duration = Duration::from_secs(20);
