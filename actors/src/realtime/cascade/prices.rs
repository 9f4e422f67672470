//! What engines charge, by their model's name: the ears by the minute, the chat model by the token,
//! the voice by the character. Pure.
//!
//! The prices are those without a contract, as the providers' own pages listed them in autumn 2026.
//! Where a page has two for one name, by language or by plan, the higher one is here, so that a limit
//! ends calls too early rather than too late. Rupees are counted at 88 to the dollar. The transcribers
//! of OpenAI are listed with its other models.

use crate::money::Usd;
use crate::realtime::price::Price;

/// The prices of the engines.
pub(super) const PRICES: &[(&str, Price)] = &[
    // <https://deepgram.com/pricing>
    ("nova-3", minute(5_800)),
    ("flux-general-en", minute(6_500)),
    ("flux-general-multi", minute(7_800)),
    ("aura-2", characters(30_000)),
    // <https://docs.sarvam.ai/api/getting-started/pricing>: 30 rupees an hour, and for 10,000
    // characters.
    ("saaras:v3-realtime", minute(5_700)),
    ("saaras:v4", minute(5_700)),
    ("bulbul:v3", characters(34_100)),
    ("sarvam-105b", tokens(333, 125, 832)),
    // <https://elevenlabs.io/pricing/api>
    ("scribe_v2_realtime", minute(6_500)),
    ("eleven_flash_v2_5", characters(50_000)),
    ("eleven_turbo_v2_5", characters(50_000)),
    ("eleven_multilingual_v2", characters(100_000)),
    ("eleven_v3", characters(100_000)),
    ("eleven_v3_conversational", characters(100_000)),
    // <https://cartesia.ai/pricing>: a credit for a character, at the price of the smallest plan.
    ("sonic-3", characters(50_000)),
    // <https://developers.openai.com/api/docs/pricing>. The voice is charged by the token, at 0.015
    // dollars a minute, and its server does not say how many there were. A slow minute has 750
    // characters.
    ("gpt-4o-mini-tts", characters(20_000)),
    ("gpt-5.5", tokens(5_000, 500, 30_000)),
    ("gpt-5.4", tokens(2_500, 250, 15_000)),
    ("gpt-5.4-mini", tokens(750, 75, 4_500)),
    ("gpt-5.4-nano", tokens(200, 20, 1_250)),
];

/// The price of a minute of the caller's audio, in millionths of a dollar.
const fn minute(millionths: u64) -> Price {
    Price { minute: Usd::from_billionths(millionths * 1_000), ..Price::FREE }
}

/// The price of a million characters, in thousandths of a dollar.
const fn characters(thousandths: u64) -> Price {
    Price { character: Usd::from_billionths(thousandths), ..Price::FREE }
}

/// The prices of a million tokens in, from the cache, and out, in thousandths of a dollar.
const fn tokens(text_in: u64, text_cached: u64, text_out: u64) -> Price {
    Price {
        text_in: Usd::from_billionths(text_in),
        text_cached: Usd::from_billionths(text_cached),
        text_out: Usd::from_billionths(text_out),
        ..Price::FREE
    }
}
