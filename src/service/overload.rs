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
    /// Notes the rung of a thread. Returns whether new calls are refused from now on, if that
    /// changes: they are while half of the threads or more cannot take one.
    pub fn stands(&self, thread: &str, rung: Rung) -> Option<bool> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.insert(thread.to_owned(), rung);
        let refusing = threads.values().filter(|rung| **rung == Rung::Refusing).count();
        let refuses = refusing * 2 >= threads.len();
        (self.refuses.swap(refuses, Ordering::Relaxed) != refuses).then_some(refuses)
    }

    /// Whether new calls are refused.
    pub fn refuses(&self) -> bool {
        self.refuses.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_refused_while_half_of_the_threads_cannot_take_one() {
        let overload = Overload::default();
        for thread in ["a", "b", "c"] {
            assert_eq!(overload.stands(thread, Rung::Calm), None);
        }
        assert_eq!(overload.stands("a", Rung::Refusing), None);
        assert_eq!(overload.stands("b", Rung::Refusing), Some(true));
        assert_eq!(overload.stands("c", Rung::Messages60), None);
        assert!(overload.refuses());
        assert_eq!(overload.stands("b", Rung::Messages60), Some(false));
        assert!(!overload.refuses());
    }
}
