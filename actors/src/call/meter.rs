//! What a call costs, as it grows: the server's counts times the configured prices, against the call's own limits. Pure.
//!
//! **At most one turn too much.** What a response costs is known when it has ended, and the goodbye is a response too. So the
//! hard limit counts as reached when another response like the last one would pass it: the goodbye then fits in, and only a
//! turn that is dearer than the one before it can go over, by no more than itself.

use std::collections::BTreeMap;
use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::messages::{TranscriptionUsage, Usage};

/// An amount of money, in US dollars; kept in billionths, so that no token is too cheap to count. Never overflows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount as people write it. What is no amount of money is none.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float stops at the ends")]
    pub fn from_dollars(dollars: f64) -> Self {
        Self((dollars * 1e9).round() as u64)
    }

    /// An amount in billionths of a dollar.
    pub const fn from_billionths(billionths: u64) -> Self {
        Self(billionths)
    }

    /// In billionths of a dollar.
    pub const fn billionths(self) -> u64 {
        self.0
    }

    /// As people read it.
    #[expect(clippy::cast_precision_loss, reason = "for people and gauges")]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

/// Billionths of a dollar.
const BILLION: u64 = 1_000_000_000;

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whole dollars without a point, as most programs write them again.
        if self.0.is_multiple_of(BILLION) {
            serializer.serialize_u64(self.0 / BILLION)
        } else {
            serializer.serialize_f64(self.dollars())
        }
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        f64::deserialize(deserializer).map(Self::from_dollars)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${:.4}", self.dollars())
    }
}

/// What a model charges: a token of each kind, and a minute of speech for models that are charged by time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Price {
    /// A text token in.
    pub text_in: Usd,
    /// A text token in, from the cache.
    pub text_cached: Usd,
    /// A text token out.
    pub text_out: Usd,
    /// An audio token in.
    pub audio_in: Usd,
    /// An audio token in, from the cache.
    pub audio_cached: Usd,
    /// An audio token out.
    pub audio_out: Usd,
    /// An image token in.
    pub image_in: Usd,
    /// An image token in, from the cache.
    pub image_cached: Usd,
    /// A minute of transcribed speech.
    pub minute: Usd,
}

impl Price {
    /// What a response cost.
    pub fn of_response(&self, usage: &Usage) -> Usd {
        let input = |all: u64, cached: u64, price: Usd, cached_price: Usd| {
            // A server that counts more from the cache than there was is believed in what costs more.
            let cached = cached.min(all);
            times(price, all - cached) + times(cached_price, cached)
        };
        input(usage.input_text, usage.cached_text, self.text_in, self.text_cached)
            + input(usage.input_audio, usage.cached_audio, self.audio_in, self.audio_cached)
            + input(usage.input_image, usage.cached_image, self.image_in, self.image_cached)
            + times(self.text_out, usage.output_text)
            + times(self.audio_out, usage.output_audio)
    }

    /// What a transcription cost: by time or by token, as its server counted.
    pub fn of_transcription(&self, usage: &TranscriptionUsage) -> Usd {
        let time = u128::from(self.minute.0) * u128::from(usage.audio_ms) / 60_000;
        Usd(u64::try_from(time).unwrap_or(u64::MAX))
            + times(self.text_in, usage.input_text)
            + times(self.audio_in, usage.input_audio)
            + times(self.text_out, usage.output_text)
    }

    /// The dearer one of each.
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
    Usd(price.0.saturating_mul(count))
}

/// What every model charges, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prices(Arc<BTreeMap<String, Price>>);

impl Prices {
    /// A table.
    pub fn new(table: BTreeMap<String, Price>) -> Self {
        Self(Arc::new(table))
    }

    /// Whether a model has a price of its own.
    pub fn know(&self, model: &str) -> bool {
        self.0.contains_key(model)
    }

    /// What a model charges. One that is not in the table, as a deployment with a name of its own, is counted at the dearest of
    /// all prices: a firewall rather stops too early than too late.
    pub fn of(&self, model: &str) -> Price {
        let dearest = || self.0.values().copied().fold(Price::default(), Price::dearer);
        self.0.get(model).copied().unwrap_or_else(dearest)
    }
}

/// How much may be spent: where the agent is told to come to an end, and where there is no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// From here on the agent brings things to an end; `None` is no such limit.
    pub soft: Option<Usd>,
    /// Nothing more is spent; `None` is no such limit.
    pub hard: Option<Usd>,
}

/// What a call may cost and by which prices. The default is free and without limits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpendPlan {
    /// What models charge.
    pub prices: Prices,
    /// What this call may cost.
    pub call: Budget,
}

/// What follows from what was spent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing.
    Within,
    /// The agent is told to bring the call to an end; said once.
    WrapUp,
    /// The call is closed politely.
    Close,
}

/// What a call has cost so far.
#[derive(Debug, Clone)]
pub struct Meter {
    model: Price,
    transcription: Price,
    budget: Budget,
    spent: Usd,
    /// What the last response cost: the best guess at the next.
    last: Usd,
    warned: bool,
}

impl Meter {
    /// Nothing has been spent.
    pub fn new(plan: &SpendPlan, model: &str, transcription: Option<&str>) -> Self {
        let transcription = transcription.map(|model| plan.prices.of(model)).unwrap_or_default();
        let model = plan.prices.of(model);
        Self { model, transcription, budget: plan.call, spent: Usd::ZERO, last: Usd::ZERO, warned: false }
    }

    /// Another model answers from here on.
    pub fn charge(&mut self, plan: &SpendPlan, model: &str) {
        self.model = plan.prices.of(model);
    }

    /// A response has ended; what it cost.
    pub fn response(&mut self, usage: &Usage) -> Usd {
        let cost = self.model.of_response(usage);
        self.last = cost;
        self.spent += cost;
        cost
    }

    /// A turn of the caller was transcribed; what it cost.
    pub fn transcribed(&mut self, usage: &TranscriptionUsage) -> Usd {
        let cost = self.transcription.of_transcription(usage);
        self.spent += cost;
        cost
    }

    /// What follows from it.
    pub fn verdict(&mut self) -> Verdict {
        let reached = |limit: Option<Usd>, amount: Usd| limit.is_some_and(|limit| amount >= limit);
        if reached(self.budget.hard, self.spent + self.last) {
            return Verdict::Close;
        }
        if reached(self.budget.soft, self.spent) && !self.warned {
            self.warned = true;
            return Verdict::WrapUp;
        }
        Verdict::Within
    }

    /// What has been spent.
    pub fn spent(&self) -> Usd {
        self.spent
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// gpt-realtime-2.1 (reference §1.2).
    fn price() -> Price {
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

    fn meter(soft: f64, hard: f64) -> Meter {
        let prices = Prices::new(BTreeMap::from([("m".to_owned(), price()), ("t".to_owned(), price())]));
        let call = Budget { soft: Some(Usd::from_dollars(soft)), hard: Some(Usd::from_dollars(hard)) };
        Meter::new(&SpendPlan { prices, call }, "m", Some("t"))
    }

    fn spoken(seconds: u64) -> Usage {
        Usage { output_audio: seconds * 20, ..Usage::default() }
    }

    #[test]
    fn an_amount_is_read_as_it_was_written() {
        for amount in [0, 1, 21_242_400, 1_000_000_007] {
            let amount = Usd::from_billionths(amount);
            let text = serde_json::to_string(&amount).expect("a number");
            assert_eq!(serde_json::from_str::<Usd>(&text).expect("a number"), amount);
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
        let cheap = Price { text_out: Usd(1), audio_out: Usd(9), ..Price::default() };
        let dear = Price { text_out: Usd(5), audio_out: Usd(2), ..Price::default() };
        let prices = Prices::new(BTreeMap::from([("a".to_owned(), cheap), ("b".to_owned(), dear)]));
        assert_eq!(prices.of("c"), Price { text_out: Usd(5), audio_out: Usd(9), ..Price::default() });
        assert_eq!(prices.of("a"), cheap);
        assert_eq!(Prices::default().of("c"), Price::default(), "without any price nothing is known");
    }

    #[test]
    fn the_agent_is_told_once_to_come_to_an_end_and_the_goodbye_fits_into_the_hard_limit() {
        // A minute of speech is 1,200 tokens: $0.0768.
        let mut meter = meter(0.1, 0.3);
        let mut verdicts = Vec::new();
        for _ in 0..3 {
            meter.response(&spoken(60));
            verdicts.push(meter.verdict());
        }
        assert_eq!(verdicts, [Verdict::Within, Verdict::WrapUp, Verdict::Close]);
        meter.response(&spoken(60));
        assert!(meter.spent() > Usd::from_dollars(0.3) && meter.spent() < Usd::from_dollars(0.3 + 0.0768));
    }

    proptest! {
        #[test]
        fn the_hard_limit_is_passed_by_less_than_the_two_dearest_responses(
            costs in prop::collection::vec(1..200u64, 1..200), hard in 1..40u32,
        ) {
            let hard = Usd::from_dollars(f64::from(hard) / 10.0);
            let mut meter = meter(0.0, hard.dollars());
            let mut spent_at_close = None;
            for seconds in &costs {
                meter.response(&spoken(*seconds));
                if meter.verdict() == Verdict::Close {
                    spent_at_close = Some(meter.spent());
                    break;
                }
            }
            let dearest = price().of_response(&spoken(200));
            if let Some(spent) = spent_at_close {
                // The turn that passed it, and nothing behind it.
                prop_assert!(spent < hard + dearest);
            } else {
                prop_assert!(meter.spent() < hard);
            }
        }

        #[test]
        fn whatever_a_server_counts_nothing_overflows(counts in prop::array::uniform8(any::<u64>())) {
            let [input_text, cached_text, input_audio, cached_audio, input_image, cached_image, output_text, output_audio] = counts;
            let usage = Usage {
                input_text, cached_text, input_audio, cached_audio, input_image, cached_image, output_text, output_audio,
            };
            let mut meter = meter(1.0, 2.0);
            meter.response(&usage);
            meter.response(&usage);
            meter.verdict();
        }
    }
}
