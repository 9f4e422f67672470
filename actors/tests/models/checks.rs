//! The checks. Each returns what it found in a few words, or the problem.

pub(crate) mod barge_in;
mod ends;
mod exact;
mod losses;
mod talk;

use switchboard_actors::carrier::{Carrier, Marks};
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::seat::Provider;

use crate::call::Call;
use crate::profile::{joins, profile};
use crate::server::ms;

/// The result of a check: the form that it took, or the problem.
pub(crate) type Verdict = Result<String, String>;

/// A check of a provider.
type Check = fn(Provider) -> Verdict;

/// Every check, by its name.
pub(crate) const CHECKS: [(&str, Check); 22] = [
    ("greets first", talk::greets_first),
    ("answers, and the record has it", talk::answers),
    ("barge-in: error of what was heard", barge_in::error_of_heard),
    ("barge-in: the model learns it", barge_in::model_learns),
    ("barge-in: our detector decides", barge_in::we_decide),
    ("second opinion: noise", talk::second_opinion),
    ("tools run once", talk::tools_run_once),
    ("keys", talk::keys),
    ("language switch", talk::language),
    ("idle ladder, then goodbye", ends::idle),
    ("goodbye is heard", ends::goodbye),
    ("exact words", exact::heard),
    ("exact words over a failover", exact::over_a_failover),
    ("exact words are interrupted", exact::interrupted),
    ("the agent ends the call", ends::agent_ends),
    ("spend limit", ends::spend_limit),
    ("owed answer over a takeover", losses::owed_answer),
    ("tool over a loss", losses::tool_over_a_loss),
    ("loss at each moment", losses::at_each_moment),
    ("goes on with every other provider", losses::failover),
    ("session lifetime", losses::lifetime),
    ("garbage and 5 MB events", losses::garbage),
];

/// A call on a carrier that echoes marks, after the greeting.
fn greeted(provider: Provider) -> Result<Call, String> {
    greeted_with(profile(provider), carrier())
}

fn greeted_with(profile: CallProfile, carrier: Carrier) -> Result<Call, String> {
    let mut call = Call::begin(profile, carrier, ms(0));
    if !call.run_until(8_000, |call| call.phone.loud(call.now) > ms(500)) {
        return Err("no greeting".to_owned());
    }
    call.run_until(8_000, Call::is_quiet);
    call.run(1_000);
    Ok(call)
}

/// Which share of the many moments of a check is played: all of them with the first row of each
/// protocol, and a quarter with the others, which use the same code, and with joined engines, whose
/// calls take four times as long and have a sweep of their own.
fn stride(provider: Provider) -> usize {
    let protocol = |provider: Provider| std::mem::discriminant(&profile(provider).model.provider);
    let first = Provider::all().find(|it| protocol(*it) == protocol(provider));
    if first == Some(provider) && !joins(provider) { 1 } else { 4 }
}

/// A carrier that echoes marks.
fn carrier() -> Carrier {
    Carrier::all().find(|carrier| carrier.capabilities().marks != Marks::None).expect("a carrier with marks")
}

fn is_so(is_so: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if is_so { Ok(()) } else { Err(problem()) }
}

/// Nothing that the client sent was against the protocol.
fn was_correct(call: &mut Call) -> Result<(), String> {
    let wrongs = call.wrongs();
    is_so(wrongs.is_empty(), || format!("against the protocol: {wrongs:?}"))
}
