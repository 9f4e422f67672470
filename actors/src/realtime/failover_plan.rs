//! Chooses which server a call's next session is dialled at, and when; and decides when the model
//! is given up. Pure.
//!
//! A call has a list of candidates. A refusal removes one for the rest of the call. After a loss
//! that another try could mend, the least tried candidate is next: at once if it was not tried yet,
//! otherwise after full-jitter backoff. The model is given up when an outage lasts too long, or
//! after too many losses without a session that proved itself.

use std::time::{Duration, Instant};

use super::breaker::Standing;
use super::conversation::ProviderPlan;
use super::plan::ModelAddress;
use crate::realtime::report::{LossClass, ModelLoss};

/// The search for a session during the whole call.
#[derive(Debug)]
pub struct FailoverPlan {
    candidates: Vec<TrackedCandidate>,
    patience: Duration,
    /// When the outage began; `None` once a session has proved itself.
    since: Option<Instant>,
    tries: u32,
    last: Option<ModelLoss>,
}

#[derive(Debug)]
struct TrackedCandidate {
    candidate: ProviderPlan,
    /// The same with its best engines first, if others are better at present.
    preferred: Option<ProviderPlan>,
    /// Losses since a session last proved itself.
    losses: u32,
    /// Whether it refuses this call.
    refused: bool,
}

impl TrackedCandidate {
    const fn new(candidate: ProviderPlan) -> Self {
        Self { candidate, preferred: None, losses: 0, refused: false }
    }
}

/// The next step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Dial this candidate after the given wait.
    Dial {
        /// The candidate.
        candidate: usize,
        /// The wait before the dial.
        after: Duration,
    },
    /// No candidate is left.
    GiveUp(ModelLoss),
}

impl FailoverPlan {
    /// A search among `candidates`; `patience` limits its duration.
    pub fn new(candidates: Vec<ProviderPlan>, patience: Duration) -> Self {
        let candidates = candidates.into_iter().map(TrackedCandidate::new).collect();
        Self { candidates, patience, since: None, tries: 0, last: None }
    }

    /// Goes on with other candidates. The earlier ones keep their numbers, as their sessions still
    /// count, and are dialled no more.
    pub fn hand_over(&mut self, candidates: Vec<ProviderPlan>) {
        self.candidates.iter_mut().for_each(|tracked| tracked.refused = true);
        self.last = None;
        self.candidates.extend(candidates.into_iter().map(TrackedCandidate::new));
    }

    /// One of the candidates, with its best engines first.
    pub fn candidate(&self, number: usize) -> &ProviderPlan {
        let tracked = &self.candidates[number];
        tracked.preferred.as_ref().unwrap_or(&tracked.candidate)
    }

    /// Whether a candidate is as the call's plan has it.
    pub fn is_unchanged(&self, number: usize) -> bool {
        self.candidates[number].preferred.is_none()
    }

    /// Whose standing matters, candidate by candidate.
    pub fn addresses(&self) -> impl Iterator<Item = &ModelAddress> {
        self.candidates.iter().flat_map(|tracked| tracked.candidate.addresses())
    }

    /// Learns how the [`addresses`](Self::addresses) stand, and puts the best engines first. Returns
    /// the standing of each candidate. Missing ones count as good.
    pub fn advised(&mut self, standings: &[Standing]) -> Vec<Standing> {
        let mut rest = standings;
        let judge = |tracked: &mut TrackedCandidate| {
            let (own, others) = rest.split_at(tracked.candidate.addresses().len().min(rest.len()));
            rest = others;
            tracked.preferred = tracked.candidate.preferring(own);
            tracked.candidate.standing(own)
        };
        self.candidates.iter_mut().map(judge).collect()
    }

    /// Starts the search at the beginning of the call.
    pub const fn begin(&mut self, now: Instant) {
        self.since = Some(now);
    }

    /// Records that the session in use lasted long enough or completed a response. Earlier losses
    /// no longer count.
    pub fn proved(&mut self) {
        self.since = None;
        self.tries = 0;
        self.last = None;
        for tracked in &mut self.candidates {
            tracked.losses = 0;
        }
    }

    /// Records that the session in use, which lasted for `lived`, is about to be lost. An outage
    /// begins.
    pub fn interrupted(&mut self, lived: Duration, now: Instant) {
        if lived >= PROVEN {
            self.proved();
        }
        self.since = Some(now);
    }

    /// Records that a session with this candidate did not come up or was lost.
    ///
    /// # Errors
    /// The loss for which the model is given up, if no other session may be tried.
    pub fn lost(&mut self, number: usize, loss: &ModelLoss, now: Instant) -> Result<(), ModelLoss> {
        let since = *self.since.get_or_insert(now);
        self.tries += 1;
        let tracked = &mut self.candidates[number];
        tracked.losses += 1;
        tracked.refused |= loss.class == LossClass::Fatal;
        self.last = Some(loss.clone());
        let patience_is_over = now.saturating_duration_since(since) >= self.patience;
        if self.patience.is_zero() || self.tries >= MOST_TRIES || patience_is_over { Err(loss.clone()) } else { Ok(()) }
    }

    /// Chooses what to dial next: the least tried candidate of the best standing, and the first of
    /// equals. `standings` has the candidates' standings in order, as far as they are known.
    /// `chance` is a fresh random number from 0 to 1.
    pub fn choose(&self, standings: &[Standing], now: Instant, chance: f64) -> Next {
        let standing = |number: usize, tracked: &TrackedCandidate| {
            let known = standings.get(number).copied().unwrap_or(Standing::Good);
            if tracked.refused { Standing::Blocked } else { known }
        };
        let best = self
            .candidates
            .iter()
            .enumerate()
            .map(|(number, tracked)| (standing(number, tracked), tracked.losses, number))
            .filter(|(standing, ..)| *standing < Standing::Blocked)
            .min();
        match best {
            Some((_, losses, candidate)) => {
                let after = backoff(losses, chance);
                // A wait longer than the remaining patience is useless.
                let left = self.since.map(|since| (since + self.patience).saturating_duration_since(now));
                Next::Dial { candidate, after: left.map_or(after, |left| after.min(left)) }
            }
            None => Next::GiveUp(self.last.clone().unwrap_or_else(|| ModelLoss {
                class: LossClass::Fatal,
                reason: "every key and model was refused lately; not dialled".to_owned(),
            })),
        }
    }
}

/// Full jitter: a wait up to a bound that doubles. Without it, calls that were dropped together
/// would return together.
fn backoff(losses: u32, chance: f64) -> Duration {
    if losses == 0 {
        return Duration::ZERO;
    }
    let bound = FIRST_BACKOFF.saturating_mul(2u32.saturating_pow(losses - 1)).min(LONGEST_BACKOFF);
    bound.mul_f64(chance.clamp(0.0, 1.0))
}

/// The bound of the first wait. Larger: the caller notices it. Smaller: all calls reach a
/// restarting server at once.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
/// The bound of the longest wait. A caller does not wait longer in silence.
const LONGEST_BACKOFF: Duration = Duration::from_secs(4);
/// How long a session must last to prove itself. Shorter: a server that drops its sessions is
/// dialled for ever.
const PROVEN: Duration = Duration::from_secs(10);
/// The number of consecutive losses before the model is given up, at any speed: such a server
/// accepts sessions and drops them.
const MOST_TRIES: u32 = 12;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::breaker::{Breakers, Scope};
    use crate::realtime::openai::plan::sample::{address, provider};

    const PATIENCE: Duration = Duration::from_secs(10);

    fn candidate(key: &str, model: &str) -> ProviderPlan {
        provider(address(key, model))
    }

    struct Search {
        failover_plan: FailoverPlan,
        breakers: Breakers,
        now: Instant,
    }

    impl Search {
        fn among(candidates: Vec<ProviderPlan>) -> Self {
            #[expect(clippy::disallowed_methods, reason = "any instant will do")]
            let now = Instant::now();
            Self { failover_plan: FailoverPlan::new(candidates, PATIENCE), breakers: Breakers::default(), now }
        }

        fn lost(&mut self, number: usize, class: LossClass, scope: Scope, chance: f64) -> Next {
            let loss = ModelLoss { class, reason: "gone".to_owned() };
            self.breakers.learn(self.failover_plan.candidate(number).address(), class, scope, self.now);
            match self.failover_plan.lost(number, &loss, self.now) {
                Ok(()) => self.choose(chance),
                Err(loss) => Next::GiveUp(loss),
            }
        }

        fn choose(&self, chance: f64) -> Next {
            let standings = self.breakers.standings(self.failover_plan.addresses(), self.now);
            self.failover_plan.choose(&standings, self.now, chance)
        }

        fn begin(&mut self) -> Next {
            self.failover_plan.begin(self.now);
            self.choose(0.0)
        }
    }

    fn dials(next: &Next) -> (usize, u128) {
        match next {
            Next::Dial { candidate, after } => (*candidate, after.as_millis()),
            Next::GiveUp(loss) => panic!("given up: {loss:?}"),
        }
    }

    #[test]
    fn the_next_candidate_is_dialled_at_once_and_the_first_again_after_a_wait() {
        let mut search = Search::among(vec![candidate("a", "m"), candidate("b", "m")]);
        assert_eq!(dials(&search.begin()), (0, 0));
        assert_eq!(dials(&search.lost(0, LossClass::Retryable, Scope::Session, 1.0)), (1, 0));
        assert_eq!(dials(&search.lost(1, LossClass::Retryable, Scope::Session, 1.0)), (0, 250));
        assert_eq!(dials(&search.lost(0, LossClass::Retryable, Scope::Session, 0.5)), (1, 125));
        assert_eq!(dials(&search.lost(1, LossClass::Expired, Scope::Session, 0.0)), (0, 0));
    }

    #[test]
    fn a_refusal_is_never_retried() {
        let mut search = Search::among(vec![candidate("a", "m"), candidate("b", "m")]);
        assert_eq!(dials(&search.lost(0, LossClass::Fatal, Scope::Key, 1.0)), (1, 0));
        assert_eq!(dials(&search.lost(1, LossClass::Retryable, Scope::Session, 1.0)), (1, 250));
        let end = search.lost(1, LossClass::Fatal, Scope::Session, 1.0);
        assert!(matches!(end, Next::GiveUp(ModelLoss { class: LossClass::Fatal, .. })), "{end:?}");
    }

    #[test]
    fn a_key_without_credit_takes_its_other_models_with_it() {
        let mut search = Search::among(vec![candidate("a", "big"), candidate("a", "small"), candidate("b", "m")]);
        assert_eq!(dials(&search.lost(0, LossClass::Fatal, Scope::Key, 1.0)), (2, 0));
        // The next call of this thread does not try it either.
        let breakers = search.breakers;
        let mut next_call = Search { breakers, ..Search::among(vec![candidate("a", "big")]) };
        assert!(matches!(next_call.begin(), Next::GiveUp(_)));
    }

    #[test]
    fn a_missing_model_leaves_the_keys_others() {
        let mut search = Search::among(vec![candidate("a", "gone"), candidate("a", "there")]);
        assert_eq!(dials(&search.lost(0, LossClass::Fatal, Scope::Model, 1.0)), (1, 0));
    }

    #[test]
    fn the_wait_is_bounded_and_so_are_the_tries() {
        let mut search = Search::among(vec![candidate("a", "m")]);
        let mut waits = Vec::new();
        let end = loop {
            match search.lost(0, LossClass::Retryable, Scope::Session, 1.0) {
                Next::Dial { after, .. } => waits.push(after),
                Next::GiveUp(loss) => break loss,
            }
        };
        assert_eq!(end.class, LossClass::Retryable);
        assert_eq!(waits.len(), MOST_TRIES as usize - 1);
        assert_eq!(waits.iter().max(), Some(&LONGEST_BACKOFF));
    }

    #[test]
    fn patience_ends_and_begins_anew_with_a_session_that_proved_itself() {
        let mut search = Search::among(vec![candidate("a", "m")]);
        assert_eq!(dials(&search.lost(0, LossClass::Retryable, Scope::Session, 0.0)), (0, 0));
        search.failover_plan.proved();
        search.now += PATIENCE;
        assert_eq!(dials(&search.lost(0, LossClass::Retryable, Scope::Session, 0.0)), (0, 0));
        search.now += PATIENCE;
        assert!(matches!(search.lost(0, LossClass::Retryable, Scope::Session, 0.0), Next::GiveUp(_)));
    }

    #[test]
    fn patience_is_for_one_outage_and_tries_are_for_those_that_follow_one_another() {
        let mut search = Search::among(vec![candidate("a", "m")]);
        search.failover_plan.begin(search.now);
        // A caller is silent for a minute, and then the session is dropped.
        search.now += Duration::from_secs(60);
        search.failover_plan.interrupted(Duration::from_secs(60), search.now);
        assert_eq!(dials(&search.lost(0, LossClass::Retryable, Scope::Session, 0.0)), (0, 0));
        // The server accepts sessions and drops them repeatedly.
        let drops = (0..100).take_while(|_| {
            search.now += Duration::from_secs(5);
            search.failover_plan.interrupted(Duration::from_secs(5), search.now);
            matches!(search.lost(0, LossClass::Retryable, Scope::Session, 0.0), Next::Dial { .. })
        });
        assert_eq!(drops.count(), MOST_TRIES as usize - 2);
    }

    #[test]
    fn a_plan_without_resilience_gives_up_at_the_first_loss() {
        let mut search = Search::among(vec![candidate("a", "m")]);
        search.failover_plan.patience = Duration::ZERO;
        assert!(matches!(search.lost(0, LossClass::Retryable, Scope::Session, 1.0), Next::GiveUp(_)));
    }

    #[test]
    fn a_doubted_server_is_dialled_when_nothing_better_is_left() {
        let mut search = Search::among(vec![candidate("a", "m"), candidate("b", "m")]);
        for _ in 0..3 {
            search.breakers.failed(&address("a", "m"), search.now);
        }
        assert_eq!(dials(&search.begin()), (1, 0));
        assert_eq!(dials(&search.lost(1, LossClass::Fatal, Scope::Model, 1.0)), (0, 0));
    }
}
