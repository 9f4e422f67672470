//! The caller speaks over the agent: what was heard, and what the model learns of it.

use std::time::Duration;

use switchboard_actors::carrier::{Carrier, Marks};
use switchboard_actors::profile::{CallProfile, Greeting, InterruptionPolicy};
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::transcript::log::Voice;

use super::{Verdict, is_so, stride, was_correct};
use crate::call::Call;
use crate::profile::{decides_alone, joins, profile, profile_speaking};
use crate::server::{Deed, Known, length_ms, ms};

/// The answer that the caller speaks over: 20 words, each with its place.
const ANSWER: &str = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen \
    seventeen eighteen nineteen twenty";
/// The mark delays, in ms.
const MARK_DELAYS: [u64; 4] = [0, 60, 150, 400];

/// One barge-in.
struct Outcome {
    call: Call,
    /// What the phone had played of the answer until its last word.
    said: Duration,
    /// What the phone had played of the answer when it went silent.
    truth: Duration,
    /// What the call believes that was heard.
    heard: Duration,
    interrupted: bool,
}

/// The caller speaks over the answer when the phone has played `position` of it.
fn barge_in(profile: CallProfile, carrier: Carrier, delay: u64, position: u64) -> Result<Outcome, String> {
    let mut call = Call::begin(CallProfile { greeting: Greeting::None, ..profile }, carrier, ms(delay));
    call.run(700);
    call.mind.borrow_mut().turns.extend([Deed::Says(ANSWER.to_owned()), Deed::Nothing]);
    call.phone.await_sound();
    let (before, items) = (call.phone.played(call.now), call.heard().len());
    call.caller_says("count please", ms(1_000));
    if !call.run_until(8_000, |call| call.phone.played(call.now) >= before + ms(position)) {
        return Err(format!("no answer to speak over at {position} ms, delay {delay}: {:?}", call.reports.last()));
    }
    call.caller_says("wait", ms(700));
    call.run(2_400);
    let truth = call.phone.played(call.now) - before;
    let said = call.phone.said(call.now).saturating_sub(before);
    let heard = call.heard();
    let of_answer = heard.get(items..).unwrap_or_default();
    let interrupted = of_answer.iter().any(|(.., interrupted)| *interrupted);
    let heard = of_answer.iter().map(|(_, heard, _)| *heard).sum();
    Ok(Outcome { said, truth, heard, interrupted, call })
}

/// Barge-in at 50 ms steps, with several mark delays, on every carrier.
pub(crate) fn error_of_heard(provider: Provider) -> Verdict {
    let mut errors = Vec::new();
    for (number, carrier) in Carrier::all().enumerate() {
        // The machine of the call is the same for all: a quarter of the moments with each after the first.
        let stride = stride(provider) * if number == 0 { 1 } else { 4 };
        let echoes = carrier.capabilities().marks != Marks::None;
        let delays = if echoes { &MARK_DELAYS[..] } else { &[0] };
        // Every position has two of the delays.
        let positions = (50..=1_600).step_by(50).enumerate();
        let all =
            positions.flat_map(|(at, position)| [0, 2].map(|turn| (position, delays[(at + turn) % delays.len()])));
        let mut all: Vec<(u64, u64)> = all.collect();
        all.dedup();
        for (position, delay) in all.into_iter().step_by(stride) {
            let outcome = barge_in(profile(provider), carrier, delay, position)?;
            let Outcome { said, truth, heard, .. } = outcome;
            // The silence after the last word may belong to the answer or fill up the last frame.
            let error = said.saturating_sub(heard).max(heard.saturating_sub(truth));
            errors.push((error, carrier.name(), delay, position, truth, heard));
        }
    }
    errors.sort_by_key(|(error, ..)| *error);
    let p99 = errors[(errors.len() * 99).div_ceil(100) - 1];
    let worst = errors[errors.len() - 1];
    is_so(p99.0 <= ms(40), || format!("p99 {p99:?} of {}, worst {worst:?}", errors.len()))?;
    Ok(format!("p99 {} ms, worst {} ms of {}", p99.0.as_millis(), worst.0.as_millis(), errors.len()))
}

/// The model knows what was heard, each in its own way. So does the transcript.
pub(crate) fn model_learns(provider: Provider) -> Verdict {
    learns(&profile(provider), stride(provider), joins(provider))
}

/// The same where our side stops the agent, although the model might talk on.
pub(crate) fn we_decide(provider: Provider) -> Verdict {
    let mut profile = profile(provider);
    if profile.interruption.policy == InterruptionPolicy::Immediate {
        profile.interruption.min_speech = ms(300);
    } else {
        profile.interruption.policy = InterruptionPolicy::Immediate;
    }
    learns(&profile, stride(provider), joins(provider))
}

fn learns(profile: &CallProfile, stride: usize, is_ours: bool) -> Verdict {
    let can = profile.model.capabilities();
    let mut form = "";
    for position in (100..=4_000).step_by(300 * stride) {
        let outcome = barge_in(profile.clone(), super::carrier(), 0, position)?;
        let Outcome { mut call, truth, interrupted, .. } = outcome;
        let at = format!("at {position} ms");
        let whole = ms(length_ms(ANSWER));
        let words = words_until(truth, whole);
        let utterance = call.conversation().utterances.into_iter().rfind(|it| it.voice == Voice::Agent);
        let utterance = utterance.ok_or("no answer in the transcript")?;
        let in_transcript = utterance.heard.as_deref().map_or(0, |heard| heard.split_whitespace().count());
        is_so(in_transcript.abs_diff(words) <= 1, || {
            format!("{at}, {truth:?}: the transcript has {in_transcript} words of {words}: {utterance:?}")
        })?;
        let known = call.known();
        let cut = known.iter().rev().find_map(|it| match it {
            Known::Cut(_, end) => Some(ms(*end)),
            Known::Prompt(_) | Known::Text(..) | Known::Asked(_) | Known::Result(..) | Known::Deleted(_) => None,
        });
        let note = known.iter().rev().find_map(|it| match it {
            Known::Text(_, text) | Known::Asked(text) => told_words(text),
            Known::Prompt(_) | Known::Result(..) | Known::Cut(..) | Known::Deleted(_) => None,
        });
        form = if decides_alone(&profile.model) && profile.interruption.policy == InterruptionPolicy::Model {
            // It heard the caller itself, and nothing that it said was left unheard.
            is_so(note.is_none_or(|told| told.abs_diff(words) <= 1), || format!("{at}: it was told {note:?}"))?;
            "nothing left unheard"
        } else if is_ours {
            let told = note.unwrap_or(0);
            is_so(interrupted, || format!("{at}: not interrupted"))?;
            is_so(told.abs_diff(words) <= 1, || format!("{at}: told {told} words, heard {words}: {known:?}"))?;
            "cut in the conversation"
        } else if can.truncate {
            let cut = cut.ok_or_else(|| format!("{at}: nothing was cut"))?;
            is_so(cut.abs_diff(truth) <= ms(40), || format!("{at}: cut at {cut:?}, heard {truth:?}"))?;
            "truncate"
        } else {
            is_so(interrupted, || format!("{at}: not interrupted"))?;
            let told = note.ok_or_else(|| format!("{at}: no note: {known:?}"))?;
            is_so(told.abs_diff(words) <= 1, || format!("{at}: told {told} words, heard {words}"))?;
            "note"
        };
        was_correct(&mut call)?;
    }
    Ok(form.to_owned())
}

/// How exactly the model and the record know which words were heard, if this engine speaks: the 99th
/// percentile over every 50 ms of an answer, of the time by which the place of the cut is missed.
pub(crate) fn error_of_words(provider: Provider, voice: &str) -> Result<(Duration, Duration), String> {
    let (mut told, mut recorded) = (Vec::new(), Vec::new());
    let profile = profile_speaking(provider, voice);
    for position in (50..=5_000).step_by(50) {
        let Outcome { mut call, truth, .. } = barge_in(profile.clone(), super::carrier(), 0, position)?;
        let known = call.known();
        let note = known.iter().rev().find_map(|it| match it {
            Known::Text(_, text) => told_words(text),
            Known::Prompt(_) | Known::Asked(_) | Known::Result(..) | Known::Cut(..) | Known::Deleted(_) => None,
        });
        told.push(missed_by(note.unwrap_or(0), truth));
        let utterance = call.conversation().utterances.into_iter().rfind(|it| it.voice == Voice::Agent);
        let heard = utterance.and_then(|it| it.heard).unwrap_or_default();
        recorded.push(missed_by(heard.split_whitespace().count(), truth));
        was_correct(&mut call)?;
    }
    let p99 = |mut errors: Vec<Duration>| {
        errors.sort();
        errors[(errors.len() * 99).div_ceil(100) - 1]
    };
    Ok((p99(told), p99(recorded)))
}

/// By how much the playout would have to be shorter for the last of `words` not to have begun, or
/// longer for the next one to be over.
fn missed_by(words: usize, truth: Duration) -> Duration {
    let (mut at, mut places) = (0, Vec::new());
    for word in ANSWER.split_whitespace() {
        places.push((length_of(at), length_of(at + word.len())));
        at += word.len() + 1;
    }
    let begun = words.checked_sub(1).map_or(Duration::ZERO, |last| places[last].0);
    let next_over = places.get(words).map_or(Duration::MAX, |(_, end)| *end);
    begun.saturating_sub(truth).max(truth.saturating_sub(next_over))
}

fn length_of(letters: usize) -> Duration {
    Duration::from_secs_f64(letters as f64 / 15.0)
}

/// How many words of the answer were said until `heard` of `whole`.
fn words_until(heard: Duration, whole: Duration) -> usize {
    let letters = (heard.as_secs_f64() * 15.0) as usize;
    let letters = if heard >= whole { ANSWER.len() } else { letters.min(ANSWER.len()) };
    ANSWER[..letters].split_whitespace().count()
}

/// How many words of the answer a note says were heard; `None` if it speaks of none.
fn told_words(note: &str) -> Option<usize> {
    let words: Vec<&str> = ANSWER.split_whitespace().collect();
    let in_note = |count: &usize| note.contains(&words[..*count].join(" "));
    let told = (1..=words.len()).rev().find(in_note);
    told.or_else(|| (note.contains("heard nothing") || note.contains("did not hear")).then_some(0))
}
