//! Delegated work: by the model behind the voice, which calls tools of the client, or by the client.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::settings::tokens;
use super::super::voice::Utterance;
use super::ending::Timer;
use super::{Due, Session};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::script::{Saying, Tools, called_for};
use crate::tools::rehearsal::speech::Line;

impl Session {
    /// Hands over work. `sayings` are what the backend calls and what is said at its end.
    pub(super) fn delegate(&mut self, sayings: Vec<Saying>, at: u64) {
        if self.backend.is_busy() {
            // Tasks run one after another.
            return self.agenda.add(at + NEXT_TASK_MS, Due::Delegate(sayings));
        }
        let id = self.events.id("deleg");
        let mut delegation = json!({"id": id, "type": "delegation", "target": "client"});
        let hosted = self.settings.is_hosted();
        let response = self.events.id("resp");
        if hosted {
            delegation["target"] = json!("responses");
            delegation["response_id"] = json!(response);
        } else {
            self.delegated.push(id.clone());
        }
        let created = json!({"offset_ms": at, "delegation": delegation});
        self.events.send("session.delegation.created", None, created);
        self.agenda.add(at + self.settings.acknowledgement_delay_ms(), Due::Acknowledge(id.clone()));
        if hosted {
            self.backend.begin(id, response, sayings);
            self.respond_anew(at);
            let reasoning = self.events.id("rs");
            let item = json!({"type": "reasoning", "id": reasoning, "summary": []});
            self.nest(&json!({"type": "response.output_item.added", "output_index": 0, "item": item}));
            self.nest(&json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
        }
    }

    /// Handles a `response.create`.
    pub(super) fn respond(&mut self) -> Result<(), Fault> {
        self.check_hosted("response.create")?;
        let now = self.hearing.ms();
        if let Some(text) = self.backend.go_on()? {
            let voice = self.spoken(None);
            let called = called_for(&text, &Tools::of(self.settings.backend()), voice);
            self.delegate(called.unwrap_or_else(|| vec![voice.line(Line::Alright)]), now);
            return Ok(());
        }
        let response = self.events.id("resp");
        if let Some(task) = self.backend.task() {
            (task.response, task.streams) = (response, true);
        }
        self.respond_anew(now);
        Ok(())
    }

    /// Lets the response of the backend go on: with its calls, or with its words.
    pub(super) fn go_on(&mut self, at: u64, now: Instant) {
        let Some(task) = self.backend.task() else { return };
        let calls = std::mem::take(&mut task.next_calls);
        task.streams = false;
        let response = task.response.clone();
        if self.misbehaviour.fail_responses.is_some_and(|most| self.responses_failed < most) {
            self.responses_failed += 1;
            let error = json!({"code": "server_error", "message": "The model failed."});
            let failed =
                json!({"id": response, "object": "response", "status": "failed", "output": [], "error": error});
            self.nest(&json!({"type": "response.failed", "response": failed}));
            self.backend.end();
            return self.answer(at);
        }
        if calls.is_empty() {
            return self.conclude(&response, at);
        }
        for (index, (name, arguments)) in calls.into_iter().enumerate() {
            self.call(index + 1, &name, &arguments.to_string());
        }
        self.complete(&response, 40);
        if let Some(ms) = self.misbehaviour.drop_after_call_ms {
            self.endings.push((now + Duration::from_millis(ms), Timer::Drop));
        }
    }

    /// Says that work has begun, if it still runs.
    pub(super) fn acknowledge(&mut self, delegation: &str, at: u64) {
        let runs = self.backend.task().is_some_and(|task| task.delegation == delegation && task.waits());
        if runs || self.delegated.iter().any(|open| open == delegation) {
            let saying = self.spoken(Some("One moment.")).line(Line::Alright);
            self.plan(vec![saying], at);
        }
    }

    /// Refuses what is for a hosted backend alone.
    pub(super) fn check_hosted(&self, event: &str) -> Result<(), Fault> {
        if self.settings.is_hosted() {
            return Ok(());
        }
        Err(Fault::request("invalid_event", format!("{event} requires Responses delegation.")))
    }

    fn respond_anew(&mut self, at: u64) {
        let Some(task) = self.backend.task() else { return };
        let response = json!({"id": task.response, "object": "response", "status": "in_progress", "output": []});
        self.nest(&json!({"type": "response.created", "response": response}));
        self.agenda.add(at + THINKS_MS, Due::Respond);
    }

    /// The last words of the backend, which the voice says in its own.
    fn conclude(&mut self, response: &str, at: u64) {
        let Some(task) = self.backend.end() else { return };
        let silent = task.is_silent();
        let saying = task.saying.unwrap_or_else(|| self.spoken(None).line(Line::Alright));
        let Saying::Speak { text, sound } = saying else { return };
        let text = if silent { String::new() } else { text };
        let id = self.events.id("msg");
        let place = json!({"output_index": 0, "content_index": 0, "item_id": id});
        let message = |status: &str, content: Value| json!({"type": "message", "id": id, "role": "assistant", "status": status, "content": content});
        let part = json!({"type": "output_text", "text": text, "annotations": []});
        let delegation = Some(task.delegation.as_str());
        let with = |kind: &str, key: &str, value: Value| {
            let mut event = place.clone();
            event["type"] = json!(kind);
            event[key] = value;
            event
        };
        for event in [
            json!({"type": "response.output_item.added", "output_index": 0, "item": message("in_progress", json!([]))}),
            with("response.content_part.added", "part", json!({"type": "output_text", "text": "", "annotations": []})),
            with("response.output_text.delta", "delta", json!(text)),
            with("response.output_text.done", "text", json!(text)),
            with("response.content_part.done", "part", part.clone()),
            json!({"type": "response.output_item.done", "output_index": 0, "item": message("completed", json!([part]))}),
        ] {
            self.nest_in(delegation, &event);
        }
        let completed = self.completed(response, tokens(&text));
        self.nest_in(delegation, &completed);
        if !silent {
            self.agenda.add(at + SPOKEN_AFTER_MS, Due::Say(Utterance { text, sound, clip: false }));
        }
        self.answer(at + SPOKEN_AFTER_MS);
    }

    fn call(&mut self, index: usize, name: &str, arguments: &str) {
        let (item, call) = (self.events.id("fc"), self.events.id("call"));
        if let Some(task) = self.backend.task() {
            task.called(call.clone());
        }
        let function = |status: &str, arguments: &str| json!({"type": "function_call", "id": item, "call_id": call, "name": name, "arguments": arguments, "status": status});
        self.nest(
            &json!({"type": "response.output_item.added", "output_index": index, "item": function("in_progress", "")}),
        );
        let place = json!({"output_index": index, "item_id": item});
        for (kind, key) in [("delta", "delta"), ("done", "arguments")] {
            let mut event = place.clone();
            event["type"] = json!(format!("response.function_call_arguments.{kind}"));
            event[key] = json!(arguments);
            self.nest(&event);
        }
        self.nest(&json!({"type": "response.output_item.done", "output_index": index, "item": function("completed", arguments)}));
    }

    fn complete(&mut self, response: &str, output: usize) {
        let completed = self.completed(response, output);
        self.nest(&completed);
    }

    /// The end of a response. Its snapshot has no output, only what it cost.
    fn completed(&self, response: &str, output: usize) -> Value {
        let input = tokens(&self.settings.backend().to_string());
        let usage = json!({
            "input_tokens": input, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input + output,
        });
        let response =
            json!({"id": response, "object": "response", "status": "completed", "output": [], "usage": usage});
        json!({"type": "response.completed", "response": response})
    }

    fn nest(&mut self, event: &Value) {
        let delegation = self.backend.task().map(|task| task.delegation.clone());
        self.nest_in(delegation.as_deref(), event);
    }

    fn nest_in(&mut self, delegation: Option<&str>, event: &Value) {
        self.events.send("response.event", None, json!({"delegation_id": delegation, "event": event}));
    }
}

/// How long the backend thinks, in session time.
const THINKS_MS: u64 = 200;
/// The time from the backend's last word to the voice's first.
const SPOKEN_AFTER_MS: u64 = 300;
/// How long a task waits for the one before it, until it is tried again.
const NEXT_TASK_MS: u64 = 100;
