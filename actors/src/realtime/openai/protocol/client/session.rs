//! The `session` object of a `session.update`: complete for a fresh session, and only the changes
//! for a running one.

use serde::{Serialize, Serializer};

use crate::carrier::{AudioFormat, Encoding};
use crate::realtime::openai::options::{AllTools, Effort, ToolChoice, Tracing, never_reasons};
use crate::realtime::openai::plan::{NoiseReduction, OpenAiPlan, TurnDetection};
use crate::realtime::plan::{Common, Transcription};

/// The `session` object of a `session.update`. It has no `model`: the URL has already chosen the
/// model.
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
    /// The complete configuration of a fresh session. It must not be sent to a session that has
    /// spoken: it names the voice, which is locked from the first audio on, and the server then
    /// refuses the whole update.
    pub fn fresh(common: &'a Common, plan: &'a OpenAiPlan) -> Self {
        let (format, options) = (Format::of(plan.format), &plan.options);
        // A fallback model may lack features of the chosen model.
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

/// The `session` object of a later `session.update`, with only the changed settings. It has no
/// voice, because the server refuses one after the first audio. It has no format, because another
/// format would turn the call into noise.
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
    /// A change of the given settings. A `None` leaves the setting as it is; `Some(None)` turns
    /// transcription off.
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
    /// The transcription setting. `None` is written as `null`, which turns it off.
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

/// An audio format as the protocol names it. `audio/pcm` needs its rate; the server refuses a rate
/// with either of the two G.711 formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Format {
    /// The name: `audio/pcm`, `audio/pcmu` or `audio/pcma`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Samples per second, only for `audio/pcm`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<u32>,
}

impl Format {
    /// The protocol's name of `format`.
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
            // `language` and `languages` exclude each other.
            language: transcription.language.as_deref().filter(|_| transcription.languages.is_empty()),
            prompt: transcription.prompt.as_deref(),
            languages: &transcription.languages,
            keywords: &transcription.keywords,
        }
    }
}

/// The turn detection settings. Every value is explicit, because the documented defaults differ
/// from those of the live service.
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

/// The voice. A built-in voice is written as its name, a custom voice as an object with its id.
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

/// The prefix of a custom voice's id.
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

/// The handling of a conversation that is longer than the model's window. An absent setting leaves
/// it to the server.
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
