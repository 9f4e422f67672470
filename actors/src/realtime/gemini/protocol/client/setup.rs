//! The configuration of a session. The server closes the socket on a field that the model does not
//! know, so what depends on the model is `None` for the others.

use serde::Serialize;
use serde_json::Value;

use super::{Content, Empty, behavior};
use crate::realtime::gemini::models::{Family, Thinking, Tools};
use crate::realtime::gemini::plan::{Activity, Compression, GeminiPlan, Sensitivity};
use crate::realtime::plan::{Common, Transcription};
use crate::realtime::seed::Opening;
use crate::tools::spec::ToolSpec;

/// The configuration of a session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setup<'a> {
    model: &'a str,
    generation_config: GenerationConfig<'a>,
    system_instruction: Content<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<FunctionTools<'a>>,
    realtime_input_config: RealtimeInputConfig,
    input_audio_transcription: InputTranscription<'a>,
    output_audio_transcription: Empty,
    session_resumption: SessionResumption<'a>,
    context_window_compression: ContextCompression,
    #[serde(skip_serializing_if = "Option::is_none")]
    history_config: Option<HistoryConfig>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GenerationConfig<'a> {
    /// Both modalities at once are refused.
    response_modalities: [&'static str; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    speech_config: SpeechConfig<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<ThinkingConfig>,
    // A temperature of zero leads to audio without end, so none is sent.
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SpeechConfig<'a> {
    voice_config: VoiceConfig<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct VoiceConfig<'a> {
    prebuilt_voice_config: PrebuiltVoice<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PrebuiltVoice<'a> {
    voice_name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
enum ThinkingConfig {
    ThinkingBudget(u32),
    ThinkingLevel(&'static str),
}

/// Function tools: one entry of the list of tools.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionTools<'a> {
    function_declarations: Vec<FunctionDeclaration<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionDeclaration<'a> {
    name: &'a str,
    description: &'a str,
    /// A plain JSON Schema. The field `parameters` refuses most of its words.
    parameters_json_schema: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    behavior: Option<&'static str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RealtimeInputConfig {
    automatic_activity_detection: Detection,
    activity_handling: &'static str,
    /// Newer models also count silence unless they are told not to.
    turn_coverage: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Detection {
    disabled: bool,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    automatic: Option<AutomaticDetection>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AutomaticDetection {
    start_of_speech_sensitivity: &'static str,
    end_of_speech_sensitivity: &'static str,
    prefix_padding_ms: u32,
    silence_duration_ms: u32,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct InputTranscription<'a> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    language_codes: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    custom_vocabulary: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionResumption<'a> {
    /// The handle to continue from. Without it the server only reports handles.
    #[serde(skip_serializing_if = "Option::is_none")]
    handle: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ContextCompression {
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger_tokens: Option<String>,
    sliding_window: SlidingWindow,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SlidingWindow {
    #[serde(skip_serializing_if = "Option::is_none")]
    target_tokens: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct HistoryConfig {
    initial_history_in_client_content: bool,
}

impl<'a> Setup<'a> {
    /// The configuration of a session with `common` and `plan` that begins as `opening` says.
    /// `model` is the model's path and `prompt` the complete prompt.
    pub fn of(common: &'a Common, plan: &'a GeminiPlan, model: &'a str, prompt: &'a str, opening: &'a Opening) -> Self {
        let family = plan.family();
        let resumption = opening.resumption.as_ref().map(|handle| handle.0.expose().as_str());
        let announces = family.announces_history && opening.continues && resumption.is_none();
        Self {
            model,
            generation_config: GenerationConfig {
                response_modalities: ["AUDIO"],
                max_output_tokens: plan.max_output_tokens,
                speech_config: SpeechConfig {
                    voice_config: VoiceConfig { prebuilt_voice_config: PrebuiltVoice { voice_name: &plan.voice } },
                },
                thinking_config: thinking(family),
            },
            system_instruction: Content::prompt(prompt),
            tools: FunctionTools::of(&common.tools, family.tools),
            realtime_input_config: RealtimeInputConfig::of(plan.activity),
            input_audio_transcription: InputTranscription::of(common.transcription.as_ref(), plan.transcription_hints),
            output_audio_transcription: Empty {},
            session_resumption: SessionResumption { handle: resumption },
            context_window_compression: ContextCompression::of(plan.compression),
            history_config: announces.then_some(HistoryConfig { initial_history_in_client_content: true }),
        }
    }
}

fn thinking(family: Family) -> Option<ThinkingConfig> {
    match family.thinking {
        Thinking::Unset => None,
        Thinking::Budget(tokens) => Some(ThinkingConfig::ThinkingBudget(tokens)),
        Thinking::Level(word) => Some(ThinkingConfig::ThinkingLevel(word)),
    }
}

impl<'a> FunctionTools<'a> {
    /// The list of tools with `specs`; empty without any.
    pub fn of(specs: &'a [ToolSpec], tools: Tools) -> Vec<Self> {
        let declared = |ToolSpec { name, description, parameters }: &'a ToolSpec| FunctionDeclaration {
            name,
            description,
            parameters_json_schema: parameters,
            behavior: behavior(tools),
        };
        let function_declarations: Vec<_> = specs.iter().map(declared).collect();
        if function_declarations.is_empty() { Vec::new() } else { vec![Self { function_declarations }] }
    }
}

impl RealtimeInputConfig {
    fn of(activity: Activity) -> Self {
        let automatic = match activity {
            Activity::Manual { .. } => None,
            Activity::Automatic { start, end, prefix_padding_ms, silence_duration_ms, .. } => {
                Some(AutomaticDetection {
                    start_of_speech_sensitivity: match start {
                        Sensitivity::High => "START_SENSITIVITY_HIGH",
                        Sensitivity::Low => "START_SENSITIVITY_LOW",
                    },
                    end_of_speech_sensitivity: match end {
                        Sensitivity::High => "END_SENSITIVITY_HIGH",
                        Sensitivity::Low => "END_SENSITIVITY_LOW",
                    },
                    prefix_padding_ms,
                    silence_duration_ms,
                })
            }
        };
        Self {
            automatic_activity_detection: Detection { disabled: automatic.is_none(), automatic },
            activity_handling: if activity.interrupts() { "START_OF_ACTIVITY_INTERRUPTS" } else { "NO_INTERRUPTION" },
            turn_coverage: "TURN_INCLUDES_ONLY_ACTIVITY",
        }
    }
}

impl<'a> InputTranscription<'a> {
    fn of(transcription: Option<&'a Transcription>, hints: bool) -> Self {
        let (mut language_codes, mut custom_vocabulary) = (Vec::new(), Vec::new());
        if let Some(transcription) = transcription.filter(|_| hints) {
            let languages = transcription.languages.iter().chain(&transcription.language);
            language_codes.extend(languages.map(String::as_str));
            custom_vocabulary.extend(transcription.keywords.iter().map(String::as_str));
        }
        Self { language_codes, custom_vocabulary }
    }
}

impl ContextCompression {
    fn of(Compression { trigger_tokens, target_tokens }: Compression) -> Self {
        // 64-bit numbers are texts in proto JSON.
        let written = |tokens: Option<u32>| tokens.map(|tokens| tokens.to_string());
        Self {
            trigger_tokens: written(trigger_tokens),
            sliding_window: SlidingWindow { target_tokens: written(target_tokens) },
        }
    }
}
