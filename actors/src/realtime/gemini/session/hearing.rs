//! Handles the server's messages. The fields of one message are handled in a fixed order, which is
//! the order in which they happen: what was heard, an interruption, what is said, and ends.

use std::time::Instant;

use super::health::Unreadables;
use super::{Phase, Session, SessionAction};
use crate::ids::Private;
use crate::realtime::gemini::plan::OUTPUT;
use crate::realtime::gemini::protocol::base64::decoded;
use crate::realtime::gemini::protocol::server::{Activity, Content, FunctionCall, Part, ServerMessage};
use crate::realtime::report::{LossClass, Usage};
use crate::realtime::seed::ResumptionHandle;

impl Session {
    /// Handles one message of the server.
    pub(super) fn hear(&mut self, text: &str, now: Instant, out: &mut Vec<SessionAction>) {
        let message = match ServerMessage::parse(text) {
            Ok(message) => message,
            Err(problem) => return self.unreadable(&problem.to_string(), out),
        };
        // Audio counts as readable only once it is decoded, and an unknown message never does.
        let sounds = message.content.parts.iter().any(|part| matches!(part, Part::Audio { .. }));
        if message.is_known() && !sounds {
            self.unreadables.messages = 0;
        }
        let ServerMessage { setup_complete, content, calls, cancelled, go_away, handle, activity, usage } = message;
        if let Some(session) = setup_complete {
            self.set_up(session, now, out);
        }
        out.extend(go_away.map(SessionAction::EndsIn));
        if !self.is_ready() {
            // Nothing else has a meaning before the conversation is handed over.
            return;
        }
        if let Some(usage) = usage {
            *self.usage.get_or_insert(Usage::default()) += usage;
        }
        match activity {
            Some(Activity::Start) => self.caller_begins(now, out),
            Some(Activity::End) => self.caller_done(now, out),
            None => {}
        }
        self.calls_cancelled(&cancelled, out);
        self.hear_content(content, calls, now, out);
        if !self.is_ready() {
            // The audio cannot be played.
            return;
        }
        if let Some(handle) = handle {
            out.push(SessionAction::Resumable(ResumptionHandle(Private::new(handle))));
        }
    }

    fn hear_content(
        &mut self,
        content: Content<'_>,
        calls: Vec<FunctionCall>,
        now: Instant,
        out: &mut Vec<SessionAction>,
    ) {
        if content.hears || content.heard.is_some() || content.heard_all {
            self.hear_caller_words(content.heard, content.heard_all, now, out);
        }
        if content.interrupted {
            self.interrupted(now, out);
        }
        for part in content.parts {
            match part {
                Part::Audio { rate_hz, data } => self.hear_audio(rate_hz, &data, now, out),
                // A thought begins a response, and nothing of it is heard.
                Part::Thought => {
                    self.run(now, out);
                }
                // Text and code are no speech, and no end of a turn need follow them.
                Part::Other => {}
            }
        }
        if let Some(words) = content.spoken {
            self.hear_words(&words, now, out);
        }
        if !calls.is_empty() {
            self.tools_called(calls, now, out);
        }
        if content.generation_complete {
            self.generated(now, out);
        }
        if content.turn_complete {
            self.turn_complete(content.reason.as_deref(), content.more_follows, now, out);
        }
    }

    /// The server accepted the configuration.
    fn set_up(&mut self, session: String, now: Instant, out: &mut Vec<SessionAction>) {
        if !matches!(self.phase, Phase::AwaitSetup { .. }) {
            return;
        }
        // A server that gives no id still has a session that a log line must name.
        let session = if session.is_empty() { format!("session_{}", self.opening.number) } else { session };
        self.phase = Phase::Prepared { session };
        self.first_ping(now, out);
        out.push(SessionAction::Prepared);
    }

    fn hear_audio(&mut self, rate_hz: Option<u32>, data: &str, now: Instant, out: &mut Vec<SessionAction>) {
        if let Some(rate_hz) = rate_hz.filter(|rate_hz| *rate_hz != OUTPUT.rate_hz) {
            // Played at another rate, every word would be noise.
            let problem = format!("the server sends audio at {rate_hz} Hz, expected {} Hz", OUTPUT.rate_hz);
            return self.lose_for(LossClass::Fatal, &problem, out);
        }
        if !self.is_ready() {
            return;
        }
        let Ok(audio) = decoded(data) else { return self.unreadable_audio(out) };
        self.unreadables = Unreadables::default();
        self.sounds(audio, now, out);
    }
}
