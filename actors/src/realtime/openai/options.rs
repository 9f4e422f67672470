//! The finer options of a session: what a phone agent may ask of the server beside the plan's main fields. Pure.
//!
//! Every default is "not sent": the server's own behaviour, and nothing that a server without the option could refuse.

use std::collections::BTreeMap;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::ids::Private;
use crate::tools::spec::ToolSpec;

/// The finer options of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionOptions {
    /// How long the model thinks; `None` leaves it to the server. Sent only to models that reason.
    pub reasoning: Option<Effort>,
    /// Whether several tools may be called at once; `None` leaves it to the server. Sent only to models that reason.
    pub parallel_tool_calls: Option<bool>,
    /// Whether the model may call tools.
    pub tool_choice: ToolChoice,
    /// The same of single responses that we ask for, by the word of what they are for; what is not in it is the session's.
    pub tool_choices: BTreeMap<&'static str, ResponseToolChoice>,
    /// What happens when the conversation is longer than the model's window, where the plan has no `retention_ratio`.
    pub never_cut: bool,
    /// Tokens of the conversation that are kept behind the instructions; only together with a `retention_ratio`.
    pub retention_tokens: Option<u32>,
    /// How strongly noise is reduced, where it is; `None` is the server's own, 1.
    pub noise_strength: Option<f32>,
    /// Traces at the provider.
    pub tracing: Tracing,
    /// Tool servers that the model's own server calls.
    pub mcp: Vec<McpServer>,
}

/// How long a model thinks before it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Hardly.
    Minimal,
    /// A little: what the server takes by itself.
    Low,
    /// Longer.
    Medium,
    /// Long; a caller notices.
    High,
    /// As long as it takes.
    Xhigh,
}

/// Whether the model may call tools. There is no `required`: said of a session, the model calls tools for ever and never speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoice {
    /// It decides.
    #[default]
    Auto,
    /// It may not.
    None,
}

/// Whether the model may, or has to, call a tool in one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseToolChoice {
    /// It may not.
    None,
    /// It has to: the response is a call, and what is said follows its result.
    Required,
}

/// Traces at the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tracing {
    /// None.
    #[default]
    Off,
    /// With the provider's own names.
    Auto,
    /// With names of ours.
    Named {
        /// The workflow.
        workflow_name: Option<String>,
        /// What ties traces together.
        group_id: Option<String>,
        /// What they are filtered by.
        metadata: BTreeMap<String, String>,
    },
}

impl Serialize for Tracing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => serializer.serialize_none(),
            Self::Auto => serializer.serialize_str("auto"),
            Self::Named { workflow_name, group_id, metadata } => {
                let mut map = serializer.serialize_map(None)?;
                if let Some(name) = workflow_name {
                    map.serialize_entry("workflow_name", name)?;
                }
                if let Some(id) = group_id {
                    map.serialize_entry("group_id", id)?;
                }
                if !metadata.is_empty() {
                    map.serialize_entry("metadata", metadata)?;
                }
                map.end()
            }
        }
    }
}

/// A tool server that the model's own server calls (MCP); nothing of it passes through us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// Its name within the session.
    pub label: String,
    /// Where it is.
    pub url: String,
    /// What it is for, told to the model.
    pub description: Option<String>,
    /// The tools that may be called; `None` is all of them.
    pub allowed_tools: Option<Vec<String>>,
    /// What it is told who we are: an OAuth token.
    pub authorization: Option<Private<String>>,
    /// What it is told besides.
    pub headers: BTreeMap<String, Private<String>>,
}

impl McpServer {
    /// The tool as the protocol has it, secrets included. Nobody on a phone call could approve a call, so none is asked for.
    pub fn declaration(&self) -> Value {
        let mut tool = json!({
            "type": "mcp",
            "server_label": self.label,
            "server_url": self.url,
            "require_approval": "never",
        });
        if let Some(description) = &self.description {
            tool["server_description"] = json!(description);
        }
        if let Some(allowed) = &self.allowed_tools {
            tool["allowed_tools"] = json!(allowed);
        }
        if let Some(authorization) = &self.authorization {
            tool["authorization"] = json!(authorization.expose());
        }
        if !self.headers.is_empty() {
            let headers = self.headers.iter().map(|(name, value)| (name.clone(), json!(value.expose())));
            tool["headers"] = Value::Object(headers.collect());
        }
        tool
    }
}

/// All tools of a session: functions of ours, then the servers. A change of the functions must name the servers again, or they
/// are gone.
#[derive(Debug, Clone, Copy)]
pub struct AllTools<'a> {
    /// Ours.
    pub functions: &'a [ToolSpec],
    /// The servers.
    pub mcp: &'a [McpServer],
}

impl Serialize for AllTools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.functions.len() + self.mcp.len()))?;
        for tool in self.functions {
            list.serialize_element(&Function::of(tool))?;
        }
        for server in self.mcp {
            list.serialize_element(&server.declaration())?;
        }
        list.end()
    }
}

/// A function of ours in the protocol's flat form.
#[derive(Debug, Serialize)]
struct Function<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
}

impl<'a> Function<'a> {
    fn of(tool: &'a ToolSpec) -> Self {
        Self { kind: "function", name: &tool.name, description: &tool.description, parameters: &tool.parameters }
    }
}

/// Whether a model is known not to reason; then `reasoning` and `parallel_tool_calls` would have the whole update refused.
/// Names that nobody knows, as those of deployments, may be anything.
pub fn never_reasons(model: &str) -> bool {
    let family = |name: &str| model == name || model.strip_prefix(name).is_some_and(|rest| rest.starts_with("-20"));
    family("gpt-realtime-1.5") || family("gpt-realtime-mini") || family("gpt-realtime") || model.starts_with("gpt-4o")
}

/// Transcription models that take `languages` and `keywords`.
pub fn takes_keywords(model: &str) -> bool {
    matches!(model, "gpt-transcribe" | "gpt-live-transcribe")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_reasons_is_told_by_the_name() {
        for model in ["gpt-realtime", "gpt-realtime-2025-08-28", "gpt-realtime-mini-2025-12-15", "gpt-realtime-1.5"] {
            assert!(never_reasons(model), "{model}");
        }
        for model in ["gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2", "our-deployment"] {
            assert!(!never_reasons(model), "{model}");
        }
    }

    #[test]
    fn a_tool_server_is_declared_with_what_it_has_and_printed_without_its_secrets() {
        let server = McpServer {
            label: "crm".to_owned(),
            url: "https://crm.example/mcp".to_owned(),
            description: None,
            allowed_tools: Some(vec!["find".to_owned()]),
            authorization: Some(Private::new("opensesame".to_owned())),
            headers: BTreeMap::new(),
        };
        assert_eq!(
            server.declaration(),
            json!({"type": "mcp", "server_label": "crm", "server_url": "https://crm.example/mcp",
                "require_approval": "never", "allowed_tools": ["find"], "authorization": "opensesame"})
        );
        assert!(!format!("{server:?}").contains("opensesame"));
    }
}
