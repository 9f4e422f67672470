//! The finer options of a session: settings for a phone agent beside the plan's main fields. Pure.
//!
//! Every default is "not sent". The server then uses its own default, and a server without the
//! option has nothing to refuse.

use std::collections::BTreeMap;

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::ids::Private;
use crate::tools::spec::ToolSpec;

/// The finer options of a session.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SessionOptions {
    /// How long the model thinks; `None` leaves it to the server. It is sent only to models that
    /// reason.
    pub reasoning: Option<Effort>,
    /// Whether the model may call several tools at once; `None` leaves it to the server. It is sent
    /// only to models that reason.
    pub parallel_tool_calls: Option<bool>,
    /// Whether the model may call tools.
    pub tool_choice: ToolChoice,
    /// Tool choices of responses that we request, keyed by the word of their purpose. A purpose
    /// that is missing uses the session's setting.
    pub tool_choices: BTreeMap<&'static str, ResponseToolChoice>,
    /// Whether the server must not cut a conversation that is longer than the model's window. It
    /// excludes a `retention_ratio`.
    pub never_cut: bool,
    /// Tokens of the conversation that are kept after the instructions. It needs a
    /// `retention_ratio`.
    pub retention_tokens: Option<u32>,
    /// The strength of noise reduction. `None` uses the server's own value, 1. It needs noise
    /// reduction.
    pub noise_strength: Option<f32>,
    /// Tracing at the provider.
    pub tracing: Tracing,
    /// Tool servers that the model's own server calls.
    pub mcp: Vec<McpServer>,
}

/// How long a model thinks before it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effort {
    /// Hardly any thinking.
    Minimal,
    /// A little: the server's default.
    Low,
    /// A longer time.
    Medium,
    /// A long time, which a caller notices.
    High,
    /// As long as the model needs.
    Xhigh,
}

/// Whether the model may call tools. There is no `required`: as a session's setting, it makes the
/// model call tools for ever and never speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// The model may not call tools.
    None,
}

/// Whether the model may or must call a tool in one response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseToolChoice {
    /// The model may not call a tool.
    None,
    /// The model must call a tool. The response is a tool call, and speech follows its result.
    Required,
}

/// Tracing at the provider.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tracing {
    /// No tracing.
    #[default]
    Off,
    /// Tracing with the provider's own names.
    Auto,
    /// Tracing with our names.
    Named {
        /// The workflow's name.
        workflow_name: Option<String>,
        /// The id that groups traces.
        group_id: Option<String>,
        /// The metadata to filter traces by.
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

/// A tool server (MCP) that the model's own server calls. Its calls do not pass through this crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct McpServer {
    /// The server's name within the session.
    pub label: String,
    /// The server's URL.
    pub url: String,
    /// The server's purpose, as a description for the model.
    pub description: Option<String>,
    /// The tools that the model may call; `None` allows all of them.
    pub allowed_tools: Option<Vec<String>>,
    /// The credential for the tool server: an OAuth token.
    pub authorization: Option<Private<String>>,
    /// Further headers for the tool server.
    pub headers: BTreeMap<String, Private<String>>,
}

impl McpServer {
    /// The tool's declaration in the protocol, secrets included. It requires no approval, because a
    /// phone call has no way to give one.
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

/// All tools of a session: our functions first, then the tool servers. A change of the functions
/// must name the tool servers again, or the server drops them.
#[derive(Debug, Clone, Copy)]
pub struct AllTools<'a> {
    /// Our functions.
    pub functions: &'a [ToolSpec],
    /// The tool servers.
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

/// One of our functions in the protocol's flat form.
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

/// Whether a model is known not to reason. For such a model, `reasoning` and `parallel_tool_calls`
/// make the server refuse the whole update. An unknown name, such as that of a deployment, may be
/// any model.
pub fn never_reasons(model: &str) -> bool {
    let family = |name: &str| model == name || model.strip_prefix(name).is_some_and(|rest| rest.starts_with("-20"));
    family("gpt-realtime-1.5") || family("gpt-realtime-mini") || family("gpt-realtime") || model.starts_with("gpt-4o")
}

/// Whether the transcription model accepts `languages` and `keywords`.
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
