//! The model's side of a session: texts and results that come in, and the answers to them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::answers;
use super::super::closes::Close;
use super::super::conversation::{Tokens, text_tokens, usage};
use super::super::models::Service;
use super::super::run::{Run, Step};
use super::{End, Session};
use crate::tools::rehearsal::misbehaviour::Misbehaviour;

impl Session {
    /// Handles texts for the conversation.
    pub(super) fn hear_content(&mut self, content: &Value, now: Instant) -> Result<(), Close> {
        let complete = content["turnComplete"] == true;
        if self.awaits_history {
            self.add_texts(&content["turns"]);
            if complete {
                // It is the past, and is not answered.
                self.awaits_history = false;
                self.conversation.mark_answered();
            }
            return Ok(());
        }
        if !self.settings.as_ref().is_some_and(|settings| settings.family.texts_at_any_time) {
            return Err(Close::argument());
        }
        self.add_texts(&content["turns"]);
        self.stop_answer(now);
        if complete {
            self.reply(now);
        }
        Ok(())
    }

    /// Handles results of tools.
    pub(super) fn hear_results(&mut self, response: &Value, now: Instant) -> Result<(), Close> {
        let mut scheduling = None;
        for result in response["functionResponses"].as_array().map_or(&[][..], Vec::as_slice) {
            let (id, name) = (result["id"].as_str(), result["name"].as_str().unwrap_or_default());
            if !result["response"].is_object() {
                return Err(Close::argument());
            }
            let place = self.open_calls.iter().position(|(open, called)| match id {
                Some(id) => open == id,
                None => called == name,
            });
            let Some(place) = place else {
                // The client did not know yet that the call was taken back.
                let taken_back = id.is_none_or(|id| self.cancelled_calls.iter().any(|call| call == id));
                if taken_back { continue } else { return Err(Close::argument()) }
            };
            if result.get("willContinue") == Some(&Value::Bool(true)) {
                if self.opening.service == Service::Vertex {
                    return Err(Close::argument());
                }
            } else {
                let (id, _) = self.open_calls.remove(place);
                if self.run.as_mut().is_some_and(|run| run.result_came(&id)) {
                    self.go_on(now);
                    continue;
                }
            }
            if self.settings.as_ref().is_some_and(|settings| !settings.blocks(name)) {
                let how = result["scheduling"].as_str().unwrap_or("WHEN_IDLE");
                scheduling = Some(how).filter(|how| *how != "SILENT").or(scheduling);
            }
        }
        match scheduling {
            Some("INTERRUPT") if !self.caller_speaks() => {
                self.stop_answer(now);
                self.reply(now);
            }
            Some(_) => self.reply(now),
            None => {}
        }
        Ok(())
    }

    /// Goes on with an answer that has waited for a tool.
    fn go_on(&mut self, now: Instant) {
        let (Some(settings), Some(run)) = (&self.settings, &mut self.run) else { return };
        run.go_on(answers::answer(&self.conversation, settings), now);
        self.perform(now);
    }

    /// Answers now, or as soon as nothing is said and the caller is quiet.
    pub(super) fn reply(&mut self, now: Instant) {
        if self.run.is_some() || self.caller_speaks() {
            self.owes = true;
            return;
        }
        self.owes = false;
        let Some(settings) = &self.settings else { return };
        let sayings = answers::answer(&self.conversation, settings);
        let mut run = Run::begin(sayings, self.pace, settings.tells_words, settings.most_tokens, now);
        self.conversation.mark_answered();
        self.responses_begun += 1;
        if let Some(reason) = self.rejects() {
            return self.turn_complete(&Tokens::default(), reason, now);
        }
        if self.is_among(self.misbehaviour.silent_responses) {
            run.silence();
        }
        if let Some(bytes) = self.misbehaviour.big_event_bytes {
            let padding = "x".repeat(bytes.min(LARGEST_MESSAGE) as usize);
            self.messages.send(&json!({"rehearsalBig": {"padding": padding}}));
        }
        self.send_no_handle();
        self.run = Some(run);
        self.perform(now);
    }

    /// Whether the new answer is one of the `first` that misbehave.
    fn is_among(&self, first: Option<u64>) -> bool {
        let good = self.misbehaviour.good_responses.unwrap_or_default();
        (good + 1..=good + first.unwrap_or_default()).contains(&self.responses_begun)
    }

    /// The reason of the new answer's end, if it ends before it says anything. The reason is empty
    /// if the service gives none.
    fn rejects(&self) -> Option<&'static str> {
        let Misbehaviour { fail_responses, empty_responses, filtered_responses, .. } = *self.misbehaviour;
        [(fail_responses, "MALFORMED_FUNCTION_CALL"), (empty_responses, ""), (filtered_responses, "RESPONSE_REJECTED")]
            .into_iter()
            .find_map(|(first, reason)| self.is_among(first).then_some(reason))
    }

    /// Lets the running answer send what is due.
    pub(super) fn perform(&mut self, now: Instant) {
        while let Some(mut run) = self.run.take() {
            match run.step(&mut self.messages, now) {
                Step::Waits => {
                    let halfway = run.pieces() >= 3;
                    self.run = Some(run);
                    if halfway && self.misbehaviour.drop_in_response == Some(self.responses_begun) {
                        // Messages queued so far are still sent.
                        self.ends.push((now, End::Drop));
                    }
                    return;
                }
                Step::Calls { name, args } => {
                    self.call(&mut run, name, &args);
                    self.run = Some(run);
                }
                Step::Over => return self.run_over(&run, now),
            }
        }
    }

    fn call(&mut self, run: &mut Run, name: String, args: &Value) {
        let id = self.ids.next("function-call");
        let mut call = json!({"name": name, "args": args});
        // Vertex gives no ids.
        if self.opening.service == Service::Developer {
            call["id"] = json!(id);
        }
        self.messages.send(&json!({"toolCall": {"functionCalls": [call]}}));
        if self.settings.as_ref().is_some_and(|settings| settings.blocks(&name)) {
            run.wait_for(id.clone());
        }
        self.open_calls.push((id, name));
    }

    fn run_over(&mut self, run: &Run, now: Instant) {
        let (words, ms) = run.heard(now);
        self.conversation.add_answer(words, ms);
        if run.called()
            && let Some(ms) = self.misbehaviour.drop_after_call_ms
        {
            self.ends.push((now + Duration::from_millis(ms), End::Drop));
        }
        self.turn_complete(&run.tokens(), "", now);
    }

    /// The caller interrupts the model, as far as it is speaking.
    pub(super) fn interrupt(&mut self, now: Instant) {
        let Some(mut run) = self.run.take() else { return };
        run.send_late(&mut self.messages);
        let (words, ms) = run.heard(now);
        self.conversation.add_answer(words, ms);
        self.take_back(run.awaited());
        self.messages.content(&json!({"interrupted": true}));
        self.turn_complete(&run.tokens(), "", now);
    }

    /// Takes back calls whose results are not waited for any more.
    fn take_back(&mut self, ids: &[String]) {
        if ids.is_empty() {
            return;
        }
        self.open_calls.retain(|(id, _)| !ids.contains(id));
        self.cancelled_calls.extend_from_slice(ids);
        self.messages.send(&json!({"toolCallCancellation": {"ids": ids}}));
    }

    /// A message of the client stops a running answer.
    pub(super) fn stop_answer(&mut self, now: Instant) {
        self.owes = false;
        self.interrupt(now);
    }

    /// Ends a turn, tells what it cost, and does what is owed.
    fn turn_complete(&mut self, answer: &Tokens, reason: &str, now: Instant) {
        let Some(settings) = &self.settings else { return };
        let mut prompt = self.conversation.tokens();
        prompt.text += text_tokens(&settings.instructions) + text_tokens(&settings.tools.to_string());
        if settings.trigger_tokens.is_some_and(|trigger| prompt.total() > trigger) {
            self.conversation.compress(settings.target_tokens);
        }
        let usage = usage(prompt, *answer);
        let mut content = json!({"turnComplete": true});
        if !reason.is_empty() {
            content["turnCompleteReason"] = json!(reason);
        }
        if settings.family.tells_status {
            content["interactionStatus"] = json!("IDLE");
        }
        let mut message = json!({"serverContent": content});
        match self.misbehaviour.usage_after_ms {
            Some(ms) => self.late_usage.push((now + Duration::from_millis(ms), usage)),
            None => message["usageMetadata"] = usage,
        }
        self.messages.send(&message);
        if self.open_calls.is_empty() {
            self.send_handle();
        }
        self.responses_done += 1;
        if self.misbehaviour.stall_after_responses == Some(self.responses_done) {
            self.messages.outgoing().stall();
        }
        if self.owes && !self.caller_speaks() {
            self.reply(now);
        }
    }
}

/// Maximum rehearsed length: what a client with a reasonable limit accepts.
const LARGEST_MESSAGE: u64 = 15 * 1024 * 1024;
