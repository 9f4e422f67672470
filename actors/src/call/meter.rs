//! What a call costs, as it grows: the server's counts times the configured prices, against the call's own limits. Pure.
//!
//! **At most one turn too much.** What a response costs is known when it has ended, and the goodbye is a response too. So the
//! hard limit counts as reached when another response like the last one would pass it: the goodbye then fits in, and only a
//! turn that is dearer than the one before it can go over, by no more than itself.

use crate::money::Usd;
use crate::profile::spending::{Budget, Price, SpendPlan};
use crate::realtime::report::{TranscriptionUsage, Usage};

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
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::profile::spending::Prices;
    use crate::profile::spending::tests::price;

    fn meter(soft: f64, hard: f64) -> Meter {
        let prices = Prices::new(BTreeMap::from([("m".to_owned(), price()), ("t".to_owned(), price())]));
        let call = Budget { soft: Some(Usd::from_dollars(soft)), hard: Some(Usd::from_dollars(hard)) };
        Meter::new(&SpendPlan { prices, call }, "m", Some("t"))
    }

    fn spoken(seconds: u64) -> Usage {
        Usage { output_audio: seconds * 20, ..Usage::default() }
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
