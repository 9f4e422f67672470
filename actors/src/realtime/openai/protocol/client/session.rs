//! The `session` object of a `session.update`: complete for a fresh session, and only the changes
//! for a running one.

use serde::Serialize;

use super::parts::{Asr, MostTokens, Noise, Reasoning, Truncation, Vad, Voice};
use crate::carrier::{AudioFormat, Encoding};
use crate::realtime::openai::dialects::{Dialect, ModelAt, Shape};
use crate::realtime::openai::options::{AllTools, ToolChoice, Tracing, never_reasons};
use crate::realtime::openai::plan::OpenAiPlan;
use crate::realtime::plan::{Common, Transcription};

/// The `session` object of a `session.update`, in the shape of the dialect.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Session<'a> {
    /// With audio settings in `audio`.
    Nested(Box<Nested<'a>>),
    /// With all settings in the session itself.
    Flat(Box<Flat<'a>>),
}

impl<'a> Session<'a> {
    /// The complete configuration of a fresh session. It must not be sent to a session that has
    /// spoken: it names the voice, which is locked from the first audio on, and the server then
    /// refuses the whole update.
    pub fn fresh(common: &'a Common, plan: &'a OpenAiPlan) -> Self {
        match plan.dialect.shape {
            Shape::Nested | Shape::Lifted => Self::Nested(Box::new(Nested::fresh(common, plan))),
            Shape::Flat => Self::Flat(Box::new(Flat::fresh(common, plan))),
        }
    }
}

/// The nested shape. It has a `model` only where the URL has not chosen it already.
#[derive(Debug, Serialize)]
pub struct Nested<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_modalities: Option<[&'static str; 1]>,
    instructions: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<Voice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_detection: Option<Vad<'a>>,
    audio: Audio<'a>,
    tools: AllTools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ToolChoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<MostTokens>,
    #[serde(skip_serializing_if = "Option::is_none")]
    truncation: Option<Truncation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tracing: Option<&'a Tracing>,
}

impl<'a> Nested<'a> {
    fn fresh(common: &'a Common, plan: &'a OpenAiPlan) -> Self {
        let (dialect, options) = (plan.dialect, &plan.options);
        let format = Format::written(plan.format, dialect);
        // A fallback model may lack features of the chosen model.
        let reasons = !never_reasons(&plan.address.model);
        let (voice, turns) = (Voice::of(&plan.voice, dialect), Vad::of(&plan.turn_detection, dialect));
        let lifted = dialect.shape == Shape::Lifted;
        let (above, within) = if lifted { (Some((voice, turns)), None) } else { (None, Some((voice, turns))) };
        let (voice_above, turns_above) = above.unzip();
        let (voice, turn_detection) = within.unzip();
        Self {
            kind: (!lifted).then_some("realtime"),
            model: (dialect.model_at == ModelAt::Session).then_some(&plan.address.model),
            output_modalities: (!lifted).then_some(["audio"]),
            instructions: &common.instructions,
            voice: voice_above,
            turn_detection: turns_above,
            audio: Audio {
                input: AudioIn {
                    format,
                    noise_reduction: Noise::of(plan),
                    transcription: common.transcription.as_ref().map(|asr| Asr::of(asr, dialect)),
                    turn_detection,
                },
                output: AudioOut { format, model: dialect.speech_model, voice, speed: plan.speed },
            },
            tools: AllTools { functions: &common.tools, mcp: &options.mcp },
            tool_choice: dialect.knows("tool_choice").then_some(options.tool_choice),
            parallel_tool_calls: options.parallel_tool_calls.filter(|_| reasons),
            reasoning: options.reasoning.filter(|_| reasons).map(|effort| Reasoning { effort }),
            max_output_tokens: dialect.knows("max_output_tokens").then_some(MostTokens(plan.max_output_tokens)),
            truncation: Truncation::of(plan),
            tracing: Some(&options.tracing).filter(|tracing| **tracing != Tracing::Off),
        }
    }
}

/// The flat shape of the beta protocol.
#[derive(Debug, Serialize)]
pub struct Flat<'a> {
    modalities: [&'static str; 2],
    instructions: &'a str,
    voice: Voice<'a>,
    input_audio_format: &'static str,
    output_audio_format: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_audio_noise_reduction: Option<Noise>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_audio_transcription: Option<Asr<'a>>,
    turn_detection: Vad<'a>,
    tools: AllTools<'a>,
    tool_choice: ToolChoice,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    max_response_output_tokens: MostTokens,
}

impl<'a> Flat<'a> {
    fn fresh(common: &'a Common, plan: &'a OpenAiPlan) -> Self {
        let (dialect, format) = (plan.dialect, flat_format(plan.format));
        Self {
            modalities: ["text", "audio"],
            instructions: &common.instructions,
            voice: Voice::of(&plan.voice, dialect),
            input_audio_format: format,
            output_audio_format: format,
            input_audio_noise_reduction: Noise::of(plan),
            input_audio_transcription: common.transcription.as_ref().map(|asr| Asr::of(asr, dialect)),
            turn_detection: Vad::of(&plan.turn_detection, dialect),
            tools: AllTools { functions: &common.tools, mcp: &plan.options.mcp },
            tool_choice: plan.options.tool_choice,
            parallel_tool_calls: plan.options.parallel_tool_calls,
            max_response_output_tokens: MostTokens(plan.max_output_tokens),
        }
    }
}

/// The `session` object of a later `session.update`, with only the changed settings. It has no
/// voice, because the server refuses one after the first audio. It has no format, because another
/// format would turn the call into noise.
#[derive(Debug, Serialize)]
pub struct Change<'a> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    instructions: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audio: Option<AudioChange<'a>>,
    /// The transcription of the flat shape. An inner `None` is written as `null`.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_audio_transcription: Option<Option<Asr<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<AllTools<'a>>,
}

impl<'a> Change<'a> {
    /// A change of the given settings. A `None` leaves the setting as it is; `Some(None)` turns
    /// transcription off.
    pub fn of(
        dialect: &Dialect,
        instructions: Option<&'a str>,
        transcription: Option<Option<&'a Transcription>>,
        tools: Option<AllTools<'a>>,
    ) -> Self {
        let asr = transcription.map(|asr| asr.map(|asr| Asr::of(asr, dialect)));
        let (nested, flat) = if dialect.shape == Shape::Flat { (None, asr) } else { (asr, None) };
        Self {
            kind: (dialect.shape == Shape::Nested).then_some("realtime"),
            instructions,
            audio: nested.map(|transcription| AudioChange { input: AudioInChange { transcription } }),
            input_audio_transcription: flat,
            tools,
        }
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
    #[serde(skip_serializing_if = "Option::is_none")]
    turn_detection: Option<Vad<'a>>,
}

#[derive(Debug, Serialize)]
struct AudioOut<'a> {
    format: Format,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    voice: Option<Voice<'a>>,
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

    /// The name of `format` as a server of this dialect wants it.
    fn written(format: AudioFormat, dialect: &Dialect) -> Self {
        let rate = dialect.g711_with_rate.then_some(format.rate_hz);
        let Self { kind, rate: known } = Self::of(format);
        Self { kind, rate: known.or(rate) }
    }
}

/// The word for `format` in the flat shape.
const fn flat_format(format: AudioFormat) -> &'static str {
    match format.encoding {
        Encoding::MuLaw => "g711_ulaw",
        Encoding::ALaw => "g711_alaw",
        Encoding::Pcm16 => "pcm16",
    }
}
