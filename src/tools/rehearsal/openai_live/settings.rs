//! The settings of a session: what its start said, and what an update may change. Pure.

use serde_json::{Value, json};

use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::sound::Format;
use crate::tools::rehearsal::speech::Language;

/// The settings of a session.
#[derive(Debug)]
pub(super) struct Settings {
    /// The `session` object without what the server adds to it.
    object: Value,
    /// The language of the voice.
    language: &'static Language,
}

impl Settings {
    /// Those of a session that has not started.
    pub(super) fn none() -> Self {
        Self { object: json!({"audio": {"format": Format::Pcm24k.object()}}), language: Language::of(None, "") }
    }

    /// Reads the `session` object of a start, whose shape has been checked.
    ///
    /// # Errors
    /// Fails if a value is none that the server takes.
    pub(super) fn start(session: &Value) -> Result<Self, Fault> {
        let rate = &session["audio"]["format"]["rate"];
        if session["audio"]["format"]["type"] == "audio/pcm" && rate != 16_000 && rate != 24_000 {
            return Err(invalid(format!("PCM has 16000 or 24000 Hz, not {rate}."), "session.audio.format.rate"));
        }
        let voice = &session["audio"]["output"]["voice"];
        if ["fable", "nova", "onyx"].iter().any(|foreign| voice == foreign) {
            return Err(Fault::request("forbidden", "This voice is not available."));
        }
        let instructions = session["instructions"].as_str().unwrap_or_default();
        if tokens(instructions) > MOST_INSTRUCTIONS {
            return Err(invalid(
                format!("instructions hold at most {MOST_INSTRUCTIONS} tokens."),
                "session.instructions",
            ));
        }
        check_history(&session["input"])?;
        let mut object = json!({
            "model": session["model"],
            "instructions": instructions,
            "audio": {"format": Format::Pcm24k.object(), "output": {"voice": "marin"}},
            "delegation": {"type": "client", "acknowledgement_delay_ms": 0},
            "input": [],
            "store": session["store"].as_bool().unwrap_or_default(),
        });
        if session["audio"]["format"].is_object() {
            object["audio"]["format"] = session["audio"]["format"].clone();
        }
        if !voice.is_null() {
            object["audio"]["output"]["voice"] = voice.clone();
        }
        if session["delegation"].is_object() {
            object["delegation"] = session["delegation"].clone();
            if object["delegation"]["acknowledgement_delay_ms"].is_null() {
                object["delegation"]["acknowledgement_delay_ms"] = json!(0);
            }
        }
        if let Some(identifier) = session["safety_identifier"].as_str() {
            object["safety_identifier"] = json!(identifier);
        }
        Ok(Self { object, language: language_of(instructions).unwrap_or_else(|| Language::of(None, instructions)) })
    }

    /// Changes the settings of the backend.
    ///
    /// # Errors
    /// Fails if something else would change. Nothing is changed then.
    pub(super) fn update(&mut self, update: &Value) -> Result<(), Fault> {
        let Some(delegation) = update.get("delegation") else {
            let missing = Fault::request("missing_required_parameter", "There is nothing to update.");
            return Err(missing.at("session"));
        };
        let immutable = |path: &str| {
            Fault::request("immutable_field_update", "Who does the delegated work cannot change.").at(path)
        };
        if delegation.is_null() {
            return if self.is_hosted() { Err(immutable("session.delegation")) } else { Ok(()) };
        }
        if delegation["type"] != self.object["delegation"]["type"] {
            return Err(immutable("session.delegation.type"));
        }
        let ours = &mut self.object["delegation"];
        if let Some(delay) = delegation["acknowledgement_delay_ms"].as_u64() {
            ours["acknowledgement_delay_ms"] = json!(delay);
        }
        for (key, value) in delegation["responses"].as_object().into_iter().flatten() {
            ours["responses"][key] = value.clone();
        }
        Ok(())
    }

    /// The `session` object of server events.
    pub(super) fn object(&self, id: &str, expires_at: u64) -> Value {
        let mut object = self.object.clone();
        object["id"] = json!(id);
        object["expires_at"] = json!(expires_at);
        object["status"] = json!("active");
        object
    }

    /// The format of both directions.
    pub(super) fn format(&self) -> Format {
        Format::read(&self.object["audio"]["format"])
    }

    /// Whether the server runs the backend, and not the client.
    pub(super) fn is_hosted(&self) -> bool {
        self.object["delegation"]["type"] == "responses"
    }

    /// How long the voice waits before it acknowledges a delegation.
    pub(super) fn acknowledgement_delay_ms(&self) -> u64 {
        self.object["delegation"]["acknowledgement_delay_ms"].as_u64().unwrap_or_default()
    }

    /// The settings of the hosted backend: `tools`, `tool_choice` and others.
    pub(super) fn backend(&self) -> &Value {
        &self.object["delegation"]["responses"]
    }

    /// The language of the voice.
    pub(super) const fn language(&self) -> &'static Language {
        self.language
    }

    /// An order of the developer may name another language.
    pub(super) fn instructed(&mut self, text: &str) {
        self.language = language_of(text).unwrap_or(self.language);
    }
}

/// The number of tokens of a text: four bytes each.
pub(super) const fn tokens(text: &str) -> usize {
    text.len().div_ceil(4)
}

/// The language that a heading of a prompt names, as `# Language: Hindi`.
fn language_of(text: &str) -> Option<&'static Language> {
    let (_, named) = text.split_once("# Language:")?;
    Some(Language::of(None, named.lines().next()?))
}

fn check_history(input: &Value) -> Result<(), Fault> {
    let messages = input.as_array().map(Vec::as_slice).unwrap_or_default();
    if messages.len() > MOST_MESSAGES {
        return Err(invalid(format!("input holds at most {MOST_MESSAGES} messages."), "session.input"));
    }
    let mut total = 0;
    for (number, message) in messages.iter().enumerate() {
        let parts = message["content"].as_array().map(Vec::as_slice).unwrap_or_default();
        let [part] = parts else {
            return Err(invalid("A message has exactly one part.", &format!("session.input[{number}].content")));
        };
        total += tokens(part["text"].as_str().unwrap_or_default());
    }
    if total > MOST_HISTORY {
        return Err(invalid(format!("input holds at most {MOST_HISTORY} tokens."), "session.input"));
    }
    Ok(())
}

fn invalid(message: impl Into<String>, path: &str) -> Fault {
    Fault::request("invalid_value", message).at(path)
}

/// Maximum number of messages of the conversation before.
const MOST_MESSAGES: usize = 128;
/// Maximum number of tokens of those messages.
const MOST_HISTORY: usize = 8_192;
/// Maximum number of tokens of the voice's prompt.
const MOST_INSTRUCTIONS: usize = 16_384;
