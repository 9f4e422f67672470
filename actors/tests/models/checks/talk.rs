//! What happens in a conversation.

use serde_json::json;
use switchboard_actors::audio::detector::DetectorPlan;
use switchboard_actors::audio::second_opinion::Opinion;
use switchboard_actors::call::steps::Note;
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::transcript::log::Voice;
use switchboard_actors::transcript::messages::Fact;

use super::{Verdict, carrier, greeted, greeted_with, is_so, was_correct};
use crate::call::Call;
use crate::profile::profile;
use crate::server::{Deed, Known, USUAL_ANSWER, USUAL_WORDS, ms};

/// The agent speaks first, without a word of the caller.
pub(crate) fn greets_first(provider: Provider) -> Verdict {
    let mut call = Call::begin(profile(provider), carrier(), ms(0));
    let greeted = call.run_until(5_000, |call| call.phone.loud(call.now) > ms(20));
    is_so(greeted, || format!("silence for 5 s: {:?}", call.reports))?;
    let after = call.now - call.began;
    call.run(4_000);
    is_so(call.mind.borrow().said == [USUAL_WORDS], || format!("said {:?}", call.mind.borrow().said))?;
    was_correct(&mut call)?;
    Ok(format!("{:.1} s", after.as_secs_f64()))
}

/// The caller asks, the agent answers, and the transcript has both in order, with the usage.
pub(crate) fn answers(provider: Provider) -> Verdict {
    let mut call = greeted(provider)?;
    call.caller_asks("where is my order");
    call.run(2_000);
    call.presses("");
    was_correct(&mut call)?;
    let said: Vec<(Voice, String)> =
        call.conversation().utterances.iter().map(|it| (it.voice, it.heard.clone().unwrap_or_default())).collect();
    let wanted = [
        (Voice::Agent, USUAL_WORDS.to_owned()),
        (Voice::Caller, "where is my order".to_owned()),
        (Voice::Agent, USUAL_ANSWER.to_owned()),
    ];
    is_so(said == wanted, || format!("the transcript has {said:?}"))?;
    super::ends::hang_up(&mut call)?;
    let record = call.record();
    let usage = &record["usage"];
    let counted = |key: &str| usage[key].as_f64().unwrap_or_default();
    let has = |keys: &[&str]| keys.iter().all(|key| counted(key) > 0.0);
    let forms = [
        ("time", &["session_seconds"][..]),
        ("tokens", &["output_audio"][..]),
        ("seconds heard, tokens, characters said", &["stt_seconds", "output_text", "tts_characters"][..]),
    ];
    let form = forms.into_iter().find_map(|(form, keys)| has(keys).then_some(form));
    let form = form.ok_or_else(|| format!("no usage: {record}"))?;
    let served = json!([{"provider": provider.word(), "model": profile(provider).model.model(), "from_ms": 0}]);
    let mut models = record["models"].clone();
    models[0]["from_ms"] = json!(0);
    is_so(models == served && record["model_provider"] == provider.word(), || {
        format!("{models} served, not {served}")
    })?;
    Ok(format!("usage in {form}"))
}

/// A tool runs once although its call comes twice, and the caller hears of the result.
pub(crate) fn tools_run_once(provider: Provider) -> Verdict {
    let mut call = greeted(provider)?;
    {
        let mut mind = call.mind.borrow_mut();
        mind.repeats_calls = true;
        mind.turns.push_back(Deed::Calls("order_status", json!({"order": "42"})));
        mind.turns.push_back(Deed::Calls("save_answer", json!({"key": "order", "value": "42"})));
    }
    call.caller_asks("where is my order");
    is_so(call.tools_run.len() == 1, || format!("ran {:?}", call.tools_run))?;
    let results = call.known().iter().filter(|it| matches!(it, Known::Result(..))).count();
    is_so(results == 1, || format!("{results} results"))?;
    let said = call.mind.borrow().said.len();
    is_so(said == 2, || format!("said {:?}", call.mind.borrow().said))?;
    call.caller_asks("it is forty two");
    let saved = call.facts.iter().filter(|(_, fact)| matches!(fact, Fact::Answered { .. })).count();
    is_so(saved == 1, || format!("saved {saved} times"))?;
    was_correct(&mut call)?;
    Ok("once".to_owned())
}

/// Keys reach the model, which answers them.
pub(crate) fn keys(provider: Provider) -> Verdict {
    let mut call = greeted(provider)?;
    let before = call.phone.loud(call.now);
    call.presses("42#");
    let answered = call.run_until(8_000, |call| call.phone.loud(call.now) > before + ms(200));
    is_so(answered, || format!("no answer; the model knows {:?}", call.known()))?;
    let has = |text: &String| text.contains("42");
    let known = call.known();
    let form = known.iter().find_map(|it| match it {
        Known::Text(role, text) if has(text) => Some(format!("as a text of {role}")),
        Known::Asked(text) if has(text) => Some("with the request".to_owned()),
        Known::Prompt(_)
        | Known::Text(..)
        | Known::Asked(_)
        | Known::Result(..)
        | Known::Cut(..)
        | Known::Deleted(_) => None,
    });
    was_correct(&mut call)?;
    form.ok_or_else(|| format!("the model does not know the keys: {known:?}"))
}

/// The model is told the other language's prompt, in its session or in another.
pub(crate) fn language(provider: Provider) -> Verdict {
    let mut call = greeted(provider)?;
    call.mind.borrow_mut().turns.push_back(Deed::Calls("switch_language", json!({"language": "hi"})));
    call.caller_asks("hindi please");
    call.run(3_000);
    let prompt = call.known().into_iter().rev().find_map(|it| match it {
        Known::Prompt(prompt) => Some(prompt),
        Known::Text(..) | Known::Asked(_) | Known::Result(..) | Known::Cut(..) | Known::Deleted(_) => None,
    });
    let prompt = prompt.unwrap_or_default();
    is_so(prompt.contains("Speak Hindi."), || format!("the prompt is {prompt:?}"))?;
    call.caller_asks("aur ab");
    let said = call.mind.borrow().said.last().cloned();
    is_so(said.as_deref() == Some(USUAL_ANSWER), || format!("said {said:?}"))?;
    was_correct(&mut call)?;
    Ok(if call.servers.len() > 1 { "in another session" } else { "in the session" }.to_owned())
}

/// Our detector listens beside a server that takes a noise for speech. It says so, once for each
/// beginning, and nothing where the server reports no speech.
pub(crate) fn second_opinion(provider: Provider) -> Verdict {
    let profile = CallProfile { second_opinion: Some(DetectorPlan::default()), ..profile(provider) };
    let reports = profile.model.capabilities().speech_events.is_some();
    let mut call = greeted_with(profile, carrier())?;
    // The caller of these calls is a tone.
    for _ in 0..3 {
        call.caller_asks("where is my order");
    }
    let given = |opinion: Opinion| call.notes.iter().filter(|note| **note == Note::SpeechCompared(opinion)).count();
    let [agreed, unreported, noise] = Opinion::ALL.map(given);
    let expected = if reports { 3 } else { 0 };
    is_so([agreed, unreported, noise] == [0, 0, expected], || {
        format!("{agreed} agreed, {unreported} unreported, {noise} noise of {expected}")
    })?;
    Ok(format!("{noise} noise"))
}
