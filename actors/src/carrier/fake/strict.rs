//! Strict JSON reading: no field may be missing or unexpected. Pure.

use serde_json::{Map, Value};

/// The message as an object.
pub(in crate::carrier) fn object_of(text: &str) -> Result<Map<String, Value>, String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("not JSON ({error})"))?;
    let Value::Object(message) = value else { return Err("not a JSON object".into()) };
    Ok(message)
}

/// Checks that `body` has exactly the `expected` fields.
pub(in crate::carrier) fn exactly(body: &Map<String, Value>, expected: &[&str], prefix: &str) -> Result<(), String> {
    if let Some(missing) = expected.iter().find(|name| !body.contains_key(**name)) {
        return Err(format!("field `{prefix}{missing}` is missing"));
    }
    match body.keys().find(|name| !expected.contains(&name.as_str())) {
        Some(extra) => Err(format!("field `{prefix}{extra}` is not one that the carrier knows")),
        None => Ok(()),
    }
}

/// A field with text.
pub(in crate::carrier) fn string<'a>(body: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    body.get(name).and_then(Value::as_str).ok_or_else(|| format!("`{name}` is not a string"))
}

/// A field with an object.
pub(in crate::carrier) fn object<'a>(
    body: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a Map<String, Value>, String> {
    body.get(name).and_then(Value::as_object).ok_or_else(|| format!("`{name}` is not an object"))
}

/// A message, shortened to fit a line.
pub(in crate::carrier) fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The complaint about a binary message to a carrier of text.
pub(in crate::carrier) fn binary(bytes: &[u8]) -> String {
    format!("a binary message of {} bytes ignored", bytes.len())
}

/// The most characters that a complaint quotes.
const LONGEST_QUOTE: usize = 160;
