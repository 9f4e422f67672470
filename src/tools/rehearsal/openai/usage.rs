//! Token counts and rate limits of a response, by the published rates. Pure.

use std::time::Instant;

use serde_json::{Value, json};

/// Tokens of a text: one per four characters.
pub(super) fn text_tokens(text: &str) -> u64 {
    text.chars().count().div_ceil(4) as u64
}

/// Tokens of caller audio: one per 100 ms.
pub(super) const fn caller_audio_tokens(ms: u64) -> u64 {
    ms.div_ceil(100)
}

/// Tokens of the model's own audio: one per 50 ms.
pub(super) const fn model_audio_tokens(ms: u64) -> u64 {
    ms.div_ceil(50)
}

/// Token counts by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    /// Text.
    pub(super) text: u64,
    /// Audio.
    pub(super) audio: u64,
}

impl Tokens {
    /// The total of both kinds.
    pub(super) const fn total(self) -> u64 {
        self.text + self.audio
    }

    /// The part of these tokens that is cached from a context of `before` tokens: whole steps of
    /// 64, with audio and text in the same proportion.
    pub(super) fn cached(self, before: u64) -> Self {
        let cached = self.total().min(before) / 64 * 64;
        let audio = if self.total() == 0 { 0 } else { cached * self.audio / self.total() };
        Self { text: cached - audio, audio }
    }
}

/// The `usage` of a response.
pub(super) fn of_response(input: Tokens, cached: Tokens, output: Tokens) -> Value {
    json!({
        "total_tokens": input.total() + output.total(),
        "input_tokens": input.total(),
        "output_tokens": output.total(),
        "input_token_details": {
            "text_tokens": input.text,
            "audio_tokens": input.audio,
            "image_tokens": 0,
            "cached_tokens": cached.total(),
            "cached_tokens_details": {
                "text_tokens": cached.text,
                "audio_tokens": cached.audio,
                "image_tokens": 0,
            },
        },
        "output_token_details": {"text_tokens": output.text, "audio_tokens": output.audio},
    })
}

/// The `usage` of a transcription. The old model bills by time, the others by tokens.
pub(super) fn of_transcription(model: &str, ms: u64, transcript: &str) -> Value {
    if model == "whisper-1" {
        return json!({"type": "duration", "seconds": ms.div_ceil(1000)});
    }
    let (input, output) = (caller_audio_tokens(ms), text_tokens(transcript));
    json!({
        "type": "tokens",
        "total_tokens": input + output,
        "input_tokens": input,
        "input_token_details": {"text_tokens": 0, "audio_tokens": input},
        "output_tokens": output,
    })
}

/// The rate limit of a session: a bucket that refills within a minute.
#[derive(Debug)]
pub(super) struct Meter {
    used: f64,
    at: Instant,
}

impl Meter {
    /// A meter without any usage.
    pub(super) fn new(now: Instant) -> Self {
        Self { used: 0.0, at: now }
    }

    /// Counts the tokens of a response and returns the remaining limit.
    pub(super) fn count(&mut self, tokens: u64, now: Instant) -> Value {
        let leaked = now.saturating_duration_since(self.at).as_secs_f64() * TOKENS_PER_MINUTE / 60.0;
        self.used = (self.used - leaked).max(0.0) + tokens as f64;
        self.at = now;
        let remaining = (TOKENS_PER_MINUTE - self.used).max(0.0) as u64;
        let reset_seconds = (self.used / TOKENS_PER_MINUTE * 60_000.0).round() / 1000.0;
        json!([{
            "name": "tokens", "limit": TOKENS_PER_MINUTE as u64, "remaining": remaining, "reset_seconds": reset_seconds,
        }])
    }
}

/// The limit that the real service grants its smallest customers.
const TOKENS_PER_MINUTE: f64 = 200_000.0;

#[cfg(test)]
mod tests;
