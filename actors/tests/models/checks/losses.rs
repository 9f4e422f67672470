//! Sessions that are lost, end, or are not understood.

use std::time::Duration;

use serde_json::json;
use switchboard_actors::realtime::capabilities::SessionEnd;
use switchboard_actors::realtime::report::ModelReport;
use switchboard_actors::realtime::seat::Provider;

use super::{Verdict, greeted, greeted_with, is_so, stride, was_correct};
use crate::call::{Call, Dial};
use crate::profile::{profile, profile_with_fallback};
use crate::server::{Deed, Known, USUAL_ANSWER, ms};

/// The session is lost while the caller speaks, or when it owes an answer. The next one gives it,
/// once.
pub(crate) fn owed_answer(provider: Provider) -> Verdict {
    let (mut played, mut unknown, mut longest, moments) = (0, 0, Duration::ZERO, 12);
    for moment in (1..=moments).step_by(stride(provider)).map(|step| 900 + step * 100) {
        played += 1;
        let mut call = greeted(provider)?;
        let said = call.mind.borrow().said.len();
        call.caller_says("where is my order", ms(1_000));
        call.run(moment);
        let is_known = call.reports.iter().any(|(_, report)| matches!(report, ModelReport::SpeechStarted { .. }));
        if call.mind.borrow().said.len() > said {
            // The answer has begun: what is owed is the rest of it.
            call.mind.borrow_mut().said.truncate(said);
        }
        call.drop_socket();
        let lost = call.now;
        let before = call.phone.loud(call.now);
        let answered = call.run_until(12_000, |call| call.phone.loud(call.now) > before + ms(400));
        if !is_known && !answered {
            // Neither the server nor a detector of ours had heard the caller.
            unknown += 1;
            continue;
        }
        is_so(answered, || format!("lost at {moment} ms: no answer: {:#?}", call.story()))?;
        longest = longest.max(call.now - lost);
        call.run(6_000);
        let answers = call.mind.borrow().said.len() - said;
        is_so(answers == 1, || format!("lost at {moment} ms: {answers} answers: {:?}", call.mind.borrow().said))?;
        was_correct(&mut call)?;
    }
    let unheard = if unknown > 0 { format!(", {unknown} turns unnoticed") } else { String::new() };
    Ok(format!("≤ {:.1} s at {} moments{unheard}", longest.as_secs_f64(), played - unknown))
}

/// The session is lost while a tool runs. The tool runs once, and the next session has its result.
pub(crate) fn tool_over_a_loss(provider: Provider) -> Verdict {
    for lost_after in [0, 100, 300, 600] {
        let mut call = greeted(provider)?;
        call.tool_takes = ms(400);
        call.mind.borrow_mut().turns.push_back(Deed::Calls("order_status", json!({"order": "42"})));
        call.caller_says("where is my order", ms(1_000));
        is_so(call.run_until(8_000, |call| call.tools_run.len() == 1), || "the tool did not run".to_owned())?;
        call.run(lost_after);
        call.drop_socket();
        let before = call.phone.loud(call.now);
        let answered = call.run_until(12_000, |call| call.phone.loud(call.now) > before + ms(200));
        is_so(answered, || format!("lost after {lost_after} ms: no answer; it knows {:?}", call.known()))?;
        call.run(6_000);
        is_so(call.tools_run.len() == 1, || format!("lost after {lost_after} ms: ran {:?}", call.tools_run))?;
        let shipped = |it: &Known| match it {
            Known::Text(_, text) | Known::Asked(text) | Known::Result(_, text) => text.contains("shipped"),
            Known::Prompt(_) | Known::Cut(..) | Known::Deleted(_) => false,
        };
        let knows = call.server().base().knows.iter().any(shipped);
        is_so(knows, || format!("lost after {lost_after} ms: the result is unknown: {:?}", call.known()))?;
        was_correct(&mut call)?;
    }
    Ok("once, and known".to_owned())
}

/// The socket drops at every moment of a call. The call goes on: what the caller asks next is
/// answered, and what they have heard is not said again.
pub(crate) fn at_each_moment(provider: Provider) -> Verdict {
    let (mut losses, mut longest) = (0, Duration::ZERO);
    for moment in (0..9_000).step_by(250 * stride(provider)) {
        let mut call = Call::begin(profile(provider), super::carrier(), ms(0));
        call.run(moment.min(4_500));
        if moment > 4_500 {
            call.caller_says("where is my order", ms(1_000));
            call.run(moment - 4_500);
        }
        // Every other time, the next session cannot be opened at once.
        call.dials.extend((moment % 500 != 0).then_some(Dial::Fails(ms(200))));
        call.drop_socket();
        call.run(7_000);
        let at = || format!("dropped at {moment} ms");
        call.caller_asks("are you there");
        let said = call.mind.borrow().said.clone();
        is_so(said.last().map(String::as_str) == Some(USUAL_ANSWER), || format!("{}: said {said:?}", at()))?;
        is_so(call.ended.is_none(), || format!("{}: the call ended", at()))?;
        let gaps = gaps(&call);
        losses += gaps.len();
        longest = gaps.into_iter().fold(longest, Duration::max);
        was_correct(&mut call).map_err(|problem| format!("{}: {problem}", at()))?;
    }
    Ok(format!("{losses} losses, gap ≤ {} ms", longest.as_millis()))
}

/// The provider is lost for good when it owes an answer. The call goes on with another one, which
/// knows the conversation, gives the answer, and is interrupted, asked and counted like the first.
pub(crate) fn failover(provider: Provider) -> Verdict {
    let mut others = Vec::new();
    for other in Provider::all().filter(|other| other.names().model != provider.names().model) {
        if others.iter().any(|known: &Provider| known.names().model == other.names().model) {
            continue;
        }
        let mut call = greeted_with(profile_with_fallback(provider, other), super::carrier())?;
        call.caller_asks("where is my order");
        call.caller_says("and the second one", ms(1_000));
        call.run(1_650);
        let said = call.mind.borrow().said.clone();
        call.down = Some(profile(provider).model.model().to_owned());
        call.drop_socket();
        let (lost, before) = (call.now, call.phone.loud(call.now));
        let answered = call.run_until(12_000, |call| call.phone.loud(call.now) > before + ms(400));
        is_so(answered, || format!("{other:?} gives no answer: {:#?}", call.story()))?;
        is_so(call.now - lost < ms(6_000), || format!("{other:?} answers after {:?}", call.now - lost))?;
        let known = call.server().base().knows.clone();
        let has = |words: &str| known.iter().any(|it| matches!(it, Known::Text(_, text) if text.contains(words)));
        is_so(has("where is my order") && has(USUAL_ANSWER), || format!("{other:?} knows {known:?}"))?;
        call.run(8_000);
        call.mind.borrow_mut().turns.push_back(Deed::Calls("order_status", json!({"order": "42"})));
        call.caller_asks("look again");
        is_so(call.tools_run.len() == 1, || format!("{other:?} ran {:?}", call.tools_run))?;
        call.caller_asks("thank you");
        let now_said = call.mind.borrow().said.clone();
        is_so(now_said.last().map(String::as_str) == Some(USUAL_ANSWER), || format!("{said:?}, then {now_said:?}"))?;
        super::ends::hang_up(&mut call)?;
        others.push(other);
    }
    Ok(others.iter().map(|other| other.word()).collect::<Vec<_>>().join(", "))
}

/// The session ends by itself. Another one takes over in a quiet moment, and knows the conversation.
/// Where it never ends, it serves a long call.
pub(crate) fn lifetime(provider: Provider) -> Verdict {
    let profile = profile(provider);
    let never_ends = profile.model.capabilities().session_end == SessionEnd::Never;
    let mut call = Call::prepare(profile, super::carrier(), ms(0));
    call.session_lasts = Some(Duration::from_secs(60));
    let mut call = call.started();
    call.run(6_000);
    call.caller_asks("where is my order");
    call.run(3_000);
    let now = call.now;
    call.server().ends_in(Duration::from_secs(40), now);
    call.run_until(60_000, |call| call.servers.len() > 1);
    call.run(5_000);
    let gaps = gaps(&call);
    if never_ends {
        is_so(gaps.is_empty() && call.servers.len() == 1, || format!("gaps {gaps:?}"))?;
        call.caller_asks("and the other one");
        let said = call.mind.borrow().said.clone();
        is_so(said.len() == 3 && said[2] == USUAL_ANSWER, || format!("said {said:?}"))?;
        was_correct(&mut call)?;
        return Ok("never ends".to_owned());
    }
    is_so(gaps == [Duration::ZERO], || format!("gaps {gaps:?}"))?;
    let known = call.server().base().knows.clone();
    let resumed = known.iter().any(|it| matches!(it, Known::Text(role, _) if role == "resumed"));
    let has = |words: &str| known.iter().any(|it| matches!(it, Known::Text(_, text) if text.contains(words)));
    is_so(resumed || has("where is my order") && has(USUAL_ANSWER), || format!("it knows {known:?}"))?;
    call.caller_asks("and the other one");
    let said = call.mind.borrow().said.clone();
    is_so(said.len() == 3 && said[2] == USUAL_ANSWER, || format!("said {said:?}"))?;
    was_correct(&mut call)?;
    Ok(if resumed { "resumed by handle" } else { "history" }.to_owned())
}

/// Messages that make no sense cost the caller nothing.
pub(crate) fn garbage(provider: Provider) -> Verdict {
    let mut call = greeted(provider)?;
    let garbage = call.server().garbage();
    let count = garbage.len();
    for message in garbage {
        call.server_sends(message);
        call.run(100);
    }
    call.caller_asks("where is my order");
    let said = call.mind.borrow().said.clone();
    is_so(said.last().map(String::as_str) == Some(USUAL_ANSWER), || format!("said {said:?}: {:#?}", call.story()))?;
    let sessions = call.servers.len();
    was_correct(&mut call)?;
    Ok(format!("{count} messages, {sessions} session"))
}

/// How long there was no session, each time.
fn gaps(call: &Call) -> Vec<Duration> {
    let gap = |report: &ModelReport| if let ModelReport::Resumed { gap, .. } = report { Some(*gap) } else { None };
    call.reports.iter().filter_map(|(_, report)| gap(report)).collect()
}
