//! Moments and foreign JSON, as a record writes them. Pure; part of [`super`].

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

pub(super) fn moment(started_at: DateTime<Utc>, after: Duration) -> DateTime<Utc> {
    TimeDelta::from_std(after).ok().and_then(|after| started_at.checked_add_signed(after)).unwrap_or(started_at)
}

pub(super) fn rfc3339(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Keeps a tool's text letter by letter as JSON if it is valid JSON, and as a string otherwise.
/// Text nested too deeply for a reader of the file also becomes a string.
pub(super) fn json_or_text(text: &str) -> Box<RawValue> {
    let kept = if nesting(text) > DEEPEST { None } else { RawValue::from_string(text.to_owned()).ok() };
    kept.or_else(|| to_raw_value(text).ok()).unwrap_or_default()
}

/// Does the same as [`json_or_text`], for a value that is already JSON.
pub(super) fn shallow(value: Value) -> Value {
    if value.is_array() || value.is_object() {
        let text = value.to_string();
        if nesting(&text) > DEEPEST {
            return Value::String(text);
        }
    }
    value
}

/// An upper bound of the nesting of `text` if it is JSON; brackets inside strings count too.
fn nesting(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// The characters of a moment as `rfc3339` writes it.
pub(super) const RFC3339_LENGTH: usize = 24;
/// The deepest JSON of a tool that is kept as JSON. Common parsers give up at 128 levels.
pub(super) const DEEPEST: usize = 32;
