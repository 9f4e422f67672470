//! The values in the texts of profiles: names that nothing defines. Pure.

use switchboard_actors::profile::values::{BUILT_IN, Unknown};

use super::super::agents::Language;
use super::super::problem::{Origin, Problem};
use super::super::root::Config;
use super::Profiles;

/// Texts with names that nothing defines, and recordings of texts that differ from call to call.
pub(super) fn problems(config: &Config, profiles: &Profiles) -> Vec<Problem> {
    let at = |key: String, message: String| Problem { key, origin: Origin::Nowhere, message };
    let mut problems = Vec::new();
    for profile in profiles.iter() {
        for Unknown { text, found } in profile.unknown_values() {
            let known = BUILT_IN.into_iter().chain(profile.variables.defaults.keys().map(String::as_str));
            let known: Vec<&str> = known.collect();
            let expected = format!("expected one of {}", known.join(", "));
            let next = "or the name and its default in this agent's `variables`";
            let message = format!("found {found} in its {text}, {expected}, {next}");
            problems.push(at(format!("agents.{}", profile.agent), message));
        }
    }
    let of = |(code, language): (&String, &Language)| {
        let clips = &language.clips;
        let recorded = [
            ("greeting_audio", language.greeting_audio.is_some(), &language.greeting),
            ("clips.goodbye", clips.goodbye.is_some(), &language.goodbye),
            ("clips.apology", clips.apology.is_some(), &language.apology),
            ("clips.filler", clips.filler.is_some(), &language.filler),
        ];
        let names = |(key, is_recorded, words): (&str, bool, &String)| {
            (is_recorded && words.contains("{{")).then(|| format!("languages.{code}.{key}"))
        };
        recorded.into_iter().filter_map(names).collect::<Vec<_>>()
    };
    let recorded = config.languages.iter().flat_map(of);
    let message = "found a recording of words with a value in them, expected words that are the same in every call";
    problems.extend(recorded.map(|key| at(key, message.to_owned())));
    problems
}
