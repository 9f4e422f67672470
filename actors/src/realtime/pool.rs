//! Sessions that are opened before a call needs them, so that a call's first sound does not wait
//! for TLS. The pool decides how many sessions wait, how old they may become, and which to open
//! next. Pure. There is one for each thread, and its `actor` runs it.
//!
//! `T` is the handle of such a session. Sessions of one server, key and model are kept on one
//! pool, oldest first. The oldest is taken first because it has the least time left. A session
//! that a call takes is replaced. A session that fails to open is tried again at growing intervals.

pub mod actor;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::conversation::ProviderPlan;
use super::plan::{ModelAddress, PoolPlan};

/// The waiting sessions.
#[derive(Debug)]
pub struct Pool<T> {
    models: Vec<ModelPool<T>>,
    drained: bool,
}

#[derive(Debug)]
struct ModelPool<T> {
    provider: ProviderPlan,
    plan: PoolPlan,
    idle: VecDeque<(T, Instant)>,
    /// Sessions that are being opened.
    opening: usize,
    /// Consecutive failures.
    failures: u32,
    not_before: Option<Instant>,
    /// When a call last asked for a session.
    asked: Instant,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { models: Vec::new(), drained: false }
    }
}

impl<T> Pool<T> {
    /// Requests waiting sessions with `provider`.
    pub fn want(&mut self, provider: &ProviderPlan, plan: PoolPlan, now: Instant) {
        if plan.sessions == 0 {
            return;
        }
        if let Some(model) = self.model(provider.address()) {
            (model.asked, model.plan) = (now, plan);
        } else if self.models.len() < MOST_MODELS {
            let (provider, idle) = (provider.clone(), VecDeque::new());
            self.models.push(ModelPool { provider, plan, idle, opening: 0, failures: 0, not_before: None, asked: now });
        }
    }

    /// Takes a session with the model at `address`, if one waits that is not too old.
    pub fn take(&mut self, address: &ModelAddress, now: Instant) -> Option<T> {
        let model = self.model(address)?;
        model.asked = now;
        let fresh =
            model.idle.iter().position(|(_, since)| now.saturating_duration_since(*since) < model.plan.max_age)?;
        model.idle.remove(fresh).map(|(session, _)| session)
    }

    /// What to open now. Each entry counts as being opened from here on.
    pub fn to_open(&mut self, now: Instant) -> Vec<ProviderPlan> {
        if self.drained {
            return Vec::new();
        }
        let mut due = Vec::new();
        for model in &mut self.models {
            let wait = model.not_before.is_some_and(|at| at > now);
            // Open one at a time after a recent failure.
            let most = if model.failures > 0 { 1 } else { model.plan.sessions };
            while !wait && model.idle.len() + model.opening < model.plan.sessions && model.opening < most {
                model.opening += 1;
                due.push(model.provider.clone());
            }
        }
        due
    }

    /// Adds an opened session with the model at `address`. Returns the session if it is no longer
    /// wanted.
    pub fn opened(&mut self, address: &ModelAddress, session: T, now: Instant) -> Option<T> {
        let drained = self.drained;
        match self.model(address) {
            Some(model) => {
                model.opening = model.opening.saturating_sub(1);
                (model.failures, model.not_before) = (0, None);
                if drained {
                    return Some(session);
                }
                model.idle.push_back((session, now));
                None
            }
            None => Some(session),
        }
    }

    /// Records that a session could not be opened.
    pub fn failed(&mut self, address: &ModelAddress, now: Instant) {
        if let Some(model) = self.model(address) {
            model.opening = model.opening.saturating_sub(1);
            model.failures += 1;
            let wait = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(model.failures - 1)).min(LONGEST_PAUSE);
            model.not_before = now.checked_add(wait);
        }
    }

    /// Removes the sessions for which `is_gone` is true and returns their number.
    pub fn forget(&mut self, mut is_gone: impl FnMut(&T) -> bool) -> usize {
        let before = self.idle();
        for model in &mut self.models {
            model.idle.retain(|(session, _)| !is_gone(session));
        }
        before - self.idle()
    }

    /// Removes sessions that are too old, and sessions of models that no call has asked for in a
    /// long time.
    pub fn too_old(&mut self, now: Instant) -> Vec<T> {
        let mut old = Vec::new();
        for model in &mut self.models {
            let unasked = now.saturating_duration_since(model.asked) >= FORGOTTEN_AFTER;
            while let Some((_, since)) = model.idle.front()
                && (unasked || now.saturating_duration_since(*since) >= model.plan.max_age)
            {
                old.extend(model.idle.pop_front().map(|(session, _)| session));
            }
        }
        self.models.retain(|model| {
            model.opening > 0 || !model.idle.is_empty() || now.saturating_duration_since(model.asked) < FORGOTTEN_AFTER
        });
        old
    }

    /// Empties all pools for good.
    pub fn drain(&mut self) -> Vec<T> {
        self.drained = true;
        self.models.iter_mut().flat_map(|model| model.idle.drain(..)).map(|(session, _)| session).collect()
    }

    /// The number of waiting sessions.
    pub fn idle(&self) -> usize {
        self.models.iter().map(|model| model.idle.len()).sum()
    }

    fn model(&mut self, address: &ModelAddress) -> Option<&mut ModelPool<T>> {
        self.models.iter_mut().find(|model| model.provider.address() == address)
    }
}

/// The number of combinations of server, key and model for which sessions are kept. A configuration
/// has a handful.
const MOST_MODELS: usize = 16;
/// The pause after the first failure. Shorter: an unavailable server is dialled too often.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// How long sessions of a model are kept after the last call that asked for it. Longer: unused
/// sessions cost money. Shorter: the first caller of a quiet hour waits for TLS.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(12 * 3600);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::openai::plan::sample;

    const PLAN: PoolPlan = PoolPlan { sessions: 2, max_age: Duration::from_secs(600) };

    fn address(model: &str) -> ModelAddress {
        sample::address("", model)
    }

    fn provider(model: &str) -> ProviderPlan {
        sample::provider(address(model))
    }

    fn filled() -> (Pool<u32>, Instant) {
        #[expect(clippy::disallowed_methods, reason = "any instant will do")]
        let now = Instant::now();
        let mut pool = Pool::default();
        pool.want(&provider("m"), PLAN, now);
        for (number, provider) in (1..).zip(pool.to_open(now)) {
            assert_eq!(pool.opened(provider.address(), number, now + Duration::from_secs(u64::from(number))), None);
        }
        (pool, now)
    }

    #[test]
    fn a_pool_is_filled_once_and_again_when_a_session_is_taken() {
        let (mut pool, now) = filled();
        assert_eq!((pool.idle(), pool.to_open(now).len()), (2, 0));
        assert_eq!(pool.take(&address("m"), now), Some(1), "the oldest, which has the least time left");
        assert_eq!(pool.to_open(now).len(), 1);
        assert_eq!(pool.to_open(now).len(), 0, "it is being opened");
        assert_eq!(pool.take(&address("other"), now), None, "each model has its own");
    }

    #[test]
    fn a_plan_without_waiting_sessions_opens_none() {
        let (_, now) = filled();
        let mut pool = Pool::<u32>::default();
        pool.want(&provider("m"), PoolPlan::default(), now);
        assert_eq!(pool.to_open(now), []);
    }

    #[test]
    fn an_expired_session_is_not_handed_out() {
        let (mut pool, now) = filled();
        let later = now + PLAN.max_age + Duration::from_secs(1);
        assert_eq!(pool.take(&address("m"), later), Some(2));
        assert_eq!(pool.too_old(later), [1]);
        assert_eq!(pool.to_open(later).len(), 2);
    }

    #[test]
    fn a_failing_server_is_asked_less_often_and_by_one_attempt_at_a_time() {
        let (mut pool, mut now) = filled();
        pool.forget(|_| true);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let due = pool.to_open(now);
            for provider in &due {
                pool.failed(provider.address(), now);
            }
            let began = now;
            while pool.models[0].not_before.is_some_and(|at| at > now) {
                assert_eq!(pool.to_open(now), []);
                now += Duration::from_secs(1);
            }
            pauses.push((due.len(), (now - began).as_secs()));
        }
        assert_eq!(pauses, [(2, 4), (1, 8), (1, 16), (1, 32), (1, 60), (1, 60), (1, 60), (1, 60)]);
    }

    #[test]
    fn dead_sessions_are_replaced_and_unused_pools_are_dropped() {
        let (mut pool, now) = filled();
        assert_eq!(pool.forget(|number| *number == 2), 1);
        assert_eq!((pool.idle(), pool.to_open(now).len()), (1, 1));
        pool.failed(&address("m"), now);
        assert_eq!(pool.too_old(now + FORGOTTEN_AFTER), [1]);
        assert_eq!(pool.to_open(now + FORGOTTEN_AFTER), []);
    }

    #[test]
    fn a_drained_pool_stays_empty() {
        let (mut pool, now) = filled();
        pool.take(&address("m"), now);
        let [late] = &pool.to_open(now)[..] else { panic!("one is opened") };
        assert_eq!(pool.drain(), [2]);
        assert_eq!(pool.opened(late.address(), 3, now), Some(3), "it came too late");
        assert_eq!((pool.idle(), pool.to_open(now)), (0, Vec::new()));
    }
}
