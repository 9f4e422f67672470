//! The engines of a provider that joins several: for each part a table, or a list of tables of which
//! the first that works is used. Its section has the provider's name. Pure; the environment is a
//! parameter.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard_actors::carrier::address::without_query;
use switchboard_actors::ids::Private;
use switchboard_actors::realtime::named::LinkName;
use switchboard_actors::realtime::seat::{EngineSeat, Provider};
use switchboard_actors::realtime::settings::{Engine, Engines, TurnEnds};
use url::Url;

use super::kinds::{Expected, any_text, duration, flag, number, or_word, text, url, whole};
use super::layers::{Node, Variable};
use super::names::is_variable;
use super::reader::Section;

/// The engines that are chosen for one language, in place of the usual ones. An empty list changes
/// nothing, and neither does a value of the turns that is not set.
pub(super) type LanguageEngines = Engines;

/// What the environment and the use of the engines say about them.
#[derive(Clone, Copy)]
pub(super) struct Surroundings<'c> {
    /// The provider that joins the engines.
    pub(super) provider: Provider,
    /// Whether a call may use them. If not, a missing key is no problem.
    pub(super) needed: bool,
    pub(super) variables: &'c BTreeMap<String, Variable>,
}

/// Reads the engines of every part. `None` means that a problem was reported.
pub(super) fn read(section: &Section<'_>, around: Surroundings<'_>) -> Option<Engines> {
    let part = |key, link| read_part(section, key, link, around);
    let (ears, mind, voice) = (part(STT, LinkName::Ears), part(LLM, LinkName::Mind), part(TTS, LinkName::Voice));
    let turns = read_turns(&section.table(TURNS));
    Some(Engines { ears: ears?, mind: mind?, voice: voice?, turns: turns? })
}

/// Reads the engines that are set for a language. A part that is not set has none.
pub(super) fn read_of_language(section: &Section<'_>, around: Surroundings<'_>) -> Option<LanguageEngines> {
    let part = |key, link| {
        if section.has(key) { read_part(section, key, link, around) } else { Some(Vec::new()) }
    };
    let (ears, mind, voice) = (part(STT, LinkName::Ears), part(LLM, LinkName::Mind), part(TTS, LinkName::Voice));
    let turns = read_turns(&section.table(TURNS));
    Some(Engines { ears: ears?, mind: mind?, voice: voice?, turns: turns? })
}

/// Reads how turns end. What is not set stays open.
fn read_turns(section: &Section<'_>) -> Option<TurnEnds> {
    let silence = |key| section.read_if_set(key, duration(SILENCE));
    let (complete, usual) = (silence("complete"), silence("usual"));
    let (number, incomplete) = (silence("number"), silence("incomplete"));
    let words = section.read_if_set("words", duration(WORDS));
    let eager = section.read_if_set("eager", flag);
    Some(TurnEnds {
        complete: complete?,
        usual: usual?,
        number: number?,
        incomplete: incomplete?,
        words: words?,
        eager: eager?,
    })
}

/// The usual engines, with those of a language in place of them.
pub(super) fn of_language(usual: &Engines, own: &LanguageEngines) -> Engines {
    let part = |own: &Vec<Engine>, usual: &Vec<Engine>| if own.is_empty() { usual.clone() } else { own.clone() };
    Engines {
        ears: part(&own.ears, &usual.ears),
        mind: part(&own.mind, &usual.mind),
        voice: part(&own.voice, &usual.voice),
        turns: own.turns.or(usual.turns),
    }
}

/// The engines in words, a line for each part.
pub(super) fn in_words(engines: &Engines) -> Vec<(&'static str, String)> {
    let engine = |it: &Engine| {
        let key = it.key_variable.as_deref().unwrap_or("no key");
        format!("{} ({}), {}, {key}", it.word, without_query(&it.url), it.model)
    };
    let line = |engines: &[Engine]| engines.iter().map(engine).collect::<Vec<_>>().join("; then ");
    vec![(STT, line(&engines.ears)), (LLM, line(&engines.mind)), (TTS, line(&engines.voice))]
}

/// The engines as JSON, without their keys.
pub(super) fn summary(engines: &Engines) -> Value {
    let engine = |it: &Engine| {
        json!({
            "provider": it.word,
            "url": without_query(&it.url),
            "model": it.model,
            "voice": it.voice,
            "key": it.key_variable,
        })
    };
    let part = |engines: &[Engine]| engines.iter().map(engine).collect::<Value>();
    json!({ STT: part(&engines.ears), LLM: part(&engines.mind), TTS: part(&engines.voice) })
}

/// Whether an engine uses the key in this variable.
pub(super) fn use_key(engines: &Engines, variable: &str) -> bool {
    let all = engines.ears.iter().chain(&engines.mind).chain(&engines.voice);
    all.into_iter().any(|engine| engine.key_variable.as_deref() == Some(variable))
}

fn read_part(
    section: &Section<'_>,
    key: &'static str,
    link: LinkName,
    around: Surroundings<'_>,
) -> Option<Vec<Engine>> {
    let sections = section.one_or_listed(key);
    if sections.is_empty() {
        section.problem(key, "found an empty list, expected at least one engine");
        return None;
    }
    let read: Vec<_> = sections.iter().map(|section| read_engine(section, link, around)).collect();
    read.into_iter().collect()
}

fn read_engine(section: &Section<'_>, link: LinkName, around: Surroundings<'_>) -> Option<Engine> {
    let rows = move || around.provider.engines().iter().filter(move |row| row.link == link);
    let row = match link {
        // Every server of this part speaks the same protocol.
        LinkName::Mind => rows().next(),
        LinkName::Ears | LinkName::Voice => {
            let row = section.read_if_set("provider", |node| row_named(node, &rows()));
            row.and_then(|row| row.or_else(|| rows().next()))
        }
    };
    let address = section.read_if_set("url", or_word("", url(&["https", "http", "wss", "ws"])));
    let model = section.read_if_set("model", or_word("", text));
    let key_env = section.read_if_set("key_env", or_word("", any_text));
    let voice = match link {
        LinkName::Voice => section.read_if_set("voice", or_word("", text)),
        LinkName::Ears | LinkName::Mind => Some(None),
    };
    let (max_tokens, temperature) = match link {
        LinkName::Mind => (
            section.read_if_set("max_tokens", or_word("auto", whole(1..=100_000))),
            section.read_if_set("temperature", or_word("auto", number(0.0..=2.0))),
        ),
        LinkName::Ears | LinkName::Voice => (Some(None), Some(None)),
    };
    let (row, address) = (row?, address?.flatten());
    let key = read_key(section, row, address.as_ref(), key_env?.flatten().as_deref(), around);
    let (key, key_variable) = key?.unzip();
    let named = |found: Option<Option<String>>, own: &str| found.flatten().unwrap_or_else(|| own.to_owned());
    Some(Engine {
        word: row.word,
        name: row.name,
        url: address.or_else(|| Url::parse(row.url).ok())?,
        model: named(model?, row.model),
        voice: named(voice?, row.voice),
        key,
        key_variable,
        max_tokens: max_tokens?.flatten(),
        // As it is written: 0.7, and not 0.699999988.
        temperature: temperature?.flatten().and_then(|it| it.to_string().parse().ok()),
    })
}

/// The key of an engine: that in the variable which `key_env` names, or in the engine's own if it is
/// set. The engine's own servers need one, others may do without.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: no key is needed")]
fn read_key(
    section: &Section<'_>,
    row: &EngineSeat,
    address: Option<&Url>,
    key_env: Option<&str>,
    around: Surroundings<'_>,
) -> Option<Option<(Private<String>, String)>> {
    let own = row.key.variable;
    let name = key_env.unwrap_or(own);
    if !is_variable(name) {
        let found = format!("found no variable's name, expected one in capitals, as \"{own}\"");
        section.problem("key_env", format!("{found}; the key itself is never written in a file"));
        return None;
    }
    let value = around.variables.get(name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty());
    match value {
        Some(value) => Some(Some((Private::new(value.to_owned()), name.to_owned()))),
        None if !around.needed || (address.is_some() && key_env.is_none()) => Some(None),
        None => {
            let found = format!("found {:?} without a key", row.word);
            let next = format!("set {name}, or the `url` of a server that needs none");
            section.problem(if key_env.is_some() { "key_env" } else { "provider" }, format!("{found}; {next}"));
            None
        }
    }
}

/// Reads the word of an engine.
fn row_named(
    node: &Node,
    rows: &(impl Iterator<Item = &'static EngineSeat> + Clone),
) -> Result<&'static EngineSeat, Expected> {
    let words = || rows.clone().map(|row| format!("{:?}", row.word)).collect::<Vec<_>>().join(" or ");
    let found = any_text(node).map_err(|_| Expected::new(words()))?;
    rows.clone().find(|row| row.word == found.trim()).ok_or_else(|| Expected::new(words()))
}

/// The silence that may end a turn. Shorter: breath ends it. Longer: the caller gives up first.
const SILENCE: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(10);
/// How long words may be waited for.
const WORDS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_secs(10);
const TURNS: &str = "turns";
const STT: &str = "stt";
const LLM: &str = "llm";
const TTS: &str = "tts";
