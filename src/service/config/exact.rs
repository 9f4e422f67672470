//! `[clips]`: how words that have to be exact are recorded, for models that do not say given words
//! as they stand. Pure, except for the files of `[languages.<code>.clips]`, which `clips` reads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use switchboard_actors::ids::Private;
use switchboard_actors::realtime::clips::plan::ClipSource;

use super::clips::{self, Clip};
use super::kinds::{MILLISECOND, MINUTE, SECOND, any_text, duration, flag, one_of, or_word, text, url, word};
use super::layers::Variable;
use super::names::is_variable;
use super::reader::Section;
use super::service::Records;

/// `[clips]`: when exact words are played from a recording, and which server records them.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactWords {
    /// For which models.
    pub mode: ClipMode,
    /// The server; `None` leaves everything without a file to the model.
    pub source: Option<Arc<ClipSource>>,
    /// The voice of languages without one.
    pub voice: String,
    /// How long a call waits for a recording.
    pub wait: Duration,
}

/// For which models exact words are recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClipMode {
    /// For those that do not say given words as they stand.
    Auto,
    /// For all.
    Always,
    /// For none.
    Never,
}

/// `[languages.<code>.clips]`: the operator's recordings in a language.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LanguageClips {
    /// The voice of what the server records in this language.
    pub voice: Option<String>,
    /// The whole notice of every agent.
    pub notice: Option<Clip>,
    /// The goodbye.
    pub goodbye: Option<Clip>,
    /// The apology.
    pub apology: Option<Clip>,
    /// The filler.
    pub filler: Option<Clip>,
}

impl ExactWords {
    pub(super) fn read(
        section: &Section<'_>,
        records: Option<&Records>,
        variables: &BTreeMap<String, Variable>,
    ) -> Option<Self> {
        let mode = section.read("enabled", |node| {
            flag(node).map(|on| if on { ClipMode::Always } else { ClipMode::Never }).or_else(|_| word(MODES)(node))
        });
        let address = section.read("url", or_word("", url(&["http", "https"])));
        let model = section.read("model", text);
        let voice = section.read("voice", text);
        let variable = section.read("key_env", any_text);
        let format = section.read("response_format", one_of(&["pcm", "wav"]));
        let timeout = section.read("timeout", duration(SECOND..=2 * MINUTE));
        let wait = section.read("wait", duration(Duration::ZERO..=3 * SECOND + 500 * MILLISECOND));
        let dir = section.read("dir", any_text);
        let key = key(section, variable?.trim(), variables);
        let (address, model, format, timeout, dir) = (address?, model?, format?, timeout?, dir?);
        let folder = match dir.trim() {
            "" => records?.dir.parent().unwrap_or(Path::new("")).join("clips"),
            dir => PathBuf::from(dir),
        };
        let key = key?;
        let source = address.map(|url| Arc::new(ClipSource { url, model, format, key, timeout, folder: Some(folder) }));
        Some(Self { mode: mode?, source, voice: voice?, wait: wait? })
    }
}

impl LanguageClips {
    pub(super) fn read(section: &Section<'_>, base: &Path) -> Option<Self> {
        let voice = section.read_if_set("voice", or_word("", text)).map(Option::flatten);
        let read = |key| clips::read(section, key, base);
        let (notice, goodbye, apology, filler) = (read("notice"), read("goodbye"), read("apology"), read("filler"));
        Some(Self { voice: voice?, notice: notice?, goodbye: goodbye?, apology: apology?, filler: filler? })
    }
}

/// The key in the variable that `key_env` names. The outer `None` means that a problem was reported.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: there is none")]
fn key(section: &Section<'_>, name: &str, variables: &BTreeMap<String, Variable>) -> Option<Option<Private<String>>> {
    if name.is_empty() {
        return Some(None);
    }
    if !is_variable(name) {
        let found = "found no variable's name, expected one in capitals, as \"SPEECH_API_KEY\"";
        section.problem("key_env", format!("{found}; the key itself is never written in a file"));
        return None;
    }
    let value = variables.get(name).map(|variable| variable.value.trim()).filter(|value| !value.is_empty());
    if value.is_none() {
        section.problem("key_env", format!("found {name}, which is not in the environment; set {name}"));
    }
    value.map(|value| Some(Private::new(value.to_owned())))
}

const MODES: &[(&str, ClipMode)] = &[("auto", ClipMode::Auto)];
