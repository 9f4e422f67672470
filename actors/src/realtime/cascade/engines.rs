//! The engines of one part: which one serves, and which one takes over. Pure.
//!
//! A fault is tried once more with the same engine, because most pass. Then the next one takes over,
//! within the call. An engine that had a fault rests for a while; one that refuses us is out for the
//! call.

use std::time::{Duration, Instant};

use super::failure::{Class, Failure, Part};

/// The engines of one part, in order of preference.
#[derive(Debug)]
pub struct Engines {
    part: Part,
    current: usize,
    standings: Vec<Standing>,
    /// Failures of the current engine in a row.
    strikes: u32,
    /// When the part began to fail; `None` while it works.
    failing_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Good,
    /// It had a fault and rests until this time.
    Resting(Instant),
    /// It refuses us.
    Out,
}

/// What to do after a failure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The same engine again, not before this time.
    Again(Instant),
    /// Another engine takes over, not before this time.
    TakeOver {
        /// Its place in the list.
        engine: usize,
        /// When it may be tried.
        at: Instant,
    },
    /// No engine is left.
    Lost(Failure),
}

impl Engines {
    /// `count` engines of a part, at least one.
    pub fn new(part: Part, count: usize) -> Self {
        Self { part, current: 0, standings: vec![Standing::Good; count.max(1)], strikes: 0, failing_since: None }
    }

    /// The part.
    pub fn part(&self) -> Part {
        self.part
    }

    /// The place of the engine that serves.
    pub fn current(&self) -> usize {
        self.current
    }

    /// The current engine has done its work.
    pub fn worked(&mut self) {
        (self.strikes, self.failing_since) = (0, None);
        self.standings[self.current] = Standing::Good;
    }

    /// The current engine failed.
    pub fn failed(&mut self, failure: &Failure, now: Instant) -> Verdict {
        let since = *self.failing_since.get_or_insert(now);
        self.strikes += 1;
        if let Class::Retry { after } = failure.class {
            let wait = after.unwrap_or(FIRST_WAIT * (self.strikes - 1));
            let is_alone = !self.others().any(|(_, standing)| standing == Standing::Good);
            if wait <= LONGEST_WAIT && (self.strikes <= MOST_STRIKES || is_alone && now < since + PATIENCE) {
                return Verdict::Again(now + wait);
            }
        }
        self.standings[self.current] = match failure.class {
            Class::Fatal(_) => Standing::Out,
            Class::Retry { after } => Standing::Resting(now + after.unwrap_or(REST)),
            Class::Next => Standing::Resting(now + REST),
        };
        self.take_over(failure, since, now)
    }

    fn take_over(&mut self, failure: &Failure, since: Instant, now: Instant) -> Verdict {
        for standing in &mut self.standings {
            if matches!(standing, Standing::Resting(until) if *until <= now) {
                *standing = Standing::Good;
            }
        }
        let good = self.standings.iter().position(|standing| *standing == Standing::Good);
        // None is good: the one that rests longest already is tried as long as the caller may wait.
        let resting = self.standings.iter().enumerate().filter_map(|(engine, standing)| match standing {
            Standing::Resting(until) => Some((*until, engine)),
            Standing::Good | Standing::Out => None,
        });
        let next = good.map(|engine| (now, engine)).or_else(|| {
            let (_, engine) = resting.min().filter(|_| now < since + PATIENCE)?;
            Some((now + SHORT_REST, engine))
        });
        match next {
            Some((at, engine)) => {
                (self.current, self.strikes) = (engine, 0);
                Verdict::TakeOver { engine, at }
            }
            None => Verdict::Lost(failure.clone()),
        }
    }

    fn others(&self) -> impl Iterator<Item = (usize, Standing)> {
        self.standings.iter().copied().enumerate().filter(|(engine, _)| *engine != self.current)
    }
}

/// Failures in a row after which another engine takes over, if there is one.
const MOST_STRIKES: u32 = 1;
/// The wait before the second try of an engine in a row; the first is made at once.
const FIRST_WAIT: Duration = Duration::from_millis(300);
/// The longest wait for one engine while a caller listens.
const LONGEST_WAIT: Duration = Duration::from_secs(1);
/// How long an engine rests after a fault. Shorter: the call comes back to it in the same outage.
const REST: Duration = Duration::from_secs(30);
/// The wait before an engine that rests is tried again all the same.
const SHORT_REST: Duration = Duration::from_millis(500);
/// How long a part may fail before the session is lost. Shorter: a short outage costs the call its
/// session. Longer: another provider that the call could go on with is asked too late. Without any,
/// the call tries again with a patience of its own.
const PATIENCE: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::realtime::breaker::Scope;

    fn failure(class: Class) -> Failure {
        Failure { part: Part::Voice, class, reason: "x".into() }
    }

    fn again() -> Failure {
        failure(Class::Retry { after: None })
    }

    fn engine(verdict: &Verdict) -> Option<usize> {
        match verdict {
            Verdict::TakeOver { engine, .. } => Some(*engine),
            Verdict::Again(_) | Verdict::Lost(_) => None,
        }
    }

    #[test]
    fn a_fault_is_tried_once_more_before_the_next_takes_over() {
        let (mut engines, now) = (Engines::new(Part::Voice, 2), clock::now());
        assert_eq!(engines.failed(&again(), now), Verdict::Again(now));
        assert_eq!(engines.failed(&again(), now), Verdict::TakeOver { engine: 1, at: now });
        engines.worked();
        assert_eq!((engines.current(), engines.part()), (1, Part::Voice));
        assert_eq!(engines.failed(&again(), now), Verdict::Again(now), "the count begins again");
    }

    #[test]
    fn a_long_wait_is_no_wait() {
        let (mut engines, now) = (Engines::new(Part::Mind, 2), clock::now());
        let short = Duration::from_millis(200);
        assert_eq!(engines.failed(&failure(Class::Retry { after: Some(short) }), now), Verdict::Again(now + short));
        engines.worked();
        let long = failure(Class::Retry { after: Some(Duration::from_secs(20)) });
        assert_eq!(engine(&engines.failed(&long, now)), Some(1));
    }

    #[test]
    fn an_engine_that_refuses_is_out_for_the_call() {
        let (mut engines, now) = (Engines::new(Part::Mind, 2), clock::now());
        let refused = failure(Class::Fatal(Scope::Key));
        assert_eq!(engine(&engines.failed(&refused, now)), Some(1));
        assert_eq!(engines.failed(&refused, now), Verdict::Lost(refused));
    }

    #[test]
    fn an_engine_that_rests_comes_back_when_its_rest_is_over() {
        let (mut engines, now) = (Engines::new(Part::Mind, 2), clock::now());
        assert_eq!(engine(&engines.failed(&failure(Class::Next), now)), Some(1));
        engines.worked();
        assert_eq!(engine(&engines.failed(&failure(Class::Next), now + REST)), Some(0));
    }

    #[test]
    fn a_part_may_fail_for_a_while_and_not_for_ever() {
        for (count, class) in [(1, Class::Retry { after: None }), (1, Class::Next), (3, Class::Next)] {
            let (mut engines, start) = (Engines::new(Part::Ears, count), clock::now());
            let (mut now, mut tries) = (start, 0);
            while let Verdict::Again(at) | Verdict::TakeOver { at, .. } = engines.failed(&failure(class), now) {
                (now, tries) = (at, tries + 1);
                assert!(tries < 100, "{count} {class:?}");
            }
            let lasted = now - start;
            assert!(
                lasted >= PATIENCE - LONGEST_WAIT && lasted <= PATIENCE + LONGEST_WAIT,
                "{count} {class:?} {lasted:?}"
            );
        }
    }
}
