//! A tool's description for a model. Pure; each provider's folder encodes it in its own protocol.

use serde_json::Value;

/// A tool that a model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Its name: 1–64 letters, digits, `_` or `-`.
    pub name: String,
    /// Its purpose, as described to the model.
    pub description: String,
    /// Its parameters: a JSON Schema of type `object`.
    pub parameters: Value,
}
