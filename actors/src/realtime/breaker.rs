//! Which servers, keys and models are not worth a try at present, judged by earlier sessions. Pure;
//! the `providers` actor has the instance of the process.
//!
//! A refused key or an exhausted quota affects everything that the key opens. A missing model
//! affects only that model. Both stay blocked for a time that doubles with every refusal; then one
//! more session tries them. A server's own fault only moves it to the end of the list: it is still
//! dialled if nothing better is left.

use std::time::{Duration, Instant};

use super::plan::{Endpoint, ModelAddress};
use crate::realtime::report::{LossClass, ModelLoss};

/// What a fatal loss concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The key: everything that it opens at this server.
    Key,
    /// The model at this server.
    Model,
    /// This session alone: its configuration was refused. Another call may succeed.
    Session,
}

/// Whether an address is worth a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Nothing counts against it.
    Good,
    /// It had a fault lately: try it only if nothing better is left.
    Doubtful,
    /// It refuses us: do not try it.
    Blocked,
}

/// What was learned about a model or an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lesson {
    /// It works: a session came up, or an engine did its work.
    CameUp,
    /// Its server can be reached, which proves nothing about the work.
    Reached,
    /// A session did not come up or was lost.
    Lost {
        /// The loss.
        loss: ModelLoss,
        /// What the loss concerns, if it is fatal.
        scope: Scope,
    },
    /// An engine failed until another one took its place.
    Replaced {
        /// Its failure.
        loss: ModelLoss,
        /// What the failure concerns, if it is fatal.
        scope: Scope,
    },
}

impl Lesson {
    /// The lesson's word in metrics.
    pub const fn word(&self) -> &'static str {
        match self {
            Self::CameUp => "worked",
            Self::Reached => "reached",
            Self::Lost { loss, .. } | Self::Replaced { loss, .. } => match loss.class {
                LossClass::Fatal => "refused",
                LossClass::Retryable | LossClass::Expired => "failed",
            },
        }
    }

    /// Every [`word`](Self::word).
    pub const WORDS: [&'static str; 4] = ["worked", "reached", "failed", "refused"];
}

/// What is known about servers, keys and models.
#[derive(Debug, Default)]
pub struct Breakers {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    endpoint: Endpoint,
    /// The model; `None` for everything that the key opens.
    model: Option<String>,
    /// Consecutive losses.
    strikes: u32,
    /// Whether it refused us, rather than only failed.
    refused: bool,
    until: Instant,
}

impl Breakers {
    /// No knowledge yet.
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// The standing of `address`.
    pub fn standing(&self, address: &ModelAddress, now: Instant) -> Standing {
        let about = |entry: &&Entry| entry.concerns(address) && entry.until > now;
        self.entries.iter().filter(about).map(Entry::standing).max().unwrap_or(Standing::Good)
    }

    /// The standing of each of `addresses`, in order.
    pub fn standings<'a>(&self, addresses: impl IntoIterator<Item = &'a ModelAddress>, now: Instant) -> Vec<Standing> {
        addresses.into_iter().map(|address| self.standing(address, now)).collect()
    }

    /// Records a loss of `class` at `address`. `scope` is what a fatal loss concerns.
    pub fn learn(&mut self, address: &ModelAddress, class: LossClass, scope: Scope, now: Instant) {
        match class {
            LossClass::Fatal => self.refused(address, scope, now),
            LossClass::Retryable => self.failed(address, now),
            LossClass::Expired => {}
        }
    }

    /// How long `address` is still blocked; `None` if it is not.
    pub fn blocked_for(&self, address: &ModelAddress, now: Instant) -> Option<Duration> {
        let about = |entry: &&Entry| entry.concerns(address) && entry.is_open(now);
        self.entries.iter().filter(about).map(|entry| entry.until.saturating_duration_since(now)).max()
    }

    /// The number of keys and models that are blocked.
    pub fn open(&self, now: Instant) -> usize {
        self.entries.iter().filter(|entry| entry.is_open(now)).count()
    }

    /// Records that a session with `address` came up.
    pub fn succeeded(&mut self, address: &ModelAddress) {
        self.entries.retain(|entry| !entry.concerns(address));
    }

    /// Records that the server of `address` can be reached. That ends a doubt, and no refusal.
    pub fn reached(&mut self, address: &ModelAddress) {
        self.entries.retain(|entry| entry.refused || !entry.concerns(address));
    }

    /// Records that an engine failed until another one took its place, which is more than one
    /// failure: it is doubtful at once.
    pub fn replaced(&mut self, address: &ModelAddress, now: Instant) {
        let entry = self.entry(address, Some(address.model.clone()), now);
        entry.strikes = entry.strikes.max(REPLACED_AFTER - 1);
        self.failed(address, now);
    }

    /// Records that `address` refused us. Sessions that were dialled at the same time count once.
    pub fn refused(&mut self, address: &ModelAddress, scope: Scope, now: Instant) {
        let model = match scope {
            Scope::Key => None,
            Scope::Model => Some(address.model.clone()),
            Scope::Session => return,
        };
        let entry = self.entry(address, model, now);
        if entry.is_open(now) {
            return;
        }
        entry.strikes += 1;
        entry.refused = true;
        entry.until = now + doubled(SHORTEST_BLOCK, entry.strikes).min(LONGEST_BLOCK);
    }

    /// Records that a session with `address` did not come up or was lost through no fault of ours.
    pub fn failed(&mut self, address: &ModelAddress, now: Instant) {
        let entry = self.entry(address, Some(address.model.clone()), now);
        entry.strikes += 1;
        if !entry.refused && entry.strikes >= DOUBTED_AFTER {
            entry.until = now + doubled(SHORTEST_DOUBT, entry.strikes - DOUBTED_AFTER + 1).min(LONGEST_DOUBT);
        }
    }

    fn entry(&mut self, address: &ModelAddress, model: Option<String>, now: Instant) -> &mut Entry {
        let known = self.entries.iter().position(|entry| entry.endpoint == address.endpoint && entry.model == model);
        let place = known.unwrap_or_else(|| {
            if self.entries.len() >= MOST_ENTRIES {
                self.entries.remove(0);
            }
            self.entries.push(Entry {
                endpoint: address.endpoint.clone(),
                model,
                strikes: 0,
                refused: false,
                until: now,
            });
            self.entries.len() - 1
        });
        &mut self.entries[place]
    }
}

impl Entry {
    fn concerns(&self, address: &ModelAddress) -> bool {
        self.endpoint == address.endpoint && self.model.as_ref().is_none_or(|model| *model == address.model)
    }

    /// Whether it refused us and the block is not over.
    fn is_open(&self, now: Instant) -> bool {
        self.refused && self.until > now
    }

    const fn standing(&self) -> Standing {
        if self.refused { Standing::Blocked } else { Standing::Doubtful }
    }
}

fn doubled(first: Duration, times: u32) -> Duration {
    first.saturating_mul(2u32.saturating_pow(times.saturating_sub(1)))
}

/// How long the first refusal blocks. Shorter: every call pays a dial for a key without credit.
/// Longer: a key that has credit again stays unused.
const SHORTEST_BLOCK: Duration = Duration::from_secs(30);
/// The longest block.
const LONGEST_BLOCK: Duration = Duration::from_secs(600);
/// The number of consecutive failures before a server becomes doubtful. One dropped socket proves
/// nothing.
const DOUBTED_AFTER: u32 = 3;
/// The number of failures that an engine's replacement counts as: it is left out for 40 s. Shorter:
/// every other call waits for it again. Longer: an engine that works again stays unused, unless the
/// canary looks at it.
const REPLACED_AFTER: u32 = DOUBTED_AFTER + 2;
/// How long a server stays doubtful at first, at the end of the list.
const SHORTEST_DOUBT: Duration = Duration::from_secs(10);
/// The longest time that a server stays doubtful.
const LONGEST_DOUBT: Duration = Duration::from_secs(120);
/// The number of entries that are kept. A configuration has a handful of addresses.
const MOST_ENTRIES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::openai::plan::sample::address;

    #[expect(clippy::disallowed_methods, reason = "any instant will do")]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn a_key_without_credit_blocks_all_that_it_opens_and_nothing_else() {
        let (mut breakers, now) = (Breakers::default(), now());
        breakers.refused(&address("a", "big"), Scope::Key, now);
        assert_eq!(breakers.standing(&address("a", "small"), now), Standing::Blocked);
        assert_eq!(breakers.standing(&address("b", "big"), now), Standing::Good);
    }

    #[test]
    fn a_missing_model_blocks_that_model_alone() {
        let (mut breakers, now) = (Breakers::default(), now());
        breakers.refused(&address("a", "gone"), Scope::Model, now);
        assert_eq!(breakers.standing(&address("a", "gone"), now), Standing::Blocked);
        assert_eq!(breakers.standing(&address("a", "there"), now), Standing::Good);
    }

    #[test]
    fn a_block_ends_and_doubles_when_it_was_right() {
        let (mut breakers, now, it) = (Breakers::default(), now(), address("a", "m"));
        breakers.refused(&it, Scope::Key, now);
        assert_eq!(breakers.standing(&it, now + SHORTEST_BLOCK), Standing::Good, "one session may try");
        breakers.refused(&it, Scope::Key, now + SHORTEST_BLOCK);
        assert_eq!(breakers.standing(&it, now + SHORTEST_BLOCK * 2), Standing::Blocked);
        breakers.succeeded(&it);
        assert_eq!(breakers.standing(&it, now + SHORTEST_BLOCK * 2), Standing::Good);
    }

    #[test]
    fn a_block_is_counted_while_it_lasts_and_calls_refused_together_do_not_double_it() {
        let (mut breakers, now, it) = (Breakers::default(), now(), address("a", "m"));
        assert_eq!((breakers.open(now), breakers.blocked_for(&it, now)), (0, None));
        for _ in 0..8 {
            breakers.refused(&it, Scope::Key, now);
        }
        assert_eq!((breakers.open(now), breakers.blocked_for(&it, now)), (1, Some(SHORTEST_BLOCK)));
        let over = now + SHORTEST_BLOCK;
        assert_eq!((breakers.open(over), breakers.blocked_for(&it, over)), (0, None), "its time is over");
        breakers.succeeded(&it);
        assert_eq!(breakers.open(now), 0, "a session came up");
        (0..9).for_each(|_| breakers.failed(&it, now));
        assert_eq!(breakers.open(now), 0, "doubted, not refused");
    }

    #[test]
    fn a_server_in_trouble_is_doubted_after_three_failures_and_never_blocked() {
        let (mut breakers, now, it) = (Breakers::default(), now(), address("", "m"));
        for expected in [Standing::Good, Standing::Good, Standing::Doubtful, Standing::Doubtful] {
            breakers.failed(&it, now);
            assert_eq!(breakers.standing(&it, now), expected);
        }
        assert_eq!(breakers.standing(&it, now + LONGEST_DOUBT), Standing::Good);
    }

    #[test]
    fn an_engine_that_was_replaced_is_doubted_at_once_until_it_is_reached() {
        let (mut breakers, now, it) = (Breakers::default(), now(), address("", "m"));
        breakers.replaced(&it, now);
        assert_eq!(breakers.standing(&it, now), Standing::Doubtful);
        let over = now + SHORTEST_DOUBT * 4;
        assert_eq!(breakers.standing(&it, over), Standing::Good, "its time is over");
        breakers.replaced(&it, over);
        assert_eq!(breakers.standing(&it, over + SHORTEST_DOUBT * 4), Standing::Doubtful, "it failed again");
        breakers.reached(&it);
        assert_eq!(breakers.standing(&it, over), Standing::Good);
        breakers.refused(&it, Scope::Key, now);
        breakers.reached(&it);
        assert_eq!(breakers.standing(&it, now), Standing::Blocked, "an open port is no credit");
    }

    #[test]
    fn a_refused_configuration_says_nothing_about_other_calls() {
        let (mut breakers, now) = (Breakers::default(), now());
        breakers.refused(&address("a", "m"), Scope::Session, now);
        assert_eq!(breakers.standing(&address("a", "m"), now), Standing::Good);
    }
}
