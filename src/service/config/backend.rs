//! The model that works behind a full-duplex voice: who it is, and what it is told. Pure.

use std::collections::BTreeMap;

use switchboard_actors::realtime::settings::Delegation;

use super::agents::Agent;
use super::kinds::{Expected, any_text, or_word, text, texts, word};
use super::layers::{Node, Value};
use super::reader::{Reader, Section};
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

/// Reads who does the work, and the model behind the voice.
pub(super) fn read(section: &Section<'_>) -> Option<(Delegation, Option<String>)> {
    let by_us = section.read("delegation", word(KINDS));
    let tool = section.read("delegation_tool", or_word("", text));
    let model = section.read("backend_model", or_word("", text));
    let (by_us, tool, model) = (by_us?, tool?, model?);
    if !by_us && tool.is_some() && section.chosen("delegation_tool") {
        let next = "expected it with delegation = \"client\" alone";
        section.problem("delegation_tool", format!("found with delegation = \"responses\"; {next}"));
    }
    if by_us && model.is_some() && section.chosen("backend_model") {
        let next = "where our own tool does the work; expected it with delegation = \"responses\" alone";
        section.problem("backend_model", format!("found with delegation = \"client\", {next}"));
    }
    Some((if by_us { Delegation::Client { tool } } else { Delegation::Responses }, model))
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

/// The tool that does the work with `delegation = "client"`: the named one, or the agent's only one
/// of the operator's.
pub(super) fn worker<'a>(agent: &'a Agent, named: Option<&'a str>, own: &[&'a str]) -> Option<&'a str> {
    let mut offered = agent.tools.iter().map(String::as_str).filter(|tool| own.contains(tool));
    named.or_else(|| offered.next().filter(|_| offered.next().is_none()))
}

/// Notes agents with `delegation = "client"` whose work nobody does.
pub(super) fn note_idle(name: &str, agent: &Agent, realtime: &Realtime, own: &[&str], reader: &Reader) {
    let Delegation::Client { tool } = &agent.options(realtime).finer.delegation else { return };
    if realtime.knows("delegation") && worker(agent, tool.as_deref(), own).is_none() {
        let next = "name the one in delegation_tool";
        reader.note(format!(
            "agents.{name}.tools: with delegation = \"client\" one tool does all the work, and none of these is it; {next}"
        ));
    }
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
/// Whether we do the work ourselves.
const KINDS: &[(&str, bool)] = &[("responses", false), ("client", true)];
