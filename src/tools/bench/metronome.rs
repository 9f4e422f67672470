//! A timer finer than those of the runtime, which count milliseconds. With them, all phones of one
//! millisecond would send in one burst, which no carrier does, and would queue behind each other in
//! the service.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Weak};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};

/// Wakes the tasks of this thread at their beats. A separate thread produces the beats while this
/// value lives.
pub(super) struct Metronome {
    score: Rc<Score>,
    conductor: JoinHandle<()>,
}

/// The waiting tasks by beat.
struct Score {
    origin: Instant,
    /// Number of beats that have passed.
    beat: Cell<u64>,
    waiting: RefCell<BTreeMap<u64, Vec<Waker>>>,
}

impl Metronome {
    /// Starts the beats.
    pub(super) fn start() -> io::Result<Rc<Self>> {
        let (origin, pulse) = (Instant::now(), Arc::new(Notify::new()));
        let score = Rc::new(Score { origin, beat: Cell::new(0), waiting: RefCell::default() });
        let heard = Arc::downgrade(&pulse);
        std::thread::Builder::new().name("metronome".to_owned()).spawn(move || beat(origin, &heard))?;
        let conducting = Rc::clone(&score);
        let conductor = spawn_local(async move {
            loop {
                pulse.notified().await;
                conducting.wake();
            }
        });
        Ok(Rc::new(Self { score, conductor }))
    }

    /// The latest beat that has passed.
    pub(super) fn now(&self) -> u64 {
        beats(self.score.origin.elapsed())
    }

    /// The first beat after `delay`.
    pub(super) fn after(&self, delay: Duration) -> u64 {
        beats(self.score.origin.elapsed() + delay) + 1
    }

    /// Waits for `beat`. Returns at once if it has passed.
    pub(super) async fn until(&self, beat: u64) {
        poll_fn(|task| {
            if self.score.beat.get() >= beat {
                return Poll::Ready(());
            }
            self.score.waiting.borrow_mut().entry(beat).or_default().push(task.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Metronome {
    fn drop(&mut self) {
        // Aborting the conductor drops the pulse, which ends the thread.
        self.conductor.abort();
    }
}

impl Score {
    fn wake(&self) {
        let now = beats(self.origin.elapsed());
        self.beat.set(now);
        let mut waiting = self.waiting.borrow_mut();
        let later = waiting.split_off(&(now + 1));
        let due = std::mem::replace(&mut *waiting, later);
        drop(waiting);
        due.into_values().flatten().for_each(Waker::wake);
    }
}

fn beat(origin: Instant, pulse: &Weak<Notify>) {
    for number in 1u32.. {
        std::thread::sleep((origin + BEAT * number).saturating_duration_since(Instant::now()));
        let Some(pulse) = pulse.upgrade() else { return };
        pulse.notify_one();
    }
}

/// Number of whole beats in `time`.
pub(super) const fn beats(time: Duration) -> u64 {
    (time.as_micros() / BEAT.as_micros()) as u64
}

/// Length of a beat. Shorter: the beats themselves use up the generator's time. Longer: bursts.
const BEAT: Duration = Duration::from_micros(250);

#[cfg(test)]
mod tests;
