//! `[tools.<name>]`: the operator's own tools, HTTP calls that the model may request. Pure; the
//! environment is a parameter.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use switchboard_actors::tools::plan::{ToolMethod, ToolPlan, ToolProblem, ToolSettings};
use url::{Host, Url};

use super::headers::{check_header, read_header};
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
    let headers = section.read_if_set("headers", texts).unwrap_or_default().unwrap_or_default();
    let (filled_headers, headers): (Vec<_>, Vec<_>) = headers.into_iter().partition(|(_, text)| text.contains("{{"));
    let fields = read_fields(section, parameters.as_ref());
    let filled: Vec<_> = filled_headers.iter().map(|(header, _)| check_header(header, "headers", section)).collect();
    let headers = {
        let read: Vec<_> = headers
            .iter()
            .map(|(header, variable)| read_header((header, variable), "headers", section, variables))
            .collect();
        read.into_iter().collect::<Option<Vec<_>>>()
    };
    filled.into_iter().collect::<Option<Vec<()>>>()?;
    let fields = fields?;
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
            Some(Arc::new(plan.telling(filled_headers, fields)))
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

/// Reads what every request tells besides the model's arguments.
fn read_fields(section: &Section<'_>, parameters: Option<&Value>) -> Option<BTreeMap<String, String>> {
    let fields = section.read_if_set("fields", texts)?.unwrap_or_default();
    let argument = fields.keys().find(|name| parameters.is_some_and(|it| it["properties"].get(name).is_some()));
    if let Some(name) = argument {
        let expected = "expected a name that is none of the model's arguments";
        section.problem("fields", format!("found {}, {expected}", kinds::quoted(name)));
    }
    Some(fields)
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
