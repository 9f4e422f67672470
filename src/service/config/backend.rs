//! What the model that works behind a full-duplex voice is told. Pure.

use std::collections::BTreeMap;

use super::kinds::{Expected, any_text, or_word, text, texts};
use super::layers::{Node, Value};
use super::reader::Section;
use super::realtime::Realtime;

/// What an agent's model behind the voice is told of its role and task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendPrompt {
    /// The same in every language.
    Same(String),
    /// A text for each of these languages; in the others, it is told what the voice is told.
    PerLanguage(BTreeMap<String, String>),
}

impl BackendPrompt {
    /// The text for a language.
    pub fn of(&self, code: &str) -> Option<&str> {
        match self {
            Self::Same(text) => Some(text),
            Self::PerLanguage(texts) => texts.get(code).map(String::as_str),
        }
    }
}

/// Reads an agent's prompt of the model behind the voice. Refuses one that no model would read.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: there is none")]
pub(super) fn read_prompt(section: &Section<'_>, realtime: Option<&Realtime>) -> Option<Option<BackendPrompt>> {
    let prompt = section.read_if_set(PROMPT, prompt);
    refuse_unread(section, realtime);
    prompt
}

/// Reads what the model behind the voice is told of a language in place of its `instructions`.
#[expect(clippy::option_option, reason = "outer: a problem was reported; inner: there is none")]
pub(super) fn read_of_language(section: &Section<'_>, realtime: Option<&Realtime>) -> Option<Option<String>> {
    let prompt = section.read_if_set(PROMPT, or_word("", text));
    refuse_unread(section, realtime);
    prompt.map(Option::flatten)
}

fn refuse_unread(section: &Section<'_>, realtime: Option<&Realtime>) {
    let Some(realtime) = realtime.filter(|realtime| section.chosen(PROMPT) && !realtime.knows("backend_model")) else {
        return;
    };
    let word = realtime.provider.word();
    let next = "take it out, or choose another provider";
    section
        .problem(PROMPT, format!("found a prompt of a model behind the voice, which provider {word:?} lacks; {next}"));
}

fn prompt(node: &Node) -> Result<BackendPrompt, Expected> {
    if let Value::Table(_) = &node.value {
        return texts(node).map(BackendPrompt::PerLanguage);
    }
    let expected = || Expected::new("a text that says something, or a table of texts by language");
    let found = any_text(node).map_err(|_| expected())?;
    let found = found.trim();
    if found.is_empty() { Err(expected()) } else { Ok(BackendPrompt::Same(found.to_owned())) }
}

const PROMPT: &str = "backend_instructions";
