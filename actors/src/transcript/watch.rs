//! Those who watch a call: told of states and words as they come, and let go when they do not keep up. Pure.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::realtime::report::{Speaker, Words};
use crate::transcript::messages::Fact;
use crate::words::holds_words;

/// Something that happened in a call, as its watchers are told.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// What it is: `state`, `words`, `heard`, `tool`, `key`, `language`, `transfer`, `answer`, `answered_by`, `incident`, `ended`.
    pub event: &'static str,
    /// What there is to say of it.
    pub data: Value,
}

/// Where a watcher is told. Dropped, it is told nothing more.
#[derive(Clone)]
pub struct Watcher(Arc<Ear>);

/// Takes a piece of news; `false` when there is no room for it, or nobody listens any more.
type Ear = dyn Fn(News) -> bool + Send + Sync;

impl Watcher {
    /// One that hears with `ear`, which may not wait.
    pub fn new(ear: impl Fn(News) -> bool + Send + Sync + 'static) -> Self {
        Self(Arc::new(ear))
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
    /// One more, unless there are too many.
    pub fn add(&mut self, watcher: Watcher) {
        if self.0.len() < MOST_WATCHERS {
            self.0.push(watcher);
        }
    }

    /// Tells everybody; whoever has no room for it watches no longer. `news` is made only when somebody watches.
    pub fn tell(&mut self, news: impl FnOnce() -> Option<News>) {
        if self.0.is_empty() {
            return;
        }
        if let Some(news) = news() {
            self.0.retain(|watcher| (watcher.0)(news.clone()));
        }
    }
}

impl News {
    /// The call is in another state.
    pub fn state(state: &str) -> Self {
        Self { event: "state", data: json!({ "state": state }) }
    }

    /// Words of the caller or the agent.
    pub fn of_words(words: &Words) -> Option<Self> {
        let data = match words {
            Words::Placed { .. } | Words::Inaudible { .. } => return None,
            // What transcription writes for noise was said by nobody.
            Words::CallerSaid { text: Some(text), .. } if !text.is_empty() && !holds_words(text) => return None,
            Words::CallerSaid { item, text } => {
                json!({ "speaker": "caller", "item": item.as_str(), "text": text, "final": true })
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

    /// A fact that people watch for.
    pub fn of_fact(fact: &Fact) -> Option<Self> {
        let (event, data) = match fact {
            Fact::Heard { item, heard, of, interrupted } => {
                let (heard, of) = (heard.as_millis() as u64, of.as_millis() as u64);
                ("heard", json!({ "item": item.as_str(), "heard_ms": heard, "of_ms": of, "interrupted": interrupted }))
            }
            Fact::LinePlayed { item, text } => {
                ("words", json!({ "speaker": "agent", "item": item.as_str(), "text": text, "final": true }))
            }
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
            Fact::TransferAsked { destination, outcome, .. } => {
                ("transfer", json!({ "destination": destination, "outcome": outcome }))
            }
            Fact::Answered { key, status, .. } => ("answer", json!({ "key": key, "status": status })),
            Fact::Incident(incident) => {
                ("incident", json!({ "kind": incident.kind.word(), "detail": incident.detail }))
            }
            Fact::Ended { ending, .. } => ("ended", json!({ "reason": ending.reason(), "by": ending.by().word() })),
            Fact::CallerSpoke { .. }
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

/// Watchers of one call: a page or two of operators. More is somebody who forgets to close.
const MOST_WATCHERS: usize = 8;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_watcher_who_does_not_keep_up_is_let_go_and_the_others_are_not() {
        let mut watchers = Watchers::default();
        let ((slow, read_by_slow), (quick, read)) = (mpsc::sync_channel(1), mpsc::sync_channel(10));
        watchers.add(Watcher::new(move |news| slow.try_send(news).is_ok()));
        watchers.add(Watcher::new(move |news| quick.try_send(news).is_ok()));
        for state in ["greeting", "listening", "thinking"] {
            watchers.tell(|| Some(News::state(state)));
        }
        assert_eq!((read.try_iter().count(), read_by_slow.try_iter().count()), (3, 1));
        assert_eq!(watchers.0.len(), 1);
    }

    #[test]
    fn nothing_is_written_down_for_nobody() {
        Watchers::default().tell(|| panic!("nobody asked"));
    }
}
