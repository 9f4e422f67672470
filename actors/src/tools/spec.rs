//! A tool as a model is told of it. Pure; each provider's folder writes it in its own protocol.

use serde_json::Value;

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// What it is called by: 1–64 letters, digits, `_` or `-`.
    pub name: String,
    /// What it is for, told to the model.
    pub description: String,
    /// What it takes: a JSON schema of type `object`.
    pub parameters: Value,
}
