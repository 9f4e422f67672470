//! Inworld Realtime: a chain of recogniser, routed model and voice behind the GA protocol
//! (<https://docs.inworld.ai>).

use super::{Charged, Dialect, Ears, Exact, ModelAt, Responses, Shape, Turns, VoiceShape, refuses_model};
use crate::realtime::capabilities::SessionEnd;
use crate::realtime::seat::{Address, Future, Key, Names, Seat, Sent, Servers, Transcriber};

/// The provider.
pub(crate) static SEAT: Seat = Seat {
    word: "inworld",
    embedded: None,
    names: &NAMES,
    // Every model that is routed.
    models_at: Servers::None,
    voices_at: Servers::None,
    key: Some(Key { variable: "INWORLD_API_KEY", sent: Sent::Bearer, begins: None }),
    address: Address { default: Some(ENDPOINT), example: ENDPOINT, refuses: refuses_model },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan: |given| DIALECT.plan(given),
};

const ENDPOINT: &str = "wss://api.inworld.ai/api/v1/realtime/session";
const KNOWS: &[&str] = &[
    "voice",
    "audio_format",
    "speed",
    "max_output_tokens",
    "tool_choice",
    "created_timeout",
    "updated_timeout",
    "turn_detection",
    "transcription.enabled",
    "transcription.model",
];

/// The dialect.
pub(super) static DIALECT: Dialect = Dialect {
    word: "inworld",
    chosen: false,
    knows: KNOWS,
    shape: Shape::Nested,
    model_at: ModelAt::Session,
    query: &[("protocol", "realtime")],
    session_name: Some("key"),
    scheme: "Basic",
    caller_header: false,
    turns: Turns {
        switches: true,
        semantic: Some("semantic_vad"),
        eagerness: true,
        threshold: (0.0, 1.0),
        cuts_by_itself: false,
    },
    g711_with_rate: false,
    voice: VoiceShape::Name,
    speech_model: Some("inworld-tts-2"),
    ears: Ears {
        own: Some(TRANSCRIBER),
        listed: &[TRANSCRIBER],
        language: "language",
        languages: &[],
        words: None,
        prompt: false,
    },
    truncate: false,
    delete: false,
    responses: Responses { metadata: false, instructions: true, tool_choice: false },
    assistant_part: "output_text",
    chained: true,
    exact: Exact::Instruction,
    charged: Charged::Tokens,
    ends: SessionEnd::Announced,
};

const TRANSCRIBER: &str = "inworld/inworld-stt-1";

static NAMES: Names = Names {
    of: "Inworld",
    model: "openai/gpt-4.1-mini",
    voice: "Ashley",
    models: &[],
    voices: &["Ashley"],
    own_voice: None,
    transcribers: &[Transcriber { name: TRANSCRIBER, keywords: false, prompt: false, future: Future::Stays }],
    // They depend on the model that is routed.
    prices: &[],
    codes: &[],
};
