//! What is new of one call since the last frame. Pure.
//!
//! Changes of one field replace each other, and words of one item are joined: however fast a model
//! writes, a frame has at most one event of each kind and item.

use std::time::Instant;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value};
use switchboard_actors::transcript::watch::WatchEvent;

/// The news of one call.
#[derive(Debug)]
pub(super) struct News {
    id: String,
    began: Instant,
    /// The call as the list shows it, if it has just begun.
    started: Option<Map<String, Value>>,
    /// The fields that have changed.
    changes: Map<String, Value>,
    words: Vec<Map<String, Value>>,
    /// How it ended, if it just did.
    ended: Option<Map<String, Value>>,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Live,
    Ended,
}

impl News {
    /// A call that has begun now, without news.
    pub(super) fn new(id: String, began: Instant) -> Self {
        let (started, ended) = (None, None);
        Self { id, began, started, changes: Map::new(), words: Vec::new(), ended, stage: Stage::Live }
    }

    /// Whether there is nothing for a frame.
    pub(super) fn is_none(&self) -> bool {
        self.started.is_none() && self.changes.is_empty() && self.words.is_empty() && self.ended.is_none()
    }

    /// Adds an event of the call.
    pub(super) fn take(&mut self, event: WatchEvent) {
        let WatchEvent { event, data: Value::Object(data) } = event else { return };
        match event {
            "started" => self.started = Some(data),
            // Late words of a call that is over change nothing of its line in the list.
            "state" | "changed" if self.stage == Stage::Live => self.changes.extend(data),
            "words" => self.say(data),
            "ended" => self.end(data),
            // Readers of one call hear of keys, tools and the rest.
            _ => {}
        }
    }

    /// The call is over; how is known already, or nobody has said it.
    pub(super) fn over(&mut self) {
        self.end(Map::new());
    }

    /// Drops the news, because nobody reads.
    pub(super) fn forget(&mut self) {
        (self.started, self.ended) = (None, None);
        self.changes.clear();
        self.words.clear();
    }

    /// Writes the news as events and forgets them. `at` is the time that they say.
    pub(super) fn write(&mut self, now: Instant, at: &str, out: &mut String) {
        let lasted = u64::try_from(now.saturating_duration_since(self.began).as_millis()).unwrap_or(u64::MAX);
        if let Some(mut call) = self.started.take() {
            call.extend(std::mem::take(&mut self.changes));
            call.insert("duration_ms".to_owned(), lasted.into());
            let data = Map::from_iter([("at".to_owned(), at.into()), ("call".to_owned(), Value::Object(call))]);
            event("call.started", &Value::Object(data), out);
        }
        let of_it = |mut data: Map<String, Value>| {
            data.insert("id".to_owned(), self.id.as_str().into());
            data.insert("at".to_owned(), at.into());
            data
        };
        let mut changes = of_it(std::mem::take(&mut self.changes));
        changes.insert("duration_ms".to_owned(), lasted.into());
        if self.ended.is_none() && changes.len() > NAMED {
            event("call.updated", &Value::Object(changes.clone()), out);
        }
        for words in self.words.drain(..) {
            event("call.words", &Value::Object(of_it(words)), out);
        }
        if let Some(ending) = self.ended.take() {
            changes.insert("state".to_owned(), "ended".into());
            changes.insert("ending".to_owned(), if ending.is_empty() { Value::Null } else { Value::Object(ending) });
            event("call.ended", &Value::Object(changes), out);
        }
    }

    fn end(&mut self, ending: Map<String, Value>) {
        if self.stage == Stage::Live {
            self.stage = Stage::Ended;
            self.ended = Some(ending);
        }
    }

    /// Adds words of an item: the whole text replaces its parts, and parts are joined.
    fn say(&mut self, mut words: Map<String, Value>) {
        let same = |said: &&mut Map<String, Value>| said.get("item") == words.get("item");
        let Some(said) = self.words.iter_mut().rev().find(same) else {
            if self.words.len() == MOST_ITEMS {
                self.words.remove(0);
            }
            self.words.push(words);
            return;
        };
        let is_part = words.get("final") == Some(&Value::Bool(false));
        if is_part && said.get("final") == Some(&Value::Bool(false)) {
            let text = |of: &Map<String, Value>| of.get("text").and_then(Value::as_str).unwrap_or_default().to_owned();
            let joined = text(said) + &text(&words);
            words.insert("text".to_owned(), joined.into());
        }
        *said = words;
    }
}

/// Writes a server-sent event.
pub(super) fn event(name: &str, data: &Value, out: &mut String) {
    out.push_str("event: ");
    out.push_str(name);
    out.push_str("\ndata: ");
    out.push_str(&data.to_string());
    out.push_str("\n\n");
}

/// A moment, as the events say it.
pub(super) fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// The fields of an update that are no change: its id, its time and the call's duration.
const NAMED: usize = 3;
/// Most items with words in one frame. More is a server that never ends an item.
const MOST_ITEMS: usize = 16;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn told(news: &mut News, events: &[(&'static str, Value)]) -> Vec<(String, Value)> {
        for (event, data) in events {
            news.take(WatchEvent { event, data: data.clone() });
        }
        let mut text = String::new();
        news.write(news.began + Duration::from_secs(3), "2026-01-01T00:00:00.000Z", &mut text);
        assert!(news.is_none());
        let one = |event: &str| {
            let (name, data) = event.strip_prefix("event: ")?.split_once("\ndata: ")?;
            Some((name.to_owned(), serde_json::from_str(data).ok()?))
        };
        text.split_terminator("\n\n").map(|event| one(event).expect("an event")).collect()
    }

    fn news() -> News {
        News::new("id-1".to_owned(), switchboard_actors::clock::now())
    }

    #[test]
    fn changes_of_a_call_are_one_event_with_the_last_of_each() {
        let mut news = news();
        let events = told(
            &mut news,
            &[
                ("state", json!({ "state": "thinking" })),
                ("changed", json!({ "turns": 1, "state": "thinking" })),
                ("changed", json!({ "turns": 2 })),
                ("tool", json!({ "name": "end_call" })),
            ],
        );
        let expected = json!({ "id": "id-1", "at": "2026-01-01T00:00:00.000Z", "duration_ms": 3000, "state": "thinking", "turns": 2 });
        assert_eq!(events, [("call.updated".to_owned(), expected)]);
        assert_eq!(told(&mut news, &[]), []);
    }

    #[test]
    fn words_are_joined_by_item_and_the_whole_replaces_its_parts() {
        let part = |item: &str, text: &str| {
            ("words", json!({ "speaker": "agent", "item": item, "text": text, "final": false }))
        };
        let whole = |item: &str, text: &str| {
            ("words", json!({ "speaker": "agent", "item": item, "text": text, "final": true }))
        };
        let mut news = news();
        let texts = |events: Vec<(String, Value)>| -> Vec<(Value, Value)> {
            events
                .into_iter()
                .map(|(name, data)| {
                    assert_eq!((name.as_str(), &data["id"]), ("call.words", &json!("id-1")));
                    (data["text"].clone(), data["final"].clone())
                })
                .collect()
        };
        let said = texts(told(&mut news, &[part("a", "Good "), part("b", "One"), part("a", "morning.")]));
        assert_eq!(said, [(json!("Good morning."), json!(false)), (json!("One"), json!(false))]);
        let said = texts(told(&mut news, &[part("b", " moment"), whole("b", "One moment.")]));
        assert_eq!(said, [(json!("One moment."), json!(true))]);
        let many: Vec<_> = (0..3 * MOST_ITEMS).map(|n| part(&format!("i{n}"), "x")).collect();
        assert_eq!(texts(told(&mut news, &many)).len(), MOST_ITEMS);
    }

    #[test]
    fn a_call_starts_and_ends_once() {
        let mut news = news();
        let begun = told(
            &mut news,
            &[("started", json!({ "id": "id-1", "state": "connecting" })), ("state", json!({ "state": "greeting" }))],
        );
        assert_eq!((begun.len(), begun[0].0.as_str()), (1, "call.started"));
        assert_eq!(begun[0].1["call"]["state"], "greeting");
        let ended = told(
            &mut news,
            &[("ended", json!({ "reason": "caller_hung_up", "by": "caller" })), ("state", json!({ "state": "ended" }))],
        );
        assert_eq!((ended.len(), ended[0].0.as_str()), (1, "call.ended"));
        assert_eq!((&ended[0].1["ending"]["by"], &ended[0].1["state"]), (&json!("caller"), &json!("ended")));
        news.over();
        assert!(news.is_none(), "its end was told");
    }

    #[test]
    fn a_call_that_is_lost_is_told_of_as_ended() {
        let mut news = news();
        news.over();
        let ended = told(&mut news, &[]);
        assert_eq!((ended[0].0.as_str(), &ended[0].1["ending"]), ("call.ended", &Value::Null));
    }
}
