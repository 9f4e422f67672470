//! The definition of an operator's tool, and the check of the model's arguments. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::spec::ToolSpec;
use crate::ids::Private;

/// One operator's tool (`[tools.<name>]`), checked at the start of the service.
#[derive(Debug, Clone)]
pub struct ToolPlan {
    /// Its name for the model.
    pub name: String,
    /// Its purpose, as described to the model.
    pub description: String,
    /// Its URL: `http` or `https`.
    pub url: url::Url,
    /// Its HTTP method.
    pub method: ToolMethod,
    /// JSON Schema of the arguments, as the model sees it.
    pub parameters: Value,
    /// Extra headers, with values from the environment.
    pub headers: Vec<(String, Private<String>)>,
    /// The limit from the request's first byte to the answer's last.
    pub timeout: Duration,
    /// Most bytes of an answer; a longer one becomes an error that says so.
    pub max_result: usize,
    /// Private and loopback addresses that this tool may reach.
    pub allowed_private: Vec<IpAddr>,
    /// Headers with values of the call: texts with names, or as they are filled in.
    pub filled_headers: Vec<(String, String)>,
    /// What every request tells besides the model's arguments: texts with names, or as they are
    /// filled in. The model knows nothing of them.
    pub fields: BTreeMap<String, String>,
    schema: Arc<Validator>,
}

impl PartialEq for ToolPlan {
    /// Compares all but the compiled schema, which follows from the parameters.
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.description == other.description
            && self.url == other.url
            && self.method == other.method
            && self.parameters == other.parameters
            && self.headers == other.headers
            && self.timeout == other.timeout
            && self.max_result == other.max_result
            && self.allowed_private == other.allowed_private
            && self.filled_headers == other.filled_headers
            && self.fields == other.fields
    }
}

/// The HTTP method of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ToolMethod {
    /// Arguments in the query.
    Get,
    /// Arguments as a JSON body.
    Post,
}

/// The settings of a tool; see [`ToolPlan`] for each.
#[derive(Debug)]
#[expect(missing_docs, reason = "the fields are those of ToolPlan")]
pub struct ToolSettings {
    pub name: String,
    pub description: String,
    pub url: url::Url,
    pub method: ToolMethod,
    pub parameters: Value,
    pub headers: Vec<(String, Private<String>)>,
    pub timeout: Duration,
    pub max_result: usize,
    pub allowed_private: Vec<IpAddr>,
}

/// Why a tool's settings are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolProblem {
    /// The parameters are not a JSON Schema of an object.
    #[error("`parameters` is not a JSON Schema of an object: {0}")]
    Schema(String),
    /// The URL is neither http nor https, or has no host, or contains credentials.
    #[error("`url` has to be http:// or https:// with a host and without credentials, found `{0}`")]
    Address(String),
}

impl ToolPlan {
    /// Checks the settings.
    ///
    /// # Errors
    /// When the schema is invalid, or the URL is not allowed for a tool.
    pub fn new(settings: ToolSettings) -> Result<Self, ToolProblem> {
        let ToolSettings { name, description, url, method, parameters, headers, timeout, max_result, allowed_private } =
            settings;
        let credentials = !url.username().is_empty() || url.password().is_some();
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() || credentials {
            return Err(ToolProblem::Address(format!("{}://{}", url.scheme(), url.host_str().unwrap_or_default())));
        }
        if parameters.get("type").and_then(Value::as_str) != Some("object") {
            return Err(ToolProblem::Schema("its `type` is not \"object\"".to_owned()));
        }
        let schema = jsonschema::validator_for(&parameters).map_err(|e| ToolProblem::Schema(e.to_string()))?;
        let (filled_headers, fields, schema) = (Vec::new(), BTreeMap::new(), Arc::new(schema));
        Ok(Self {
            name,
            description,
            url,
            method,
            parameters,
            headers,
            timeout,
            max_result,
            allowed_private,
            filled_headers,
            fields,
            schema,
        })
    }

    /// The same tool, which also tells these values of the call.
    #[must_use]
    pub fn telling(self, filled_headers: Vec<(String, String)>, fields: BTreeMap<String, String>) -> Self {
        Self { filled_headers, fields, ..self }
    }

    /// Returns the tool's description for a model.
    pub fn spec(&self) -> ToolSpec {
        let Self { name, description, parameters, .. } = self;
        ToolSpec { name: name.clone(), description: description.clone(), parameters: parameters.clone() }
    }

    /// Parses the model's arguments and checks them against the schema. The values of the call are
    /// added to them.
    ///
    /// # Errors
    /// In words that the model can act on: what is wrong and where, without repeating values.
    pub fn arguments(&self, text: &str) -> Result<Map<String, Value>, String> {
        let text = if text.trim().is_empty() { "{}" } else { text };
        let value: Value = serde_json::from_str(text).map_err(|e| format!("the arguments are not valid JSON: {e}"))?;
        let problems: Vec<String> = self
            .schema
            .iter_errors(&value)
            .take(MOST_PROBLEMS)
            .map(|e| format!("at `{}`: {}", e.instance_path(), e.masked()))
            .collect();
        if !problems.is_empty() {
            return Err(format!("the arguments do not fit the tool's parameters: {}", problems.join("; ")));
        }
        let Value::Object(mut arguments) = value else {
            return Err("the arguments are not a JSON object".to_owned());
        };
        arguments.extend(self.fields.iter().map(|(name, value)| (name.clone(), Value::String(value.clone()))));
        Ok(arguments)
    }

    /// Whether this tool may connect to `address`: a public one, or a private one that is listed.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        let address = match address {
            IpAddr::V6(v6) => v6.to_ipv4_mapped().map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        self.allowed_private.contains(&address) || is_public(address)
    }
}

/// The answer to the model when a tool failed: short, in words, marked as a failure.
pub fn failure(reason: &str) -> String {
    json!({"ok": false, "error": reason}).to_string()
}

/// The answer to the model when a tool refused: its status, and its reason if it gave one.
pub fn refusal(status: u16, said: &str) -> String {
    let mut answer = json!({"ok": false, "error": format!("the tool answered HTTP {status}"), "status": status});
    let said = said.trim();
    if !said.is_empty() {
        answer["answer"] = serde_json::from_str(said).unwrap_or_else(|_| Value::String(said.to_owned()));
    }
    answer.to_string()
}

/// Whether an address is on the public internet: not loopback, private, link-local, shared,
/// documentation, multicast or unspecified.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_broadcast()
                || v4.is_documentation()
                || v4.is_multicast()
                || a == 0
                || a >= 240
                || (a == 100 && (64..128).contains(&b))
                || (a == 192 && b == 0 && c == 0)
                || (a == 198 && (b == 18 || b == 19)))
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            let embeds_v4 = first == 0x2002 || (first == 0x64 && v6.segments()[1] == 0xff9b);
            !(v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || (first & 0xfe00) == 0xfc00
                || (first & 0xffc0) == 0xfe80
                || (first == 0x2001 && v6.segments()[1] == 0x0db8)
                || v6.to_ipv4().is_some()
                || embeds_v4)
        }
    }
}

/// Most problems reported to the model at once; more would confuse it.
const MOST_PROBLEMS: usize = 3;

#[cfg(test)]
mod tests;
