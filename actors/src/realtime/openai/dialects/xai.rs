//! xAI's Grok Voice (<https://docs.x.ai/docs/guides/voice/agent>).

use std::time::Duration;

use super::{Charged, Dialect, Ears, Exact, ModelAt, Responses, Shape, Turns, VoiceShape, refuses_model};
use crate::money::Usd;
use crate::realtime::capabilities::SessionEnd;
use crate::realtime::price::Price;
use crate::realtime::seat::{Address, Future, Key, Model, Names, Seat, Sent, Servers, Transcriber};

/// The provider.
pub(crate) static SEAT: Seat = Seat {
    word: "xai",
    embedded: None,
    names: &NAMES,
    models_at: Servers::Ending("api.x.ai"),
    // The list of voices is open.
    voices_at: Servers::None,
    key: Some(Key { variable: "XAI_API_KEY", sent: Sent::Bearer, begins: Some("xai-") }),
    address: Address { default: Some(ENDPOINT), example: ENDPOINT, refuses: refuses_model },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan: |given| DIALECT.plan(given),
};

const ENDPOINT: &str = "wss://api.x.ai/v1/realtime";
const KNOWS: &[&str] = &[
    "voice",
    "audio_format",
    "speed",
    "created_timeout",
    "updated_timeout",
    "turn_detection.threshold",
    "turn_detection.prefix_padding",
    "turn_detection.silence_duration",
    "turn_detection.idle_timeout",
    "transcription.enabled",
    "transcription.model",
    "transcription.keywords",
];

/// The dialect.
pub(super) static DIALECT: Dialect = Dialect {
    word: "xai",
    chosen: false,
    knows: KNOWS,
    shape: Shape::Lifted,
    model_at: ModelAt::Query,
    query: &[],
    session_name: None,
    scheme: "Bearer",
    caller_header: false,
    turns: Turns { switches: false, semantic: None, eagerness: false, threshold: (0.1, 0.9), cuts_by_itself: false },
    g711_with_rate: true,
    voice: VoiceShape::Name,
    speech_model: None,
    ears: Ears {
        own: Some(TRANSCRIBER),
        listed: &[TRANSCRIBER],
        language: "language_hint",
        languages: &[],
        words: Some("keyterms"),
        prompt: false,
    },
    // It is accepted, although the vendor's list of events lacks it.
    truncate: true,
    delete: true,
    responses: Responses { metadata: true, instructions: false, tool_choice: false },
    assistant_part: "output_text",
    chained: false,
    exact: Exact::ForcedItem,
    charged: Charged::Time,
    ends: SessionEnd::After(LASTS),
};

const TRANSCRIBER: &str = "grok-transcribe";
/// How long a session lasts, unless the server announces another time.
const LASTS: Duration = Duration::from_secs(7_200);

static NAMES: Names = Names {
    of: "xAI",
    model: "grok-voice-3.0",
    voice: "eve",
    models: &[
        Model { name: "grok-voice-3.0", future: Future::Stays },
        // An alias whose model changes without notice.
        Model { name: "grok-voice-latest", future: Future::Stays },
        // It is deprecated, and no day was announced when this was written.
        Model { name: "grok-voice-2.0", future: Future::Stays },
    ],
    voices: &["eve", "ara", "rex"],
    own_voice: None,
    transcribers: &[Transcriber { name: TRANSCRIBER, keywords: true, prompt: false, future: Future::Stays }],
    prices: &[("grok-voice-3.0", PRICE), ("grok-voice-latest", PRICE), ("grok-voice-2.0", PRICE)],
    codes: &[],
};

/// Eight cents a minute, silence included: what resellers ask for the current model; the vendor says
/// "from five". The 0.4 cents for each item that we add are not counted.
const PRICE: Price = Price { minute: Usd::from_billionths(80_000_000), ..Price::FREE };
