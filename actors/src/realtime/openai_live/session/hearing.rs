//! Handles the server's events.

use std::time::Instant;

use super::caller::TurnEvent;
use super::voice::VoiceEvent;
use super::words::SaidEvent;
use super::work::TINY;
use super::{LONGEST_SAID, MOST_MALFORMED, Phase, Session, SessionAction, complain, send};
use crate::complaints::redacted;
use crate::frame::Frame;
use crate::ids::{ItemId, Private, ResponseId, ToolCallId};
use crate::line::messages::{FromModel, ItemComplete};
use crate::realtime::messages::{ResponsePurpose, ResponseRequest};
use crate::realtime::openai_live::failure::{clipped, is_fatal, is_moderation, loss_before_start, loss_of_end};
use crate::realtime::openai_live::plan::Delegation;
use crate::realtime::openai_live::protocol::EventId;
use crate::realtime::openai_live::protocol::client::{Append, ClientEvent, Format};
use crate::realtime::openai_live::protocol::server::{self, ErrorInfo, Fragment, Nested, ServerEvent, SessionInfo};
use crate::realtime::report::{LossClass, ModelReport, ResponseOutcome, Speaker, ToolCall, Words};

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
                    Err(_) => return self.not_understood(&problem.to_string(), out),
                }
            }
        };
        match event {
            S::Audio(audio) => return self.hear_audio(&audio, now, out),
            S::Other(kind) => return log::trace!(kind = &*kind; "event of no use"),
            S::Started(session) => self.started(&session, now, out),
            S::CallerWords(words) => self.hear_caller_words(&words, now, out),
            S::AgentWords(words) => self.hear_agent_words(words, now, out),
            S::Appended { about } => self.appended(about.as_deref(), out),
            S::Delegated { id, hosted } => self.delegated(&id, hosted, now),
            S::Nested(nested) => self.hear_nested(nested, now, out),
            S::Used(seconds) => {
                self.meter.served(seconds.unwrap_or_default());
                self.charge(out);
            }
            S::Error(error) => self.refused(&error, now, out),
            S::Closed { reason, seconds } => self.closed(&reason, seconds, out),
            S::Updated => {}
        }
        self.malformed = 0;
    }

    fn started(&mut self, info: &SessionInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        // A repeated event in the middle of a session has no meaning.
        if !matches!(self.phase, Phase::Starting(_)) {
            return;
        }
        if let Some(problem) = self.other_format(info) {
            return self.close_and_lose(LossClass::Fatal, &problem, out);
        }
        out.extend(info.expires_at.map(SessionAction::ExpiresAt));
        self.run(clipped(&info.id), now, out);
    }

    /// The server's audio format, if it differs from the requested one. Such a call would be noise.
    fn other_format(&self, info: &SessionInfo<'_>) -> Option<String> {
        let asked = self.plan.format;
        let name = Format::of(asked).name();
        let same_kind = info.format.as_deref().is_none_or(|kind| kind.eq_ignore_ascii_case(name));
        let same = same_kind && info.rate.is_none_or(|rate| rate == u64::from(asked.rate_hz));
        (!same).then(|| {
            let got = clipped(info.format.as_deref().unwrap_or_default());
            format!("the server took `{got}` at {:?} Hz, asked for `{name}` at {} Hz", info.rate, asked.rate_hz)
        })
    }

    /// Handles a piece of the stream. This is the hot path: it allocates nothing once the frame
    /// pool is warm.
    fn hear_audio(&mut self, audio: &str, now: Instant, out: &mut Vec<SessionAction>) {
        let Ok(audio) = Frame::of_base64(audio) else {
            return self.not_understood("audio that is not base64", out);
        };
        self.malformed = 0;
        if !matches!(self.phase, Phase::Running) || audio.is_empty() {
            return;
        }
        self.sounded = now;
        let mut events = std::mem::take(&mut self.voiced);
        self.voice.hear(&audio, &self.name, now, &mut events);
        for event in events.drain(..) {
            self.voiced(event, now, out);
        }
        self.voiced = events;
        self.tell_words(now, out);
    }

    /// Reports what became of the stream.
    pub(super) fn voiced(&mut self, event: VoiceEvent, now: Instant, out: &mut Vec<SessionAction>) {
        match event {
            VoiceEvent::Began { response, at_ms } => {
                let Some((_, item)) = self.voice.names() else { return };
                let item = item.clone();
                self.transcript.began(&response, &item, at_ms, now);
                self.wishes.onset();
                (self.owed_since, self.listen_until) = (None, None);
                out.push(SessionAction::Report(ModelReport::ResponseStarted { response: response.clone() }));
                self.place(&item, Speaker::Agent, out);
                out.push(SessionAction::Report(ModelReport::FirstAudio { response }));
            }
            VoiceEvent::Audio { response, item, audio } => {
                out.push(SessionAction::ToAudio(FromModel { response, item, audio }));
            }
            VoiceEvent::Ended { response, item } => {
                self.segment_ended(response, item, ResponseOutcome::Completed, now, out);
            }
            VoiceEvent::CaughtUp(ms) => {
                complain("audio_caught_up", &format!("{ms} ms of silence in late audio were left out"), out);
            }
            VoiceEvent::Dropped(ms) => complain("audio_late", &format!("{ms} ms of late words were dropped"), out),
        }
    }

    pub(super) fn segment_ended(
        &mut self,
        response: ResponseId,
        item: ItemId,
        outcome: ResponseOutcome,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        let mut said = Vec::new();
        self.transcript.ended(self.voice.ms(), self.voice.places(), &mut said);
        self.told_words(said, out);
        out.push(SessionAction::Complete(ItemComplete { response: response.clone(), item }));
        out.push(SessionAction::Report(ModelReport::ResponseFinished { response, outcome, usage: None }));
        self.wishes.spoken(now);
    }

    fn hear_agent_words(&mut self, words: Fragment<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        if !words.text.is_empty() {
            // A fragment without an end has the length of the grid.
            let place = words.start_ms.map(|start| (start, words.end_ms.unwrap_or(start + GRID_MS)));
            self.transcript.heard(words.text.into_owned(), place, now);
            self.tell_words(now, out);
        }
    }

    fn tell_words(&mut self, _now: Instant, out: &mut Vec<SessionAction>) {
        let mut said = Vec::new();
        self.transcript.claim(self.voice.ms(), self.voice.places(), &mut said);
        self.told_words(said, out);
    }

    fn told_words(&self, said: Vec<SaidEvent>, out: &mut Vec<SessionAction>) {
        out.extend(said.into_iter().map(|event| {
            SessionAction::ToWords(match event {
                SaidEvent::Piece(response, item, delta, span) => Words::AgentSays { response, item, delta, span },
                SaidEvent::Whole(response, item, text) => Words::AgentSaid { response, item, text },
            })
        }));
    }

    fn hear_caller_words(&mut self, words: &Fragment<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        if words.text.is_empty() || !matches!(self.phase, Phase::Running) && !self.is_ending() {
            return;
        }
        let (number, name) = (&mut self.last_turn, &self.name);
        let place = words.start_ms.zip(words.end_ms);
        let reported = self.caller.words(&words.text, place, self.clock.ms(), now, || next_turn(number, name));
        let Some((item, is_new)) = reported else {
            return complain("phantom_words", "words of the caller without a voice were dropped", out);
        };
        if is_new {
            out.push(SessionAction::Report(ModelReport::SpeechStarted { item: item.clone() }));
            self.place(&item, Speaker::Caller, out);
            out.push(SessionAction::Report(ModelReport::SpeechStopped { item: item.clone() }));
        }
        let text = Private::new(words.text.clone().into_owned());
        out.push(SessionAction::Report(ModelReport::CallerWords { item, text, last: false }));
    }

    /// Reports what has become of the caller's turns.
    pub(super) fn follow_turns(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        loop {
            let (number, name) = (&mut self.last_turn, &self.name);
            let Some(event) = self.caller.poll(self.clock.ms(), now, || next_turn(number, name)) else { return };
            self.turned(event, now, out);
        }
    }

    fn turned(&mut self, event: TurnEvent, now: Instant, out: &mut Vec<SessionAction>) {
        match event {
            TurnEvent::Began(item) => {
                (self.listen_until, self.owed_since) = (None, None);
                out.push(SessionAction::Report(ModelReport::SpeechStarted { item: item.clone() }));
                self.place(&item, Speaker::Caller, out);
            }
            TurnEvent::Ended(item) => {
                if !self.voice.sounds() {
                    self.owed_since = Some(now);
                }
                out.push(SessionAction::Report(ModelReport::SpeechStopped { item }));
            }
            TurnEvent::Reported(item, text) => {
                if text.is_empty() && self.owed_since.take().is_some() && !self.caller.is_awaited() {
                    // The turn was noise, and the model will not answer it.
                    out.push(SessionAction::Report(ModelReport::NothingOwed));
                }
                self.turn_transcribed(item, text, out);
            }
        }
    }

    fn turn_transcribed(&mut self, item: ItemId, text: String, out: &mut Vec<SessionAction>) {
        if self.said.len() + text.len() > LONGEST_SAID {
            self.said.clear();
        }
        self.said.push_str(&text);
        self.said.push(' ');
        let reported = Private::new(text.clone());
        out.push(SessionAction::Report(ModelReport::CallerWords { item: item.clone(), text: reported, last: true }));
        out.push(SessionAction::ToWords(Words::CallerSaid { item, text: Some(text) }));
    }

    /// Reports the turns whose words pass `is_reported`, because the session ends.
    pub(super) fn last_words(&mut self, is_reported: fn(&str) -> bool, out: &mut Vec<SessionAction>) {
        for event in self.caller.finish() {
            if let TurnEvent::Reported(item, text) = event
                && is_reported(&text)
            {
                self.turn_transcribed(item, text, out);
            }
        }
    }

    fn delegated(&mut self, id: &str, hosted: bool, now: Instant) {
        let ours = matches!(self.plan.delegation, Delegation::Client { .. });
        if ours && !hosted && matches!(self.phase, Phase::Running) {
            self.work.handed(id, now);
        }
        // The voice works on an answer; how long that takes is the work's matter.
        self.owed_since = self.owed_since.map(|_| now);
    }

    fn hear_nested(&mut self, nested: Nested<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        match nested {
            Nested::Created { response } => {
                self.work.began(&response);
                self.wishes.works();
            }
            Nested::Called { call, name, arguments } => {
                if !self.work.called(&call, now) {
                    return;
                }
                let response = ResponseId::new(&format!("{}_work", self.name));
                let (id, name, arguments) = (ToolCallId::new(&call), name.into_owned(), arguments.into_owned());
                out.push(SessionAction::Report(ModelReport::ToolCalled(ToolCall { response, id, name, arguments })));
            }
            Nested::Ended { response, completed, usage, error } => {
                let lost = self.work.ended(&response, completed);
                self.charge(out);
                self.charge_work(usage, out);
                self.owed_since = self.owed_since.map(|_| now);
                if !completed {
                    self.work_failed(&error, &lost, out);
                }
            }
            Nested::Other => {}
        }
    }

    /// The work behind the voice failed. Tools that ran all the same are reported to the caller.
    fn work_failed(&mut self, error: &ErrorInfo<'_>, lost: &[String], out: &mut Vec<SessionAction>) {
        complain(&redacted(error.word()), &redacted(error.text()), out);
        let reported = match lost.is_empty() {
            true => "What the caller asked for could not be done. Say so briefly and offer to try again.".to_owned(),
            false => format!("Tell the caller this result in your own words: {}", lost.join(" ")),
        };
        self.wish(ResponseRequest { purpose: ResponsePurpose::ToolResult, instructions: Some(reported) }, out);
    }

    fn closed(&mut self, reason: &str, seconds: Option<f64>, out: &mut Vec<SessionAction>) {
        self.meter.served(seconds.unwrap_or_default());
        if self.is_ending() {
            return self.end(out);
        }
        self.lose(loss_of_end(reason), out);
    }

    fn refused(&mut self, error: &ErrorInfo<'_>, now: Instant, out: &mut Vec<SessionAction>) {
        // The text may repeat what the server received. Only the debug log gets it unchanged; the
        // report gets it redacted.
        log::debug!(message = error.text(); "the model's server complained");
        let (code, text) = (redacted(error.word()), redacted(error.text()));
        match self.phase {
            Phase::Starting(_) | Phase::Prepared => return self.lose(loss_before_start(error), out),
            // Appends that found no place are reported at the end, and nothing else matters then.
            Phase::Lingering(_) | Phase::Closing(_) | Phase::Dialling | Phase::Over => return,
            Phase::Running => {}
        }
        if is_fatal(error) {
            return self.close_and_lose(LossClass::Fatal, &format!("{code}: {text}"), out);
        }
        complain(&code, &text, out);
        if is_moderation(error) {
            let reported = "Your last words were withheld. Apologise briefly and offer to help with something else.";
            let instructions = Some(reported.to_owned());
            return self.wish(ResponseRequest { purpose: ResponsePurpose::Spoken, instructions }, out);
        }
        match error.about.as_deref().and_then(EventId::parse) {
            Some(EventId::Append(number)) => self.append_refused(number, &code, now, out),
            Some(EventId::Output(number)) => self.output_refused(number, out),
            Some(EventId::Start | EventId::Update(_) | EventId::Audio(_) | EventId::GoOn(_) | EventId::Close)
            | None => {}
        }
    }

    /// The server did not take a result. The call gets the smallest one, so that it does not stay
    /// open.
    fn output_refused(&mut self, number: u64, out: &mut Vec<SessionAction>) {
        let Some(call) = self.work.refused(number) else {
            let reported =
                "Something went wrong on our side. Apologise briefly and offer to connect the caller to a person.";
            let instructions = Some(reported.to_owned());
            return self.wish(ResponseRequest { purpose: ResponsePurpose::Spoken, instructions }, out);
        };
        self.give_output(&call, TINY, out);
    }

    pub(super) fn not_understood(&mut self, problem: &str, out: &mut Vec<SessionAction>) {
        self.malformed += 1;
        if self.malformed > MOST_MALFORMED {
            self.lose_for(LossClass::Retryable, "the server is not understood", out);
        } else {
            complain("unreadable_event", problem, out);
        }
    }

    /// Begins delegations to us, and tells the model of those that take a while.
    pub(super) fn begin_delegations(&mut self, now: Instant, out: &mut Vec<SessionAction>) {
        let settled = !self.caller.is_awaited();
        while let Some(id) = self.work.begin_next(settled, now) {
            let said = std::mem::take(&mut self.said);
            let request = format!("{said}{}", self.caller.unsettled());
            let Delegation::Client { tool: Some(name) } = &self.plan.delegation else {
                self.work.forget(&id);
                let reported =
                    "No tool is available for this. Answer from what you know, or say that you cannot help with it.";
                self.append(ClientEvent::Commentary, reported, Some(&id), out);
                continue;
            };
            let arguments = serde_json::json!({"request": request.trim()}).to_string();
            let (response, name) = (ResponseId::new(&format!("{}_work", self.name)), name.clone());
            let id = ToolCallId::new(&id);
            out.push(SessionAction::Report(ModelReport::ToolCalled(ToolCall { response, id, name, arguments })));
        }
        for id in self.work.announce(now) {
            let number = self.next_number();
            let reported = "The work on this has begun. Its result follows; do not repeat that you are checking.";
            send(&ClientEvent::Thinking(Append::new(number, reported, Some(&id))), out);
        }
    }
}

fn next_turn(number: &mut u64, name: &str) -> ItemId {
    *number += 1;
    ItemId::new(&format!("{name}_c{number}"))
}

/// The grid of the transcripts, in ms.
const GRID_MS: u64 = 200;
