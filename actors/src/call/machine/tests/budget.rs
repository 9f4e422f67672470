//! The spending limits, tested on the whole machine.

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::call::messages::HangUp;
use crate::call::testing::profile;
use crate::ids::ResponseId;
use crate::money::Usd;
use crate::profile::spending::{Budget, Price, Prices, SpendPlan};
use crate::realtime::messages::ModelOrder;
use crate::realtime::messages::ResponsePurpose;
use crate::realtime::messages::TextRole;
use crate::realtime::report::{ModelReport, ResponseOutcome, Usage};

/// A call with the limit of `hard` dollars; a second of the agent's speech costs one cent.
fn costing(hard: f64) -> CallProfile {
    let price = Price { audio_out: Usd::from_dollars(0.0005), ..Price::default() };
    let call = Budget { soft: Some(Usd::from_dollars(hard / 2.0)), hard: Some(Usd::from_dollars(hard)) };
    let spend = SpendPlan { prices: Prices::new(BTreeMap::from([("rehearsal".to_owned(), price)])), call };
    CallProfile { spend, ..profile() }
}

/// A response of `seconds` seconds, heard to its end.
fn answer(call: &mut Harness, name: &str, seconds: u64) -> Vec<CallAction> {
    let usage = Usage { output_audio: seconds * 20, ..Usage::default() };
    let mut done = call.on(response_started(name));
    done.extend(call.on(playing(name)));
    let response = ResponseId::new(name);
    let outcome = ResponseOutcome::Completed;
    done.extend(call.on(CallEvent::Model(ModelReport::ResponseFinished { response, outcome, usage: Some(usage) })));
    done.extend(call.on(drained()));
    done
}

fn requests(done: &[CallAction]) -> Vec<ResponsePurpose> {
    let request = |action: &CallAction| {
        if let CallAction::Order(ModelOrder::Speak(request)) = action { Some(request.purpose) } else { None }
    };
    done.iter().filter_map(request).collect()
}

#[test]
fn a_call_is_wrapped_up_at_its_soft_limit_and_closed_politely_at_its_hard_one() {
    let mut call = Harness::of(costing(0.40));
    call.on(ready());
    assert!(requests(&answer(&mut call, "greet", 10)).is_empty());
    let done = answer(&mut call, "r1", 10);
    assert_eq!(requests(&done), [ResponsePurpose::Notice], "half of it is spent");
    assert!(
        done.iter()
            .any(|action| matches!(action, CallAction::Order(ModelOrder::AddText { role: TextRole::Instruction, .. })))
    );
    let done = answer(&mut call, "notice", 10);
    assert_eq!(requests(&done), [ResponsePurpose::Goodbye], "one more would be too much");
    assert_eq!(call.state(), "closing");
    let done = answer(&mut call, "goodbye", 10);
    assert!(done.contains(&CallAction::TellSpent(Usd::from_dollars(0.1))));
    call.on(drained());
    assert_eq!(call.machine.ending(), Some(Ending::SpendLimit));
    assert_eq!(call.machine.tally().cost_usd, Usd::from_dollars(0.4));
}

#[test]
fn a_model_that_never_stops_costs_the_budget_and_one_turn_at_most() {
    let (hard, turn) = (Usd::from_dollars(1.0), Usd::from_dollars(0.07));
    let mut call = Harness::of(costing(1.0));
    call.on(ready());
    for number in 0..10_000 {
        let done = answer(&mut call, &format!("r{number}"), 7);
        if done.contains(&CallAction::CloseModel) {
            break;
        }
    }
    // The generated audio plays to its end; no more is generated.
    call.on(drained());
    assert_eq!(call.machine.ending(), Some(Ending::SpendLimit));
    assert!(call.machine.tally().cost_usd <= hard + turn, "{}", call.machine.tally().cost_usd);
}

#[test]
fn a_caller_silent_for_three_hours_costs_the_budget_and_one_turn_at_most() {
    // The server itself prompts the silent caller every half minute; only the spending limit ends
    // the call.
    let mut profile = costing(1.0);
    profile.limits.max_duration = Duration::from_secs(4 * 3_600);
    profile.limits.line_silence = Duration::from_secs(4 * 3_600);
    let mut call = Harness::of(profile);
    call.on(ready());
    let mut passed = Duration::ZERO;
    for number in 0.. {
        answer(&mut call, &format!("r{number}"), 3);
        call.pass(Duration::from_secs(30));
        call.on(CallEvent::TimeUp);
        passed += Duration::from_secs(30);
        if call.machine.ending().is_some() || passed >= Duration::from_secs(3 * 3_600) {
            break;
        }
    }
    assert_eq!(call.machine.ending(), Some(Ending::SpendLimit));
    assert!(passed < Duration::from_secs(1_200), "{passed:?}");
    assert!(call.machine.tally().cost_usd <= Usd::from_dollars(1.03), "{}", call.machine.tally().cost_usd);
}

#[test]
fn a_limit_of_the_day_closes_the_call_and_outranks_the_agents_goodbye() {
    let mut call = Harness::listening();
    assert_eq!(requests(&call.on(CallEvent::WrapUp)), [ResponsePurpose::Notice]);
    let done = call.on(CallEvent::HangUp(HangUp::Spent));
    assert_eq!(requests(&done), [ResponsePurpose::Goodbye]);
    assert!(call.on(CallEvent::WrapUp).is_empty(), "it ends already");
    answer(&mut call, "goodbye", 1);
    call.on(drained());
    assert_eq!(call.machine.ending(), Some(Ending::SpendLimit));
}

#[test]
fn what_another_model_says_costs_what_that_one_charges() {
    let price = |dollars| Price { audio_out: Usd::from_dollars(dollars), ..Price::default() };
    let prices = Prices::new(BTreeMap::from([
        (profile().model.model().to_owned(), price(0.0005)),
        ("small".to_owned(), price(0.0001)),
    ]));
    let mut call = Harness::of(CallProfile { spend: SpendPlan { prices, call: Budget::default() }, ..profile() });
    call.on(ready());
    answer(&mut call, "greet", 10);
    call.on(CallEvent::Model(ModelReport::Serves { provider: "fake", model: "small".to_owned() }));
    assert_eq!(call.machine.served_by(), "small");
    answer(&mut call, "r1", 10);
    assert_eq!(call.machine.tally().cost_usd, Usd::from_dollars(0.12));
    let (model, usage) = (profile().model.model().to_owned(), Usage { output_audio: 1_000, ..Usage::default() });
    let done = call.on(CallEvent::Model(ModelReport::Worked { model, usage }));
    assert!(done.contains(&A::TellSpent(Usd::from_dollars(0.5))), "late time of a session before: {done:?}");
    assert_eq!(call.machine.tally().cost_usd, Usd::from_dollars(0.62));
}

#[test]
fn the_record_names_only_models_that_have_answered() {
    let serves = |provider, model: &str| CallEvent::Model(ModelReport::Serves { provider, model: model.to_owned() });
    let named = |done: &[A]| {
        let named = |action: &A| {
            let A::Record(Fact::Serves { provider, model }) = action else { return None };
            Some(format!("{provider} {model}"))
        };
        done.iter().filter_map(named).collect::<Vec<_>>()
    };
    let mut call = Harness::of(profile());
    assert!(named(&call.on(serves("other", "spare"))).is_empty(), "no session is ready yet");
    assert_eq!(named(&call.on(ready())), ["other spare"]);
    assert_eq!(named(&call.on(serves("third", "last"))), ["third last"]);
}
