//! The model's side of a session: begins, continues, cancels and counts responses.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::answers::{self, Ask};
use super::super::item::Item;
use super::super::performance::{Commission, Outcome, Performance, Stage};
use super::super::usage::text_tokens;
use super::{End, Session};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::misbehaviour::Misbehaviour;
use crate::tools::rehearsal::script::{Voice, asked_words};
use crate::tools::rehearsal::sound::Format;

impl Session {
    pub(super) fn respond(&mut self, response: &Value, now: Instant) -> Result<(), Fault> {
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
        let mut performance = Performance::begin(commission, &mut self.events, now);
        self.responses_begun += 1;
        self.idle_at = None;
        if let Some(outcome) = self.ends_at_once() {
            performance.end(outcome, &mut self.events);
            self.response_done(outcome, 0, in_conversation, now);
            return Ok(());
        }
        if self.is_among(self.misbehaviour.silent_responses) {
            performance.silence();
        }
        if in_conversation {
            self.conversation.mark_answered();
        }
        if let Some(bytes) = self.misbehaviour.big_event_bytes {
            let padding = "x".repeat(bytes.min(LARGEST_EVENT) as usize);
            self.events.send("rehearsal.big", &json!({"padding": padding}));
        }
        self.performances.push(performance);
        self.perform(now);
        Ok(())
    }

    /// Whether the new response is one of the `first` that misbehave.
    fn is_among(&self, first: Option<u64>) -> bool {
        let good = self.misbehaviour.good_responses.unwrap_or_default();
        (good + 1..=good + first.unwrap_or_default()).contains(&self.responses_begun)
    }

    /// The outcome of the new response, if it ends before it says anything.
    fn ends_at_once(&self) -> Option<Outcome> {
        let Misbehaviour { fail_responses, empty_responses, filtered_responses, .. } = *self.misbehaviour;
        [
            (fail_responses, Outcome::Failed),
            (empty_responses, Outcome::Completed),
            (filtered_responses, Outcome::Filtered),
        ]
        .into_iter()
        .find_map(|(first, outcome)| self.is_among(first).then_some(outcome))
    }

    pub(super) fn commission(
        &mut self,
        settings: Value,
        response: &Value,
        input: Option<&[Item]>,
        in_conversation: bool,
    ) -> Commission {
        let format = Format::read(&settings["audio"]["output"]["format"]);
        let items = input.unwrap_or(self.conversation.items());
        let extra = extra_instructions(response, self.settings.instructions());
        let sayings = answers::answer(&Ask {
            settings: &settings,
            extra,
            fresh: items.iter().filter(|item| !item.answered).collect(),
            spoken_before: self.conversation.has_assistant_message(),
            voice: Voice {
                words: asked_words(own_instructions(response, self.settings.instructions())),
                language: self.settings.language(),
                format,
            },
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

    /// The items of `response.input`, which replace the conversation.
    pub(super) fn input_items(&mut self, response: &Value) -> Result<Option<Vec<Item>>, Fault> {
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

    pub(super) fn active(&self) -> Option<&Performance> {
        self.performances.iter().find(|performance| performance.in_conversation())
    }

    /// Lets every running response send what is due.
    pub(super) fn perform(&mut self, now: Instant) {
        for mut performance in std::mem::take(&mut self.performances) {
            if performance.next_at() > now {
                self.performances.push(performance);
                continue;
            }
            let mut stage = Stage { conversation: &mut self.conversation, events: &mut self.events };
            let done = performance.step(&mut stage, now);
            self.voiced |= performance.deltas() > 0;
            if let Some((outcome, audio_ms)) = done {
                if performance.calls()
                    && let Some(ms) = self.misbehaviour.drop_after_call_ms
                {
                    self.ends.push((now + Duration::from_millis(ms), End::Drop));
                }
                self.response_done(outcome, audio_ms, performance.in_conversation(), now);
                continue;
            }
            let halfway = performance.deltas() >= 3;
            self.performances.push(performance);
            if halfway && self.misbehaviour.drop_in_response == Some(self.responses_begun) {
                // Events queued so far are still sent.
                self.ends.push((now, End::Drop));
                return;
            }
        }
    }

    pub(super) fn response_done(&mut self, outcome: Outcome, audio_ms: u64, in_conversation: bool, now: Instant) {
        let limits = self.meter.count(if outcome == Outcome::Failed { 0 } else { self.cached }, now);
        self.events.send("rate_limits.updated", &json!({"rate_limits": limits}));
        self.responses_done += 1;
        if self.misbehaviour.stall_after_responses == Some(self.responses_done) {
            self.events.stall();
        }
        if in_conversation && outcome == Outcome::Completed {
            // The caller's silence counts from the moment the answer has been played, not from the
            // moment it was sent.
            let idle = self.settings.idle_timeout_ms();
            self.idle_at = idle.map(|ms| now + Duration::from_millis(ms + audio_ms));
        }
    }

    pub(super) fn cancel(&mut self, response_id: Option<&str>, now: Instant) -> Result<(), Fault> {
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
}

/// The response's instructions without those of the session. They replace the session's and may
/// begin with them.
fn own_instructions<'a>(response: &'a Value, session: &str) -> &'a str {
    let own = response["instructions"].as_str().unwrap_or_default();
    own.strip_prefix(session).unwrap_or(own)
}

/// The response's own instructions and its metadata.
fn extra_instructions(response: &Value, session: &str) -> String {
    let own = response["instructions"].as_str().unwrap_or_default();
    let mut extra = if session.is_empty() { own.to_owned() } else { own.replacen(session, "", 1) };
    for value in response["metadata"].as_object().into_iter().flat_map(|metadata| metadata.values()) {
        extra.push('\n');
        extra.push_str(value.as_str().unwrap_or_default());
    }
    extra
}

/// Maximum rehearsed length: what a client with a reasonable limit accepts.
const LARGEST_EVENT: u64 = 15 * 1024 * 1024;
/// Maximum number of running responses: one in the conversation, the others out of band.
const MOST_RESPONSES: usize = 8;
