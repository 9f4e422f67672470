//! How this API writes the finer options of a session, and which models lack some of them. Pure.

use serde::ser::{SerializeMap, SerializeSeq};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::names::OPENAI;
pub use crate::realtime::settings::{Effort, McpServer, ResponseToolChoice, SessionOptions, ToolChoice, Tracing};
use crate::tools::spec::ToolSpec;

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
    OPENAI.transcriber(model).is_some_and(|known| known.keywords)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ids::Private;

    #[test]
    fn reasoning_models_are_recognised_by_name() {
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
