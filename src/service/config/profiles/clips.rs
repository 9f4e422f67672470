//! The recordings of an agent's exact words: which there are, and in which voice the others are
//! made. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use switchboard_actors::profile::KeyAction;
use switchboard_actors::realtime::clips::plan::{ClipPlan, Rendering};

use super::super::agents::{Agent, Language};
use super::super::exact::{ClipMode, ExactWords};
use super::super::problem::{Origin, Problem};
use super::super::root::Config;
use super::super::voices::{APOLOGIES, FILLERS};
use super::{Profiles, notice};

/// The recordings of a call of `agent` that starts in the language `code`; `None` if there are none
/// and none can be made.
pub(super) fn plan(config: &Config, agent: &Agent, code: &str) -> Option<Arc<ClipPlan>> {
    let ExactWords { mode, source, voice, wait } = &config.clips;
    let of = |language: &Language| language.clips.voice.as_ref().unwrap_or(voice).clone();
    let (mut recorded, mut voices, mut unheard) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
    for (code, language) in languages(config, agent) {
        let clips = &language.clips;
        let phrases = [
            (notice(config, agent, code), &clips.notice),
            (Some(language.goodbye.clone()), &clips.goodbye),
            (Some(language.apology.clone()), &clips.apology),
            (Some(language.filler.clone()), &clips.filler),
        ];
        let lines =
            [(&language.apology, apology_sound(code, language)), (&language.filler, filler_sound(code, language))];
        unheard.extend(lines.into_iter().filter(|(_, sound)| sound.is_none()).map(|(words, _)| words.clone()));
        for (words, file) in phrases.into_iter().filter_map(|(words, file)| Some((words?, file))) {
            if let Some(clip) = file {
                recorded.insert(words.clone(), Arc::clone(&clip.pcm));
            }
            voices.entry(words).or_insert_with(|| of(language));
        }
    }
    let voice = config.languages.get(code).map_or_else(|| voice.clone(), of);
    let said =
        agent.keypad.values().filter_map(|action| if let KeyAction::Say(words) = action { Some(words) } else { None });
    let announced = config.transfers.values().filter_map(|transfer| transfer.destination.announce.as_ref());
    for words in said.chain(announced) {
        voices.entry(words.clone()).or_insert_with(|| voice.clone());
    }
    let rendering = source.clone().map(|source| Rendering { source, voice, voices, filled: BTreeMap::new() });
    let useful = *mode != ClipMode::Never && (rendering.is_some() || !recorded.is_empty());
    let always = *mode == ClipMode::Always;
    useful.then(|| Arc::new(ClipPlan { always, recorded, rendering, unheard, wait: *wait }))
}

/// The recording of a language's apology, unless a server makes one: the operator's file, or the
/// bundled one of the default words.
pub(super) fn apology_sound(code: &str, language: &Language) -> Option<Arc<[i16]>> {
    let own = language.clips.apology.as_ref().map(|clip| Arc::clone(&clip.pcm));
    own.or_else(|| language.apology_shipped.then(|| APOLOGIES.of(code)).flatten())
}

/// The same of its filler.
pub(super) fn filler_sound(code: &str, language: &Language) -> Option<Arc<[i16]>> {
    let own = language.clips.filler.as_ref().map(|clip| Arc::clone(&clip.pcm));
    own.or_else(|| language.filler_shipped.then(|| FILLERS.of(code)).flatten())
}

/// Words that have to be exact and are left to a model that may deviate from them.
pub(super) fn notes(config: &Config, profiles: &Profiles) -> Vec<String> {
    let open: Vec<_> = profiles.iter().filter(|it| it.model.needs_clips() && it.model.common.clips.is_none()).collect();
    let Some(first) = open.first() else { return Vec::new() };
    let provider = first.model.provider.address().provider;
    let what = if open.iter().any(|it| it.notice.is_some()) { "notices and goodbyes" } else { "goodbyes" };
    let next = match config.clips.mode {
        ClipMode::Never => "clips.enabled = \"auto\" plays recordings instead",
        ClipMode::Auto | ClipMode::Always => {
            "clips.url, a server with /v1/audio/speech, or files in [languages.<code>.clips] make them exact"
        }
    };
    vec![format!("clips: {what} are left to {provider:?}, which may say them in other words; {next}")]
}

/// Recordings of a notice that would be played for the notice of another agent.
pub(super) fn problems(config: &Config) -> Vec<Problem> {
    let recorded = config.languages.iter().filter(|(_, language)| language.clips.notice.is_some());
    let ambiguous = recorded.filter(|(code, _)| {
        let speak = config.agents.values().filter(|agent| agent.languages.contains(code));
        let mut notices: Vec<_> = speak.filter_map(|agent| notice(config, agent, code)).collect();
        notices.sort();
        notices.dedup();
        notices.len() > 1
    });
    let problem = |(code, _): (&String, &Language)| {
        Problem {
        key: format!("languages.{code}.clips.notice"),
        origin: Origin::Nowhere,
        message: "found one recording for agents with different notices, expected the same notice for all of them, or clips.url"
            .to_owned(),
    }
    };
    ambiguous.map(problem).collect()
}

fn languages<'c>(config: &'c Config, agent: &'c Agent) -> impl Iterator<Item = (&'c str, &'c Language)> {
    agent.languages.iter().filter_map(|code| Some((code.as_str(), config.languages.get(code)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(overrides: &[(&str, &str)]) -> Config {
        Config::builtin_with(overrides).unwrap_or_else(|error| panic!("{error}"))
    }

    const NOTICE: (&str, &str) = ("agents.default.notice", "Calls are recorded.");
    const SERVER: (&str, &str) = ("clips.url", "http://127.0.0.1:8880/v1");

    #[test]
    fn every_exact_phrase_is_recorded_ahead_in_the_voice_of_its_language() {
        let config = of(&[NOTICE, SERVER, ("clips.voice", "af_heart"), ("languages.hi.clips.voice", "hf_alpha")]);
        let plan = plan(&config, &config.agents["default"], "en").expect("recordings");
        let voices = &plan.rendering.as_ref().expect("a server").voices;
        assert_eq!(voices[&config.languages["hi"].goodbye], "hf_alpha");
        assert_eq!(voices[&config.languages["en"].filler], "af_heart");
        assert_eq!(voices["Calls are recorded."], "af_heart");
        assert_eq!(voices[&config.languages["hi"].apology], "hf_alpha");
        assert_eq!(plan.ahead(true).len(), 19, "goodbye, apology and filler in six languages, and the notice");
        assert_eq!(plan.ahead(false), [], "there are bundled recordings of what no model can say");
    }

    #[test]
    fn without_a_server_and_files_the_words_are_the_models_and_check_says_so() {
        let live = ("realtime.rehearsal_protocol", "live");
        let config = of(&[NOTICE, live]);
        assert_eq!(plan(&config, &config.agents["default"], "en"), None);
        let said = notes(&config, &Profiles::new(&config, None));
        assert!(said[0].starts_with("clips: notices and goodbyes are left to"), "{said:?}");
        let config = of(&[live, SERVER, ("clips.enabled", "false")]);
        assert!(notes(&config, &Profiles::new(&config, None))[0].contains("clips.enabled = \"auto\""));
        for fine in [&[live, SERVER][..], &[NOTICE]] {
            let config = of(fine);
            assert_eq!(notes(&config, &Profiles::new(&config, None)), Vec::<String>::new());
        }
    }

    #[test]
    fn only_models_that_need_recordings_have_them_made_ahead() {
        let ahead = |overrides: &[(&str, &str)]| {
            let profiles = Profiles::new(&of(overrides), None);
            profiles.get("default", "en").expect("a profile").model.clips_ahead().len()
        };
        assert_eq!(ahead(&[SERVER]), 0);
        assert_eq!(ahead(&[SERVER, ("clips.enabled", "true")]), 18);
        assert_eq!(ahead(&[SERVER, ("realtime.rehearsal_protocol", "live")]), 18);
        // Without the server nobody would hear these.
        let own = ("languages.en.apology", "We are sorry, please call again.");
        assert_eq!((ahead(&[SERVER, own]), ahead(&[own])), (1, 0));
        assert_eq!(ahead(&[SERVER, own, ("clips.enabled", "false")]), 0);
    }
}
