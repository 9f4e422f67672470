//! What we send. Only what a phone agent needs of the eleven client events, and never a key the server would refuse: one
//! wrong key and a whole `session.update` is lost (<https://platform.openai.com/docs/api-reference/realtime-client-events>).

use serde::{Serialize, Serializer};

use super::EventId;
use crate::carrier::{AudioFormat, Encoding};
use crate::frame::Frame;
use crate::realtime::messages::TextRole;
use crate::realtime::openai::options::{AllTools, Effort, ResponseToolChoice, ToolChoice, Tracing, never_reasons};
use crate::realtime::openai::plan::{NoiseReduction, OpenAiPlan, TurnDetection};
use crate::realtime::plan::{Common, Transcription};

/// A client event, ready to be written with [`ClientEvent::to_json`].
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum ClientEvent<'a> {
    /// Configures the session.
    #[serde(rename = "session.update")]
    SessionUpdate {
        /// Ours.
        event_id: EventId,
        /// What to change; keys that are absent stay as they are.
        session: Box<Session<'a>>,
    },
    /// Changes the session.
    #[serde(rename = "session.update")]
    SessionChange {
        /// Ours.
        event_id: EventId,
        /// What to change.
        session: Change<'a>,
    },
    /// Asks for a response.
    #[serde(rename = "response.create")]
    ResponseCreate {
        /// Ours.
        event_id: EventId,
        /// What is different in this response.
        response: Response<'a>,
    },
    /// Stops a response.
    #[serde(rename = "response.cancel")]
    ResponseCancel {
        /// Ours.
        event_id: EventId,
        /// Which; the one that is running where it is absent.
        #[serde(skip_serializing_if = "Option::is_none")]
        response_id: Option<&'a str>,
    },
    /// Makes an item of the caller's audio so far, without asking for an answer.
    #[serde(rename = "input_audio_buffer.commit")]
    AudioCommit {
        /// Ours.
        event_id: EventId,
    },
    /// Forgets the caller's audio that is not an item yet.
    #[serde(rename = "input_audio_buffer.clear")]
    AudioClear {
        /// Ours.
        event_id: EventId,
    },
    /// Appends an item to the conversation.
    #[serde(rename = "conversation.item.create")]
    ItemCreate {
        /// Ours.
        event_id: EventId,
        /// The item that it goes behind, or `root`; absent at the end.
        #[serde(skip_serializing_if = "Option::is_none")]
        previous_item_id: Option<&'a str>,
        /// The item.
        item: Item<'a>,
    },
    /// Cuts an assistant item's audio and transcript.
    #[serde(rename = "conversation.item.truncate")]
    ItemTruncate {
        /// Ours.
        event_id: EventId,
        /// The item.
        item_id: &'a str,
        /// Its audio part: always the first.
        content_index: u32,
        /// How much of it stays, from its own beginning; never more than it has.
        audio_end_ms: u64,
    },
    /// Takes an item out of the conversation.
    #[serde(rename = "conversation.item.delete")]
    ItemDelete {
        /// Ours.
        event_id: EventId,
        /// The item.
        item_id: &'a str,
    },
}

impl ClientEvent<'_> {
    /// The event as the server reads it.
    pub fn to_json(&self) -> String {
        // Strings, numbers and maps with string keys, straight into memory: nothing here can fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The first event of a session with `common` and `plan`, as people and tests may see it: the secrets of tool servers are left out.
pub fn session_update(common: &Common, plan: &OpenAiPlan) -> serde_json::Value {
    let session = Box::new(Session::fresh(common, plan));
    let event = ClientEvent::SessionUpdate { event_id: EventId::Configure(1), session };
    // By its text: a value made directly would show more digits of a number than are sent.
    let mut event: serde_json::Value = serde_json::from_str(&event.to_json()).unwrap_or_default();
    let tools = event.pointer_mut("/session/tools").and_then(serde_json::Value::as_array_mut);
    for tool in tools.into_iter().flatten().filter(|tool| tool["type"] == "mcp") {
        if let Some(token) = tool.get_mut("authorization") {
            *token = "[private]".into();
        }
        for value in tool.get_mut("headers").and_then(serde_json::Value::as_object_mut).into_iter().flatten() {
            *value.1 = "[private]".into();
        }
    }
    event
}

/// The `session` of a `session.update`. There is no `model`: the URL has decided.
#[derive(Debug, Serialize)]
pub struct Session<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    output_modalities: [&'static str; 1],
    instructions: &'a str,
    audio: Audio<'a>,
    tools: AllTools<'a>,
    tool_choice: ToolChoice,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    max_output_tokens: MostTokens,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation: Option<Truncation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracing: Option<&'a Tracing>,
}

impl<'a> Session<'a> {
    /// The whole configuration of a fresh session. Not for a session that has spoken: it names the voice, which is locked
    /// from the first audio on, and an update that names it is refused whole.
    pub fn fresh(common: &'a Common, plan: &'a OpenAiPlan) -> Self {
        let (format, options) = (Format::of(plan.format), &plan.options);
        // A fallback may lack what the model that was chosen has.
        let reasons = !never_reasons(&plan.address.model);
        Self {
            kind: "realtime",
            output_modalities: ["audio"],
            instructions: &common.instructions,
            audio: Audio {
                input: AudioIn {
                    format,
                    noise_reduction: plan
                        .noise_reduction
                        .map(|kind| Noise { kind: noise_word(kind), strength: options.noise_strength }),
                    transcription: common.transcription.as_ref().map(Asr::of),
                    turn_detection: Vad::of(&plan.turn_detection),
                },
                output: AudioOut { format, voice: Voice::of(&plan.voice), speed: plan.speed },
            },
            tools: AllTools { functions: &common.tools, mcp: &options.mcp },
            tool_choice: options.tool_choice,
            parallel_tool_calls: options.parallel_tool_calls.filter(|_| reasons),
            reasoning: options.reasoning.filter(|_| reasons).map(|effort| Reasoning { effort }),
            max_output_tokens: MostTokens(plan.max_output_tokens),
            truncation: Truncation::of(plan),
            tracing: Some(&options.tracing).filter(|tracing| **tracing != Tracing::Off),
        }
    }
}

/// The `session` of a later `session.update`: what changes and nothing else. There is no voice and no format in it: the one is
/// refused after the first audio, the other turns the call into noise.
#[derive(Debug, Serialize)]
pub struct Change<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<AudioChange<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<AllTools<'a>>,
}

impl<'a> Change<'a> {
    /// What is `None` stays as it is; transcription that is `Some(None)` is turned off.
    pub fn of(
        instructions: Option<&'a str>,
        transcription: Option<Option<&'a Transcription>>,
        tools: Option<AllTools<'a>>,
    ) -> Self {
        let audio = transcription.map(|asr| AudioChange { input: AudioInChange { transcription: asr.map(Asr::of) } });
        Self { kind: "realtime", instructions, audio, tools }
    }
}

#[derive(Debug, Serialize)]
struct AudioChange<'a> {
    input: AudioInChange<'a>,
}

#[derive(Debug, Serialize)]
struct AudioInChange<'a> {
    /// Written even where there is none: `null` turns it off.
    transcription: Option<Asr<'a>>,
}

#[derive(Debug, Serialize)]
struct Audio<'a> {
    input: AudioIn<'a>,
    output: AudioOut<'a>,
}

#[derive(Debug, Serialize)]
struct AudioIn<'a> {
    format: Format,
    #[serde(skip_serializing_if = "Option::is_none")]
    noise_reduction: Option<Noise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transcription: Option<Asr<'a>>,
    turn_detection: Vad<'a>,
}

#[derive(Debug, Serialize)]
struct AudioOut<'a> {
    format: Format,
    voice: Voice<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    speed: Option<f32>,
}

/// A format as the protocol names it. `audio/pcm` needs its rate; the two of G.711 are refused with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Format {
    /// `audio/pcm`, `audio/pcmu`, `audio/pcma`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Samples per second, for `audio/pcm` alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

impl Format {
    /// How the protocol names `format`.
    pub const fn of(format: AudioFormat) -> Self {
        match format.encoding {
            Encoding::MuLaw => Self { kind: "audio/pcmu", rate: None },
            Encoding::ALaw => Self { kind: "audio/pcma", rate: None },
            Encoding::Pcm16 => Self { kind: "audio/pcm", rate: Some(format.rate_hz) },
        }
    }
}

#[derive(Debug, Serialize)]
struct Noise {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    strength: Option<f32>,
}

#[derive(Debug, Serialize)]
struct Reasoning {
    effort: Effort,
}

const fn noise_word(kind: NoiseReduction) -> &'static str {
    match kind {
        NoiseReduction::NearField => "near_field",
        NoiseReduction::FarField => "far_field",
    }
}

#[derive(Debug, Serialize)]
struct Asr<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    languages: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    keywords: &'a [String],
}

impl<'a> Asr<'a> {
    fn of(transcription: &'a Transcription) -> Self {
        Self {
            model: &transcription.model,
            // The two exclude each other.
            language: transcription.language.as_deref().filter(|_| transcription.languages.is_empty()),
            prompt: transcription.prompt.as_deref(),
            languages: &transcription.languages,
            keywords: &transcription.keywords,
        }
    }
}

/// Every value explicit: what the documents call a default and what the live service uses differ.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Vad<'a> {
    ServerVad {
        threshold: f32,
        prefix_padding_ms: u32,
        silence_duration_ms: u32,
        #[serde(skip_serializing_if = "Option::is_none")]
        idle_timeout_ms: Option<u32>,
        create_response: bool,
        interrupt_response: bool,
    },
    SemanticVad {
        eagerness: &'a str,
        create_response: bool,
        interrupt_response: bool,
    },
}

impl<'a> Vad<'a> {
    fn of(detection: &'a TurnDetection) -> Self {
        match *detection {
            TurnDetection::Server {
                threshold,
                prefix_padding_ms,
                silence_duration_ms,
                idle_timeout_ms,
                create_response,
                interrupt_response,
            } => Self::ServerVad {
                threshold,
                prefix_padding_ms,
                silence_duration_ms,
                idle_timeout_ms,
                create_response,
                interrupt_response,
            },
            TurnDetection::Semantic { ref eagerness, create_response, interrupt_response } => {
                Self::SemanticVad { eagerness, create_response, interrupt_response }
            }
        }
    }
}

/// A built-in voice is its name, a custom one an object with its id.
#[derive(Debug)]
enum Voice<'a> {
    BuiltIn(&'a str),
    Custom(&'a str),
}

impl<'a> Voice<'a> {
    fn of(name: &'a str) -> Self {
        if name.starts_with(CUSTOM_VOICE) { Self::Custom(name) } else { Self::BuiltIn(name) }
    }
}

impl Serialize for Voice<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Id<'a> {
            id: &'a str,
        }
        match *self {
            Self::BuiltIn(name) => serializer.serialize_str(name),
            Self::Custom(id) => Id { id }.serialize(serializer),
        }
    }
}

/// What the id of a custom voice begins with.
pub const CUSTOM_VOICE: &str = "voice_";

#[derive(Debug)]
struct MostTokens(Option<u32>);

impl Serialize for MostTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(tokens) => serializer.serialize_u32(tokens),
            None => serializer.serialize_str("inf"),
        }
    }
}

/// What happens when the conversation is longer than the model's window; the server's own way where it is absent.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Truncation {
    Disabled(&'static str),
    Ratio {
        #[serde(rename = "type")]
        kind: &'static str,
        retention_ratio: f32,
        #[serde(skip_serializing_if = "Option::is_none")]
        token_limits: Option<TokenLimits>,
    },
}

#[derive(Debug, Serialize)]
struct TokenLimits {
    post_instructions: u32,
}

impl Truncation {
    fn of(plan: &OpenAiPlan) -> Option<Self> {
        let limits = |post_instructions| TokenLimits { post_instructions };
        match plan.retention_ratio {
            Some(retention_ratio) => Some(Self::Ratio {
                kind: "retention_ratio",
                retention_ratio,
                token_limits: plan.options.retention_tokens.map(limits),
            }),
            None => plan.options.never_cut.then_some(Self::Disabled("disabled")),
        }
    }
}

/// What is different in one response.
#[derive(Debug, Serialize)]
pub struct Response<'a> {
    /// In place of the session's, which is why they are repeated in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instructions: Option<&'a str>,
    /// Whether a tool may or has to be called, where that is not as in the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_choice: Option<ResponseToolChoice>,
    /// Comes back in `response.created` and `response.done`.
    pub metadata: Metadata<'a>,
}

/// How we know our responses again. At most 64 characters a key and 512 a value.
#[derive(Debug, Serialize)]
pub struct Metadata<'a> {
    /// What the response is for.
    pub purpose: &'a str,
    /// The wish it answers; stays the same when the request is repeated.
    #[serde(rename = "wish")]
    pub request: &'a str,
}

/// An item to put into the conversation.
#[derive(Debug, Serialize)]
#[serde(tag = "type")]
pub enum Item<'a> {
    /// A text in somebody's name.
    #[serde(rename = "message")]
    Message {
        /// Ours, at most 32 characters.
        id: &'a str,
        /// `system`, `user`, `assistant`.
        role: &'static str,
        /// The text.
        content: [TextPart<'a>; 1],
    },
    /// The result of a tool call.
    #[serde(rename = "function_call_output")]
    FunctionCallOutput {
        /// The call.
        call_id: &'a str,
        /// The result; a string whatever it holds.
        output: &'a str,
    },
    /// A tool call that another session's model made.
    #[serde(rename = "function_call")]
    FunctionCall {
        /// The call.
        call_id: &'a str,
        /// The tool.
        name: &'a str,
        /// Its arguments: JSON in a string.
        arguments: &'a str,
    },
    /// What the caller said in another session.
    #[serde(rename = "message")]
    CallerAudio {
        /// Ours, at most 32 characters.
        id: &'a str,
        /// `user`.
        role: &'static str,
        /// The audio.
        content: [AudioPart; 1],
    },
}

impl<'a> Item<'a> {
    /// A text item. The assistant's parts are `output_text`, the others' `input_text`: anything else is refused.
    pub fn text(id: &'a str, role: TextRole, text: &'a str) -> Self {
        let (role, kind) = match role {
            TextRole::System => ("system", "input_text"),
            TextRole::User => ("user", "input_text"),
            TextRole::Assistant => ("assistant", "output_text"),
        };
        Self::Message { id, role, content: [TextPart { kind, text }] }
    }
}

impl<'a> Item<'a> {
    /// What the caller said, in the session's input format.
    pub fn caller_audio(id: &'a str, audio: &[u8]) -> Self {
        let audio = base64_simd::STANDARD.encode_to_string(audio);
        Self::CallerAudio { id, role: "user", content: [AudioPart { kind: "input_audio", audio }] }
    }
}

/// A part of an item of the caller's audio.
#[derive(Debug, Serialize)]
pub struct AudioPart {
    #[serde(rename = "type")]
    kind: &'static str,
    audio: String,
}

/// A part of a text item.
#[derive(Debug, Serialize)]
pub struct TextPart<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    text: &'a str,
}

/// The event for one frame of caller audio: no serde, and nothing allocated once frames are warm.
pub fn append(number: u64, audio: &[u8]) -> Frame {
    let mut out = Frame::with_room(audio.len().div_ceil(3) * 4 + MOST_AROUND_AUDIO);
    out.extend_from_slice(br#"{"type":"input_audio_buffer.append","event_id":"audio-"#);
    write_number(number, &mut out);
    out.extend_from_slice(br#"","audio":""#);
    base64_simd::STANDARD.encode_append(audio, &mut *out);
    out.extend_from_slice(br#""}"#);
    out
}

/// Bytes of an append event around its audio, with the longest number.
const MOST_AROUND_AUDIO: usize = 96;

fn write_number(mut number: u64, out: &mut Frame) {
    let mut digits = [0u8; 20];
    let mut first = digits.len();
    for place in digits.iter_mut().rev() {
        // The remainder of ten is one digit.
        *place = b'0' + (number % 10) as u8;
        number /= 10;
        first -= 1;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::realtime::openai::plan::sample;
    use crate::tools::spec::ToolSpec;

    fn update(common: &Common, plan: &OpenAiPlan) -> Value {
        let session = Box::new(Session::fresh(common, plan));
        let event = ClientEvent::SessionUpdate { event_id: EventId::Configure(1), session }.to_json();
        serde_json::from_str(&event).expect("our own JSON")
    }

    #[test]
    fn a_session_update_names_every_value_and_nothing_else() {
        assert_eq!(
            update(&sample::common(), &sample::openai()),
            json!({"type": "session.update", "event_id": "configure-1", "session": {
                "type": "realtime",
                "output_modalities": ["audio"],
                "instructions": "Be brief.",
                "audio": {
                    "input": {
                        "format": {"type": "audio/pcm", "rate": 24000},
                        "turn_detection": {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                            "silence_duration_ms": 500, "create_response": true, "interrupt_response": true},
                    },
                    "output": {"format": {"type": "audio/pcm", "rate": 24000}, "voice": "marin"},
                },
                "tools": [],
                "tool_choice": "auto",
                "max_output_tokens": "inf",
            }})
        );
    }

    #[test]
    fn a_full_session_update_holds_what_the_plan_holds() {
        let (mut common, mut plan) = (sample::common(), sample::openai());
        plan.format = AudioFormat::MULAW_8K;
        plan.voice = "voice_123".to_owned();
        plan.speed = Some(1.25);
        plan.noise_reduction = Some(NoiseReduction::NearField);
        common.transcription = Some(Transcription {
            model: "gpt-live-transcribe".to_owned(),
            language: Some("hi".to_owned()),
            prompt: Some("names of towns".to_owned()),
            ..Transcription::default()
        });
        plan.turn_detection =
            TurnDetection::Semantic { eagerness: "low".to_owned(), create_response: true, interrupt_response: false };
        let [name, description] = ["end_call", "Ends."].map(str::to_owned);
        common.tools = vec![ToolSpec { name, description, parameters: json!({"type": "object"}) }];
        plan.max_output_tokens = Some(4096);
        plan.retention_ratio = Some(0.75);
        let session = &update(&common, &plan)["session"];
        assert_eq!(
            session["audio"],
            json!({
                "input": {
                    "format": {"type": "audio/pcmu"},
                    "noise_reduction": {"type": "near_field"},
                    "transcription": {"model": "gpt-live-transcribe", "language": "hi", "prompt": "names of towns"},
                    "turn_detection": {"type": "semantic_vad", "eagerness": "low",
                        "create_response": true, "interrupt_response": false},
                },
                "output": {"format": {"type": "audio/pcmu"}, "voice": {"id": "voice_123"}, "speed": 1.25},
            })
        );
        let declared = json!({"type": "function", "name": "end_call", "description": "Ends.",
            "parameters": {"type": "object"}});
        assert_eq!(session["tools"], json!([declared]));
        assert_eq!(session["max_output_tokens"], 4096);
        assert_eq!(session["truncation"], json!({"type": "retention_ratio", "retention_ratio": 0.75}));
    }

    #[test]
    fn an_append_event_is_what_serde_would_have_written() {
        for (number, audio) in [(0, &b"\x00"[..]), (7, b"abc"), (u64::MAX, &[0xff; 961])] {
            let out = append(number, audio);
            assert!(out.len() <= audio.len().div_ceil(3) * 4 + MOST_AROUND_AUDIO);
            let value: Value = serde_json::from_slice(&out).expect("valid JSON");
            assert_eq!(
                value,
                json!({"type": "input_audio_buffer.append", "event_id": EventId::Audio(number).to_string(),
                    "audio": base64_simd::STANDARD.encode_to_string(audio)})
            );
        }
    }

    #[test]
    fn items_and_responses_have_the_keys_of_the_protocol() {
        let create = |item| {
            serde_json::to_value(ClientEvent::ItemCreate { event_id: EventId::Text(1), previous_item_id: None, item })
                .expect("plain data")
        };
        assert_eq!(
            create(Item::text("sb_1", TextRole::Assistant, "Hello"))["item"],
            json!({"type": "message", "id": "sb_1", "role": "assistant",
                "content": [{"type": "output_text", "text": "Hello"}]})
        );
        assert_eq!(create(Item::text("sb_2", TextRole::System, "x"))["item"]["content"][0]["type"], "input_text");
        assert_eq!(
            create(Item::FunctionCallOutput { call_id: "call_1", output: "" })["item"],
            json!({"type": "function_call_output", "call_id": "call_1", "output": ""})
        );
        let cancel = ClientEvent::ResponseCancel { event_id: EventId::Stop(2), response_id: None }.to_json();
        assert_eq!(cancel, r#"{"type":"response.cancel","event_id":"stop-2"}"#);
    }
}
