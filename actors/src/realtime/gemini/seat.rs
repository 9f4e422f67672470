//! The rows of this provider: the embedded model, and Google.

use std::sync::Arc;

use url::Url;

use super::plan::{Activity, Compression, GeminiPlan, OUTPUT, Sensitivity, VOICES};
use crate::money::Usd;
use crate::realtime::conversation::ProviderPlan;
use crate::realtime::price::Price;
use crate::realtime::seat::{Address, Future, Key, Model, Names, Seat, Sent, Servers};
use crate::realtime::settings::{Given, TurnDetection};

/// The embedded model with this protocol, or any server at `realtime.url` that needs no key.
pub(crate) static REHEARSAL: Seat = Seat {
    word: "rehearsal",
    embedded: Some("gemini"),
    names: &NAMES,
    models_at: GOOGLES_SERVERS,
    voices_at: ALL_OF_GOOGLES,
    key: None,
    address: Address { default: None, example: LOCAL_ENDPOINT, refuses },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan,
};

/// Google's Developer API, Vertex AI, or any server at `realtime.url` that speaks this protocol.
pub(crate) static GEMINI: Seat = Seat {
    word: "gemini",
    embedded: None,
    names: &NAMES,
    models_at: GOOGLES_SERVERS,
    voices_at: ALL_OF_GOOGLES,
    key: Some(Key { variable: "GEMINI_API_KEY", sent: Sent::ApiKey, begins: Some("AIza") }),
    address: Address { default: Some(ENDPOINT), example: ENDPOINT, refuses },
    knows: KNOWS,
    lacks: |_| None,
    engines: &[],
    plan,
};

/// The settings that mean something here.
const KNOWS: &[&str] = &[
    "voice",
    "max_output_tokens",
    "updated_timeout",
    "turn_detection.detector",
    "turn_detection.threshold",
    "turn_detection.silence_duration",
    "turn_detection.interrupt_response",
    "transcription.enabled",
];
/// The servers whose models are known by name.
const GOOGLES_SERVERS: Servers = Servers::Ending("generativelanguage.googleapis.com");
/// The servers whose voices are known by name.
const ALL_OF_GOOGLES: Servers = Servers::Ending(".googleapis.com");
const LOCAL_ENDPOINT: &str =
    "ws://127.0.0.1:9000/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";
const ENDPOINT: &str = "wss://generativelanguage.googleapis.com/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent";

/// The names of Google (<https://ai.google.dev/gemini-api/docs/models>).
static NAMES: Names = Names {
    of: "Google",
    model: "gemini-3.8-live",
    voice: "Kore",
    models: &[
        Model { name: "gemini-3.8-live", future: Future::Stays },
        Model { name: "gemini-3.8-live-extended-thinking", future: Future::Stays },
        Model { name: "gemini-3.1-flash-live-preview", future: Future::Stays },
        // It is deprecated, and no day was announced when this was written.
        Model { name: "gemini-2.5-flash-native-audio-preview-12-2025", future: Future::Stays },
        Model { name: "gemini-2.5-flash-native-audio-preview-09-2025", future: RETIRED },
        Model { name: "gemini-live-2.5-flash-preview", future: RETIRED },
        Model { name: "gemini-2.0-flash-live-001", future: RETIRED },
    ],
    voices: &VOICES,
    own_voice: None,
    // The model transcribes the caller itself.
    transcribers: &[],
    prices: PRICES,
    codes: CODES,
};

/// The future of a model that is gone.
const RETIRED: Future = Future::Unusable("which Google has shut down; its successor is gemini-3.8-live");

/// The prices (<https://ai.google.dev/gemini-api/docs/pricing>). The context of each turn is charged
/// again, thoughts count as text that was written, and nothing is cached. The last one is the name
/// on Vertex AI.
const PRICES: &[(&str, Price)] = &[
    ("gemini-3.8-live", FLASH_3),
    ("gemini-3.8-live-extended-thinking", FLASH_3),
    ("gemini-3.1-flash-live-preview", FLASH_3),
    ("gemini-2.5-flash-native-audio-preview-12-2025", FLASH_2_5),
    ("gemini-live-2.5-flash-native-audio", FLASH_2_5),
];
const FLASH_3: Price = Price {
    text_in: million(750),
    text_cached: million(750),
    text_out: million(4_500),
    audio_in: million(3_000),
    audio_cached: million(3_000),
    audio_out: million(12_000),
    image_in: million(1_000),
    image_cached: million(1_000),
    ..Price::FREE
};
const FLASH_2_5: Price = Price {
    text_in: million(500),
    text_cached: million(500),
    text_out: million(2_000),
    image_in: million(3_000),
    image_cached: million(3_000),
    ..FLASH_3
};

/// The price of a token, from that of a million in thousandths of a dollar.
const fn million(thousandths: u64) -> Usd {
    Usd::from_billionths(thousandths)
}

/// The reasons of turns that failed, in lower case: a call that the model wrote wrongly, and what a
/// filter of the server ended. The service names others for pictures.
const CODES: &[&str] = &[
    "blocklist",
    "generated_audio_safety",
    "generated_content_blocklist",
    "generated_content_prohibited",
    "generated_content_safety",
    "generated_other",
    "input_ip_prohibited",
    "input_other",
    "malformed_function_call",
    "max_regeneration_reached",
    "prohibited_input_content",
    "response_rejected",
];

/// Addresses that are not for sessions, or that would be logged with a key.
fn refuses(url: &Url) -> Option<&'static str> {
    if url.query_pairs().any(|(name, _)| name == "key" || name == "access_token") {
        Some("found a key in the URL, where it would be logged; expected it in GEMINI_API_KEY")
    } else if url.path().ends_with("BidiGenerateContentConstrained") {
        Some("found the address for tokens of browsers, expected one that ends in BidiGenerateContent")
    } else {
        None
    }
}

fn plan(given: Given<'_>) -> ProviderPlan {
    let (threshold, silence_duration_ms, interrupts) = match given.options.turn_detection {
        TurnDetection::Server { threshold, silence_duration_ms, interrupt_response, .. } => {
            (threshold, silence_duration_ms, interrupt_response)
        }
        TurnDetection::Semantic { interrupt_response, .. } => (USUAL_THRESHOLD, USUAL_SILENCE_MS, interrupt_response),
    };
    ProviderPlan::Gemini(Arc::new(GeminiPlan {
        address: given.address,
        voice: given.voice.to_owned(),
        // The same rate in both directions lets a call go on with another provider.
        input: OUTPUT,
        activity: if given.options.finer.own_detector {
            Activity::Manual { interrupts }
        } else {
            Activity::Automatic {
                start: if threshold < USUAL_THRESHOLD { Sensitivity::High } else { Sensitivity::Low },
                end: Sensitivity::High,
                prefix_padding_ms: BELIEVED_AFTER_MS,
                silence_duration_ms,
                interrupts,
            }
        },
        max_output_tokens: given.options.max_output_tokens,
        transcription_hints: false,
        compression: Compression::default(),
        setup_timeout: given.updated_timeout,
    }))
}

/// The threshold of turn detection from which on only clear speech counts. The API has two steps.
const USUAL_THRESHOLD: f32 = 0.5;
/// The silence that ends a turn where none is chosen.
const USUAL_SILENCE_MS: u32 = 600;
/// The speech that is needed before it is believed. Less: coughs and echo stop the agent. More: the
/// caller talks against the agent for longer.
const BELIEVED_AFTER_MS: u32 = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_a_key_is_refused() {
        let refused = |url: &str| refuses(&Url::parse(url).expect("a URL")).is_some();
        assert!(!refused(ENDPOINT));
        assert!(refused(&format!("{ENDPOINT}?key=k")) && refused(&format!("{ENDPOINT}Constrained?access_token=t")));
        assert!(refused(&format!("{ENDPOINT}Constrained")));
    }
}
