//! Words that have to be exact: said by the model, or played from a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use switchboard_actors::profile::CallProfile;
use switchboard_actors::profile::no_input::NoInputPlan;
use switchboard_actors::realtime::clips::plan::{ClipPlan, ClipSource, Rendering};
use switchboard_actors::realtime::report::ModelReport;
use switchboard_actors::realtime::seat::Provider;

use super::ends::hang_up;
use super::{Verdict, carrier, greeted_with, is_so, stride, was_correct};
use crate::call::{CLIP, Call};
use crate::profile::{A_DAY, GOODBYE, profile, profile_with_fallback};
use crate::server::{Deed, Known, USUAL_ANSWER, USUAL_WORDS, ms};

/// The notice and the goodbye are heard in the words of the configuration: said by the model, or
/// played from a recording if it does not say given words as they stand. Then it learns what the
/// caller has heard.
pub(crate) fn heard(provider: Provider) -> Verdict {
    let profile = CallProfile { notice: Some(NOTICE.to_owned()), ..recorded(profile(provider)) };
    let verbatim = profile.model.capabilities().verbatim;
    let mut call = Call::begin(profile, carrier(), ms(0));
    call.caller_says("hello", ms(1_000));
    // What the caller said into the notice reaches the model behind it, and may be answered instead.
    let opens = |words: &String| [USUAL_WORDS, USUAL_ANSWER].contains(&words.as_str());
    let greeted = |call: &mut Call| call.mind.borrow().said.iter().any(opens);
    let is_greeted = call.run_until(12_000, greeted);
    is_so(is_greeted, || format!("no greeting: {:?}", call.story()))?;
    call.run_until(8_000, Call::is_quiet);
    call.run(1_000);
    let first = call.conversation().utterances.first().map(|it| (it.text.clone(), it.heard.clone(), it.interrupted));
    let whole = NOTICE.to_owned();
    is_so(first == Some((whole.clone(), Some(whole), false)), || format!("the notice is {first:?}"))?;
    hang_up(&mut call)?;
    let said = call.mind.borrow().said.clone();
    let by_the_model = [NOTICE, GOODBYE].map(|words| said.iter().any(|it| it == words));
    is_so(by_the_model == [verbatim; 2], || format!("the model said {said:?}"))?;
    if verbatim {
        return Ok("said by the model".to_owned());
    }
    is_so(call.clips == ["played"; 2], || format!("recordings: {:?}", call.clips))?;
    let lengths: Vec<_> = call.heard().into_iter().filter(|(item, ..)| item.as_str().starts_with("sb_clip")).collect();
    is_so(lengths.len() == 2 && lengths.iter().all(|(_, heard, cut)| *heard == CLIP && !cut), || {
        format!("{lengths:?}")
    })?;
    let known = call.known();
    let told = known.iter().any(|it| matches!(it, Known::Text(_, text) | Known::Prompt(text) if text.contains(NOTICE)));
    is_so(told, || format!("the model does not know the notice: {known:?}"))?;
    Ok("recordings".to_owned())
}

/// The provider is lost for good when it owes a notice, or in the middle of it. The caller hears the
/// whole notice all the same, once more from its beginning if the other model would end it in words
/// of its own.
pub(crate) fn over_a_failover(provider: Provider) -> Verdict {
    let mut forms = Vec::new();
    let mut others: Vec<Provider> = Vec::new();
    for other in Provider::all().filter(|other| other.names().model != provider.names().model) {
        if others.iter().any(|known| known.names().model == other.names().model) {
            continue;
        }
        others.push(other);
        for moment in [150, 500, 1_100].into_iter().step_by(stride(provider)) {
            let profile = recorded(profile_with_fallback(provider, other));
            let mut call = Call::begin(CallProfile { notice: Some(NOTICE.to_owned()), ..profile }, carrier(), ms(0));
            call.run(moment);
            call.down = Some(provider.names().model.to_owned());
            call.drop_socket();
            let at = || format!("to {other:?}, lost at {moment} ms");
            let greeted = |call: &mut Call| call.mind.borrow().said.iter().any(|words| words == USUAL_WORDS);
            is_so(call.run_until(20_000, greeted), || format!("{}: no greeting: {:#?}", at(), call.story()))?;
            call.run_until(8_000, Call::is_quiet);
            call.run(1_000);
            let conversation = call.conversation();
            let notices = conversation.utterances.iter().filter(|it| it.text == NOTICE);
            let whole = notices.filter(|it| it.heard.as_deref() == Some(NOTICE) && !it.interrupted).count();
            is_so(whole >= 1, || format!("{}: {whole} notices: {conversation:#?}", at()))?;
            was_correct(&mut call)?;
            forms.extend(call.clips.iter().map(|it| (*it).to_owned()));
        }
    }
    is_so(forms.iter().all(|form| form == "played"), || format!("{forms:?}"))?;
    Ok(format!("{} recordings", forms.len()))
}

/// The caller speaks into words that are played from a recording, which the model hears nothing of:
/// they stop, whoever decides about the model's own words. What was heard of them is known. A server
/// that reports speech only where it stops its own words leaves a recording to its end.
pub(crate) fn interrupted(provider: Provider) -> Verdict {
    let mut worst = Duration::ZERO;
    for position in (200..=1_100).step_by(300) {
        let mut profile = recorded(profile(provider));
        let silence = Duration::from_secs(3);
        profile.no_input =
            NoInputPlan { before_prompts: vec![silence], before_goodbye: A_DAY, longest_without_words: A_DAY };
        let can = profile.model.capabilities();
        let (verbatim, theirs) = (can.verbatim, can.speech_events);
        let mut call = greeted_with(profile, carrier())?;
        let (before, items) = (call.phone.played(call.now), call.heard().len());
        let at = || format!("at {position} ms");
        let prompted = call.run_until(8_000, |call| call.phone.played(call.now) >= before + ms(position));
        is_so(prompted, || format!("{}: no prompt", at()))?;
        is_so((call.clips == ["played"]) != verbatim, || format!("{}: {:?}", at(), call.clips))?;
        call.mind.borrow_mut().turns.push_back(Deed::Nothing);
        let spoke = call.now;
        call.caller_says("yes I am here", ms(1_200));
        call.run(1_500);
        let truth = call.phone.played(call.now) - before;
        let heard = call.heard();
        let of_prompt = heard.get(items..).unwrap_or_default();
        let is_told = |(at, report): &(Instant, ModelReport)| {
            *at > spoke && *at < spoke + CLIP - ms(position) && matches!(report, ModelReport::SpeechStarted { .. })
        };
        if verbatim || !call.reports.iter().any(is_told) {
            // Our own detector always tells.
            is_so(verbatim || theirs.is_some(), || format!("{}: the caller was not noticed", at()))?;
            continue;
        }
        is_so(truth < CLIP, || format!("{}: it was not interrupted: {:?}", at(), call.story()))?;
        let [(_, heard, true)] = of_prompt else { return Err(format!("{}: {of_prompt:?}", at())) };
        worst = worst.max(heard.abs_diff(truth));
        let known = call.known();
        let told = |it: &Known| matches!(it, Known::Text(_, text) | Known::Asked(text) if text.contains("heard"));
        is_so(known.iter().any(told), || format!("{}: the model was not told: {known:?}", at()))?;
        was_correct(&mut call)?;
    }
    is_so(worst <= ms(40), || format!("an error of {worst:?}"))?;
    Ok(format!("error ≤ {} ms", worst.as_millis()))
}

/// The same profile, with a server that records exact words.
fn recorded(mut profile: CallProfile) -> CallProfile {
    Arc::make_mut(&mut profile.model).common_mut().clips = Some(Arc::new(clips()));
    profile
}

fn clips() -> ClipPlan {
    let source = Arc::new(ClipSource {
        url: "http://speech.example/v1".parse().expect("a URL"),
        model: "small".to_owned(),
        format: "pcm",
        key: None,
        timeout: Duration::from_secs(5),
        folder: None,
    });
    let (voices, filled) = (BTreeMap::new(), BTreeMap::new());
    let rendering = Some(Rendering { source, voice: "asha".to_owned(), voices, filled });
    ClipPlan { always: false, recorded: BTreeMap::new(), rendering, unheard: BTreeSet::new(), wait: ms(700) }
}

const NOTICE: &str = "This call is recorded.";
