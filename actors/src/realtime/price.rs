//! What a model or an engine charges. Pure.

use super::report::{TranscriptionUsage, Usage};
use crate::money::Usd;

/// A model's prices: one per kind of token, one per minute of speech for models that charge by time,
/// and one per character for engines that speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// An input text token.
    pub text_in: Usd,
    /// A cached input text token.
    pub text_cached: Usd,
    /// An output text token.
    pub text_out: Usd,
    /// An input audio token.
    pub audio_in: Usd,
    /// A cached input audio token.
    pub audio_cached: Usd,
    /// An output audio token.
    pub audio_out: Usd,
    /// An input image token.
    pub image_in: Usd,
    /// A cached input image token.
    pub image_cached: Usd,
    /// A minute of transcribed speech, or of a session that is charged by time.
    pub minute: Usd,
    /// A character that an engine was given to speak.
    pub character: Usd,
}

impl Price {
    /// Nothing.
    pub const FREE: Self = Self {
        text_in: Usd::ZERO,
        text_cached: Usd::ZERO,
        text_out: Usd::ZERO,
        audio_in: Usd::ZERO,
        audio_cached: Usd::ZERO,
        audio_out: Usd::ZERO,
        image_in: Usd::ZERO,
        image_cached: Usd::ZERO,
        minute: Usd::ZERO,
        character: Usd::ZERO,
    };

    /// The cost of a response, or of an engine's part in one.
    pub fn of_response(&self, usage: &Usage) -> Usd {
        let input = |all: u64, cached: u64, price: Usd, cached_price: Usd| {
            // If a server reports more cached tokens than tokens, assume the higher cost.
            let cached = cached.min(all);
            times(price, all - cached) + times(cached_price, cached)
        };
        input(usage.input_text, usage.cached_text, self.text_in, self.text_cached)
            + input(usage.input_audio, usage.cached_audio, self.audio_in, self.audio_cached)
            + input(usage.input_image, usage.cached_image, self.image_in, self.image_cached)
            + times(self.text_out, usage.output_text)
            + times(self.audio_out, usage.output_audio)
            + self.of_time(usage.session_ms)
            + self.of_time(usage.stt_ms)
            + times(self.character, usage.tts_characters)
    }

    /// The cost of a transcription: by time or by token, whichever its server counted.
    pub fn of_transcription(&self, usage: &TranscriptionUsage) -> Usd {
        self.of_time(usage.audio_ms)
            + times(self.text_in, usage.input_text)
            + times(self.audio_in, usage.input_audio)
            + times(self.text_out, usage.output_text)
    }

    fn of_time(&self, ms: u64) -> Usd {
        let cost = u128::from(self.minute.billionths()) * u128::from(ms) / 60_000;
        Usd::from_billionths(u64::try_from(cost).unwrap_or(u64::MAX))
    }

    /// The higher price of each kind.
    #[must_use]
    pub fn costlier(self, other: Self) -> Self {
        Self {
            text_in: self.text_in.max(other.text_in),
            text_cached: self.text_cached.max(other.text_cached),
            text_out: self.text_out.max(other.text_out),
            audio_in: self.audio_in.max(other.audio_in),
            audio_cached: self.audio_cached.max(other.audio_cached),
            audio_out: self.audio_out.max(other.audio_out),
            image_in: self.image_in.max(other.image_in),
            image_cached: self.image_cached.max(other.image_cached),
            minute: self.minute.max(other.minute),
            character: self.character.max(other.character),
        }
    }
}

fn times(price: Usd, count: u64) -> Usd {
    Usd::from_billionths(price.billionths().saturating_mul(count))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The prices of a model of 2026, in dollars for a million tokens.
    pub(crate) fn price() -> Price {
        let million = |dollars: f64| Usd::from_dollars(dollars / 1e6);
        Price {
            text_in: million(4.0),
            text_cached: million(0.4),
            text_out: million(24.0),
            audio_in: million(32.0),
            audio_cached: million(0.4),
            audio_out: million(64.0),
            minute: Usd::from_dollars(0.006),
            ..Price::default()
        }
    }

    #[test]
    fn a_response_costs_what_each_kind_of_token_costs() {
        let usage = Usage {
            input_text: 1_000,
            cached_text: 900,
            input_audio: 600,
            cached_audio: 500,
            output_text: 50,
            output_audio: 1_200,
            ..Usage::default()
        };
        // 100·4 + 900·0.4 + 100·32 + 500·0.4 + 50·24 + 1200·64 millionths of a dollar.
        assert_eq!(price().of_response(&usage), Usd::from_dollars(0.08216));
    }

    #[test]
    fn the_time_of_a_session_costs_what_a_minute_costs() {
        let usage = Usage { session_ms: 90_000, output_text: 10, ..Usage::default() };
        assert_eq!(price().of_response(&usage), Usd::from_dollars(0.009 + 0.00024));
    }

    #[test]
    fn an_engine_costs_by_the_second_that_it_hears_and_by_the_character_that_it_speaks() {
        let ears = Price { minute: Usd::from_dollars(0.006), ..Price::FREE };
        let usage = Usage { stt_ms: 1_000, tts_characters: 7, ..Usage::default() };
        assert_eq!(ears.of_response(&usage), Usd::from_dollars(0.0001), "it speaks nothing");
        let voice = Price { character: Usd::from_dollars(50e-6), ..Price::FREE };
        assert_eq!(voice.of_response(&usage), Usd::from_dollars(0.00035), "it hears nothing");
        assert_eq!(ears.costlier(voice).of_response(&usage), Usd::from_dollars(0.00045));
    }

    #[test]
    fn a_transcription_costs_by_the_minute_or_by_the_token() {
        let usage = TranscriptionUsage { audio_ms: 30_000, ..TranscriptionUsage::default() };
        assert_eq!(price().of_transcription(&usage), Usd::from_dollars(0.003));
        let usage = TranscriptionUsage { input_audio: 100, output_text: 10, ..TranscriptionUsage::default() };
        assert_eq!(price().of_transcription(&usage), Usd::from_dollars(0.00344));
    }
}
