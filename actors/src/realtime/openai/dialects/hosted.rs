//! The API as OpenAI and Azure OpenAI have it, and what other servers make of it.

use super::{Charged, Dialect, Ears, Exact, ModelAt, Responses, Shape, Turns, VoiceShape};
use crate::realtime::capabilities::SessionEnd;

/// The GA protocol in full.
pub(in crate::realtime::openai) static OPENAI: Dialect = GA;

/// The GA protocol in part, as gateways and servers on own machines have it: vLLM, SGLang, LiteLLM
/// and others. Some acknowledge a cut and do nothing, so the model is told in words what was heard.
pub(super) static PARTIAL: Dialect =
    Dialect { word: "partial", truncate: false, delete: false, caller_header: false, ..GA };

/// The beta protocol, which OpenAI has switched off and many servers still speak: LocalAI, speaches
/// and others.
pub(super) static BETA: Dialect = Dialect {
    word: "beta",
    knows: &[
        "dialect",
        "voice",
        "audio_format",
        "max_output_tokens",
        "noise_reduction",
        "tool_choice",
        "tool_choices",
        "created_timeout",
        "updated_timeout",
        "turn_detection",
        "transcription",
    ],
    shape: Shape::Flat,
    caller_header: false,
    responses: Responses { metadata: false, ..GA.responses },
    assistant_part: "text",
    ..GA
};

const GA: Dialect = Dialect {
    word: "openai",
    chosen: true,
    knows: KNOWS,
    shape: Shape::Nested,
    model_at: ModelAt::Query,
    query: &[],
    session_name: None,
    scheme: "Bearer",
    caller_header: true,
    turns: Turns {
        switches: true,
        semantic: Some("semantic_vad"),
        eagerness: true,
        threshold: (0.0, 1.0),
        cuts_by_itself: false,
    },
    g711_with_rate: false,
    voice: VoiceShape::Name,
    speech_model: None,
    ears: Ears { own: None, listed: &[], language: "language", languages: &[], words: Some("keywords"), prompt: true },
    truncate: true,
    delete: true,
    responses: Responses { metadata: true, instructions: true, tool_choice: true },
    assistant_part: "output_text",
    chained: true,
    exact: Exact::Instruction,
    charged: Charged::Tokens,
    ends: SessionEnd::Announced,
};

/// All settings of `[realtime]`.
pub(super) const KNOWS: &[&str] = &[
    "dialect",
    "voice",
    "audio_format",
    "speed",
    "max_output_tokens",
    "retention_ratio",
    "retention_tokens",
    "noise_reduction",
    "noise_strength",
    "reasoning_effort",
    "parallel_tool_calls",
    "tool_choice",
    "tool_choices",
    "tracing",
    "mcp",
    "safety_identifier",
    "created_timeout",
    "updated_timeout",
    "turn_detection",
    "transcription",
];
