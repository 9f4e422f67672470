//! The settings of a session: the effective object that `session.updated` shows, and the merge of
//! updates. Pure.

use serde_json::{Map, Value, json};

use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::input::Detection;
use crate::tools::rehearsal::sound::Format;
use crate::tools::rehearsal::speech::Language;
use crate::tools::rehearsal::turns::Tuning;

/// The effective settings of a session.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// The `session` object without its constant fields (`id`, `object`, `expires_at`).
    object: Value,
}

/// The state of the session, which decides whether an update is allowed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circumstances {
    /// Whether the model has spoken. If so, its voice is locked.
    pub(super) voiced: bool,
    /// Whether a response is running.
    pub(super) responding: bool,
}

impl Settings {
    /// The defaults of the live service.
    pub(super) fn new(model: &str) -> Self {
        let format = Format::Pcm24k.object();
        let object = json!({
            "type": "realtime",
            "model": model,
            "output_modalities": ["audio"],
            "instructions": DEFAULT_INSTRUCTIONS,
            "audio": {
                "input": {
                    "format": format,
                    "noise_reduction": null,
                    "transcription": null,
                    "turn_detection": default_detection("server_vad"),
                },
                "output": {"format": format, "voice": "alloy", "speed": 1.0},
            },
            "tools": [],
            "tool_choice": "auto",
            "max_output_tokens": "inf",
            "truncation": "auto",
            "tracing": null,
            "prompt": null,
            "include": null,
        });
        Self { object }
    }

    /// The object for `session.created` and `session.updated`.
    pub(super) fn object(&self, id: &str, expires_at: u64) -> Value {
        let mut object = self.object.clone();
        object["object"] = json!("realtime.session");
        object["id"] = json!(id);
        object["expires_at"] = json!(expires_at);
        object
    }

    /// Merges an update whose shape has been checked.
    ///
    /// # Errors
    /// Fails if its values contradict each other or cannot change now. Nothing is changed then.
    pub(super) fn update(&mut self, update: &Value, circumstances: Circumstances) -> Result<(), Fault> {
        let mut next = self.object.clone();
        merge(&mut next, update);
        if let Some(detection) = update.pointer("/audio/input/turn_detection").filter(|it| it.is_object()) {
            next["audio"]["input"]["turn_detection"] = self.detection_with(detection);
        }
        check_modalities(&next, "session")?;
        self.check_model(update)?;
        self.check_voice(&next, circumstances)?;
        self.check_unchangeable(update, circumstances)?;
        check_transcription(&next)?;
        self.object = next;
        Ok(())
    }

    /// The settings of one response: those of the session, overridden by the response.
    ///
    /// # Errors
    /// Fails if the values contradict each other.
    pub(super) fn for_response(&self, response: &Value) -> Result<Value, Fault> {
        let mut effective = self.object.clone();
        merge(&mut effective, response);
        check_modalities(&effective, "response")?;
        if effective.get("reasoning").is_some() && !reasons(self.model()) {
            return Err(Fault::unknown("response.reasoning"));
        }
        Ok(effective)
    }

    /// The format of the client's audio.
    pub(super) fn input_format(&self) -> Format {
        Format::read(&self.object["audio"]["input"]["format"])
    }

    /// Settings of turn detection. `None` if the client commits.
    pub(super) fn detection(&self) -> Option<Detection> {
        let detection = self.turn_detection();
        let number = |key: &str| detection[key].as_u64().unwrap_or_default() as u32;
        match detection["type"].as_str() {
            Some("server_vad") => Some(Detection {
                tuning: Tuning {
                    threshold: detection["threshold"].as_f64().unwrap_or(0.5) as f32,
                    silence_ms: number("silence_duration_ms"),
                },
                prefix_ms: number("prefix_padding_ms"),
            }),
            Some("semantic_vad") => {
                // Semantic detection is not possible here; only its patience is imitated.
                let silence_ms = match detection["eagerness"].as_str() {
                    Some("low") => 1_200,
                    Some("high") => 300,
                    _ => 600,
                };
                Some(Detection { tuning: Tuning { threshold: 0.5, silence_ms }, prefix_ms: 300 })
            }
            _ => None,
        }
    }

    /// Whether the end of a turn creates a response.
    pub(super) fn creates_responses(&self) -> bool {
        self.turn_detection()["create_response"].as_bool().unwrap_or(false)
    }

    /// Whether the start of speech cancels the running response.
    pub(super) fn interrupts_responses(&self) -> bool {
        self.turn_detection()["interrupt_response"].as_bool().unwrap_or(false)
    }

    /// Silence after which a caller is prompted, in milliseconds.
    pub(super) fn idle_timeout_ms(&self) -> Option<u64> {
        self.turn_detection()["idle_timeout_ms"].as_u64()
    }

    /// The transcription model, if transcription is on.
    pub(super) fn transcription_model(&self) -> Option<&str> {
        let transcription = self.object["audio"]["input"]["transcription"].as_object()?;
        Some(transcription.get("model").and_then(Value::as_str).unwrap_or("gpt-4o-mini-transcribe"))
    }

    /// The session's language.
    pub(super) fn language(&self) -> &'static Language {
        let transcription = &self.object["audio"]["input"]["transcription"];
        let listed = transcription["languages"].get(0).and_then(Value::as_str);
        Language::of(transcription["language"].as_str().or(listed), self.instructions())
    }

    /// The instructions.
    pub(super) fn instructions(&self) -> &str {
        self.object["instructions"].as_str().unwrap_or_default()
    }

    fn model(&self) -> &str {
        self.object["model"].as_str().unwrap_or_default()
    }

    fn turn_detection(&self) -> &Value {
        &self.object["audio"]["input"]["turn_detection"]
    }

    /// Merges turn detection. An update of the same type keeps the fields that it does not name;
    /// another type starts from its defaults.
    fn detection_with(&self, update: &Value) -> Value {
        let kind = update["type"].as_str().unwrap_or_default();
        let now = self.turn_detection();
        let mut next = if now["type"] == update["type"] { now.clone() } else { default_detection(kind) };
        merge(&mut next, update);
        next
    }

    fn check_model(&self, update: &Value) -> Result<(), Fault> {
        if let Some(model) = update["model"].as_str()
            && model != self.model()
        {
            return Err(
                Fault::request("cannot_update_model", "Cannot update the model of a session.").at("session.model")
            );
        }
        let extra = ["reasoning", "parallel_tool_calls"].into_iter().find(|key| update.get(*key).is_some());
        match extra {
            Some(key) if !reasons(self.model()) => Err(Fault::unknown(&format!("session.{key}"))),
            _ => Ok(()),
        }
    }

    fn check_voice(&self, next: &Value, circumstances: Circumstances) -> Result<(), Fault> {
        if circumstances.voiced && next["audio"]["output"]["voice"] != self.object["audio"]["output"]["voice"] {
            let message = "Cannot update a conversation's voice if assistant audio is present.";
            return Err(Fault::request("cannot_update_voice", message).at("session.audio.output.voice"));
        }
        Ok(())
    }

    fn check_unchangeable(&self, update: &Value, circumstances: Circumstances) -> Result<(), Fault> {
        let speed = update.pointer("/audio/output/speed");
        if circumstances.responding && speed.is_some_and(|speed| speed.as_f64() != self.speed()) {
            let message = "Cannot update the speed while a response is in progress.";
            return Err(Fault::request("invalid_value", message).at("session.audio.output.speed"));
        }
        if !self.object["tracing"].is_null() && update.get("tracing").is_some_and(|it| *it != self.object["tracing"]) {
            return Err(Fault::request("invalid_value", "Cannot update tracing once enabled.").at("session.tracing"));
        }
        Ok(())
    }

    fn speed(&self) -> Option<f64> {
        self.object["audio"]["output"]["speed"].as_f64()
    }
}

fn check_modalities(effective: &Value, whose: &str) -> Result<(), Fault> {
    let modalities = &effective["output_modalities"];
    if modalities.as_array().is_some_and(|list| list.len() == 1) {
        return Ok(());
    }
    let message = format!("Invalid modalities: {modalities}. Supported combinations are: ['text'] and ['audio'].");
    Err(Fault::request("invalid_value", message).at(format!("{whose}.output_modalities")))
}

fn check_transcription(next: &Value) -> Result<(), Fault> {
    const PATH: &str = "session.audio.input.transcription";
    let input = &next["audio"]["input"];
    let transcription = &input["transcription"];
    let model = transcription["model"].as_str().unwrap_or_default();
    let has = |key: &str| transcription.get(key).is_some_and(|value| !value.is_null());
    let refuse = |key: &str, why: &str| Err(Fault::request("invalid_value", why).at(format!("{PATH}.{key}")));
    if has("language") && has("languages") {
        return refuse("languages", "'language' and 'languages' cannot be used together.");
    }
    if (has("languages") || has("keywords")) && !["gpt-transcribe", "gpt-live-transcribe"].contains(&model) {
        return refuse("model", "'languages' and 'keywords' need 'gpt-transcribe' or 'gpt-live-transcribe'.");
    }
    if has("delay") && model != "gpt-realtime-whisper" {
        return refuse("delay", "'delay' needs 'gpt-realtime-whisper'.");
    }
    if model == "gpt-realtime-whisper" && !input["turn_detection"].is_null() {
        return refuse("model", "'gpt-realtime-whisper' needs turn_detection to be null.");
    }
    Ok(())
}

/// Merges `update` into `target`: objects key by key, everything else whole.
fn merge(target: &mut Value, update: &Value) {
    let (Value::Object(target), Value::Object(update)) = (target, update) else { return };
    for (key, value) in update {
        match target.get_mut(key) {
            Some(place) if place.is_object() && value.is_object() && !WHOLE.contains(&key.as_str()) => {
                merge(place, value);
            }
            _ => {
                target.insert(key.clone(), with_defaults(key, value));
            }
        }
    }
}

/// Objects that are replaced whole and never merged. A merged format, for example, could be
/// invalid.
const WHOLE: [&str; 6] = ["format", "tool_choice", "truncation", "voice", "prompt", "metadata"];

fn with_defaults(key: &str, value: &Value) -> Value {
    let mut value = value.clone();
    if key == "noise_reduction"
        && let Some(reduction) = value.as_object_mut()
    {
        reduction.entry("strength").or_insert(json!(1.0));
    }
    value
}

fn default_detection(kind: &str) -> Value {
    let mut fields = Map::new();
    fields.insert("type".to_owned(), json!(kind));
    if kind == "semantic_vad" {
        fields.insert("eagerness".to_owned(), json!("auto"));
    } else {
        fields.insert("threshold".to_owned(), json!(0.5));
        fields.insert("prefix_padding_ms".to_owned(), json!(300));
        // The live service uses 200 although its documentation says 500.
        fields.insert("silence_duration_ms".to_owned(), json!(200));
        fields.insert("idle_timeout_ms".to_owned(), Value::Null);
    }
    fields.insert("create_response".to_owned(), json!(true));
    fields.insert("interrupt_response".to_owned(), json!(true));
    Value::Object(fields)
}

/// Whether the model reasons. Other models refuse the settings for reasoning.
fn reasons(model: &str) -> bool {
    !["gpt-realtime-1.5", "gpt-realtime", "gpt-realtime-mini"].contains(&model) && !model.contains("-2025-")
}

const DEFAULT_INSTRUCTIONS: &str = "You are the rehearsal model. Greet the caller, then say back what you hear.";

#[cfg(test)]
mod tests;
