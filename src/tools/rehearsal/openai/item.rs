//! One item of a conversation: a message, a function call, or its result. Pure.

use bytes::Bytes;
use serde_json::{Value, json};

use super::usage::{Tokens, caller_audio_tokens, model_audio_tokens, text_tokens};
use crate::tools::rehearsal::fault::Fault;
use crate::tools::rehearsal::sound::{Format, Sound};

/// One item of a conversation.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// The item's id.
    pub(super) id: String,
    /// The status: `in_progress`, `completed` or `incomplete`.
    pub(super) status: &'static str,
    /// The content.
    pub(super) body: Body,
    /// Whether a response has included the item.
    pub(super) answered: bool,
}

/// The content of an item.
#[derive(Debug, Clone)]
pub(super) enum Body {
    /// A message.
    Message {
        /// `system`, `user` or `assistant`.
        role: &'static str,
        /// The parts of the message.
        parts: Vec<Part>,
    },
    /// A function call by the model.
    Call {
        /// The id that its result refers to.
        call_id: String,
        /// The function's name.
        name: String,
        /// The arguments: JSON in a string.
        arguments: String,
    },
    /// The result of a function call.
    CallOutput {
        /// The id of the call.
        call_id: String,
        /// The result.
        output: String,
    },
    /// An item that is only stored: MCP.
    Other(Value),
}

/// A part of a message.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Text.
    Text(String),
    /// Audio of the caller or the model.
    Audio(AudioPart),
    /// A part that is only stored: an image.
    Other(Value),
}

/// An audio part.
#[derive(Debug, Clone)]
pub(super) struct AudioPart {
    /// The length in milliseconds, as far as sent.
    pub(super) ms: u64,
    /// The transcript, if known and not cut off.
    pub(super) transcript: Option<String>,
    /// The audio itself. Only the newest items keep it.
    pub(super) sound: Option<Sound>,
    /// Whether the client has truncated the part. It then does not grow further.
    pub(super) cut: bool,
}

impl AudioPart {
    /// Received audio without a transcript.
    pub(super) fn heard(sound: Sound) -> Self {
        Self { ms: sound.ms(), transcript: None, sound: Some(sound), cut: false }
    }

    /// Cuts the audio to a length within it.
    pub(super) fn cut_to(&mut self, ms: u64) {
        self.ms = ms;
        self.transcript = None;
        self.cut = true;
        if let Some(sound) = &mut self.sound {
            sound.bytes.truncate(ms as usize * sound.format.bytes_per_ms());
        }
    }
}

impl Item {
    /// Reads a checked item from a client. `id` is used if the client chose none.
    ///
    /// # Errors
    /// Fails if its audio is not base64.
    pub(super) fn read(object: &Value, id: String, format: Format) -> Result<Self, Fault> {
        let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
        let body = match object["type"].as_str() {
            Some("message") => Body::Message {
                role: match object["role"].as_str() {
                    Some("system") => "system",
                    Some("assistant") => "assistant",
                    _ => "user",
                },
                parts: object["content"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|part| Part::read(part, format))
                    .collect::<Result<_, _>>()?,
            },
            Some("function_call") => {
                let call_id = object["call_id"].as_str().map_or_else(|| id.replace("item_", "call_"), str::to_owned);
                Body::Call { call_id, name: text("name"), arguments: text("arguments") }
            }
            Some("function_call_output") => Body::CallOutput { call_id: text("call_id"), output: text("output") },
            _ => Body::Other(object.clone()),
        };
        let id = object["id"].as_str().map_or(id, str::to_owned);
        Ok(Self { id, status: "completed", body, answered: false })
    }

    /// The item as shown in events. Includes the audio bytes only if `with_audio` is set.
    pub(super) fn object(&self, with_audio: bool) -> Value {
        let (id, status) = (&self.id, self.status);
        match &self.body {
            Body::Message { role, parts } => json!({
                "id": id, "object": "realtime.item", "type": "message", "status": status, "role": role,
                "content": parts.iter().map(|part| part.object(role, with_audio)).collect::<Vec<_>>(),
            }),
            Body::Call { call_id, name, arguments } => json!({
                "id": id, "object": "realtime.item", "type": "function_call", "status": status,
                "call_id": call_id, "name": name, "arguments": arguments,
            }),
            Body::CallOutput { call_id, output } => json!({
                "id": id, "object": "realtime.item", "type": "function_call_output", "status": status,
                "call_id": call_id, "output": output,
            }),
            Body::Other(object) => {
                let mut object = object.clone();
                object["id"] = json!(id);
                object
            }
        }
    }

    /// The text of a message, with its parts joined.
    pub(super) fn text(&self) -> String {
        let Body::Message { parts, .. } = &self.body else { return String::new() };
        let texts = parts.iter().filter_map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Audio(_) | Part::Other(_) => None,
        });
        texts.collect::<Vec<_>>().join("\n")
    }

    /// The audio of a message, if it is still kept.
    pub(super) fn sound(&self) -> Option<&Sound> {
        self.audio()?.sound.as_ref()
    }

    pub(super) fn audio(&self) -> Option<&AudioPart> {
        let Body::Message { parts, .. } = &self.body else { return None };
        parts.iter().find_map(|part| match part {
            Part::Audio(audio) => Some(audio),
            Part::Text(_) | Part::Other(_) => None,
        })
    }

    pub(super) fn audio_mut(&mut self) -> Option<&mut AudioPart> {
        let Body::Message { parts, .. } = &mut self.body else { return None };
        parts.iter_mut().find_map(|part| match part {
            Part::Audio(audio) => Some(audio),
            Part::Text(_) | Part::Other(_) => None,
        })
    }

    pub(super) fn tokens(&self) -> Tokens {
        match &self.body {
            Body::Message { role, parts } => parts.iter().fold(Tokens::default(), |sum, part| match part {
                Part::Text(text) => Tokens { text: sum.text + text_tokens(text), ..sum },
                Part::Audio(audio) if *role == "assistant" => {
                    Tokens { audio: sum.audio + model_audio_tokens(audio.ms), ..sum }
                }
                Part::Audio(audio) => Tokens { audio: sum.audio + caller_audio_tokens(audio.ms), ..sum },
                Part::Other(_) => sum,
            }),
            Body::Call { name, arguments, .. } => Tokens { text: text_tokens(name) + text_tokens(arguments), audio: 0 },
            Body::CallOutput { output, .. } => Tokens { text: text_tokens(output), audio: 0 },
            Body::Other(_) => Tokens::default(),
        }
    }

    pub(super) fn text_bytes(&self) -> usize {
        match &self.body {
            Body::Message { parts, .. } => parts
                .iter()
                .map(|part| match part {
                    Part::Text(text) => text.len(),
                    Part::Audio(_) => 0,
                    Part::Other(object) => object["image_url"].as_str().map_or(64, str::len),
                })
                .sum(),
            Body::Call { arguments, .. } => arguments.len(),
            Body::CallOutput { output, .. } => output.len(),
            Body::Other(_) => 256,
        }
    }
}

impl Part {
    fn read(object: &Value, format: Format) -> Result<Self, Fault> {
        let text = |key: &str| object[key].as_str().map(str::to_owned);
        match object["type"].as_str() {
            Some("input_text" | "output_text" | "output_audio") => Ok(Self::Text(text("text").unwrap_or_default())),
            Some("input_audio") => {
                let audio = object["audio"].as_str().unwrap_or_default();
                let bytes = base64_simd::STANDARD.decode_to_vec(audio).map_err(|_| {
                    Fault::request("invalid_value", "Invalid 'item.content.audio': expected base64.").at("item.content")
                })?;
                let sound = Sound { format, bytes: Bytes::from(bytes) };
                Ok(Self::Audio(AudioPart { transcript: text("transcript"), ..AudioPart::heard(sound) }))
            }
            _ => Ok(Self::Other(object.clone())),
        }
    }

    fn object(&self, role: &str, with_audio: bool) -> Value {
        let assistant = role == "assistant";
        match self {
            Self::Text(text) => json!({"type": if assistant { "output_text" } else { "input_text" }, "text": text}),
            Self::Audio(audio) => {
                let kind = if assistant { "output_audio" } else { "input_audio" };
                let mut object = json!({"type": kind, "transcript": audio.transcript});
                if with_audio && let Some(sound) = &audio.sound {
                    object["audio"] = json!(base64_simd::STANDARD.encode_to_string(&sound.bytes));
                }
                object
            }
            Self::Other(object) => object.clone(),
        }
    }
}
