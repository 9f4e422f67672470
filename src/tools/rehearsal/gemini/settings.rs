//! The settings of a session, as its setup gives them. Pure.

use serde_json::{Value, json};

use super::closes::Close;
use super::models::{Family, Service, at};
use crate::tools::rehearsal::input::Detection;
use crate::tools::rehearsal::speech::Language;
use crate::tools::rehearsal::turns::Tuning;

/// The settings of a session.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// What the model takes.
    pub(super) family: &'static Family,
    /// The model's path.
    pub(super) model: String,
    /// The prompt.
    pub(super) instructions: String,
    /// The functions, as `{"tools": [{"name", "parameters", "blocks"}]}`.
    pub(super) tools: Value,
    /// The server's turn detection; `None` if the client says when the caller speaks.
    pub(super) detection: Option<Detection>,
    /// Whether the caller's speech stops a running answer.
    pub(super) interrupts: bool,
    /// Whether the caller's words are sent.
    pub(super) hears_words: bool,
    /// Whether the model's words are sent.
    pub(super) tells_words: bool,
    /// Whether handles are sent.
    pub(super) resumable: bool,
    /// Whether handles say how many messages they include.
    pub(super) transparent: bool,
    /// Whether a history is announced.
    pub(super) awaits_history: bool,
    /// Whether speech is reported.
    pub(super) reports_speech: bool,
    /// The number of tokens at which the oldest turns are forgotten; `None` without compression.
    pub(super) trigger_tokens: Option<u64>,
    /// The number of tokens that are kept then.
    pub(super) target_tokens: u64,
    /// The maximum of tokens of an answer.
    pub(super) most_tokens: Option<u64>,
    language: Option<String>,
}

impl Settings {
    /// Reads a setup whose fields are known to the API.
    ///
    /// # Errors
    /// The close for what the model or the service does not take.
    pub(super) fn read(setup: &Value, service: Service, version: &str) -> Result<Self, Close> {
        let model = setup["model"].as_str().unwrap_or_default();
        let named = match service {
            Service::Developer => model.strip_prefix("models/"),
            Service::Vertex => model.rsplit_once("publishers/google/models/").map(|(_, name)| name),
        };
        if named.is_none_or(str::is_empty) {
            return Err(Close::model(model, version));
        }
        let family = Family::of(model);
        family.check(setup, service)?;
        let flag = |path: &str| at(setup, path).and_then(Value::as_bool).unwrap_or_default();
        let trigger_tokens = setup
            .get("contextWindowCompression")
            .map(|compression| number(&compression["triggerTokens"]).unwrap_or(WINDOW_TOKENS * 8 / 10));
        let target = at(setup, "contextWindowCompression.slidingWindow.targetTokens").and_then(number);
        let language = setup["inputAudioTranscription"]["languageCodes"]
            .get(0)
            .or_else(|| at(setup, "generationConfig.speechConfig.languageCode"));
        Ok(Self {
            family,
            model: model.to_owned(),
            instructions: text_of(&setup["systemInstruction"]),
            tools: tools(setup["tools"].as_array().map_or(&[][..], Vec::as_slice), family)?,
            detection: detection(&setup["realtimeInputConfig"]["automaticActivityDetection"]),
            interrupts: setup["realtimeInputConfig"]["activityHandling"] != "NO_INTERRUPTION",
            hears_words: setup.get("inputAudioTranscription").is_some(),
            tells_words: setup.get("outputAudioTranscription").is_some(),
            resumable: setup.get("sessionResumption").is_some(),
            transparent: flag("sessionResumption.transparent"),
            awaits_history: flag("historyConfig.initialHistoryInClientContent"),
            reports_speech: flag("explicitVadSignal"),
            trigger_tokens,
            target_tokens: target.unwrap_or_else(|| trigger_tokens.unwrap_or_default() / 2),
            most_tokens: at(setup, "generationConfig.maxOutputTokens").and_then(number),
            language: language.and_then(Value::as_str).map(str::to_owned),
        })
    }

    /// Applies a change of prompt or tools.
    ///
    /// # Errors
    /// The close for a model that cannot change them, or for tools that it cannot call.
    pub(super) fn update(&mut self, update: &Value) -> Result<(), Close> {
        if !self.family.changes {
            return Err(Close::argument());
        }
        if let Some(instruction) = update.get("systemInstruction") {
            self.instructions = text_of(instruction);
        }
        if let Some(list) = update.get("tools") {
            self.tools = tools(list["tools"].as_array().map_or(&[][..], Vec::as_slice), self.family)?;
        }
        Ok(())
    }

    /// Whether the model waits for the result of this tool.
    pub(super) fn blocks(&self, name: &str) -> bool {
        let tools = self.tools["tools"].as_array().map_or(&[][..], Vec::as_slice);
        tools.iter().any(|tool| tool["name"] == name && tool["blocks"] == true)
    }

    /// The language that is spoken.
    pub(super) fn language(&self) -> &'static Language {
        Language::of(self.language.as_deref(), &self.instructions)
    }
}

/// The functions among `tools`, checked.
fn tools(tools: &[Value], family: &Family) -> Result<Value, Close> {
    let declared = tools.iter().filter_map(|tool| tool["functionDeclarations"].as_array()).flatten();
    let read = |function: &Value| {
        let blocks = family.blocks(function["behavior"].as_str())?;
        let parameters = match (function.get("parametersJsonSchema"), function.get("parameters")) {
            (Some(_), Some(_)) => return Err(Close::argument()),
            (Some(schema), None) => schema.clone(),
            (None, Some(schema)) if has_refused_words(schema) => return Err(Close::argument()),
            (None, schema) => schema.cloned().unwrap_or_else(|| json!({"type": "OBJECT"})),
        };
        Ok(json!({"name": function["name"], "parameters": parameters, "blocks": blocks}))
    };
    let list: Vec<Value> = declared.map(read).collect::<Result<_, Close>>()?;
    Ok(json!({"tools": list, "tool_choice": "auto"}))
}

/// Whether a schema in the API's own form has words of JSON Schema that the API does not know.
fn has_refused_words(schema: &Value) -> bool {
    match schema {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            matches!(name.as_str(), "additionalProperties" | "$ref" | "$schema" | "strict") || has_refused_words(value)
        }),
        Value::Array(list) => list.iter().any(has_refused_words),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn detection(detection: &Value) -> Option<Detection> {
    if detection["disabled"] == true {
        return None;
    }
    let threshold = if detection["startOfSpeechSensitivity"] == "START_SENSITIVITY_LOW" { 0.7 } else { 0.5 };
    let silence_ms = detection["silenceDurationMs"].as_u64().and_then(|ms| u32::try_from(ms).ok());
    Some(Detection {
        tuning: Tuning { threshold, silence_ms: silence_ms.unwrap_or(USUAL_SILENCE_MS) },
        prefix_ms: KEPT_MS,
    })
}

/// The texts of a content, joined.
pub(super) fn text_of(content: &Value) -> String {
    let parts = content["parts"].as_array().map_or(&[][..], Vec::as_slice);
    parts.iter().filter_map(|part| part["text"].as_str()).collect::<Vec<_>>().join("\n")
}

/// A number that may be written as a text.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

/// Tokens that a model's context holds.
const WINDOW_TOKENS: u64 = 131_072;
/// The silence that ends a turn where none is chosen.
const USUAL_SILENCE_MS: u32 = 800;
/// How much audio from before a turn belongs to it.
const KEPT_MS: u32 = 300;
