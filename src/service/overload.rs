//! Which threads of calls cannot keep up, and whether new calls are refused therefore.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use switchboard_actors::overload::Rung;

/// The rungs of the threads that calls run on.
#[derive(Debug, Default)]
pub struct Overload {
    threads: Mutex<BTreeMap<String, Rung>>,
    refuses: AtomicBool,
}

impl Overload {
    /// Notes the rung of a thread. Tells whether new calls are refused from now on, if that changes:
    /// they are while half of the threads or more cannot take one.
    pub fn stands(&self, thread: &str, rung: Rung, tell: impl FnOnce(bool)) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.insert(thread.to_owned(), rung);
        let refusing = threads.values().filter(|rung| **rung == Rung::Refusing).count();
        let refuses = refusing * 2 >= threads.len();
        // Under the lock, so that two threads cannot tell it in the wrong order.
        if self.refuses.swap(refuses, Ordering::Relaxed) != refuses {
            tell(refuses);
        }
    }

    /// Whether new calls are refused.
    pub fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn calls_are_refused_while_half_of_the_threads_cannot_take_one() {
        let overload = Overload::default();
        let told = RefCell::new(Vec::new());
        let stands = |thread, rung| overload.stands(thread, rung, |refuses| told.borrow_mut().push(refuses));
        for thread in ["a", "b", "c"] {
            stands(thread, Rung::Calm);
        }
        stands("a", Rung::Refusing);
        assert!(told.borrow().is_empty() && !overload.refuses());
        stands("b", Rung::Refusing);
        stands("c", Rung::Messages60);
        assert!(overload.refuses());
        stands("b", Rung::Messages60);
        assert!(!overload.refuses());
        assert_eq!(*told.borrow(), [true, false]);
    }
}
