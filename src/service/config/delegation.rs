//! Who does the work behind a full-duplex voice: a model of the server, or a tool of ours. Pure.

use switchboard_actors::realtime::settings::Delegation;

use super::kinds::{or_word, text, word};
use super::reader::{Reader, Section};

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

/// The tool that does the work with `delegation = "client"`: the named one, or the only one of the
/// operator's `own` that the agent has.
pub(super) fn worker<'a>(tools: &'a [String], named: Option<&'a str>, own: &[&'a str]) -> Option<&'a str> {
    let mut offered = tools.iter().map(String::as_str).filter(|tool| own.contains(tool));
    named.or_else(|| offered.next().filter(|_| offered.next().is_none()))
}

/// Notes an agent with `delegation = "client"` whose work nobody does.
pub(super) fn note_idle(name: &str, tools: &[String], delegation: &Delegation, own: &[&str], reader: &Reader) {
    let Delegation::Client { tool } = delegation else { return };
    if worker(tools, tool.as_deref(), own).is_none() {
        let next = "name the one in delegation_tool";
        reader.note(format!(
            "agents.{name}.tools: with delegation = \"client\" one tool does all the work, and none of these is it; {next}"
        ));
    }
}

/// Whether we do the work ourselves.
const KINDS: &[(&str, bool)] = &[("responses", false), ("client", true)];
