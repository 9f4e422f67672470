//! Who watches calls: what was told of a call is kept for a while, so that a reader whose connection broke goes on where it stopped.
//!
//! A call is listened to from its first reader on. What it tells has a number (`id:` of the event) and a time (`at`). A reader that
//! names the last number it has (`Last-Event-ID`) gets what came after it, also when the call has ended meanwhile.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use chrono::SecondsFormat;
use serde_json::Value;
use switchboard_actors::clock;
use switchboard_actors::transcript::watch::{News, Watcher};
use tokio::sync::watch;

/// The calls that are watched, or were lately.
#[derive(Debug, Default)]
pub struct Watching(Mutex<VecDeque<Arc<Post>>>);

/// One call's news.
#[derive(Debug)]
pub(super) struct Post {
    /// Our id of the call, and the carrier's.
    names: [String; 2],
    told: Arc<Mutex<Told>>,
    /// Rings with each event, and when the call is over.
    bell: watch::Receiver<u64>,
    /// There while the call is.
    alive: Weak<()>,
}

/// What the call tells; goes with it.
struct Ear {
    /// First to go: whoever hears the bell for the last time finds the call over.
    _alive: Arc<()>,
    bell: watch::Sender<u64>,
    told: Arc<Mutex<Told>>,
}

/// What was told, the newest last.
#[derive(Debug, Default)]
struct Told {
    events: VecDeque<(u64, String)>,
    newest: u64,
    bytes: usize,
}

/// What is next for a reader.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// These events, and the number of the last of them.
    Events(String, u64),
    /// Nothing yet.
    Wait,
    /// What it has to read next is not kept any more.
    Behind,
}

impl Watching {
    /// The news of a call with this id, if it is or was watched.
    pub(super) fn find(&self, id: &str) -> Option<Arc<Post>> {
        locked(&self.0).iter().rev().find(|post| post.names.iter().any(|name| name == id)).cloned()
    }

    /// Listens to a call from now on, unless somebody does already. The watcher is for the call.
    pub(super) fn listen(&self, names: [String; 2]) -> (Arc<Post>, Option<Watcher>) {
        let mut posts = locked(&self.0);
        if let Some(post) = posts.iter().find(|post| post.names[0] == names[0]) {
            return (Arc::clone(post), None);
        }
        let told = Arc::new(Mutex::new(Told::default()));
        let (ring, bell) = watch::channel(0);
        let here = Arc::new(());
        let alive = Arc::downgrade(&here);
        let ear = Ear { _alive: here, bell: ring, told: Arc::clone(&told) };
        let watcher = Watcher::new(move |news: News| {
            // Without a reader it goes on: one may come back.
            ear.hear(&news);
            true
        });
        let post = Arc::new(Post { names, told, bell, alive });
        posts.push_back(Arc::clone(&post));
        while posts.len() > MOST_POSTS {
            let Some(over) = posts.iter().position(|post| post.is_over()) else { break };
            posts.remove(over);
        }
        (post, Some(watcher))
    }
}

impl Post {
    /// What comes after the event `last`.
    pub(super) fn after(&self, last: u64) -> Next {
        locked(&self.told).after(last)
    }

    /// The number of the newest event.
    pub(super) fn newest(&self) -> u64 {
        locked(&self.told).newest
    }

    /// Tells when there is something new; closed once the call is over.
    pub(super) fn bell(&self) -> watch::Receiver<u64> {
        self.bell.clone()
    }

    /// Whether the call tells nothing more.
    pub(super) fn is_over(&self) -> bool {
        self.alive.strong_count() == 0
    }
}

impl Ear {
    fn hear(&self, news: &News) {
        let number = locked(&self.told).take(news);
        self.bell.send_replace(number);
    }
}

impl Told {
    fn take(&mut self, news: &News) -> u64 {
        self.newest += 1;
        let mut data = news.data.clone();
        if let Value::Object(fields) = &mut data {
            let at = clock::wall().to_rfc3339_opts(SecondsFormat::Millis, true);
            fields.insert("at".to_owned(), at.into());
        }
        let event = format!("id: {}\nevent: {}\ndata: {data}\n\n", self.newest, news.event);
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
    // Whatever a panic left is whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Events of a call that are kept: some minutes of talk, word by word.
const MOST_EVENTS: usize = 2_000;
/// Their bytes.
const MOST_BYTES: usize = 256 * 1024;
/// Calls whose news are kept. Those that are on are never let go.
const MOST_POSTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_goes_on_where_it_stopped_and_is_told_when_that_is_gone() {
        let mut told = Told::default();
        assert_eq!(told.after(0), Next::Wait);
        for _ in 0..3 {
            told.take(&News::state("listening"));
        }
        let Next::Events(events, 3) = told.after(1) else { panic!("{:?}", told.after(1)) };
        assert!(events.starts_with("id: 2\nevent: state\ndata: {\"at\":\"") && events.contains("id: 3\n"), "{events}");
        assert_eq!(told.after(3), Next::Wait);
        for _ in 0..MOST_EVENTS {
            told.take(&News::state("speaking"));
        }
        assert_eq!((told.after(2), told.events.len()), (Next::Behind, MOST_EVENTS));
        assert!(matches!(told.after(3), Next::Events(..)));
        told.take(&News { event: "words", data: serde_json::json!({ "text": "x".repeat(MOST_BYTES) }) });
        assert!(told.bytes <= MOST_BYTES, "one that is larger than all room is not kept");
    }

    #[test]
    fn the_news_of_calls_that_are_over_make_room_and_those_of_live_ones_stay() {
        let watching = Watching::default();
        let (live, watcher) = watching.listen(["live".to_owned(), "CA0".to_owned()]);
        assert!(watcher.is_some() && watching.listen(["live".to_owned(), "CA0".to_owned()]).1.is_none(), "once a call");
        for n in 0..MOST_POSTS + 5 {
            drop(watching.listen([format!("over-{n}"), format!("CA{n}-over")]));
        }
        assert!(!live.is_over() && watching.find("CA0").is_some());
        assert!(watching.find("over-0").is_none() && watching.find(&format!("over-{}", MOST_POSTS + 4)).is_some());
        assert_eq!(locked(&watching.0).len(), MOST_POSTS);
    }
}
