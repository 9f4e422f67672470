//! One conversation with a client: events in, events out, and the deadlines between. Pure: the socket hands it the time.

use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::client::{self, Incoming};
use super::conversation::{AudioPart, Body, Conversation, Item, Part};
use super::events::{Events, Out};
use super::fault::Fault;
use super::input::{Heard, Input};
use super::misbehaviour::Misbehaviour;
use super::performance::{Commission, Outcome, Pace, Performance, Stage};
use super::script::{self, Ask};
use super::settings::{Circumstances, Settings};
use super::sound::{Format, Sound};
use super::transcripts::{Transcript, Transcripts};
use super::usage::{Meter, text_tokens};

/// What a session begins with.
#[derive(Debug, Clone)]
pub(super) struct Opening {
    /// `?model=`.
    pub(super) model: Option<String>,
    /// The client asked for the retired beta protocol.
    pub(super) beta: bool,
    /// How its audio is paced.
    pub(super) pace: Pace,
    /// How long after a turn its transcript comes.
    pub(super) transcript_after: Duration,
    /// How long a session may last.
    pub(super) lifetime: Duration,
    /// How it misbehaves.
    pub(super) misbehaviour: Rc<Misbehaviour>,
    /// What ids are drawn from.
    pub(super) seed: u64,
    /// The wall clock, seconds since 1970, for `expires_at`.
    pub(super) epoch_s: u64,
}

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
    /// The running responses: at most one of the conversation, and those out of band.
    performances: Vec<Performance>,
    transcripts: Transcripts,
    pace: Pace,
    misbehaviour: Rc<Misbehaviour>,
    /// The item that the open turn of the caller will become.
    turn_item: Option<String>,
    /// When a silent caller is prompted.
    idle_at: Option<Instant>,
    /// The ends that are known beforehand.
    ends: Vec<(Instant, End)>,
    ping_at: Instant,
    ping_every: Duration,
    /// A ping is out that was not answered.
    unanswered_ping: bool,
    /// The model has spoken: the voice is locked.
    voiced: bool,
    responses_begun: u64,
    responses_done: u64,
    /// The tokens that the next response finds in the cache.
    cached: u64,
    meter: Meter,
    /// It is over: nothing is heard any more.
    closed: bool,
}

/// An end that is known beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum End {
    /// The hour is over.
    Expire,
    /// A rehearsed trouble of the server.
    Close,
    /// A rehearsed loss of the connection.
    Drop,
}

impl Session {
    /// Opens a session: `session.created`, or an `error` and a close.
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
            cached: 0,
            meter: Meter::new(now),
            closed: false,
            events,
        };
        match refusal(opening) {
            Some((code, fault)) => session.refuse(code, &fault),
            None if Misbehaviour::on(misbehaviour.no_created) => {}
            None => session.send_settings("session.created", 0),
        }
        session
    }

    /// The next thing for the socket.
    pub(super) fn next_out(&mut self) -> Option<Out> {
        self.events.next()
    }

    /// How much is waiting for the socket.
    pub(super) fn waiting(&self) -> usize {
        self.events.waiting()
    }

    /// A text message of the client.
    pub(super) fn hear_text(&mut self, text: &str, now: Instant) {
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

    /// A binary message of the client: there are none in this protocol.
    pub(super) fn hear_binary(&mut self) {
        if !self.closed {
            self.send_error(&client::binary(), None);
        }
    }

    /// The client answered a ping.
    pub(super) fn hear_pong(&mut self) {
        self.unanswered_ping = false;
    }

    /// When [`Session::tick`] has something to do.
    pub(super) fn deadline(&self) -> Instant {
        let performances = self.performances.iter().map(Performance::next_at);
        let ends = self.ends.iter().map(|(at, _)| *at);
        performances.chain(ends).chain(self.transcripts.next_at()).chain(self.idle_at).fold(self.ping_at, Instant::min)
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Instant) {
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
            // `output_audio_buffer.clear` is for other transports; here there is no such buffer.
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

    fn append(&mut self, audio: &str, now: Instant) -> Result<(), Fault> {
        if audio.len() > MOST_APPENDED / 3 * 4 {
            let message =
                format!("Invalid 'audio': string too long. At most {MOST_APPENDED} bytes can be appended at once.");
            return Err(Fault::request("string_above_max_length", message).at("audio"));
        }
        let mut bytes = switchboard_actors::audio::frame::Frame::take();
        base64_simd::STANDARD.decode_append(audio, &mut *bytes).map_err(|_| {
            Fault::request("invalid_value", "Invalid 'audio'. Expected base64-encoded audio bytes.").at("audio")
        })?;
        self.input.append(&bytes);
        while let Some(heard) = self.input.listen() {
            match heard {
                Heard::SpeechBegan { at_ms } => self.speech_began(at_ms, now),
                Heard::SpeechEnded { at_ms, turn } => self.speech_ended(at_ms, turn, now),
            }
        }
        Ok(())
    }

    fn commit(&mut self, now: Instant) -> Result<(), Fault> {
        let ms = self.input.buffered_ms();
        if ms < 100.0 {
            let message = format!(
                "Error committing input audio buffer: buffer too small. \
                 Expected at least 100ms of audio, but buffer only has {ms:.2}ms of audio."
            );
            return Err(Fault::request("input_audio_buffer_commit_empty", message));
        }
        let turn = self.input.commit();
        let item_id = self.turn_item.take().unwrap_or_else(|| self.events.id("item"));
        self.add_turn(item_id, turn, false, now);
        Ok(())
    }

    fn create_item(&mut self, event: &Value) -> Result<(), Fault> {
        let id = self.events.id("item");
        let item = Item::read(&event["item"], id, self.settings.input_format())?;
        let object = item.object(false);
        let previous = self.conversation.insert(item, event["previous_item_id"].as_str())?;
        let added = json!({"item": object, "previous_item_id": previous});
        self.events.send("conversation.item.added", &added);
        self.events.send("conversation.item.done", &added);
        Ok(())
    }

    fn cancel(&mut self, response_id: Option<&str>, now: Instant) -> Result<(), Fault> {
        let active = self.performances.iter_mut().find(|performance| match response_id {
            Some(id) => performance.id() == id,
            None => performance.in_conversation(),
        });
        let Some(active) = active else {
            let message = "Cancellation failed: no active response found";
            return Err(Fault::request("response_cancel_not_active", message));
        };
        active.cancel(now);
        self.perform(now);
        Ok(())
    }

    fn speech_began(&mut self, at_ms: u64, now: Instant) {
        let item_id = self.events.id("item");
        let started = json!({"audio_start_ms": at_ms, "item_id": item_id});
        self.events.send("input_audio_buffer.speech_started", &started);
        self.turn_item = Some(item_id);
        self.idle_at = None;
        if self.settings.interrupts_responses() {
            self.performances.iter_mut().filter(|it| it.in_conversation()).for_each(|it| it.interrupt(now));
            self.perform(now);
        }
    }

    fn speech_ended(&mut self, at_ms: u64, turn: Sound, now: Instant) {
        let item_id = self.turn_item.take().unwrap_or_else(|| self.events.id("item"));
        let stopped = json!({"audio_end_ms": at_ms, "item_id": item_id});
        self.events.send("input_audio_buffer.speech_stopped", &stopped);
        self.add_turn(item_id, turn, false, now);
        if self.settings.creates_responses()
            && let Err(fault) = self.respond(&Value::Null, now)
        {
            self.send_error(&fault, None);
        }
    }

    /// Commits audio as an item of the caller. What is answered already (silence) is not repeated to the caller.
    fn add_turn(&mut self, item_id: String, turn: Sound, answered: bool, now: Instant) {
        let ms = turn.ms();
        let previous = self.conversation.last_id();
        let committed = json!({"item_id": item_id, "previous_item_id": previous});
        self.events.send("input_audio_buffer.committed", &committed);
        let parts = vec![Part::Audio(AudioPart::heard(turn))];
        let body = Body::Message { role: "user", parts };
        let item = Item { id: item_id.clone(), status: "completed", body, answered };
        let object = item.object(false);
        let previous = self.conversation.push(item);
        let added = json!({"item": object, "previous_item_id": previous});
        self.events.send("conversation.item.added", &added);
        self.events.send("conversation.item.done", &added);
        if let Some(model) = self.settings.transcription_model() {
            let text = self.settings.language().heard(ms);
            self.transcripts.expect(Transcript { item_id, model: model.to_owned(), ms, text }, now);
        }
    }

    fn keep_transcript(&mut self, transcript: &Transcript) {
        if let Some(Item { body: Body::Message { parts, .. }, .. }) = self.conversation.item_mut(&transcript.item_id)
            && let Some(Part::Audio(audio)) = parts.first_mut()
        {
            audio.transcript = Some(transcript.text.clone());
        }
    }

    /// Nobody has said anything for the configured time: what is buffered is committed and the model asked to speak.
    fn prompt_idle_caller(&mut self, now: Instant) {
        self.idle_at = None;
        if self.input.speaking() || self.active().is_some() {
            return;
        }
        let item_id = self.events.id("item");
        let end_ms = self.input.written_ms();
        let silence = self.input.commit();
        let triggered = json!({
            "audio_start_ms": end_ms.saturating_sub(silence.ms()), "audio_end_ms": end_ms, "item_id": item_id,
        });
        self.events.send("input_audio_buffer.timeout_triggered", &triggered);
        self.add_turn(item_id, silence, true, now);
        if let Err(fault) = self.respond(&Value::Null, now) {
            self.send_error(&fault, None);
        }
    }

    fn respond(&mut self, response: &Value, now: Instant) -> Result<(), Fault> {
        let in_conversation = response["conversation"] != "none";
        if in_conversation && let Some(active) = self.active() {
            let message = format!(
                "Conversation already has an active response in progress: {}. \
                 Wait until the response is finished before creating a new one.",
                active.id()
            );
            return Err(Fault::request("conversation_already_has_active_response", message));
        }
        if self.performances.len() >= MOST_RESPONSES {
            return Err(Fault::request("rate_limit_exceeded", "Too many responses at once."));
        }
        let settings = self.settings.for_response(response)?;
        let input = self.input_items(response)?;
        let commission = self.commission(settings, response, input.as_deref(), in_conversation);
        let performance = Performance::begin(commission, &mut self.events, now);
        self.responses_begun += 1;
        self.idle_at = None;
        if self.responses_begun <= self.misbehaviour.fail_responses.unwrap_or_default() {
            performance.fail(&mut self.events);
            self.response_done(Outcome::Failed, 0, in_conversation, now);
            return Ok(());
        }
        if in_conversation {
            self.conversation.mark_answered();
        }
        self.performances.push(performance);
        self.perform(now);
        Ok(())
    }

    fn commission(
        &mut self,
        settings: Value,
        response: &Value,
        input: Option<&[Item]>,
        in_conversation: bool,
    ) -> Commission {
        let format = Format::read(&settings["audio"]["output"]["format"]);
        let items = input.unwrap_or(self.conversation.items());
        let extra = extra_instructions(response, self.settings.instructions());
        let sayings = script::answer(&Ask {
            settings: &settings,
            extra,
            fresh: items.iter().filter(|item| !item.answered).collect(),
            spoken_before: self.conversation.has_assistant_message(),
            language: self.settings.language(),
            format,
        });
        let instructions = settings["instructions"].as_str().map_or(0, text_tokens);
        let mut tokens = self.conversation.tokens();
        tokens.text += instructions + text_tokens(&settings["tools"].to_string());
        let cached = tokens.cached(self.cached);
        self.cached = tokens.total();
        Commission {
            id: self.events.id("resp"),
            conversation_id: in_conversation.then(|| self.conversation_id.clone()),
            settings,
            format,
            sayings,
            input: (tokens, cached),
            pace: self.pace,
        }
    }

    /// The items of `response.input`, which stand in the place of the conversation.
    fn input_items(&mut self, response: &Value) -> Result<Option<Vec<Item>>, Fault> {
        let Some(input) = response["input"].as_array() else { return Ok(None) };
        let format = self.settings.input_format();
        let mut items = Vec::with_capacity(input.len());
        for (n, object) in input.iter().enumerate() {
            if object["type"] == "item_reference" {
                let id = object["id"].as_str().unwrap_or_default();
                let item = self.conversation.item_mut(id).ok_or_else(|| {
                    let message = format!("Item with id '{id}' not found.");
                    Fault::request("invalid_value", message).at(format!("response.input[{n}].id"))
                })?;
                items.push(Item { answered: false, ..item.clone() });
            } else {
                let id = self.events.id("item");
                items.push(Item::read(object, id, format)?);
            }
        }
        Ok(Some(items))
    }

    fn active(&self) -> Option<&Performance> {
        self.performances.iter().find(|performance| performance.in_conversation())
    }

    /// Lets every running response say what is due.
    fn perform(&mut self, now: Instant) {
        for mut performance in std::mem::take(&mut self.performances) {
            if performance.next_at() > now {
                self.performances.push(performance);
                continue;
            }
            let mut stage = Stage { conversation: &mut self.conversation, events: &mut self.events };
            let done = performance.step(&mut stage, now);
            self.voiced |= performance.deltas() > 0;
            if let Some((outcome, audio_ms)) = done {
                self.response_done(outcome, audio_ms, performance.in_conversation(), now);
                continue;
            }
            let halfway = performance.deltas() >= 3;
            self.performances.push(performance);
            if halfway && self.misbehaviour.drop_in_response == Some(self.responses_begun) {
                self.end(End::Drop);
                return;
            }
        }
    }

    fn response_done(&mut self, outcome: Outcome, audio_ms: u64, in_conversation: bool, now: Instant) {
        let limits = self.meter.count(if outcome == Outcome::Failed { 0 } else { self.cached }, now);
        self.events.send("rate_limits.updated", &json!({"rate_limits": limits}));
        self.responses_done += 1;
        if self.misbehaviour.stall_after_responses == Some(self.responses_done) {
            self.events.stall();
        }
        if in_conversation && outcome == Outcome::Completed {
            // The caller is silent from the moment the answer has been played, not from the moment it was sent.
            let idle = self.settings.idle_timeout_ms();
            self.idle_at = idle.map(|ms| now + Duration::from_millis(ms + audio_ms));
        }
    }

    fn ping(&mut self, now: Instant) {
        if self.unanswered_ping && Misbehaviour::on(self.misbehaviour.require_pong) {
            self.closed = true;
            self.events.close(1011, "keepalive ping timeout");
            return;
        }
        self.unanswered_ping = true;
        self.events.ping();
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

    fn refuse(&mut self, code: u16, fault: &Fault) {
        self.closed = true;
        self.send_error(fault, None);
        self.events.close(code, &format!("{}.{}", fault.kind, fault.code));
    }

    fn send_settings(&mut self, kind: &str, least_bytes: u64) {
        let mut session = self.settings.object(&self.id, self.expires_at);
        if least_bytes > 0 {
            let padding = "\n[rehearsed length]".repeat(least_bytes as usize / 19 + 1);
            session["instructions"] = json!(format!("{}{padding}", self.settings.instructions()));
        }
        self.events.send(kind, &json!({"session": session}));
    }

    fn send_error(&mut self, fault: &Fault, client_event: Option<&str>) {
        self.events.send("error", &json!({"error": fault.object(client_event)}));
    }
}

/// What a response's instructions add to the session's (which they replace), and its metadata.
fn extra_instructions(response: &Value, session: &str) -> String {
    let own = response["instructions"].as_str().unwrap_or_default();
    let mut extra = if session.is_empty() { own.to_owned() } else { own.replacen(session, "", 1) };
    for value in response["metadata"].as_object().into_iter().flat_map(|metadata| metadata.values()) {
        extra.push('\n');
        extra.push_str(value.as_str().unwrap_or_default());
    }
    extra
}

/// Why a connection is not served, and the code it is closed with.
fn refusal(opening: &Opening) -> Option<(u16, Fault)> {
    if let Some(code) = opening.misbehaviour.reject {
        let code = u16::try_from(code).unwrap_or(1011);
        let fault = match code {
            3000 => Fault::request("invalid_api_key", "Incorrect API key provided: rehearsal."),
            4000 => Fault::request("invalid_model", "Model is not supported in realtime mode.").at("model"),
            4004 => Fault::request("model_not_found", "The model does not exist or you do not have access to it."),
            1013 => Fault {
                kind: "insufficient_quota",
                ..Fault::request("credit_balance_exhausted", "You exceeded your current quota.")
            },
            _ => Fault { kind: "server_error", ..Fault::request("server_error", "The server had an error.") },
        };
        return Some((code, fault));
    }
    if opening.beta {
        let message = "The Realtime Beta API is no longer supported. Please use the GA API.";
        return Some((4000, Fault::request("beta_api_shape_disabled", message)));
    }
    match opening.model.as_deref() {
        None | Some("") => {
            Some((4000, Fault::request("missing_model", "You must provide a model parameter.").at("model")))
        }
        Some(_) => None,
    }
}

/// As often as the real server.
const PING_EVERY: Duration = Duration::from_secs(20);
/// The most audio of one append, in bytes.
const MOST_APPENDED: usize = 15 * 1024 * 1024;
/// Running responses: one of the conversation, the others out of band.
const MOST_RESPONSES: usize = 8;

#[cfg(test)]
mod tests;
