//! `[tools.<name>]`: the operator's own tools, HTTP calls that the model may request. Pure; the
//! environment is a parameter.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_actors::tools::plan::{ToolMethod, ToolPlan, ToolProblem, ToolSettings};
use url::{Host, Url};

use super::headers::read_header;
use super::kinds::{
    self, MILLISECOND, MINUTE, SECOND, duration, is_loopback, list, machine, size, text, texts, url, word,
};
use super::layers::Variable;
use super::reader::Section;
use super::tools::BuiltIn;

/// Reads a tool. Its headers take their values from `variables`.
pub(super) fn read(name: &str, section: &Section<'_>, variables: &BTreeMap<String, Variable>) -> Option<Arc<ToolPlan>> {
    if BuiltIn::from_name(name).is_some() {
        section.refuse("found the name of a built-in tool, expected one of its own");
    }
    let description = section.read("description", text);
    let url = section.read("url", url(&["https", "http"]));
    let method = section.read_if_set("method", word(METHODS));
    let parameters = section.read_if_set("parameters", kinds::json).and_then(|schema| read_schema(schema, section));
    let timeout = section.read_if_set("timeout", duration(100 * MILLISECOND..=MINUTE));
    let max_result = section.read_if_set("max_result", size(1024..=1024 * 1024));
    let allowed_private = section.read_if_set("allowed_private", list(64, machine));
    let headers = section.read_if_set("headers", texts).and_then(|headers| {
        let headers = headers.unwrap_or_default();
        let read: Vec<_> = headers
            .iter()
            .map(|(header, variable)| read_header((header, variable), "headers", section, variables))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>()
    });
    let plan = ToolPlan::new(ToolSettings {
        name: name.to_owned(),
        description: description?,
        url: url?,
        method: method?.unwrap_or(ToolMethod::Post),
        parameters: parameters?,
        headers: headers?,
        timeout: timeout?.unwrap_or(5 * SECOND),
        max_result: max_result?.unwrap_or(4096),
        allowed_private: allowed_private?.unwrap_or_default(),
    });
    match plan {
        Ok(plan) => {
            check_reach(&plan, section);
            Some(Arc::new(plan))
        }
        Err(problem) => {
            let key = match &problem {
                ToolProblem::Schema(_) => "parameters",
                ToolProblem::Address(_) => "url",
            };
            section.problem(key, format!("found one that cannot be used: {problem}; expected another"));
            None
        }
    }
}

/// The schema of the arguments, if it describes an object; without a schema the tool has no
/// arguments.
fn read_schema(schema: Option<Value>, section: &Section<'_>) -> Option<Value> {
    let schema = schema.unwrap_or_else(|| json!({"type": "object", "properties": {}}));
    if schema["type"] == "object" {
        return Some(schema);
    }
    section.problem("parameters", "found no object schema, expected a JSON schema with type = \"object\"");
    None
}

/// Reports a tool that could never be reached, because its address is private and not allowed.
fn check_reach(plan: &ToolPlan, section: &Section<'_>) {
    let address = match plan.url.host() {
        Some(Host::Ipv4(address)) => address.into(),
        Some(Host::Ipv6(address)) => address.into(),
        Some(Host::Domain(_)) | None => return note_plain(&plan.url, section),
    };
    if plan.may_reach(address) {
        note_plain(&plan.url, section);
    } else {
        let next = "expected one on the internet, or the same one in allowed_private";
        section.problem("url", format!("found the private address {address}, {next}"));
    }
}

fn note_plain(url: &Url, section: &Section<'_>) {
    if url.scheme() == "http" && !is_loopback(url) {
        section.note(
            "url",
            "http:// sends what callers say and the headers unencrypted; keep it within a private network",
        );
    }
}

const METHODS: &[(&str, ToolMethod)] = &[("GET", ToolMethod::Get), ("POST", ToolMethod::Post)];
