use super::*;
use crate::call::testing::profile;
use crate::clock;
use crate::ids::{CallId, CallTag, Private, StreamToken};
use crate::line::identity::Direction;

const RING: Duration = Duration::from_secs(45);
const LIFETIME: Duration = Duration::from_secs(60);

#[test]
fn a_call_that_rings_has_its_place_until_it_is_answered_or_given_up() {
    let (mut roster, now) = (Roster::<()>::new(5, LIFETIME), clock::now());
    let permit = roster.expect_outbound(outbound("ref-1"), fresh(), (5, RING), now).expect("a place");
    let answered = now + LIFETIME + RING - Duration::from_secs(1);
    assert!(roster.time_passed(answered).missed.is_empty());
    assert_eq!(roster.identify(identify("ref-1", "CA1", true), answered), Some(permit.clone()));
    assert_eq!(roster.identify(identify("ref-1", "CA1", false), answered), Some(permit.clone()), "repeated");
    assert_eq!(roster.identify(identify("ref-1", "CA2", true), answered), None, "another call does not get it");
    assert_eq!(roster.time_passed(answered + LIFETIME).missed, [CallTag::new(permit.call, &CarrierCallId::new("CA1"))]);
}

#[test]
fn a_busy_line_frees_its_place_under_the_carriers_name() {
    let (mut roster, now) = (Roster::<()>::new(1, LIFETIME), clock::now());
    roster.expect_outbound(outbound("ref-1"), fresh(), (5, RING), now).expect("a place");
    roster.identify(identify("ref-1", "CA1", false), now);
    roster.carrier_ended(&CarrierCallId::new("CA1"));
    roster.expect_outbound(outbound("ref-2"), fresh(), (5, RING), now).expect("the same place");
    roster.not_begun(&CarrierCallId::new("ref-2"));
    assert_eq!(roster.expected(), 0);
}

#[test]
fn the_number_of_outbound_calls_at_once_is_limited() {
    let (mut roster, now) = (Roster::<()>::new(5, LIFETIME), clock::now());
    for name in ["ref-1", "ref-2"] {
        roster.expect_outbound(outbound(name), fresh(), (2, RING), now).expect("a place");
    }
    let refused = roster.expect_outbound(outbound("ref-3"), fresh(), (2, RING), now);
    assert_eq!(refused, Err(Refusal::TooManyOutbound { most: 2 }));
}

#[test]
fn the_note_on_an_answering_machine_is_added_once() {
    let plain = profile();
    let noted = plain.with_note("A machine.").with_note("A machine.");
    assert_eq!(noted.model.common.instructions, format!("{}\n\nA machine.", plain.model.common.instructions));
}

fn identify(name: &str, carrier_call: &str, picked_up: bool) -> Identify {
    Identify {
        announced: CarrierCallId::new(name),
        carrier_call: CarrierCallId::new(carrier_call),
        picked_up,
        answered_by: None,
        note: None,
    }
}

#[test]
fn calls_of_an_external_dialler_do_not_count_as_ours() {
    let (mut roster, now) = (Roster::<()>::new(5, LIFETIME), clock::now());
    for name in ["CA-theirs-1", "CA-theirs-2"] {
        roster.expect(outbound(name), fresh(), true, now).expect("a place");
    }
    roster.expect_outbound(outbound("ref-1"), fresh(), (1, RING), now).expect("the first of ours");
    let second = roster.expect_outbound(outbound("ref-2"), fresh(), (1, RING), now);
    assert_eq!(second, Err(Refusal::TooManyOutbound { most: 1 }));
    let later = now + LIFETIME + RING;
    roster.expect_outbound(outbound("ref-3"), fresh(), (1, RING), later).expect("the first has given up");
}

fn outbound(name: &str) -> ExpectedCall {
    ExpectedCall {
        carrier: crate::carrier::testing::CARRIER,
        carrier_call: CarrierCallId::new(name),
        account: None,
        direction: Direction::Outbound,
        from: Private::default(),
        to: Private::default(),
        profile: Arc::new(profile()),
    }
}

fn fresh() -> Permit {
    Permit { call: CallId::random(), token: StreamToken::random().into_inner() }
}
