//! The places of calls: admission, live calls, the drain. Pure.
//!
//! An announced call takes a place, and its stream keeps it. The place becomes free when the call
//! ends, when the carrier reports the end of an announced call, or when the stream of an announced
//! call does not come within the token's lifetime. `announced + live ≤ max_calls` at all times.
//!
//! **Drain.** From the first drain on no call is announced. Calls that were announced before it have
//! their permit: their streams are admitted within the token's lifetime. Live calls may end by
//! themselves within the drain's patience. After that they are ordered to hang up and get a bounded
//! time to do so. A drain without patience gives the announced calls up.

mod outbound;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use subtle::{Choice, ConstantTimeEq};

use super::messages::{ExpectedCall, Permit, Refusal};
use super::timers::Timer;
use crate::carrier::{Carrier, SecondStart, StreamStart};
use crate::ids::{CallId, CallTag, CarrierCallId, Private};

/// The places. `C` is the handle of a live call.
#[derive(Debug)]
pub(super) struct Roster<C> {
    max_calls: usize,
    token_lifetime: Duration,
    announced: HashMap<CarrierCallId, Announced>,
    /// The oldest call first.
    live: Vec<Live<C>>,
    /// Live calls whose callers return on another stream; their places are taken already.
    returning: HashMap<CarrierCallId, Returning>,
    /// Calls that we placed ourselves, while they have a place. Diallers of others also place
    /// outbound calls; limiting those is up to them.
    begun: Vec<CallId>,
    /// How many calls one caller may have at once; `None` is any number.
    per_caller: Option<usize>,
    /// How many nodes share that number, while they do not know of each other's calls.
    apart: usize,
    /// Whether the threads of calls cannot keep up.
    overloaded: bool,
    phase: Phase,
}

/// A call whose stream has not come yet.
#[derive(Debug)]
struct Announced {
    expected: ExpectedCall,
    permit: Permit,
    /// Whether the carrier reported it in progress when it was announced.
    in_progress: bool,
    until: Instant,
}

/// A call with a stream.
#[derive(Debug)]
struct Live<C> {
    expected: ExpectedCall,
    permit: Permit,
    in_progress: bool,
    reach: C,
}

/// A live call whose caller returns.
#[derive(Debug)]
struct Returning {
    token: Private<String>,
    until: Instant,
}

/// The result of a stream with a valid token.
#[derive(Debug)]
pub(super) enum Admitted<C> {
    /// A call starts.
    New(Box<Admission>),
    /// A live call continues, as its carrier was told.
    Back {
        /// The call.
        call: CallId,
        /// The call's handle.
        reach: C,
    },
    /// A live call continues on a stream that its carrier has opened by itself.
    Reopened {
        /// The call.
        call: CallId,
        /// The call's handle.
        reach: C,
    },
}

/// Whether calls are admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Calls are admitted.
    Open,
    /// Not admitting; live calls may continue until this time.
    Draining { patience: Instant },
    /// Live calls were ordered to hang up and may take until this time.
    HangingUp { until: Instant },
    /// The last live call has not ended in time; the drain no longer waits.
    GivenUp,
}

/// A stream whose token was valid. It has its place once it is seated.
#[derive(Debug)]
pub(super) struct Admission {
    /// The announced call.
    pub(super) expected: ExpectedCall,
    /// The permit it used up.
    pub(super) permit: Permit,
    /// Whether the carrier reported it in progress when it was announced.
    in_progress: bool,
}

/// What became due.
#[derive(Debug)]
pub(super) struct Due<C> {
    /// Announced calls that lost their places.
    pub(super) missed: Vec<CallTag>,
    /// Live calls that must hang up.
    pub(super) hang_up: Vec<C>,
}

impl<C: Clone> Roster<C> {
    pub(super) fn new(max_calls: usize, token_lifetime: Duration) -> Self {
        Self {
            max_calls,
            token_lifetime,
            announced: HashMap::new(),
            live: Vec::new(),
            returning: HashMap::new(),
            begun: Vec::new(),
            per_caller: None,
            apart: 1,
            overloaded: false,
            phase: Phase::Open,
        }
    }

    /// The same for callers who may have `most` calls at once.
    pub(super) fn with_calls_per_caller(self, most: Option<usize>) -> Self {
        Self { per_caller: most, ..self }
    }

    /// The nodes that share what one caller may have, while they do not know of each other's calls.
    pub(super) fn set_apart(&mut self, nodes: Option<usize>) {
        self.apart = nodes.unwrap_or(1).max(1);
    }

    /// Whether the caller of `expected` may have one more call.
    fn check_caller(&self, expected: &ExpectedCall, now: Instant) -> Result<(), Refusal> {
        let (Some(most), Some(caller)) = (self.per_caller, expected.profile.caller.as_deref()) else { return Ok(()) };
        let is_another = |other: &&ExpectedCall| {
            other.profile.caller.as_deref() == Some(caller) && other.carrier_call != expected.carrier_call
        };
        let most = (most / self.apart).max(1);
        if self.places(now).filter(is_another).count() >= most { Err(Refusal::CallerBusy { most }) } else { Ok(()) }
    }

    /// The calls that have a place.
    fn places(&self, now: Instant) -> impl Iterator<Item = &ExpectedCall> {
        let announced = self.announced.values().filter(move |it| now < it.until).map(|it| &it.expected);
        announced.chain(self.live.iter().map(|live| &live.expected))
    }

    /// The carriers' ids of the calls that have a place.
    pub(super) fn held(&self, now: Instant) -> Vec<CarrierCallId> {
        self.places(now).map(|expected| expected.carrier_call.clone()).collect()
    }

    /// Takes a place for `expected` and returns `fresh`, or the permit that the same carrier call
    /// already has. An announcement that is repeated before the stream came restarts the token's
    /// lifetime. A later one changes nothing.
    pub(super) fn expect(
        &mut self,
        expected: ExpectedCall,
        fresh: Permit,
        in_progress: bool,
        now: Instant,
    ) -> Result<Permit, Refusal> {
        // A drain extends no lifetime, or it would last as long as a webhook is repeated.
        let until = if self.is_draining() { now } else { now + self.token_lifetime };
        let carrier_call = expected.carrier_call.clone();
        if let Some(announced) = self.announced.get_mut(&carrier_call).filter(|announced| now < announced.until) {
            announced.until = announced.until.max(until);
            return Ok(announced.permit.clone());
        }
        if let Some(live) = self.live.iter().find(|live| live.expected.carrier_call == carrier_call) {
            return Ok(live.permit.clone());
        }
        self.check_open()?;
        if self.places(now).count() >= self.max_calls {
            return Err(Refusal::Full { max_calls: self.max_calls });
        }
        self.check_caller(&expected, now)?;
        // An expired call's place is only passed on here; the timer reports the expired call.
        self.announced.insert(carrier_call, Announced { expected, permit: fresh.clone(), in_progress, until });
        Ok(fresh)
    }

    /// Uses up the permit of `token`. A token that is shown for another call stays valid for its
    /// own. A carrier that opens another stream of a live call by itself shows the token again.
    pub(super) fn admit(
        &mut self,
        carrier: Carrier,
        token: &str,
        start: &StreamStart,
        now: Instant,
    ) -> Result<Admitted<C>, Refusal> {
        // Calls from before the drain may return.
        if let Some(back) = self.come_back(token, start, now) {
            return Ok(back);
        }
        if let Some(live) = self.reopens(carrier, start)
            && is_same(&live.permit.token, token)
        {
            return Ok(Admitted::Reopened { call: live.permit.call, reach: live.reach.clone() });
        }
        // So may calls that were announced before it.
        let unknown = if self.is_draining() { Refusal::Draining } else { Refusal::BadToken };
        let announced = self.by_token(token).filter(|announced| now < announced.until).ok_or(unknown)?;
        let expected = &announced.expected;
        let own_account = expected.account.is_none() || expected.account == start.account;
        if expected.carrier != carrier || expected.carrier_call != start.carrier_call || !own_account {
            return Err(Refusal::WrongCall);
        }
        let announced = self.announced.remove(&start.carrier_call).ok_or(Refusal::BadToken)?;
        let Announced { expected, permit, in_progress, .. } = announced;
        Ok(Admitted::New(Box::new(Admission { expected, permit, in_progress })))
    }

    /// A live call's caller returns on another stream, which has to show this token. `None` when
    /// the call is not live.
    pub(super) fn expect_return(
        &mut self,
        carrier_call: &CarrierCallId,
        token: Private<String>,
        now: Instant,
    ) -> Option<Permit> {
        let live = self.live.iter().find(|live| live.expected.carrier_call == *carrier_call)?;
        let until = now + self.token_lifetime;
        // A question that is repeated before the stream came gets the same answer.
        let waited_for = self.returning.get(carrier_call).filter(|it| now < it.until).map(|it| it.token.clone());
        let token = waited_for.unwrap_or(token);
        let permit = Permit { call: live.permit.call, token: token.clone() };
        self.returning.insert(carrier_call.clone(), Returning { token, until });
        Some(permit)
    }

    fn come_back(&mut self, token: &str, start: &StreamStart, now: Instant) -> Option<Admitted<C>> {
        let returning = self.returning.get(&start.carrier_call).filter(|it| now < it.until)?;
        if !is_same(&returning.token, token) {
            return None;
        }
        self.returning.remove(&start.carrier_call);
        let live = self.live.iter().find(|live| live.expected.carrier_call == start.carrier_call)?;
        Some(Admitted::Back { call: live.permit.call, reach: live.reach.clone() })
    }

    /// The live call that `start` is another stream of, if its carrier opens such streams.
    fn reopens(&self, carrier: Carrier, start: &StreamStart) -> Option<&Live<C>> {
        let reopens = carrier.capabilities().second_start == SecondStart::NewStream;
        let same =
            |live: &&Live<C>| live.expected.carrier == carrier && live.expected.carrier_call == start.carrier_call;
        self.live.iter().filter(|_| reopens).find(same)
    }

    /// Takes a place for an unannounced stream. An announcement of the same call is dropped: the
    /// call is here now.
    /// During a drain only a call that an answer of ours has `connected` before it is admitted.
    pub(super) fn admit_unannounced(
        &mut self,
        expected: ExpectedCall,
        start: &StreamStart,
        (permit, connected): (Permit, bool),
        now: Instant,
    ) -> Result<Admitted<C>, Refusal> {
        if let Some(live) = self.reopens(expected.carrier, start) {
            return Ok(Admitted::Reopened { call: live.permit.call, reach: live.reach.clone() });
        }
        // The carrier was told to bring the caller back. Its stream needs no token of the call.
        let token = self.returning.get(&start.carrier_call).map(|it| it.token.clone());
        if let Some(back) = token.and_then(|token| self.come_back(token.expose(), start, now)) {
            return Ok(back);
        }
        if !connected {
            self.check_open()?;
        }
        if self.live.iter().any(|live| live.expected.carrier_call == expected.carrier_call) {
            return Err(Refusal::AlreadyOn);
        }
        self.announced.remove(&expected.carrier_call);
        if self.places(now).count() >= self.max_calls {
            return Err(Refusal::Full { max_calls: self.max_calls });
        }
        self.check_caller(&expected, now)?;
        Ok(Admitted::New(Box::new(Admission { expected, permit, in_progress: true })))
    }

    /// The hash of a live call's caller.
    pub(super) fn caller_of(&self, call: CallId) -> Option<String> {
        let live = self.live.iter().find(|live| live.permit.call == call)?;
        live.expected.profile.caller.clone()
    }

    /// The handles of a caller's live calls.
    pub(super) fn of_caller(&self, caller: &str) -> Vec<C> {
        let of = |live: &&Live<C>| live.expected.profile.caller.as_deref() == Some(caller);
        self.live.iter().filter(of).map(|live| live.reach.clone()).collect()
    }

    /// Adds an admitted call to the live ones.
    pub(super) fn seat(&mut self, admission: Admission, reach: C) {
        let Admission { expected, permit, in_progress } = admission;
        self.live.push(Live { expected, permit, in_progress, reach });
    }

    /// The call has ended; its place is free. Returns its announcement, and whether it was in
    /// progress then. Repeating this changes nothing.
    pub(super) fn ended(&mut self, call: CallId) -> Option<(ExpectedCall, bool)> {
        let ended = self.live.iter().position(|live| live.permit.call == call)?;
        let Live { expected, in_progress, .. } = self.live.remove(ended);
        let live = &self.live;
        self.returning.retain(|carrier_call, _| live.iter().any(|live| live.expected.carrier_call == *carrier_call));
        Some((expected, in_progress))
    }

    /// The stream of an announced call will not come; its place is free. Returns the announcement.
    pub(super) fn stream_failed(&mut self, carrier_call: &CarrierCallId) -> Option<ExpectedCall> {
        self.announced.remove(carrier_call).map(|announced| announced.expected)
    }

    /// The carrier reports that its call is over. Frees the place of an announced call; returns the
    /// handle of a live one.
    pub(super) fn carrier_ended(&mut self, carrier_call: &CarrierCallId) -> Option<C> {
        self.announced.remove(carrier_call);
        self.live.iter().find(|live| live.expected.carrier_call == *carrier_call).map(|live| live.reach.clone())
    }

    /// A live call by our id or the carrier's.
    pub(super) fn find(&self, id: &str) -> Option<C> {
        let ours = CallId::parse(id);
        let same = |live: &&Live<C>| Some(live.permit.call) == ours || live.expected.carrier_call.as_str() == id;
        self.live.iter().find(same).map(|live| live.reach.clone())
    }

    /// Every live call, the oldest first.
    pub(super) fn live(&self) -> Vec<C> {
        self.live.iter().map(|live| live.reach.clone()).collect()
    }

    /// Places reserved for calls whose stream has not come yet.
    pub(super) fn expected(&self) -> usize {
        self.announced.len()
    }

    pub(super) fn max_calls(&self) -> usize {
        self.max_calls
    }

    pub(super) fn is_draining(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Announces no more calls, and lets live and announced calls continue for at most `patience`.
    pub(super) fn drain(&mut self, patience: Duration, now: Instant) {
        if patience.is_zero() {
            self.announced.clear();
        }
        let asked = now + patience;
        match self.phase {
            Phase::Open => self.phase = Phase::Draining { patience: asked },
            Phase::Draining { patience } => self.phase = Phase::Draining { patience: patience.min(asked) },
            // Already draining; this is as fast as an orderly drain gets.
            Phase::HangingUp { .. } | Phase::GivenUp => {}
        }
    }

    /// Whether the drain can be reported as finished.
    pub(super) fn is_drained(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Draining { .. } | Phase::HangingUp { .. } => self.live.is_empty() && self.announced.is_empty(),
            Phase::GivenUp => true,
        }
    }

    /// The next deadline.
    pub(super) fn deadline(&self) -> Option<(Instant, Timer)> {
        match self.phase {
            Phase::Open => self.next_expiry(),
            Phase::Draining { .. } | Phase::HangingUp { .. } if self.live.is_empty() => self.next_expiry(),
            Phase::Draining { patience } => {
                let hang_up = (patience, Timer::DrainPatience);
                Some(self.next_expiry().filter(|(at, _)| *at < patience).unwrap_or(hang_up))
            }
            Phase::HangingUp { until } => Some((until, Timer::DrainGiveUp)),
            Phase::GivenUp => None,
        }
    }

    /// Notes whether the threads of calls cannot keep up. Calls that are announced or live go on.
    pub(super) fn overload(&mut self, on: bool) {
        self.overloaded = on;
    }

    /// How long a drain still waits for calls to end by themselves; `None` without a drain.
    pub(super) fn patience_left(&self, now: Instant) -> Option<Duration> {
        match self.phase {
            Phase::Open => None,
            Phase::Draining { patience } => Some(patience.saturating_duration_since(now)),
            Phase::HangingUp { .. } | Phase::GivenUp => Some(Duration::ZERO),
        }
    }

    fn next_expiry(&self) -> Option<(Instant, Timer)> {
        self.announced.values().map(|it| it.until).min().map(|at| (at, Timer::TokenExpiry))
    }

    /// Time has passed.
    pub(super) fn time_passed(&mut self, now: Instant) -> Due<C> {
        let missed = self.announced.extract_if(|_, it| it.until <= now);
        let missed = missed.map(|(name, it)| CallTag::new(it.permit.call, &name)).collect();
        let mut hang_up = Vec::new();
        match self.phase {
            Phase::Draining { patience } if patience <= now => {
                hang_up = self.live();
                self.announced.clear();
                self.phase = Phase::HangingUp { until: now + self.longest_goodbye() + LAST_WORDS };
            }
            Phase::HangingUp { until } if until <= now => self.phase = Phase::GivenUp,
            Phase::Open | Phase::Draining { .. } | Phase::HangingUp { .. } | Phase::GivenUp => {}
        }
        Due { missed, hang_up }
    }

    fn check_open(&self) -> Result<(), Refusal> {
        match (self.is_draining(), self.overloaded) {
            (true, _) => Err(Refusal::Draining),
            (false, true) => Err(Refusal::Overloaded),
            (false, false) => Ok(()),
        }
    }

    /// Compares with every token in full, so that the timing reveals nothing about any of them.
    /// The call whose permit this is, for streams that do not know their call.
    pub(super) fn call_of(&self, token: &str) -> Option<CarrierCallId> {
        let returning = self.returning.iter().find(|(_, returning)| is_same(&returning.token, token));
        let announced = self.by_token(token).map(|announced| &announced.expected.carrier_call);
        returning.map(|(call, _)| call).or(announced).cloned()
    }

    /// Whether a call has, or had when it began, this token.
    pub(super) fn knows(&self, token: &str) -> bool {
        self.call_of(token).is_some() || self.live.iter().any(|live| is_same(&live.permit.token, token))
    }

    fn by_token(&self, token: &str) -> Option<&Announced> {
        let mut found = None;
        for announced in self.announced.values() {
            let same: Choice = announced.permit.token.expose().as_bytes().ct_eq(token.as_bytes());
            if bool::from(same) {
                found = Some(announced);
            }
        }
        found
    }

    fn longest_goodbye(&self) -> Duration {
        self.live.iter().map(|live| live.expected.profile.limits.goodbye).max().unwrap_or_default()
    }
}

/// Compares in full, so that the timing reveals nothing about the token.
fn is_same(token: &Private<String>, shown: &str) -> bool {
    token.expose().as_bytes().ct_eq(shown.as_bytes()).into()
}

/// How much time calls get after their goodbye to close their lines and order their records.
/// Shorter: a drain may be answered before the last record is ordered. Longer: a wedged call delays
/// the end of the process.
const LAST_WORDS: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests;
