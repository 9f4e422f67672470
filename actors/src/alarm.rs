//! A deadline of an actor that costs nothing while it waits.
//!
//! With every message, actix asks each timer of an actor whether it is due, and each timer
//! registers its waker again. At fifty frames a second, three such timers cost a thirtieth of a
//! call. An [`Alarm`] waits in a task of its own and wakes the actor by a message.

use std::cell::RefCell;
use std::fmt;
use std::future::{Future as _, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker, ready};
use std::time::{Duration, Instant};

use actix::{Message, WeakRecipient};
use tokio::task::JoinHandle;
use tokio::time::Sleep;

/// The alarm rang. The actor works out what is due: its state may have changed since the alarm was
/// set.
#[derive(Debug, Message)]
#[rtype(result = "()")]
pub struct TimeUp;

/// An actor's one alarm. Dropping it stops its task.
pub struct Alarm {
    shared: Rc<RefCell<Clock>>,
    task: JoinHandle<()>,
}

struct Clock {
    sleep: Pin<Box<Sleep>>,
    /// When it rings; `None` while it is not set.
    due: Option<Instant>,
    /// The waker of the task, while nothing is set.
    idle: Option<Waker>,
}

impl Alarm {
    /// Creates an unset alarm for `actor` on this thread.
    #[expect(clippy::disallowed_methods, reason = "the one place where an actor's time is waited for")]
    pub fn new(actor: WeakRecipient<TimeUp>) -> Self {
        let clock = Clock { sleep: Box::pin(tokio::time::sleep(Duration::ZERO)), due: None, idle: None };
        let shared = Rc::new(RefCell::new(clock));
        let clock = Rc::clone(&shared);
        let task = actix_rt::spawn(async move {
            loop {
                poll_fn(|task| clock.borrow_mut().poll(task)).await;
                let Some(actor) = actor.upgrade() else { return };
                actor.do_send(TimeUp);
            }
        });
        Self { shared, task }
    }

    /// Rings at `at`, unless it rings sooner anyway. Returns whether it was moved. An actor that is
    /// woken too soon finds nothing due and sets the alarm again, so a deadline that moves with
    /// every message costs nothing.
    pub fn ring_by(&self, at: Instant) -> bool {
        let sooner = self.due().is_none_or(|due| at < due);
        if sooner {
            self.set(at);
        }
        sooner
    }

    fn due(&self) -> Option<Instant> {
        self.shared.borrow().due
    }

    /// Rings at `at` and forgets the earlier time.
    pub fn set(&self, at: Instant) {
        let mut clock = self.shared.borrow_mut();
        clock.due = Some(at);
        clock.sleep.as_mut().reset(at.into());
        if let Some(task) = clock.idle.take() {
            task.wake();
        }
    }
}

impl Clock {
    fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        if self.due.is_none() {
            self.idle = Some(task.waker().clone());
            return Poll::Pending;
        }
        ready!(self.sleep.as_mut().poll(task));
        self.due = None;
        Poll::Ready(())
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Alarm").field("due", &self.due()).finish()
    }
}

#[cfg(test)]
mod tests;
