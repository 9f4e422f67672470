//! Handles the server's events.

use std::borrow::Cow;
use std::time::Instant;

use super::failure::{self, class_of_error, failure_of};
use super::missed::remedy_of;
use super::{MOST_SOUNDED, Malformed, Phase, Session, SessionAction, complain, send};
use crate::complaints::{USAGE_UNREADABLE, redacted};
use crate::frame::Frame;
use crate::ids::{ItemId, ResponseId, ToolCallId};
use crate::incident::IncidentKind;
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::openai::protocol::client::{ClientEvent, Format, Session as SessionConfig};
use crate::realtime::openai::protocol::server::{
    self, Delta, FormatInfo, ItemPlaced, OutputItem, ResponseInfo, ServerEvent, SessionInfo, WordsDone,
};
use crate::realtime::openai::protocol::{EventId, usage};
use crate::realtime::openai::sequencer::SequencerEvent;
use crate::realtime::report::{LossClass, ModelReport, ResponseOutcome, Speaker, Usage, Words};

impl Session {
    /// Handles one message of the server.
    pub(super) fn hear(&mut self, text: &str, now: Instant, out: &mut Vec<SessionAction>) {
        use ServerEvent as S;
        let mended;
        let event = match ServerEvent::parse(text) {
            Ok(event) => event,
            Err(problem) => {
                mended = server::mended(text).unwrap_or_default();
                match ServerEvent::parse(&mended) {
                    Ok(event) => event,
                    Err(_) => return self.malformed(&problem.to_string(), out),
                }
            }
        };
        // Audio counts as readable only once it is decoded, and an unknown event never does.
        if !matches!(event, S::AudioDelta(_) | S::Other(_)) {
            self.malformed.events = 0;
        }
        match event {
            S::AudioDelta(delta) => self.hear_audio(&delta, now, out),
            S::WordsDelta(delta) => self.hear_words(delta, now, out),
            S::WordsDone(done) => self.hear_all_words(&done, out),
            S::AudioDone(part) => {
                let (response, item) = self.named(&part.response_id, &part.item_id);
                self.audio_complete(&response, &item, out);
            }
            S::SessionCreated(session) => self.created(&session, now, out),
            // Some servers open a session so.
            S::ConversationCreated => self.created(&SessionInfo::default(), now, out),
            S::SessionUpdated(session) => self.updated(&session, now, out),
            S::Error(error) => self.refused(&error, now, out),
            S::SpeechStarted(speech) => {
                let item = self.seen(&speech.item_id);
                self.turns.began(&item, self.unanswered);
                (self.listen_until, self.unanswered) = (None, false);
                self.overtaken.caller_spoke();
                out.push(SessionAction::Report(ModelReport::SpeechStarted { item }));
                self.sequence(SequencerEvent::CallerSpoke, now, out);
            }
            S::SpeechStopped(speech) => {
                let item = self.seen(&speech.item_id);
                self.says_stopped = true;
                self.turns.ended(&item, self.settings.transcribes());
                self.unanswered = self.plan.turn_detection.answers();
                out.push(SessionAction::Report(ModelReport::SpeechStopped { item }));
            }
            S::Committed(turn) => {
                self.turns.ended(&ItemId::new(&turn.item_id), self.settings.transcribes());
                self.place(&turn.item_id, Speaker::Caller, turn.previous_item_id.as_deref(), out);
            }
            S::ItemPlaced(placed) => self.item_placed(&placed, now, out),
            S::CallerWordsDelta(delta) => self.hear_caller(&delta, out),
            S::CallerWordsSoFar(turn) => self.caller_words_so_far(&turn.item_id, &turn.transcript, out),
            S::CallerTranscribed(turn) if turn.goes_on => {
                self.caller_words_so_far(&turn.item_id, &turn.transcript, out);
            }
            S::CallerTranscribed(turn) => {
                let usage = turn.usage;
                self.caller_transcribed(&turn.item_id, turn.transcript.into_owned(), now, out);
                out.extend(usage.map(ModelReport::TranscriptionUsed).map(SessionAction::Report));
            }
            S::TranscriptionFailed(turn) => self.transcription_failed(&turn.item_id, out),
            S::ResponseCreated(response) => self.response_created(&response, now, out),
            S::ResponseDone(response) => self.response_done(&response, now, out),
            S::OutputItemAdded(output) => {
                if let Some(item) = output.item.id.as_deref().filter(|id| !id.is_empty()) {
                    self.seen(item);
                }
                let response = self.response_named(&output.response_id);
                self.sequencer.stirred(&response, now);
            }
            S::OutputItemDone(output) => self.output_item_done(&output, now, out),
            S::ArgumentsDone(arguments) => self.keep_loose(arguments, now),
            S::Warning(warning) => complain(&redacted(warning.word()), &redacted(warning.text()), out),
            S::Other(kind) => log::trace!(kind = &*kind; "event of no use"),
        }
    }

    /// Handles a piece of audio. This is the hot path: it allocates nothing once the frame pool is
    /// warm.
    fn hear_audio(&mut self, delta: &Delta<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let Ok(audio) = Frame::of_base64(&delta.delta).or_else(|_| Frame::of_loose_base64(&delta.delta)) else {
            return self.malformed_audio(out);
        };
        self.malformed = Malformed::default();
        let (response, item) = self.named(&delta.response_id, &delta.item_id);
        self.sequencer.stirred(&response, now);
        if audio.is_empty() {
            return;
        }
        self.begins_unsaid(&response, now, out);
        let (response, item) = self.items.ids(&response, &item);
        if self.overtaken.holds(response.as_str()) {
            return;
        }
        self.items.add_audio(&item, audio.len());
        self.loudness.hear(&response, &audio, self.plan.format);
        self.note_first_audio(&response, out);
        let heard = response.clone();
        out.push(SessionAction::ToAudio(FromModel { response, item, audio }));
        self.check_level(&heard, now, out);
    }

    /// Reports the first audio once per response. A late delta of a cancelled response is not
    /// reported.
    fn note_first_audio(&mut self, response: &ResponseId, out: &mut Vec<SessionAction>) {
        if self.sounded.contains(response) {
            return;
        }
        if self.sounded.len() >= MOST_SOUNDED {
            self.sounded.pop_front();
        }
        self.sounded.push_back(response.clone());
        out.push(SessionAction::Report(ModelReport::FirstAudio { response: response.clone() }));
    }

    fn hear_words(&mut self, delta: Delta<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let (response, item) = self.named(&delta.response_id, &delta.item_id);
        self.sequencer.stirred(&response, now);
        if delta.delta.is_empty() {
            return;
        }
        self.begins_unsaid(&response, now, out);
        let (response, item) = self.items.ids(&response, &item);
        if self.overtaken.holds(response.as_str()) {
            return;
        }
        let delta = delta.delta.into_owned();
        out.push(SessionAction::ToWords(Words::AgentSays { response, item, delta, span: None }));
    }

    fn hear_all_words(&mut self, done: &WordsDone<'_>, out: &mut Vec<SessionAction>) {
        // The words of the earlier pieces remain.
        let Some(text) = &done.transcript else { return };
        let (response, item) = self.named(&done.response_id, &done.item_id);
        let (response, item) = self.items.ids(&response, &item);
        if self.overtaken.holds(response.as_str()) {
            return;
        }
        let text = self.items.say(&item, done.content_index.unwrap_or_default(), text);
        out.push(SessionAction::ToWords(Words::AgentSaid { response, item, text }));
    }

    fn audio_complete(&mut self, response: &str, item: &str, out: &mut Vec<SessionAction>) {
        let (response, item) = self.items.ids(response, item);
        if self.items.complete_audio(&item) {
            out.push(SessionAction::Complete(ItemComplete { response, item }));
        }
    }

    fn created(&mut self, info: &SessionInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        // A repeated event in the middle of a session has no meaning.
        if let Phase::AwaitUpdated { session, .. } = &mut self.phase
            && session.is_empty()
        {
            // The server opened the session with another event.
            session.push_str(info.id.as_deref().unwrap_or_default());
            out.extend(info.expires_at.map(SessionAction::ExpiresAt));
        }
        let Phase::AwaitCreated { complaint, .. } = &mut self.phase else { return };
        let (complaint, session) = (complaint.take(), info.id.as_deref().unwrap_or_default().to_owned());
        let update = EventId::Configure(self.next_number());
        out.extend(info.expires_at.map(SessionAction::ExpiresAt));
        let config = SessionConfig::fresh(&self.common, &self.plan);
        send(&ClientEvent::SessionUpdate { event_id: update, session: config }, out);
        self.phase = Phase::AwaitUpdated { since: now, update, session, complaint };
    }

    fn updated(&mut self, info: &SessionInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        if self.is_ready() {
            return self.settings.accepted();
        }
        let Phase::AwaitUpdated { session, .. } = &mut self.phase else { return };
        let session = std::mem::take(session);
        if let Some(problem) = self.other_format(info) {
            return self.lose_for(LossClass::Fatal, &problem, out);
        }
        self.first_ping(now, out);
        if self.standby {
            self.phase = Phase::Prepared { session };
            return out.push(SessionAction::Prepared);
        }
        self.phase = Phase::Ready;
        out.push(SessionAction::Report(ModelReport::Ready { session, setup: now - self.since }));
        for order in std::mem::take(&mut self.pending_orders) {
            self.ordered(order, now, out);
        }
    }

    /// The server's audio format, if it differs from the requested one. Such a call would be noise.
    fn other_format(&self, info: &SessionInfo<'_>) -> Option<String> {
        let asked = Format::of(self.plan.format);
        let differs = |format: &Option<FormatInfo<'_>>| {
            let format = format.as_ref()?;
            let same_kind = format.kind.eq_ignore_ascii_case(asked.kind);
            let same = same_kind && format.rate.is_none_or(|rate| rate == self.plan.format.rate_hz);
            (!same).then(|| format!("{} at {:?} Hz", failure::clipped(&format.kind), format.rate))
        };
        let (direction, got) = differs(&info.input)
            .map(|got| ("input", got))
            .or_else(|| differs(&info.output).map(|got| ("output", got)))?;
        Some(format!("the server took {got} for its {direction}, asked for {} at {:?} Hz", asked.kind, asked.rate))
    }

    fn item_placed(&mut self, placed: &ItemPlaced<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let kind = placed.item.kind.as_deref().unwrap_or_default();
        if kind == "function_call_output"
            && let Some(call) = placed.item.call_id.as_deref()
        {
            self.sequence(SequencerEvent::OutputPlaced(ToolCallId::new(call)), now, out);
        }
        let Some(id) = placed.item.id.as_deref().filter(|id| !id.is_empty()) else { return };
        // Every item has a place in the chain. Only items of the caller and of the agent belong to
        // the record.
        let speaker = match placed.item.role.as_deref() {
            _ if self.items.is_ours(&ItemId::new(id)) => Speaker::System,
            Some("user") => Speaker::Caller,
            Some("assistant") => Speaker::Agent,
            _ => Speaker::System,
        };
        self.place(id, speaker, placed.previous_item_id.as_deref(), out);
    }

    pub(super) fn place(&mut self, item: &str, speaker: Speaker, previous: Option<&str>, out: &mut Vec<SessionAction>) {
        let item = ItemId::new(item);
        let named = previous.filter(|id| !id.is_empty() && *id != "root").map(ItemId::new);
        let previous = if self.plan.dialect.chained { named } else { self.placed_before(&item) };
        if self.items.place(&item, previous.as_ref()) {
            self.last_placed = Some(item.clone());
            out.push(SessionAction::ToWords(Words::Placed { item, speaker, previous }));
        }
    }

    pub(super) fn response_created(&mut self, response: &ResponseInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let id = ResponseId::new(&response.id);
        let request = response.request;
        self.stops_unsaid(request, out);
        self.unanswered = false;
        if self.begun.len() >= MOST_SOUNDED {
            self.begun.pop_front();
        }
        self.begun.push_back(id.clone());
        if !self.begins_overtaken(&id, request, out) {
            out.push(SessionAction::Report(ModelReport::ResponseStarted { response: id.clone() }));
        }
        self.sequence(SequencerEvent::Created { response: id, request }, now, out);
    }

    fn response_done(&mut self, response: &ResponseInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let id = ResponseId::new(&self.response_named(&response.id));
        self.forget_overtaken(&id, out);
        for item in self.items.finish(&id) {
            out.push(SessionAction::Complete(ItemComplete { response: id.clone(), item }));
        }
        let outcome = outcome_of(response);
        if outcome == ResponseOutcome::Completed {
            self.calls_of(response, &id, now, out);
        }
        self.loose_calls.retain(|call| call.response != id.as_str());
        let missed = self.missed(response, &id, &outcome);
        let (failure, fatal) = match &outcome {
            ResponseOutcome::Failed(_) => {
                let error = &response.error;
                (
                    Some(failure_of(error)),
                    class_of_error(error).map(|class| (class, failure::clipped(&redacted(error.word())))),
                )
            }
            ResponseOutcome::Completed | ResponseOutcome::Cancelled | ResponseOutcome::Incomplete(_) => {
                (missed.map(remedy_of), None)
            }
        };
        let usage = if self.is_charged_by_tokens() {
            response.usage.or_else(|| self.estimated(&id, out))
        } else {
            self.charge(now, out);
            None
        };
        let finished = ModelReport::ResponseFinished { response: id.clone(), outcome, usage };
        if let Some((class, code)) = fatal {
            out.push(SessionAction::Report(finished));
            return self.lose_for(class, &format!("a response failed with {code}"), out);
        }
        if missed == Some(IncidentKind::AnswerSilent) {
            self.mute_items(&id, out);
        }
        let reports_at = out.len();
        let (request, response) = (response.request, id.clone());
        self.sequence(SequencerEvent::Done { response, request, failure }, now, out);
        // The report stands before the response's end, so that the call never believes that no
        // answer is due.
        let again = self.sequencer.owes();
        let missed = missed.filter(|kind| again || *kind != IncidentKind::AnswerFailed);
        let missed = missed.map(|kind| ModelReport::AnswerMissed { response: id, kind, again });
        out.splice(reports_at..reports_at, missed.into_iter().chain([finished]).map(SessionAction::Report));
    }

    fn output_item_done(&mut self, output: &OutputItem<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        let named = self.response_named(&output.response_id);
        self.sequencer.stirred(&named, now);
        let response = ResponseId::new(&named);
        // An item without a status may be half a call. The end of the response decides.
        if output.item.status.as_deref() == Some("completed") {
            self.tool_called(&response, &output.item, now, out);
        }
        if let Some(item) = output.item.id.as_deref().filter(|id| !id.is_empty()) {
            self.audio_complete(&named, item, out);
        }
    }

    /// The response that the server names, or the running one if it names none.
    pub(super) fn response_named<'r>(&self, named: &'r str) -> Cow<'r, str> {
        match self.sequencer.running() {
            Some(running) if named.is_empty() => Cow::Owned(running.as_str().to_owned()),
            _ => Cow::Borrowed(named),
        }
    }

    /// The response and the item that the server names. An unnamed item gets a name derived from
    /// its response.
    fn named<'r>(&self, response: &'r str, item: &'r str) -> (Cow<'r, str>, Cow<'r, str>) {
        let response = self.response_named(response);
        let item = if item.is_empty() { Cow::Owned(format!("item_of_{response}")) } else { Cow::Borrowed(item) };
        (response, item)
    }

    /// The estimated usage of an answer with audio, for a server that reports no readable usage.
    fn estimated(&self, response: &ResponseId, out: &mut Vec<SessionAction>) -> Option<Usage> {
        let bytes_per_ms = self.plan.format.bytes_per_ms().max(1);
        let answered = (self.items.sound_of(response) / bytes_per_ms) as u64;
        if answered == 0 {
            return None;
        }
        complain(
            USAGE_UNREADABLE,
            "the usage of an answer that sounded cannot be read: it is estimated by its sound",
            out,
        );
        Some(usage::estimated(self.sent_bytes / bytes_per_ms as u64, answered))
    }

    pub(super) fn seen(&mut self, item: &str) -> ItemId {
        let item = ItemId::new(item);
        self.items.saw(&item);
        item
    }
}

fn outcome_of(response: &ResponseInfo<'_>) -> ResponseOutcome {
    let reason = response.reason.as_deref().unwrap_or_default();
    match response.status.as_deref() {
        Some("cancelled" | "canceled") => ResponseOutcome::Cancelled,
        // Some servers report an interrupted response as incomplete.
        Some("incomplete") if matches!(reason, "turn_detected" | "client_cancelled") => ResponseOutcome::Cancelled,
        Some("incomplete") => ResponseOutcome::Incomplete(failure::clipped(&redacted(reason))),
        Some("failed") => ResponseOutcome::Failed(failure::clipped(&redacted(response.error.word()))),
        // A server that omits the status reports no problem.
        _ => ResponseOutcome::Completed,
    }
}
