//! The readers of calls' events. The events of a call are kept for a while, so that a reader
//! resumes after a broken connection.
//!
//! A call is watched from its first reader on. Each event has a number (`id:`) and a time (`at`). A
//! reader that sends the last number it has (`Last-Event-ID`) gets the later events, even if the
//! call has ended since.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chrono::SecondsFormat;
use serde_json::Value;
use switchboard_actors::clock;
use switchboard_actors::erasure::Erasures;
use switchboard_actors::transcript::watch::{WatchEvent, Watcher};
use tokio::sync::watch;

/// The calls that are watched, or were recently.
#[derive(Debug)]
pub struct Watching {
    posts: Mutex<VecDeque<Arc<CallFeed>>>,
    erasures: Erasures,
}

/// The events of one call.
#[derive(Debug)]
pub(super) struct CallFeed {
    /// Our id of the call, and the carrier's.
    names: [String; 2],
    recent: Arc<Mutex<RecentEvents>>,
    /// Signals each event, and the end of the call.
    signal: watch::Receiver<u64>,
    /// Alive while the call is live.
    alive: Weak<()>,
}

/// The call's end of the channel; dropped with the call.
struct FeedWriter {
    /// The first field to drop: a reader that gets the last signal finds the call over.
    _alive: Arc<()>,
    signal: watch::Sender<u64>,
    recent: Arc<Mutex<RecentEvents>>,
}

/// The events, the newest last.
#[derive(Debug, Default)]
struct RecentEvents {
    events: VecDeque<(u64, String)>,
    newest: u64,
    bytes: usize,
}

/// The next step of a reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// These events, and the number of the last one.
    Events(String, u64),
    /// No new event yet.
    Wait,
    /// The next event is no longer kept.
    Behind,
}

impl Watching {
    /// Watches no call yet. `records` is the folder whose marks say which calls are erased.
    pub(crate) fn new(records: &Path) -> Self {
        Self { posts: Mutex::default(), erasures: Erasures::of(records) }
    }

    /// Returns the events of a call with this id, if it is or was watched and is not erased. Checks
    /// the disk for the mark of an erasure.
    pub(super) fn find(&self, id: &str) -> Option<Arc<CallFeed>> {
        let of_it = |post: &&Arc<CallFeed>| post.names.iter().any(|name| name == id);
        let post = locked(&self.posts).iter().rev().find(of_it).cloned()?;
        if self.erasures.has(&post.names[0]) {
            locked(&self.posts).retain(|other| other.names[0] != post.names[0]);
            return None;
        }
        Some(post)
    }

    /// Watches a call from now on, unless it is watched already. The call receives the watcher.
    pub(super) fn listen(&self, names: [String; 2]) -> (Arc<CallFeed>, Option<Watcher>) {
        let mut posts = locked(&self.posts);
        if let Some(post) = posts.iter().find(|post| post.names[0] == names[0]) {
            return (Arc::clone(post), None);
        }
        let recent = Arc::new(Mutex::new(RecentEvents::default()));
        let (ring, signal) = watch::channel(0);
        let here = Arc::new(());
        let alive = Arc::downgrade(&here);
        let writer = FeedWriter { _alive: here, signal: ring, recent: Arc::clone(&recent) };
        let watcher = Watcher::new(move |event: WatchEvent| {
            // Without a reader the call stays watched: a reader may reconnect.
            writer.hear(&event);
            true
        });
        let post = Arc::new(CallFeed { names, recent, signal, alive });
        posts.push_back(Arc::clone(&post));
        while posts.len() > MOST_POSTS {
            let Some(over) = posts.iter().position(|post| post.is_over()) else { break };
            posts.remove(over);
        }
        (post, Some(watcher))
    }
}

impl CallFeed {
    /// Returns the events after `last`.
    pub(super) fn after(&self, last: u64) -> Next {
        locked(&self.recent).after(last)
    }

    /// The number of the newest event.
    pub(super) fn newest(&self) -> u64 {
        locked(&self.recent).newest
    }

    /// Signals each new event; closed once the call is over.
    pub(super) fn signal(&self) -> watch::Receiver<u64> {
        self.signal.clone()
    }

    /// Whether no more events will come.
    pub(super) fn is_over(&self) -> bool {
        self.alive.strong_count() == 0
    }
}

impl FeedWriter {
    fn hear(&self, event: &WatchEvent) {
        let number = locked(&self.recent).take(event);
        self.signal.send_replace(number);
    }
}

impl RecentEvents {
    fn take(&mut self, watched: &WatchEvent) -> u64 {
        self.newest += 1;
        let mut data = watched.data.clone();
        if let Value::Object(fields) = &mut data {
            let at = clock::wall().to_rfc3339_opts(SecondsFormat::Millis, true);
            fields.insert("at".to_owned(), at.into());
        }
        let event = format!("id: {}\nevent: {}\ndata: {data}\n\n", self.newest, watched.event);
        self.bytes += event.len();
        self.events.push_back((self.newest, event));
        while self.events.len() > MOST_EVENTS || self.bytes > MOST_BYTES {
            self.bytes -= self.events.pop_front().map_or(0, |(_, event)| event.len());
        }
        self.newest
    }

    fn after(&self, last: u64) -> Next {
        if last >= self.newest {
            return Next::Wait;
        }
        if self.events.front().is_none_or(|(number, _)| *number > last + 1) {
            return Next::Behind;
        }
        let events = self.events.iter().filter(|(number, _)| *number > last).map(|(_, event)| event.as_str());
        Next::Events(events.collect(), self.newest)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic leaves the data consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Most events that are kept per call: some minutes of talk, word by word.
const MOST_EVENTS: usize = 2_000;
/// Most bytes of a call's events.
const MOST_BYTES: usize = 256 * 1024;
/// Most calls whose events are kept. Live calls are never dropped.
const MOST_POSTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_resumes_after_its_last_event_or_learns_that_it_is_gone() {
        let mut recent = RecentEvents::default();
        assert_eq!(recent.after(0), Next::Wait);
        for _ in 0..3 {
            recent.take(&WatchEvent::state("listening"));
        }
        let Next::Events(events, 3) = recent.after(1) else { panic!("{:?}", recent.after(1)) };
        assert!(events.starts_with("id: 2\nevent: state\ndata: {\"at\":\"") && events.contains("id: 3\n"), "{events}");
        assert_eq!(recent.after(3), Next::Wait);
        for _ in 0..MOST_EVENTS {
            recent.take(&WatchEvent::state("speaking"));
        }
        assert_eq!((recent.after(2), recent.events.len()), (Next::Behind, MOST_EVENTS));
        assert!(matches!(recent.after(3), Next::Events(..)));
        recent.take(&WatchEvent { event: "words", data: serde_json::json!({ "text": "x".repeat(MOST_BYTES) }) });
        assert!(recent.bytes <= MOST_BYTES, "one that is larger than all room is not kept");
    }

    #[test]
    fn events_of_ended_calls_are_dropped_first() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let watching = Watching::new(folder.path());
        let (live, watcher) = watching.listen(["live".to_owned(), "CA0".to_owned()]);
        assert!(watcher.is_some() && watching.listen(["live".to_owned(), "CA0".to_owned()]).1.is_none(), "once a call");
        for n in 0..MOST_POSTS + 5 {
            drop(watching.listen([format!("over-{n}"), format!("CA{n}-over")]));
        }
        assert!(!live.is_over() && watching.find("CA0").is_some());
        assert!(watching.find("over-0").is_none() && watching.find(&format!("over-{}", MOST_POSTS + 4)).is_some());
        assert_eq!(locked(&watching.posts).len(), MOST_POSTS);
    }

    #[test]
    fn an_erased_calls_events_are_gone_by_either_id_and_nobody_elses() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let watching = Watching::new(folder.path());
        for names in [["id-1", "CA1"], ["id-2", "CA2"]] {
            drop(watching.listen(names.map(str::to_owned)));
        }
        Erasures::of(folder.path()).mark("id-1").expect("writable");
        assert!(watching.find("CA1").is_none() && watching.find("id-1").is_none());
        assert!(watching.find("CA2").is_some());
        assert_eq!(locked(&watching.posts).len(), 1, "its words are not kept either");
    }
}
