//! The board of all live calls: server-sent events for any number of readers.
//!
//! Each call has a watcher from its start on, which is off while nobody reads. What happens on a
//! call is gathered in its [`News`], and a few times a second the news of all calls become one frame
//! of text. Its bytes are made once and shared by all readers. A reader that does not keep up is
//! dropped, and told so when it reads on.

mod news;

use std::convert::Infallible;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use actix::Addr;
use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use log::info;
use metrics::counter;
use serde_json::{Value, json};
use switchboard_actors::clock;
use switchboard_actors::supervisor::actor::Supervisor;
use switchboard_actors::supervisor::messages::{CallList, ListCalls};
use switchboard_actors::transcript::watch::{WatchAll, Watcher};
use tokio::sync::{Notify, mpsc};
use tokio::time::sleep;

use self::news::News;
use crate::service::cluster::Fleet;

/// The board. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Board(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// The name of this node, which stands in calls.
    node: String,
    /// Whether anybody reads: the switch of the calls' watchers.
    read: Arc<AtomicBool>,
    /// The calls with news that no frame has yet.
    changed: Mutex<Vec<Arc<Mutex<News>>>>,
    readers: Mutex<Vec<Reader>>,
    /// Wakes the broadcaster for the first reader.
    first: Notify,
}

#[derive(Debug)]
struct Reader {
    frames: mpsc::Sender<Bytes>,
    /// Whether it is another node, which hears of this node's calls alone.
    of_a_node: bool,
    /// Why its frames end.
    ended: Arc<OnceLock<Ended>>,
}

/// Why a reader gets no more frames.
#[derive(Debug, Clone, Copy)]
enum Ended {
    TooSlow,
    Stopping,
}

/// The watcher's end of a call; dropped with the call.
struct Post {
    news: Arc<Mutex<News>>,
    board: Arc<Shared>,
}

impl Board {
    /// The board of the node of this name.
    pub(crate) fn of(node: &str) -> Self {
        Self(Arc::new(Shared { node: node.to_owned(), ..Shared::default() }))
    }

    /// Returns what watches every call.
    pub(crate) fn watch_all(&self) -> WatchAll {
        let board = Arc::clone(&self.0);
        WatchAll::new(move |call| {
            let news = Arc::new(Mutex::new(News::new(call.id.to_string(), clock::now())));
            let post = Post { news, board: Arc::clone(&board) };
            Watcher::while_on(Arc::clone(&board.read), move |mut event| {
                if let ("started", Value::Object(call)) = (event.event, &mut event.data) {
                    call.insert("node".to_owned(), post.board.node.as_str().into());
                }
                post.tell(|news| news.take(event));
                true
            })
        })
    }

    /// Adds a reader; returns its frames, or `None` if there are too many readers. `first` is sent
    /// before the first frame. Another node hears of this node's calls alone.
    pub(crate) fn read(
        &self,
        first: String,
        of_a_node: bool,
    ) -> Option<impl Stream<Item = Result<Bytes, Infallible>> + use<>> {
        let (sender, frames) = mpsc::channel(MOST_WAITING);
        let ended = Arc::new(OnceLock::new());
        {
            let mut readers = locked(&self.0.readers);
            readers.retain(|reader| !reader.frames.is_closed());
            if readers.len() >= MOST_READERS {
                return None;
            }
            readers.push(Reader { frames: sender, of_a_node, ended: Arc::clone(&ended) });
            self.0.read.store(true, Ordering::Relaxed);
        }
        self.0.first.notify_one();
        let first = Some(Bytes::from(first));
        Some(stream::unfold((first, Some((frames, ended))), |(first, reader)| async move {
            let (mut frames, ended) = reader?;
            if let Some(first) = first {
                return Some((Ok(first), (None, Some((frames, ended)))));
            }
            match frames.recv().await {
                Some(frame) => Some((Ok(frame), (None, Some((frames, ended))))),
                None => Some((Ok(goodbye(ended.get().copied())), (None, None))),
            }
        }))
    }

    /// Sends frames for as long as the service runs. Waits while nobody reads.
    pub(crate) async fn broadcast(self, supervisor: Addr<Supervisor>, fleet: Option<Fleet>) {
        let mut standing = Standing::default();
        loop {
            if !self.is_read() {
                self.0.first.notified().await;
                continue;
            }
            sleep(EVERY).await;
            let now = clock::now();
            let mut frame = self.frame(now);
            if standing.is_due(now)
                && let Ok(list) = supervisor.send(ListCalls).timeout(EVERY).await
            {
                let elsewhere = fleet.as_ref().map_or(0, Fleet::active_elsewhere);
                standing.write(&list, elsewhere, now, &mut frame);
            }
            self.send(frame);
        }
    }

    /// Ends all readers: the service stops.
    pub(crate) fn close(&self) {
        for reader in locked(&self.0.readers).drain(..) {
            let _ = reader.ended.set(Ended::Stopping);
        }
        self.0.read.store(false, Ordering::Relaxed);
    }

    /// Whether anybody but other nodes reads.
    pub(crate) fn is_read_by_people(&self) -> bool {
        self.is_read() && locked(&self.0.readers).iter().any(|reader| !reader.of_a_node)
    }

    /// Hands events of another node's calls to the readers here.
    pub(crate) fn pass_on(&self, events: String) {
        self.send_to(events, |reader| !reader.of_a_node);
    }

    fn is_read(&self) -> bool {
        self.0.read.load(Ordering::Relaxed)
    }

    /// Returns the news of all calls as text, and forgets them.
    fn frame(&self, now: Instant) -> String {
        let changed = std::mem::take(&mut *locked(&self.0.changed));
        let at = news::time(clock::wall());
        let mut frame = String::with_capacity(changed.len() * 192);
        for news in changed {
            locked(&news).write(now, &at, &mut frame);
        }
        frame
    }

    /// Sends a frame to every reader and drops those without room for it.
    fn send(&self, frame: String) {
        self.send_to(frame, |_| true);
    }

    fn send_to(&self, frame: String, is_meant: impl Fn(&Reader) -> bool) {
        let frame = Bytes::from(frame);
        let mut readers = locked(&self.0.readers);
        readers.retain(|reader| {
            !is_meant(reader)
                || match reader.frames.try_send(frame.clone()) {
                    _ if frame.is_empty() => !reader.frames.is_closed(),
                    Ok(()) => true,
                    Err(mpsc::error::TrySendError::Closed(_)) => false,
                    Err(mpsc::error::TrySendError::Full(_)) => {
                        let _ = reader.ended.set(Ended::TooSlow);
                        counter!("switchboard_event_readers_dropped_total").increment(1);
                        info!("a reader of /events did not keep up and was dropped");
                        false
                    }
                }
        });
        if readers.is_empty() {
            self.0.read.store(false, Ordering::Relaxed);
            locked(&self.0.changed).drain(..).for_each(|news| locked(&news).forget());
        }
    }
}

impl Post {
    /// Changes the call's news; the next frame has them.
    fn tell(&self, change: impl FnOnce(&mut News)) {
        let first = {
            let mut news = locked(&self.news);
            let none = news.is_none();
            change(&mut news);
            none && !news.is_none()
        };
        if first {
            locked(&self.board.changed).push(Arc::clone(&self.news));
        }
    }
}

impl Drop for Post {
    /// The call is over, however it ended.
    fn drop(&mut self) {
        if self.board.read.load(Ordering::Relaxed) {
            self.tell(News::over);
        }
    }
}

/// What a reader knows of the service as a whole.
#[derive(Debug, Default)]
struct Standing {
    asked: Option<Instant>,
    told: Option<(Value, Instant)>,
}

impl Standing {
    fn is_due(&mut self, now: Instant) -> bool {
        let due = self.asked.is_none_or(|asked| now.saturating_duration_since(asked) >= STANDING_EVERY);
        if due {
            self.asked = Some(now);
        }
        due
    }

    /// Writes the standing if it has changed, and from time to time as a sign of life.
    fn write(&mut self, list: &CallList, elsewhere: usize, now: Instant, frame: &mut String) {
        let data = standing(list, elsewhere);
        let known = self
            .told
            .as_ref()
            .is_some_and(|(told, at)| *told == data && now.saturating_duration_since(*at) < SIGN_OF_LIFE);
        if !known {
            news::event("stats", &data, frame);
            self.told = Some((data, now));
        }
    }
}

/// The standing of the service as an event, for a reader that has just come.
pub(crate) fn first_event(list: &CallList, elsewhere: usize) -> String {
    let mut event = String::new();
    news::event("stats", &standing(list, elsewhere), &mut event);
    event
}

/// The standing of this node, with `elsewhere` calls on other nodes.
fn standing(list: &CallList, elsewhere: usize) -> Value {
    let here = list.calls.len();
    json!({ "active": here + elsewhere, "node_active": here, "max_calls": list.max_calls, "draining": list.draining })
}

/// The last event of a reader.
fn goodbye(ended: Option<Ended>) -> Bytes {
    let reason = match ended {
        Some(Ended::TooSlow) => "too_slow",
        Some(Ended::Stopping) | None => "stopping",
    };
    let mut text = String::new();
    news::event("dropped", &json!({ "reason": reason }), &mut text);
    text.into()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic leaves the data consistent.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The interval of frames. Shorter costs more for each call and reader; longer lets words come late.
const EVERY: Duration = Duration::from_millis(400);
/// The interval in which the calls are counted.
const STANDING_EVERY: Duration = Duration::from_secs(2);
/// Longest silence towards a reader. Proxies usually time out after 60 s of silence.
const SIGN_OF_LIFE: Duration = Duration::from_secs(15);
/// Frames that wait for a reader: some seconds. More keeps old news for a connection that is dead.
const MOST_WAITING: usize = 16;
/// Most readers. More means that a client forgets to close its connections.
const MOST_READERS: usize = 256;

#[cfg(test)]
mod tests;
