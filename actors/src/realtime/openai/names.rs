//! The names that servers of this API know: models with their ends, voices, transcribers, prices
//! and error codes.

use crate::money::Usd;
use crate::realtime::price::Price;
use crate::realtime::seat::{Future, Model, Names, Transcriber};

/// The names of OpenAI, which Azure and compatible servers share in part.
pub(super) static OPENAI: Names = Names {
    of: "OpenAI",
    model: "gpt-realtime-2.1",
    voice: "marin",
    models: MODELS,
    voices: &VOICES,
    own_voice: Some("voice_"),
    transcribers: TRANSCRIBERS,
    prices: PRICES,
    codes: CODES,
};

/// The models with realtime sessions, and those that are taken for one
/// (<https://platform.openai.com/docs/models>, <https://platform.openai.com/docs/deprecations>).
const MODELS: &[Model] = &[
    Model { name: "gpt-realtime-2.1", future: Future::Stays },
    Model { name: "gpt-realtime-2.1-mini", future: Future::Stays },
    Model { name: "gpt-realtime-2", future: Future::Stays },
    Model { name: "gpt-realtime-1.5", future: Future::Stays },
    Model { name: "gpt-realtime", future: Future::Leaves { on: "2027-01-20", successor: "gpt-realtime-2.1" } },
    Model {
        name: "gpt-realtime-mini",
        future: Future::Leaves { on: "2027-01-20", successor: "gpt-realtime-2.1-mini" },
    },
    Model { name: "gpt-4o-realtime", future: Future::Unusable(RETIRED) },
    Model { name: "gpt-4o-mini-realtime", future: Future::Unusable(RETIRED) },
    Model { name: "gpt-audio", future: Future::Unusable("which holds no realtime sessions") },
];
const RETIRED: &str = "which OpenAI has retired";

/// The voices that every account can use.
pub(super) const VOICES: [&str; 10] =
    ["alloy", "ash", "ballad", "coral", "echo", "sage", "shimmer", "verse", "marin", "cedar"];

const TRANSCRIBERS: &[Transcriber] = &[
    Transcriber { name: "gpt-live-transcribe", keywords: true, prompt: true, future: Future::Stays },
    Transcriber { name: "gpt-transcribe", keywords: true, prompt: true, future: Future::Stays },
    Transcriber {
        name: "gpt-realtime-whisper",
        keywords: false,
        prompt: true,
        future: Future::Unusable("which works only without turn detection"),
    },
    Transcriber { name: "gpt-4o-transcribe", keywords: false, prompt: true, future: LEAVES },
    Transcriber { name: "gpt-4o-transcribe-diarize", keywords: false, prompt: false, future: LEAVES },
    Transcriber { name: "gpt-4o-mini-transcribe", keywords: false, prompt: true, future: LEAVES },
    Transcriber { name: "whisper-1", keywords: false, prompt: true, future: LEAVES },
];
const LEAVES: Future = Future::Leaves { on: "2027-02-26", successor: "gpt-live-transcribe" };

/// The prices (<https://developers.openai.com/api/docs/pricing>). For the newest streaming
/// transcriber no price was published when this was written: it is counted as the one before it.
const PRICES: &[(&str, Price)] = &[
    ("gpt-realtime-2.1", LARGE),
    ("gpt-realtime-2.1-mini", SMALL),
    ("gpt-realtime-2", LARGE),
    ("gpt-realtime-1.5", OLDER),
    ("gpt-realtime", OLDER),
    ("gpt-realtime-2025-08-28", OLDER),
    ("gpt-realtime-mini", SMALL),
    ("gpt-realtime-mini-2025-10-06", SMALL),
    ("gpt-realtime-mini-2025-12-15", SMALL),
    ("gpt-live-transcribe", WORDS),
    ("gpt-transcribe", Price { minute: Usd::from_billionths(4_500_000), ..WORDS }),
    ("gpt-4o-transcribe", WORDS),
    ("gpt-4o-transcribe-diarize", WORDS),
    ("gpt-4o-mini-transcribe", FEWER_WORDS),
    ("gpt-4o-mini-transcribe-2025-12-15", FEWER_WORDS),
    ("whisper-1", Price { minute: Usd::from_billionths(6_000_000), ..Price::FREE }),
];

/// The price of a token, from that of a million in thousandths of a dollar.
const fn million(thousandths: u64) -> Usd {
    Usd::from_billionths(thousandths)
}

const LARGE: Price = Price {
    text_in: million(4_000),
    text_cached: million(400),
    text_out: million(24_000),
    audio_in: million(32_000),
    audio_cached: million(400),
    audio_out: million(64_000),
    image_in: million(5_000),
    image_cached: million(500),
    ..Price::FREE
};
const OLDER: Price = Price { text_out: million(16_000), ..LARGE };
const SMALL: Price = Price {
    text_in: million(600),
    text_cached: million(60),
    text_out: million(2_400),
    audio_in: million(10_000),
    audio_cached: million(300),
    audio_out: million(20_000),
    image_in: million(800),
    image_cached: million(80),
    ..Price::FREE
};
const WORDS: Price = Price {
    text_in: million(2_500),
    text_out: million(10_000),
    audio_in: million(6_000),
    minute: Usd::from_billionths(6_000_000),
    ..Price::FREE
};
const FEWER_WORDS: Price = Price {
    text_in: million(1_250),
    text_out: million(5_000),
    audio_in: million(3_000),
    minute: Usd::from_billionths(3_000_000),
    ..Price::FREE
};

/// The codes of errors (<https://platform.openai.com/docs/guides/error-codes>).
const CODES: &[&str] = &[
    "account_deactivated",
    "beta_api_shape_disabled",
    "billing_hard_limit_reached",
    "cannot_update_voice",
    "content_filter",
    "conversation_already_has_active_response",
    "credit_balance_exhausted",
    "inference_rate_limit_exceeded",
    "input_audio_buffer_commit_empty",
    "insufficient_quota",
    "integer_above_max_value",
    "integer_below_min_value",
    "invalid_api_key",
    "invalid_event",
    "invalid_json",
    "invalid_model",
    "invalid_request_error",
    "invalid_type",
    "invalid_value",
    "item_create_invalid_item_id",
    "item_delete_invalid_item_id",
    "item_retrieve_invalid_item_id",
    "item_truncate_invalid_item_id",
    "max_output_tokens",
    "missing_model",
    "missing_required_parameter",
    "model_not_found",
    "organization_deactivated",
    "rate_limit_error",
    "rate_limit_exceeded",
    "response_cancel_not_active",
    "server_error",
    "session_expired",
    "string_above_max_length",
    "unknown",
    "unknown_parameter",
    "unsupported_content_type",
];
