//! What is due when, in milliseconds of a session's own time. Pure.

/// Things to do at a time, in order. What is due at the same time is done in the order of its entry.
#[derive(Debug)]
pub(super) struct Agenda<T>(Vec<(u64, T)>);

impl<T> Agenda<T> {
    /// Nothing to do.
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds something to do at `at_ms`.
    pub(super) fn add(&mut self, at_ms: u64, what: T) {
        let place = self.0.partition_point(|(at, _)| *at <= at_ms);
        self.0.insert(place, (at_ms, what));
    }

    /// When the next thing is due.
    pub(super) fn next_at(&self) -> Option<u64> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the next thing that is due at `now_ms`.
    pub(super) fn take(&mut self, now_ms: u64) -> Option<T> {
        self.next_at().filter(|at| *at <= now_ms)?;
        Some(self.0.remove(0).1)
    }

    /// Whether anything fits.
    pub(super) fn any(&self, fits: impl Fn(&T) -> bool) -> bool {
        self.0.iter().any(|(_, what)| fits(what))
    }

    /// Drops everything that is not to be kept.
    pub(super) fn retain(&mut self, kept: impl Fn(&T) -> bool) {
        self.0.retain(|(_, what)| kept(what));
    }

    /// Takes everything that fits out, whenever it is due.
    pub(super) fn extract(&mut self, fits: impl Fn(&T) -> bool) -> Vec<T> {
        let (taken, kept) = std::mem::take(&mut self.0).into_iter().partition(|(_, what)| fits(what));
        self.0 = kept;
        let taken: Vec<(u64, T)> = taken;
        taken.into_iter().map(|(_, what)| what).collect()
    }
}
