//! Model prices, and how much a call may cost. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::money::Usd;
use crate::realtime::report::{TranscriptionUsage, Usage};

/// A model's prices: one per kind of token, and one per minute of speech for models that charge by
/// time.
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
    /// A minute of transcribed speech.
    pub minute: Usd,
}

impl Price {
    /// The cost of a response.
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
    }

    /// The cost of a transcription: by time or by token, whichever its server counted.
    pub fn of_transcription(&self, usage: &TranscriptionUsage) -> Usd {
        let time = u128::from(self.minute.billionths()) * u128::from(usage.audio_ms) / 60_000;
        Usd::from_billionths(u64::try_from(time).unwrap_or(u64::MAX))
            + times(self.text_in, usage.input_text)
            + times(self.audio_in, usage.input_audio)
            + times(self.text_out, usage.output_text)
    }

    /// The higher price of each kind.
    fn dearer(self, other: Self) -> Self {
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
        }
    }
}

fn times(price: Usd, count: u64) -> Usd {
    Usd::from_billionths(price.billionths().saturating_mul(count))
}

/// The prices of every model, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(Arc<BTreeMap<String, Price>>);

impl Prices {
    /// A price table.
    pub fn new(table: BTreeMap<String, Price>) -> Self {
        Self(Arc::new(table))
    }

    /// Whether a model has its own entry.
    pub fn know(&self, model: &str) -> bool {
        self.0.contains_key(model)
    }

    /// A model's price. A model without an entry (such as a deployment with its own name) is
    /// counted at the highest of all prices: it is better that a limit stops calls too early than
    /// too late.
    pub fn of(&self, model: &str) -> Price {
        let dearest = || self.0.values().copied().fold(Price::default(), Price::dearer);
        self.0.get(model).copied().unwrap_or_else(dearest)
    }
}

/// Spending limits: where the agent is asked to finish, and where spending stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// From here on the agent brings the call to an end; `None` is no such limit.
    pub soft: Option<Usd>,
    /// Spending stops here; `None` is no such limit.
    pub hard: Option<Usd>,
}

/// The prices and the spending limit of a call. By default it is free and unlimited.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpendPlan {
    /// The models' prices.
    pub prices: Prices,
    /// The limits of this call.
    pub call: Budget,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// gpt-realtime-2.1 (<https://developers.openai.com/api/docs/pricing>).
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
    fn a_transcription_costs_by_the_minute_or_by_the_token() {
        let usage = TranscriptionUsage { audio_ms: 30_000, ..TranscriptionUsage::default() };
        assert_eq!(price().of_transcription(&usage), Usd::from_dollars(0.003));
        let usage = TranscriptionUsage { input_audio: 100, output_text: 10, ..TranscriptionUsage::default() };
        assert_eq!(price().of_transcription(&usage), Usd::from_dollars(0.00344));
    }

    #[test]
    fn an_unknown_model_is_counted_at_the_dearest_price() {
        let cheap = Price { text_out: Usd::from_billionths(1), audio_out: Usd::from_billionths(9), ..Price::default() };
        let dear = Price { text_out: Usd::from_billionths(5), audio_out: Usd::from_billionths(2), ..Price::default() };
        let prices = Prices::new(BTreeMap::from([("a".to_owned(), cheap), ("b".to_owned(), dear)]));
        assert_eq!(
            prices.of("c"),
            Price { text_out: Usd::from_billionths(5), audio_out: Usd::from_billionths(9), ..Price::default() }
        );
        assert_eq!(prices.of("a"), cheap);
        assert_eq!(Prices::default().of("c"), Price::default(), "without any price nothing is known");
    }
}
