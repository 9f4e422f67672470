//! How a call ends.

use std::time::Duration;

use serde_json::json;
use switchboard_actors::call::messages::HangUp;
use switchboard_actors::call::steps::CallEvent;
use switchboard_actors::ending::Ending;
use switchboard_actors::money::Usd;
use switchboard_actors::profile::no_input::NoInputPlan;
use switchboard_actors::profile::spending::Budget;
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::transcript::log::Voice;

use super::{Verdict, carrier, greeted_with, is_so, was_correct};
use crate::call::{Call, End};
use crate::profile::{A_DAY, GOODBYE, IDLE_PROMPT, joins, profile};
use crate::server::{Deed, Known, ms};

/// An operator ends the call. The goodbye is heard before the line is closed.
pub(crate) fn hang_up(call: &mut Call) -> Result<End, String> {
    call.on(CallEvent::HangUp(HangUp::Operator));
    ended(call, Ending::OperatorHungUp)
}

/// Waits for the end of the call: the goodbye was heard to its last word, once, and nothing was cut.
fn ended(call: &mut Call, ending: Ending) -> Result<End, String> {
    call.run_until(20_000, |call| call.ended.is_some());
    let end = call.ended.ok_or_else(|| format!("the call goes on as {}", call.state()))?;
    is_so(end.ending == ending, || format!("it ended as {:?}", end.ending))?;
    is_so(!end.cut_off, || "the line was closed before all was heard".to_owned())?;
    call.run(8_000);
    let conversation = call.conversation();
    let last = conversation.utterances.iter().rev().find(|it| it.voice != Voice::Caller);
    let last = last.ok_or("nothing was said")?;
    // A model that listens while it speaks may say it in one breath with the words before.
    let heard = last.heard.as_deref().is_some_and(|heard| heard.ends_with(GOODBYE));
    is_so(heard && !last.interrupted, || format!("the last words: {last:?}"))?;
    let left: Vec<_> = call.servers.iter().filter(|seated| seated.is_open).map(|seated| seated.leg).collect();
    is_so(left.is_empty(), || format!("sessions are left: {left:?}"))?;
    was_correct(call)?;
    Ok(end)
}

/// The line is closed after the caller has heard the goodbye.
pub(crate) fn goodbye(provider: Provider) -> Verdict {
    let mut profile = profile(provider);
    profile.limits.max_duration = Duration::from_secs(15);
    let mut call = greeted_with(profile, carrier())?;
    call.run_until(20_000, |call| call.state() == "closing");
    let closing = call.now;
    let end = ended(&mut call, Ending::DurationLimit)?;
    Ok(format!("closed after {:.1} s", (end.at - closing).as_secs_f64()))
}

/// The agent ends the call by its tool, without a word. The caller hears a goodbye all the same.
pub(crate) fn agent_ends(provider: Provider) -> Verdict {
    let mut call = greeted_with(profile(provider), carrier())?;
    call.mind.borrow_mut().turns.push_back(Deed::Calls("end_call", json!({"reason": "caller_done"})));
    call.caller_says("that is all", ms(1_000));
    ended(&mut call, Ending::AgentHungUp)?;
    let results = call.known().iter().filter(|it| matches!(it, Known::Result(..))).count();
    // A conversation of ours has the result, and no request follows that tells it.
    let told = usize::from(!joins(provider));
    is_so(results == told, || format!("{results} results"))?;
    Ok("a goodbye of ours".to_owned())
}

/// A silent caller is prompted twice, then hears a goodbye.
pub(crate) fn idle(provider: Provider) -> Verdict {
    let mut profile = profile(provider);
    let silence = Duration::from_secs(4);
    profile.no_input =
        NoInputPlan { before_prompts: vec![silence, silence], before_goodbye: silence, longest_without_words: A_DAY };
    let mut call = greeted_with(profile, carrier())?;
    call.run_until(40_000, |call| call.state() == "closing");
    let prompts = call.mind.borrow().said.iter().filter(|words| *words == IDLE_PROMPT).count();
    is_so(prompts == 2, || format!("{prompts} prompts: {:?}", call.mind.borrow().said))?;
    ended(&mut call, Ending::CallerSilent)?;
    Ok("2 prompts, goodbye".to_owned())
}

/// The call closes politely once its spending limit is reached.
pub(crate) fn spend_limit(provider: Provider) -> Verdict {
    let mut profile = profile(provider);
    profile.spend.call = Budget { soft: None, hard: Some(Usd::from_dollars(0.5)) };
    let mut call = greeted_with(profile, carrier())?;
    for _ in 0..12 {
        if call.state() == "closing" || call.ended.is_some() {
            break;
        }
        call.caller_says("and what else", ms(1_000));
        call.run_until(6_000, |call| call.state() == "closing" || call.ended.is_some());
    }
    let end = ended(&mut call, Ending::SpendLimit)?;
    let cost = end.tally.cost_usd.dollars();
    is_so((0.2..0.9).contains(&cost), || format!("it cost {cost}"))?;
    Ok(format!("at {cost:.2} of 0.50 $"))
}
