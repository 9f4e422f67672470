//! Who is on: admission, the roll, the drain. Pure.
//!
//! A place is taken by an announced call and kept by its stream. It is free again when the call has ended, when the carrier
//! says that an announced call is over, or when the stream of an announced call does not come within the token's lifetime.
//! `announced + live ≤ max_calls` at all times.
//!
//! **Drain.** From the first drain on nothing is admitted, announced calls included: their callers have not heard us yet, and a
//! conversation begun now would be cut. Live calls end by themselves for the drain's patience, are then told to hang up, and
//! are waited for a bounded time more.

mod outbound;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use subtle::{Choice, ConstantTimeEq};

use super::messages::{ExpectedCall, Permit, Refusal};
use crate::carrier::{Carrier, StreamStart};
use crate::ids::{CallId, CallTag, CarrierCallId, Private};

/// Who is on. `C` is how a live call is reached.
#[derive(Debug)]
pub(super) struct Roster<C> {
    max_calls: usize,
    token_lifetime: Duration,
    announced: HashMap<CarrierCallId, Announced>,
    /// The longest on first.
    live: Vec<Live<C>>,
    /// Live calls whose callers come back on another stream; they have their places.
    returning: HashMap<CarrierCallId, Returning>,
    /// Calls that we have begun ourselves, for as long as they have a place. Others' diallers begin outbound calls too, which are
    /// theirs to limit.
    begun: Vec<CallId>,
    phase: Phase,
}

/// A call whose stream has not come yet.
#[derive(Debug)]
struct Announced {
    expected: ExpectedCall,
    permit: Permit,
    /// The carrier said that it was in progress when it was announced.
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

/// A live call's caller who comes back.
#[derive(Debug)]
struct Returning {
    token: Private<String>,
    until: Instant,
}

/// Whose stream has shown a good token.
#[derive(Debug)]
pub(super) enum Admitted<C> {
    /// A call begins.
    New(Box<Admission>),
    /// A live call goes on.
    Back {
        /// The call.
        call: CallId,
        /// How it is reached.
        reach: C,
    },
}

/// Whether calls are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// They are.
    Open,
    /// They are not; live calls may go on until then.
    Draining { patience: Instant },
    /// Live calls have been told to hang up, and are waited for until then.
    HangingUp { until: Instant },
    /// The last live call has not ended in time; nobody waits any more.
    GivenUp,
}

/// A stream whose token was good. It has its place once it is seated.
#[derive(Debug)]
pub(super) struct Admission {
    /// What was announced.
    pub(super) expected: ExpectedCall,
    /// The permit it used up.
    pub(super) permit: Permit,
    /// The carrier said that it was in progress when it was announced.
    in_progress: bool,
}

/// What the Supervisor waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timer {
    /// The next announced call's token runs out.
    TokenExpiry,
    /// Draining calls have had their time and are told to hang up.
    DrainPatience,
    /// Calls that were told to hang up have had their time too.
    DrainGiveUp,
}

/// What has come of time passing.
#[derive(Debug)]
pub(super) struct Due<C> {
    /// Announced calls that have lost their places.
    pub(super) missed: Vec<CallTag>,
    /// Live calls to be told to hang up.
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
            phase: Phase::Open,
        }
    }

    /// Takes a place for `expected` and answers with `fresh`, or with the permit that the same carrier call already has.
    /// An announcement repeated before the stream came starts the token's lifetime anew; one repeated after it changes nothing.
    pub(super) fn expect(
        &mut self,
        expected: ExpectedCall,
        fresh: Permit,
        in_progress: bool,
        now: Instant,
    ) -> Result<Permit, Refusal> {
        self.check_open()?;
        let until = now + self.token_lifetime;
        let carrier_call = expected.carrier_call.clone();
        if let Some(announced) = self.announced.get_mut(&carrier_call).filter(|announced| now < announced.until) {
            announced.until = until;
            return Ok(announced.permit.clone());
        }
        if let Some(live) = self.live.iter().find(|live| live.expected.carrier_call == carrier_call) {
            return Ok(live.permit.clone());
        }
        let free = self.announced.values().filter(|other| now < other.until).count() + self.live.len() < self.max_calls;
        if !free {
            return Err(Refusal::Full { max_calls: self.max_calls });
        }
        // The place of one whose token has run out is only handed on; the timer reports it.
        self.announced.insert(carrier_call, Announced { expected, permit: fresh.clone(), in_progress, until });
        Ok(fresh)
    }

    /// Uses up the permit that `token` belongs to. A token shown for another call stays good for its own.
    pub(super) fn admit(
        &mut self,
        carrier: Carrier,
        token: &str,
        start: &StreamStart,
        now: Instant,
    ) -> Result<Admitted<C>, Refusal> {
        // Whoever was there before the drain may come back.
        if let Some(back) = self.come_back(token, start, now) {
            return Ok(back);
        }
        self.check_open()?;
        let announced = self.by_token(token).filter(|announced| now < announced.until).ok_or(Refusal::BadToken)?;
        let expected = &announced.expected;
        let own_account = expected.account.is_none() || expected.account == start.account;
        if expected.carrier != carrier || expected.carrier_call != start.carrier_call || !own_account {
            return Err(Refusal::WrongCall);
        }
        let announced = self.announced.remove(&start.carrier_call).ok_or(Refusal::BadToken)?;
        let Announced { expected, permit, in_progress, .. } = announced;
        Ok(Admitted::New(Box::new(Admission { expected, permit, in_progress })))
    }

    /// A live call's caller comes back on another stream, which has to show this token. `None` when the call is not on.
    pub(super) fn expect_return(
        &mut self,
        carrier_call: &CarrierCallId,
        token: Private<String>,
        now: Instant,
    ) -> Option<Permit> {
        let live = self.live.iter().find(|live| live.expected.carrier_call == *carrier_call)?;
        let until = now + self.token_lifetime;
        // A question that is repeated before the stream has come gets the same answer.
        let waited_for = self.returning.get(carrier_call).filter(|it| now < it.until).map(|it| it.token.clone());
        let token = waited_for.unwrap_or(token);
        let permit = Permit { call: live.permit.call, token: token.clone() };
        self.returning.insert(carrier_call.clone(), Returning { token, until });
        Some(permit)
    }

    fn come_back(&mut self, token: &str, start: &StreamStart, now: Instant) -> Option<Admitted<C>> {
        let returning = self.returning.get(&start.carrier_call).filter(|it| now < it.until)?;
        if !bool::from(returning.token.expose().as_bytes().ct_eq(token.as_bytes())) {
            return None;
        }
        self.returning.remove(&start.carrier_call);
        let live = self.live.iter().find(|live| live.expected.carrier_call == start.carrier_call)?;
        Some(Admitted::Back { call: live.permit.call, reach: live.reach.clone() })
    }

    /// Takes a place for a stream that nobody announced. What was announced of the same call gives way: it is here now.
    pub(super) fn walk_in(
        &mut self,
        expected: ExpectedCall,
        permit: Permit,
        now: Instant,
    ) -> Result<Admission, Refusal> {
        self.check_open()?;
        if self.live.iter().any(|live| live.expected.carrier_call == expected.carrier_call) {
            return Err(Refusal::AlreadyOn);
        }
        self.announced.remove(&expected.carrier_call);
        let taken = self.announced.values().filter(|other| now < other.until).count() + self.live.len();
        if taken >= self.max_calls {
            return Err(Refusal::Full { max_calls: self.max_calls });
        }
        Ok(Admission { expected, permit, in_progress: true })
    }

    /// The hash of a live call's caller.
    pub(super) fn caller_of(&self, call: CallId) -> Option<String> {
        let live = self.live.iter().find(|live| live.permit.call == call)?;
        live.expected.profile.caller.clone()
    }

    /// How the live calls of a caller are reached.
    pub(super) fn of_caller(&self, caller: &str) -> Vec<C> {
        let of = |live: &&Live<C>| live.expected.profile.caller.as_deref() == Some(caller);
        self.live.iter().filter(of).map(|live| live.reach.clone()).collect()
    }

    /// Gives an admitted call its place on the roll.
    pub(super) fn seat(&mut self, admission: Admission, reach: C) {
        let Admission { expected, permit, in_progress } = admission;
        self.live.push(Live { expected, permit, in_progress, reach });
    }

    /// The call has ended; its place is free. Answers with what was announced, and whether it was in progress by then; told
    /// twice, it changes nothing the second time.
    pub(super) fn ended(&mut self, call: CallId) -> Option<(ExpectedCall, bool)> {
        let ended = self.live.iter().position(|live| live.permit.call == call)?;
        let Live { expected, in_progress, .. } = self.live.remove(ended);
        let live = &self.live;
        self.returning.retain(|carrier_call, _| live.iter().any(|live| live.expected.carrier_call == *carrier_call));
        Some((expected, in_progress))
    }

    /// The stream of an announced call will not come: its place is free. Answers with what was announced.
    pub(super) fn stream_failed(&mut self, carrier_call: &CarrierCallId) -> Option<ExpectedCall> {
        self.announced.remove(carrier_call).map(|announced| announced.expected)
    }

    /// The carrier says that its call is over: frees the place of an announced one, answers with a live one.
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

    /// Every live call, the longest on first.
    pub(super) fn live(&self) -> Vec<C> {
        self.live.iter().map(|live| live.reach.clone()).collect()
    }

    /// Places taken by calls whose stream has not come yet.
    pub(super) fn expected(&self) -> usize {
        self.announced.len()
    }

    pub(super) fn max_calls(&self) -> usize {
        self.max_calls
    }

    pub(super) fn is_draining(&self) -> bool {
        self.phase != Phase::Open
    }

    /// Takes no more calls, gives up the announced ones, and lets live ones go on for `patience` at most.
    pub(super) fn drain(&mut self, patience: Duration, now: Instant) {
        self.announced.clear();
        let asked = now + patience;
        match self.phase {
            Phase::Open => self.phase = Phase::Draining { patience: asked },
            Phase::Draining { patience } => self.phase = Phase::Draining { patience: patience.min(asked) },
            // They have been told; it cannot go faster in order.
            Phase::HangingUp { .. } | Phase::GivenUp => {}
        }
    }

    /// Whether whoever waits for the drain may be told that it is over.
    pub(super) fn is_drained(&self) -> bool {
        match self.phase {
            Phase::Open => false,
            Phase::Draining { .. } | Phase::HangingUp { .. } => self.live.is_empty(),
            Phase::GivenUp => true,
        }
    }

    /// What is waited for next.
    pub(super) fn deadline(&self) -> Option<(Instant, Timer)> {
        match self.phase {
            Phase::Open => self.announced.values().map(|it| it.until).min().map(|at| (at, Timer::TokenExpiry)),
            Phase::Draining { .. } | Phase::HangingUp { .. } if self.live.is_empty() => None,
            Phase::Draining { patience } => Some((patience, Timer::DrainPatience)),
            Phase::HangingUp { until } => Some((until, Timer::DrainGiveUp)),
            Phase::GivenUp => None,
        }
    }

    /// Time has passed.
    pub(super) fn time_passed(&mut self, now: Instant) -> Due<C> {
        let missed = self.announced.extract_if(|_, it| it.until <= now);
        let missed = missed.map(|(name, it)| CallTag::new(it.permit.call, &name)).collect();
        let mut hang_up = Vec::new();
        match self.phase {
            Phase::Draining { patience } if patience <= now => {
                hang_up = self.live();
                self.phase = Phase::HangingUp { until: now + self.longest_goodbye() + LAST_WORDS };
            }
            Phase::HangingUp { until } if until <= now => self.phase = Phase::GivenUp,
            Phase::Open | Phase::Draining { .. } | Phase::HangingUp { .. } | Phase::GivenUp => {}
        }
        Due { missed, hang_up }
    }

    fn check_open(&self) -> Result<(), Refusal> {
        if self.is_draining() { Err(Refusal::Draining) } else { Ok(()) }
    }

    /// Compares with every token in full, so that the time it takes tells nothing of any of them.
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

/// What calls are given beyond their goodbye to close their lines and order their records. Shorter: a drain may be answered
/// before the last record is ordered. Longer: a wedged call holds up the end of the process.
const LAST_WORDS: Duration = Duration::from_secs(3);

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::call::testing::profile;
    use crate::carrier::AudioFormat;
    use crate::ids::{StreamId, StreamToken};
    use crate::line::identity::Direction;

    const LIFETIME: Duration = Duration::from_secs(60);

    #[test]
    fn a_call_announced_twice_takes_one_place_and_gets_one_permit() {
        let (mut roster, now) = roster_of(1);
        let first = roster.expect(announced(1), permit(), false, now).expect("a free place");
        let again = roster.expect(announced(1), permit(), false, now).expect("its own place");
        assert_eq!(first, again);
        assert_eq!(roster.expected(), 1);
        assert_eq!(roster.expect(announced(2), permit(), false, now), Err(Refusal::Full { max_calls: 1 }));
    }

    #[test]
    fn a_call_announced_again_while_it_is_on_gets_the_permit_it_has_used() {
        let (mut roster, now) = roster_of(2);
        let first = roster.expect(announced(1), permit(), false, now).expect("a free place");
        take(&mut roster, 1, &first, now).expect("a good token");
        assert_eq!(roster.expect(announced(1), permit(), false, now), Ok(first.clone()));
        assert_eq!(roster.expected(), 0);
        assert_eq!(take(&mut roster, 1, &first, now), Err(Refusal::BadToken));
    }

    #[test]
    fn a_stream_that_nobody_announced_takes_a_place_once() {
        let (mut roster, now) = roster_of(1);
        let admission = roster.walk_in(announced(1), permit(), now).expect("a free place");
        let call = admission.permit.call;
        roster.seat(admission, call);
        assert_eq!(roster.walk_in(announced(1), permit(), now).map(|_| ()), Err(Refusal::AlreadyOn));
        assert_eq!(roster.walk_in(announced(2), permit(), now).map(|_| ()), Err(Refusal::Full { max_calls: 1 }));
        assert_eq!(roster.find("CA1"), Some(call));
        roster.ended(call);
        assert!(roster.walk_in(announced(1), permit(), now).is_ok(), "the same person may call again");
        roster.drain(Duration::ZERO, now);
        assert_eq!(roster.walk_in(announced(3), permit(), now).map(|_| ()), Err(Refusal::Draining));
    }

    #[test]
    fn a_token_is_good_once_for_its_own_call_and_account() {
        let (mut roster, now) = roster_of(3);
        let permit = roster.expect(announced(1), permit(), false, now).expect("a free place");
        let other_account = StreamStart { account: Some("AC-other".to_owned()), ..start(1) };
        let token = permit.token.expose();
        assert_eq!(
            roster.admit(crate::carrier::twilio::CARRIER, token, &other_account, now).map(|_| ()),
            Err(Refusal::WrongCall)
        );
        assert_eq!(
            roster.admit(crate::carrier::twilio::CARRIER, token, &start(2), now).map(|_| ()),
            Err(Refusal::WrongCall)
        );
        assert_eq!(
            roster.admit(crate::carrier::twilio::CARRIER, "guess", &start(1), now).map(|_| ()),
            Err(Refusal::BadToken)
        );
        assert_eq!(take(&mut roster, 1, &permit, now), Ok(()));
        assert_eq!(take(&mut roster, 1, &permit, now), Err(Refusal::BadToken));
    }

    #[test]
    fn a_place_whose_stream_does_not_come_is_free_again() {
        let (mut roster, now) = roster_of(1);
        let late = roster.expect(announced(1), permit(), false, now).expect("a free place");
        assert_eq!(roster.deadline(), Some((now + LIFETIME, Timer::TokenExpiry)));
        assert_eq!(take(&mut roster, 1, &late, now + LIFETIME), Err(Refusal::BadToken));
        assert_eq!(roster.time_passed(now + LIFETIME).missed, [CallTag::new(late.call, &carrier_call(1))]);
        assert!(roster.expect(announced(2), permit(), false, now + LIFETIME).is_ok());
    }

    #[test]
    fn a_carrier_that_ends_an_announced_call_frees_its_place() {
        let (mut roster, now) = roster_of(1);
        let gone = roster.expect(announced(1), permit(), false, now).expect("a free place");
        assert_eq!(roster.carrier_ended(&carrier_call(1)), None);
        assert_eq!(take(&mut roster, 1, &gone, now), Err(Refusal::BadToken));
        let next = roster.expect(announced(2), permit(), false, now).expect("the free place");
        take(&mut roster, 2, &next, now).expect("a good token");
        assert_eq!(roster.carrier_ended(&carrier_call(2)), Some(next.call), "a live one is told by whoever asked");
    }

    #[test]
    fn a_live_call_is_found_by_both_ids() {
        let (mut roster, now) = roster_of(1);
        let permit = roster.expect(announced(1), permit(), false, now).expect("a free place");
        assert_eq!(roster.find("CA1"), None, "it is not on yet");
        take(&mut roster, 1, &permit, now).expect("a good token");
        assert_eq!(roster.find("CA1"), Some(permit.call));
        assert_eq!(roster.find(&permit.call.to_string()), Some(permit.call));
        assert_eq!(roster.find("CA2"), None);
    }

    #[test]
    fn a_drain_refuses_newcomers_then_hangs_up_then_gives_up() {
        let (mut roster, now) = roster_of(3);
        let on = roster.expect(announced(1), permit(), false, now).expect("a free place");
        take(&mut roster, 1, &on, now).expect("a good token");
        let waiting = roster.expect(announced(2), permit(), false, now).expect("a free place");
        roster.drain(Duration::from_secs(30), now);
        roster.drain(Duration::from_secs(60), now);
        assert_eq!(take(&mut roster, 2, &waiting, now), Err(Refusal::Draining));
        assert_eq!(roster.expect(announced(3), permit(), false, now), Err(Refusal::Draining));
        let hang_up_at = now + Duration::from_secs(30);
        assert_eq!(roster.deadline(), Some((hang_up_at, Timer::DrainPatience)));
        assert_eq!(roster.time_passed(hang_up_at).hang_up, [on.call]);
        assert!(!roster.is_drained());
        let (give_up_at, timer) = roster.deadline().expect("bounded");
        assert_eq!(timer, Timer::DrainGiveUp);
        assert!(roster.time_passed(give_up_at).hang_up.is_empty());
        assert!(roster.is_drained());
        assert_eq!(roster.deadline(), None);
    }

    #[test]
    fn a_second_drain_with_less_patience_shortens_the_wait() {
        let (mut roster, now) = roster_of(1);
        let on = roster.expect(announced(1), permit(), false, now).expect("a free place");
        take(&mut roster, 1, &on, now).expect("a good token");
        roster.drain(Duration::from_secs(30), now);
        roster.drain(Duration::ZERO, now);
        assert_eq!(roster.time_passed(now).hang_up, [on.call]);
        roster.ended(on.call);
        assert!(roster.is_drained());
    }

    /// What may happen to a roster; numbers name carrier calls.
    #[derive(Debug, Clone)]
    enum Op {
        Expect(u8),
        Admit(u8),
        AdmitForAnother(u8, u8),
        AdmitStale(u8),
        CarrierEnds(u8),
        Ends(u8),
        Wait(u32),
    }

    fn op() -> impl Strategy<Value = Op> {
        let call = 0..12u8;
        prop_oneof![
            4 => call.clone().prop_map(Op::Expect),
            4 => call.clone().prop_map(Op::Admit),
            1 => (call.clone(), call.clone()).prop_map(|(token, claimed)| Op::AdmitForAnother(token, claimed)),
            1 => call.clone().prop_map(Op::AdmitStale),
            1 => call.clone().prop_map(Op::CarrierEnds),
            2 => call.prop_map(Op::Ends),
            1 => (0..90_000u32).prop_map(Op::Wait),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn places_are_never_exceeded_and_never_leak(max in 0..6usize, ops in prop::collection::vec(op(), 0..120)) {
            let (mut roster, mut now) = roster_of(max);
            let (mut permits, mut used, mut on) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
            for op in ops {
                match op {
                    Op::Expect(call) => match roster.expect(announced(call), permit(), false, now) {
                        Ok(permit) => { permits.insert(call, permit); }
                        Err(refusal) => prop_assert_eq!(refusal, Refusal::Full { max_calls: max }),
                    },
                    Op::Admit(call) => if let Some(permit) = permits.get(&call)
                        && take(&mut roster, call, permit, now).is_ok()
                    {
                        prop_assert!(on.insert(call, permit.call).is_none(), "one stream a call");
                        used.insert(call, permit.clone());
                    },
                    Op::AdmitForAnother(token, claimed) if token != claimed => if let Some(permit) = permits.get(&token) {
                        prop_assert!(take(&mut roster, claimed, permit, now).is_err());
                    },
                    Op::AdmitForAnother(..) => {}
                    Op::AdmitStale(call) => if let Some(permit) = used.get(&call) {
                        prop_assert_eq!(take(&mut roster, call, permit, now), Err(Refusal::BadToken));
                    },
                    Op::CarrierEnds(call) => {
                        prop_assert_eq!(roster.carrier_ended(&carrier_call(call)), on.get(&call).copied());
                    }
                    Op::Ends(call) => if let Some(id) = on.remove(&call) {
                        roster.ended(id);
                        roster.ended(id);
                    },
                    Op::Wait(ms) => {
                        now += Duration::from_millis(ms.into());
                        roster.time_passed(now);
                    }
                }
                prop_assert_eq!(roster.live().len(), on.len());
                prop_assert!(roster.live().len() + roster.expected() <= max);
            }
            for id in on.into_values() {
                roster.ended(id);
            }
            roster.time_passed(now + LIFETIME);
            prop_assert_eq!((roster.live().len(), roster.expected()), (0, 0), "no place leaks");
            prop_assert_eq!(roster.deadline(), None);
        }
    }

    fn roster_of(max_calls: usize) -> (Roster<CallId>, Instant) {
        (Roster::new(max_calls, LIFETIME), crate::clock::now())
    }

    fn take(roster: &mut Roster<CallId>, call: u8, permit: &Permit, now: Instant) -> Result<(), Refusal> {
        let admission = roster.admit(crate::carrier::twilio::CARRIER, permit.token.expose(), &start(call), now)?;
        let Admitted::New(admission) = admission else { panic!("nobody was on") };
        assert_eq!(admission.permit, *permit);
        roster.seat(*admission, permit.call);
        Ok(())
    }

    fn permit() -> Permit {
        Permit { call: CallId::random(), token: StreamToken::random().into_inner() }
    }

    fn carrier_call(call: u8) -> CarrierCallId {
        CarrierCallId::new(&format!("CA{call}"))
    }

    fn announced(call: u8) -> ExpectedCall {
        ExpectedCall {
            carrier: crate::carrier::twilio::CARRIER,
            carrier_call: carrier_call(call),
            account: Some("AC1".to_owned()),
            direction: Direction::Inbound,
            from: Private::new("+15550100001".to_owned()),
            to: Private::new("+15550100002".to_owned()),
            profile: Arc::new(profile()),
        }
    }

    fn start(call: u8) -> StreamStart {
        StreamStart {
            stream: StreamId::new(&format!("MZ{call}")),
            carrier_call: carrier_call(call),
            account: Some("AC1".to_owned()),
            from: None,
            to: None,
            format: AudioFormat::MULAW_8K.into(),
            parameters: BTreeMap::new(),
        }
    }
}
