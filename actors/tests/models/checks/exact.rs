//! Words that have to be exact: said by the model, or played from a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::clips::plan::{ClipPlan, ClipSource, Rendering};
use switchboard_actors::realtime::seat::Provider;

use super::ends::hang_up;
use super::{Verdict, carrier, is_so};
use crate::call::{CLIP, Call};
use crate::profile::{GOODBYE, profile};
use crate::server::{Known, USUAL_ANSWER, USUAL_WORDS, ms};

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
    let rendering = Some(Rendering { source, voice: "asha".to_owned(), voices: BTreeMap::new() });
    ClipPlan { always: false, recorded: BTreeMap::new(), rendering, unheard: BTreeSet::new(), wait: ms(700) }
}

const NOTICE: &str = "This call is recorded.";
