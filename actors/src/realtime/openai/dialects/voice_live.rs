//! Azure Voice Live: Azure's recognisers and voices around a model, in the beta protocol's spelling
//! (<https://learn.microsoft.com/azure/ai-services/speech-service/voice-live>).

use url::Url;

use super::{Charged, Dialect, Ears, Exact, ModelAt, Responses, Shape, Turns, VoiceShape, refuses_model};
use crate::realtime::capabilities::SessionEnd;
use crate::realtime::openai::names::VOICES;
use crate::realtime::seat::{Address, Future, Key, Names, Seat, Sent, Servers, Transcriber};

/// The provider.
pub(crate) static SEAT: Seat = Seat {
    word: "azure_voice_live",
    embedded: None,
    names: &NAMES,
    // Many models, and deployments of the account.
    models_at: Servers::None,
    voices_at: Servers::None,
    key: Some(Key { variable: "OPENAI_API_KEY", sent: Sent::ApiKey, begins: None }),
    address: Address { default: None, example: EXAMPLE, refuses },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan: |given| DIALECT.plan(given),
};

const EXAMPLE: &str = "wss://<resource>.services.ai.azure.com/voice-live/realtime";
const KNOWS: &[&str] = &[
    "voice",
    "audio_format",
    "max_output_tokens",
    "noise_reduction",
    "parallel_tool_calls",
    "tool_choice",
    "tool_choices",
    "created_timeout",
    "updated_timeout",
    "turn_detection.type",
    "turn_detection.threshold",
    "turn_detection.prefix_padding",
    "turn_detection.silence_duration",
    "turn_detection.create_response",
    "turn_detection.interrupt_response",
    "transcription",
];

/// The dialect.
pub(super) static DIALECT: Dialect = Dialect {
    word: "azure_voice_live",
    chosen: false,
    knows: KNOWS,
    shape: Shape::Flat,
    model_at: ModelAt::Query,
    query: &[("api-version", "2026-07-15")],
    session_name: None,
    scheme: "Bearer",
    caller_header: false,
    turns: Turns {
        switches: true,
        semantic: Some("azure_semantic_vad_multilingual"),
        eagerness: false,
        threshold: (0.0, 1.0),
        // Its guess does not know what the line still plays.
        cuts_by_itself: true,
    },
    g711_with_rate: false,
    voice: VoiceShape::Typed { listed: &VOICES, of_listed: "openai", of_others: "azure-standard" },
    speech_model: None,
    ears: Ears {
        own: Some(TRANSCRIBER),
        listed: &[TRANSCRIBER, "gpt-4o-transcribe", "gpt-4o-mini-transcribe", "whisper-1"],
        language: "language",
        languages: &[
            ("en", "en-US"),
            ("hi", "hi-IN"),
            ("mr", "mr-IN"),
            ("te", "te-IN"),
            ("ta", "ta-IN"),
            ("ml", "ml-IN"),
        ],
        words: Some("phrase_list"),
        prompt: false,
    },
    truncate: true,
    delete: true,
    responses: Responses { metadata: false, instructions: true, tool_choice: true },
    assistant_part: "text",
    chained: true,
    exact: Exact::PreGenerated,
    charged: Charged::Tokens,
    ends: SessionEnd::Announced,
};

const TRANSCRIBER: &str = "azure-speech";

static NAMES: Names = Names {
    of: "Azure Voice Live",
    model: "gpt-4o-mini",
    voice: "en-US-AvaMultilingualNeural",
    models: &[],
    voices: &["en-US-AvaMultilingualNeural", "hi-IN-AaravNeural", "mr-IN-AarohiNeural"],
    own_voice: None,
    transcribers: &[Transcriber { name: TRANSCRIBER, keywords: true, prompt: false, future: Future::Stays }],
    // They depend on the model and on the tier of the resource.
    prices: &[],
    codes: &["item_already_truncated"],
};

/// Addresses that these servers do not have.
fn refuses(url: &Url) -> Option<&'static str> {
    if url.path().contains("/openai/") {
        Some("found an address of Azure OpenAI, expected wss://<resource>.services.ai.azure.com/voice-live/realtime")
    } else {
        refuses_model(url)
    }
}
