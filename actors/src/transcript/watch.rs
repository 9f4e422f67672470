//! The watchers of a call. They receive states and words as these occur, and are dropped if they do
//! not keep up. One watcher may belong to all calls from their start on; it costs nothing while it
//! is switched off. Pure.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::line::identity::CallIdentity;
use crate::realtime::report::{Speaker, Words};
use crate::transcript::messages::Fact;
use crate::words::holds_words;

/// An event of a call, in the form that watchers receive.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchEvent {
    /// The kind: `started`, `changed`, `state`, `words`, `heard`, `tool`, `key`, `language`, `model`,
    /// `operator`, `transfer`, `answer`, `answered_by`, `incident` or `ended`.
    pub event: &'static str,
    /// The data of the event.
    pub data: Value,
}

/// A watcher of a call. Dropping it ends its events.
#[derive(Clone)]
pub struct Watcher {
    listener: Arc<Listener>,
    /// Whether it wants events now; `None` is always.
    switch: Option<Arc<AtomicBool>>,
}

/// Takes an event. Returns `false` if there is no room for it or the watcher has gone.
type Listener = dyn Fn(WatchEvent) -> bool + Send + Sync;

impl Watcher {
    /// Makes a watcher that passes events to `listener`, which must not block.
    pub fn new(listener: impl Fn(WatchEvent) -> bool + Send + Sync + 'static) -> Self {
        Self { listener: Arc::new(listener), switch: None }
    }

    /// Makes a watcher that receives events only while `switch` is on.
    pub fn while_on(switch: Arc<AtomicBool>, listener: impl Fn(WatchEvent) -> bool + Send + Sync + 'static) -> Self {
        Self { listener: Arc::new(listener), switch: Some(switch) }
    }

    fn is_on(&self) -> bool {
        self.switch.as_ref().is_none_or(|switch| switch.load(Ordering::Relaxed))
    }
}

/// Makes the watcher of each call, from its start on.
#[derive(Clone)]
pub struct WatchAll(Arc<dyn Fn(&CallIdentity) -> Watcher + Send + Sync>);

impl WatchAll {
    /// Watches each call with what `make` returns for it.
    pub fn new(make: impl Fn(&CallIdentity) -> Watcher + Send + Sync + 'static) -> Self {
        Self(Arc::new(make))
    }

    /// The watcher of a call.
    pub fn of(&self, call: &CallIdentity) -> Watcher {
        (self.0)(call)
    }
}

impl fmt::Debug for WatchAll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchAll")
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// The watchers of one call.
#[derive(Debug, Default)]
pub struct Watchers(Vec<Watcher>);

impl Watchers {
    /// Adds a watcher, unless the call already has the most it may have.
    pub fn add(&mut self, watcher: Watcher) {
        if self.0.len() < MOST_WATCHERS {
            self.0.push(watcher);
        }
    }

    /// Whether a watcher wants events now.
    pub fn are_on(&self) -> bool {
        self.0.iter().any(Watcher::is_on)
    }

    /// Each watcher, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = &Watcher> {
        self.0.iter()
    }

    /// Sends an event to all watchers and drops those without room for it. `event` runs only if
    /// there is a watcher that wants it.
    pub fn tell(&mut self, event: impl FnOnce() -> Option<WatchEvent>) {
        if !self.are_on() {
            return;
        }
        if let Some(event) = event() {
            self.0.retain(|watcher| !watcher.is_on() || (watcher.listener)(event.clone()));
        }
    }
}

impl WatchEvent {
    /// The call's new state.
    pub fn state(state: &str) -> Self {
        Self { event: "state", data: json!({ "state": state }) }
    }

    /// Words of the caller or the agent.
    /// `by_person` says that a turn like the caller's was a person's who had taken the call over.
    pub fn of_words(words: &Words, by_person: bool) -> Option<Self> {
        let speaker = if by_person { "person" } else { "caller" };
        let data = match words {
            Words::Placed { .. } | Words::AgentTimed { .. } | Words::Inaudible { .. } => return None,
            // Transcription writes text without words for noise; it is not an utterance.
            Words::CallerSaid { text: Some(text), .. } if !text.is_empty() && !holds_words(text) => return None,
            Words::CallerSaid { item, text } => {
                json!({ "speaker": speaker, "item": item.as_str(), "text": text, "final": true })
            }
            Words::AgentSays { item, delta, .. } => {
                json!({ "speaker": "agent", "item": item.as_str(), "text": delta, "final": false })
            }
            Words::AgentSaid { item, text, .. } => {
                json!({ "speaker": "agent", "item": item.as_str(), "text": text, "final": true })
            }
        };
        Some(Self { event: "words", data })
    }

    /// The event of a fact; `None` for facts that watchers do not receive.
    pub fn of_fact(fact: &Fact) -> Option<Self> {
        let (event, data) = match fact {
            Fact::Heard { item, heard, of, interrupted } => {
                let (heard, of) = (heard.as_millis() as u64, of.as_millis() as u64);
                ("heard", json!({ "item": item.as_str(), "heard_ms": heard, "of_ms": of, "interrupted": interrupted }))
            }
            Fact::LinePlayed { item, text } => {
                ("words", json!({ "speaker": "agent", "item": item.as_str(), "text": text, "final": true }))
            }
            Fact::Steered { act, by, .. } => ("operator", json!({ "act": act.word(), "by": by })),
            Fact::ToolUsed { name, .. } => ("tool", json!({ "name": name })),
            Fact::ToolWithheld { name } => ("tool", json!({ "name": name, "withheld": true })),
            Fact::WordsWithheld { item, speaker } => {
                let speaker = if *speaker == Speaker::Caller { "caller" } else { "agent" };
                (
                    "words",
                    json!({ "speaker": speaker, "item": item.as_str(), "text": null, "withheld": true, "final": true }),
                )
            }
            Fact::KeyPressed(key) => ("key", json!({ "key": key })),
            Fact::KeyWithheld => ("key", json!({ "withheld": true })),
            Fact::AnsweredBy(by) => ("answered_by", json!({ "answered_by": by.word() })),
            Fact::LanguageSwitched { from, to } => ("language", json!({ "from": from, "to": to })),
            Fact::HandedOver { from, to } => ("agent", json!({ "from": from, "to": to })),
            Fact::Serves { provider, model } => ("model", json!({ "provider": provider, "model": model })),
            Fact::TransferAsked { destination, outcome, .. } => {
                ("transfer", json!({ "destination": destination, "outcome": outcome }))
            }
            Fact::Answered { key, status, .. } => ("answer", json!({ "key": key, "status": status })),
            Fact::Incident(incident) => {
                ("incident", json!({ "kind": incident.kind.word(), "detail": incident.detail }))
            }
            Fact::Ended { ending, .. } => ("ended", json!({ "reason": ending.reason(), "by": ending.by().word() })),
            Fact::CallerSpoke { .. }
            | Fact::PersonSpoke { .. }
            | Fact::RecordingPaused(_)
            | Fact::ResponseWithheld { .. }
            | Fact::Recorded { .. }
            | Fact::TurnTimed(_)
            | Fact::Used(_)
            | Fact::TranscriptionUsed(_)
            | Fact::Diagnosed(_) => return None,
        };
        Some(Self { event, data })
    }
}

/// The most watchers of one call: the one of all calls, and a page or two of operators. More means
/// that a client forgets to close its connections.
const MOST_WATCHERS: usize = 9;

#[cfg(test)]
mod tests;
