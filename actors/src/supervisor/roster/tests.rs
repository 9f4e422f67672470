use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::call::testing::profile;
use crate::carrier::{AudioFormat, testing};
use crate::ids::{StreamId, StreamToken};
use crate::line::identity::Direction;
use crate::profile::CallProfile;

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
    let call = admit_unannounced(&mut roster, announced(1), now);
    assert_eq!(
        roster.admit_unannounced(announced(1), &start(1), (permit(), false), now).map(|_| ()),
        Err(Refusal::AlreadyOn)
    );
    assert_eq!(
        roster.admit_unannounced(announced(2), &start(2), (permit(), false), now).map(|_| ()),
        Err(Refusal::Full { max_calls: 1 })
    );
    assert_eq!(roster.find("CA1"), Some(call));
    roster.ended(call);
    assert!(
        roster.admit_unannounced(announced(1), &start(1), (permit(), false), now).is_ok(),
        "the same person may call again"
    );
    roster.drain(Duration::ZERO, now);
    assert_eq!(
        roster.admit_unannounced(announced(3), &start(3), (permit(), false), now).map(|_| ()),
        Err(Refusal::Draining)
    );
}

#[test]
fn a_live_call_continues_on_a_stream_that_its_carrier_opens_by_itself() {
    for second_start in [SecondStart::Ignored, SecondStart::NewStream] {
        let carrier = testing::carrier_with(|can| can.second_start = second_start);
        let of = |call| ExpectedCall { carrier, ..announced(call) };
        let reopened = |admitted: Result<Admitted<CallId>, Refusal>| match admitted {
            Ok(Admitted::Reopened { call, reach }) if call == reach => Ok(call),
            Ok(other) => panic!("{other:?}"),
            Err(refusal) => Err(refusal),
        };
        let expected = |call, refusal| if second_start == SecondStart::NewStream { Ok(call) } else { Err(refusal) };
        let (mut roster, now) = roster_of(2);
        let announced = roster.expect(of(1), permit(), false, now).expect("a free place");
        take(&mut roster, 1, &announced, now).expect("a good token");
        let unannounced = admit_unannounced(&mut roster, of(2), now);
        // Calls from before the drain may continue.
        roster.drain(LIFETIME, now);
        let token = announced.token.expose();
        let again = roster.admit(carrier, token, &start(1), now);
        assert_eq!(reopened(again), expected(announced.call, Refusal::Draining));
        let guessed = roster.admit(carrier, "guess", &start(1), now);
        assert_eq!(reopened(guessed), Err(Refusal::Draining), "the token is shown again");
        assert_eq!(reopened(roster.admit(carrier, token, &start(2), now)), Err(Refusal::Draining));
        let again = roster.admit_unannounced(of(2), &start(2), (permit(), false), now);
        assert_eq!(reopened(again), expected(unannounced, Refusal::Draining));
        assert_eq!(roster.live().len(), 2);
    }
}

#[test]
fn a_caller_who_is_to_return_does_so_on_an_unannounced_stream_too() {
    let (mut roster, now) = roster_of(1);
    let call = admit_unannounced(&mut roster, announced(1), now);
    let again =
        |roster: &mut Roster<CallId>, now| roster.admit_unannounced(announced(1), &start(1), (permit(), false), now);
    assert_eq!(again(&mut roster, now).map(|_| ()), Err(Refusal::AlreadyOn), "nobody has asked for another stream");
    let back = roster.expect_return(&carrier_call(1), permit().token, now).expect("it is live");
    assert_eq!(roster.call_of(back.token.expose()), Some(carrier_call(1)));
    assert!(matches!(again(&mut roster, now), Ok(Admitted::Back { call: same, .. }) if same == call));
    assert_eq!(again(&mut roster, now).map(|_| ()), Err(Refusal::AlreadyOn), "once");
    roster.expect_return(&carrier_call(1), permit().token, now);
    assert_eq!(again(&mut roster, now + LIFETIME).map(|_| ()), Err(Refusal::AlreadyOn), "in time");
}

#[test]
fn a_token_is_good_once_for_its_own_call_and_account() {
    let (mut roster, now) = roster_of(3);
    let permit = roster.expect(announced(1), permit(), false, now).expect("a free place");
    let other_account = StreamStart { account: Some("AC-other".to_owned()), ..start(1) };
    let token = permit.token.expose();
    assert_eq!(
        roster.admit(crate::carrier::testing::CARRIER, token, &other_account, now).map(|_| ()),
        Err(Refusal::WrongCall)
    );
    assert_eq!(
        roster.admit(crate::carrier::testing::CARRIER, token, &start(2), now).map(|_| ()),
        Err(Refusal::WrongCall)
    );
    assert_eq!(
        roster.admit(crate::carrier::testing::CARRIER, "guess", &start(1), now).map(|_| ()),
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
    assert_eq!(roster.expect(announced(3), permit(), false, now), Err(Refusal::Draining));
    assert_eq!(roster.expect(announced(2), permit(), false, now).as_ref(), Ok(&waiting), "a repeated webhook");
    take(&mut roster, 2, &waiting, now).expect("it had its permit before the drain");
    let hang_up_at = now + Duration::from_secs(30);
    assert_eq!(roster.deadline(), Some((hang_up_at, Timer::DrainPatience)));
    assert_eq!(roster.patience_left(now), Some(Duration::from_secs(30)));
    assert_eq!(roster.time_passed(hang_up_at).hang_up, [on.call, waiting.call]);
    assert!(!roster.is_drained());
    let (give_up_at, timer) = roster.deadline().expect("bounded");
    assert_eq!(timer, Timer::DrainGiveUp);
    assert!(roster.time_passed(give_up_at).hang_up.is_empty());
    assert!(roster.is_drained());
    assert_eq!(roster.deadline(), None);
}

#[test]
fn an_overload_refuses_newcomers_and_nobody_else() {
    let (mut roster, now) = roster_of(3);
    let waiting = roster.expect(announced(1), permit(), false, now).expect("a free place");
    roster.overload(true);
    assert_eq!(roster.expect(announced(2), permit(), false, now), Err(Refusal::Overloaded));
    let stranger = roster.admit_unannounced(announced(3), &start(3), (permit(), false), now);
    assert_eq!(stranger.map(|_| ()), Err(Refusal::Overloaded));
    assert_eq!(roster.expect(announced(1), permit(), false, now).as_ref(), Ok(&waiting));
    take(&mut roster, 1, &waiting, now).expect("it had its permit before");
    roster.overload(false);
    assert!(roster.expect(announced(2), permit(), false, now).is_ok());
}

#[test]
fn a_drain_waits_for_announced_streams_as_long_as_their_tokens_last() {
    let (mut roster, now) = roster_of(3);
    let waiting = roster.expect(announced(1), permit(), false, now).expect("a free place");
    roster.drain(10 * LIFETIME, now);
    assert!(!roster.is_drained());
    let later = now + LIFETIME / 2;
    assert_eq!(roster.expect(announced(1), permit(), false, later).as_ref(), Ok(&waiting));
    assert_eq!(roster.deadline(), Some((now + LIFETIME, Timer::TokenExpiry)), "repeating it gains no time");
    assert_eq!(roster.time_passed(now + LIFETIME).missed.len(), 1);
    assert!(roster.is_drained());
    assert_eq!(take(&mut roster, 1, &waiting, now + LIFETIME), Err(Refusal::Draining));
}

#[test]
fn a_drain_admits_unannounced_streams_that_an_answer_has_connected() {
    let (mut roster, now) = roster_of(3);
    roster.drain(LIFETIME, now);
    let stranger = roster.admit_unannounced(announced(1), &start(1), (permit(), false), now);
    assert_eq!(stranger.map(|_| ()), Err(Refusal::Draining));
    assert!(roster.admit_unannounced(announced(2), &start(2), (permit(), true), now).is_ok());
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

/// An operation on a roster; numbers stand for carrier calls.
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
    let admission = roster.admit(crate::carrier::testing::CARRIER, permit.token.expose(), &start(call), now)?;
    let Admitted::New(admission) = admission else { panic!("nobody was on") };
    assert_eq!(admission.permit, *permit);
    roster.seat(*admission, permit.call);
    Ok(())
}

fn admit_unannounced(roster: &mut Roster<CallId>, expected: ExpectedCall, now: Instant) -> CallId {
    let start = StreamStart { carrier_call: expected.carrier_call.clone(), ..start(1) };
    let admitted = roster.admit_unannounced(expected, &start, (permit(), false), now).expect("a free place");
    let Admitted::New(admission) = admitted else { panic!("nobody was on") };
    let call = admission.permit.call;
    roster.seat(*admission, call);
    call
}

fn permit() -> Permit {
    Permit { call: CallId::random(), token: StreamToken::random().into_inner() }
}

fn carrier_call(call: u8) -> CarrierCallId {
    CarrierCallId::new(&format!("CA{call}"))
}

fn announced(call: u8) -> ExpectedCall {
    ExpectedCall {
        carrier: crate::carrier::testing::CARRIER,
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

#[test]
fn a_caller_has_as_many_calls_at_once_as_one_may_have() {
    let (roster, now) = roster_of(9);
    let mut roster = roster.with_calls_per_caller(Some(2));
    let of = |caller: Option<&str>, call| {
        let profile = CallProfile { caller: caller.map(str::to_owned), ..(*announced(call).profile).clone() };
        ExpectedCall { profile: Arc::new(profile), ..announced(call) }
    };
    let busy = |most| Err(Refusal::CallerBusy { most });
    let first = roster.expect(of(Some("a"), 1), permit(), false, now).expect("a free place");
    take(&mut roster, 1, &first, now).expect("a good token");
    roster.expect(of(Some("a"), 2), permit(), false, now).expect("a second one");
    assert_eq!(roster.expect(of(Some("a"), 3), permit(), false, now).map(|_| ()), busy(2));
    assert!(roster.expect(of(Some("a"), 2), permit(), false, now).is_ok(), "the same call again");
    assert_eq!(roster.admit_unannounced(of(Some("a"), 4), &start(4), (permit(), false), now).map(|_| ()), busy(2));
    assert!(roster.expect(of(None, 5), permit(), false, now).is_ok(), "a withheld number is nobody's");
    assert_eq!(roster.held(now).len(), 3);
    let later = now + LIFETIME;
    assert!(roster.expect(of(Some("a"), 6), permit(), false, later).is_ok(), "the second one never came");
    roster.set_apart(Some(3));
    assert!(roster.expect(of(Some("b"), 7), permit(), false, later).is_ok());
    assert_eq!(roster.expect(of(Some("b"), 8), permit(), false, later).map(|_| ()), busy(1));
}
