use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::profile::spending::Prices;
use crate::realtime::price::tests::price;

fn meter(soft: f64, hard: f64) -> Meter {
    let prices = Prices::new(BTreeMap::from([("m".to_owned(), price()), ("t".to_owned(), price())]));
    let call = Budget { soft: Some(Usd::from_dollars(soft)), hard: Some(Usd::from_dollars(hard)) };
    Meter::new(&SpendPlan { prices, call }, "m", Some("t"))
}

fn spoken(seconds: u64) -> Usage {
    Usage { output_audio: seconds * 20, ..Usage::default() }
}

#[test]
fn the_wrap_up_is_requested_once_and_the_goodbye_fits_into_the_hard_limit() {
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

#[test]
fn a_model_that_is_charged_by_time_keeps_the_time_of_its_goodbye() {
    // Six cents a minute: a second costs a tenth of a cent.
    let price = Price { minute: Usd::from_dollars(0.06), ..Price::FREE };
    let prices = Prices::new(BTreeMap::from([("m".to_owned(), price)]));
    let call = Budget { soft: None, hard: Some(Usd::from_dollars(0.06)) };
    let mut meter = Meter::new(&SpendPlan { prices, call }, "m", None);
    let mut seconds = 0;
    while meter.verdict() == Verdict::Within {
        meter.response(&Usage { session_ms: 1_000, ..Usage::default() });
        seconds += 1;
    }
    assert_eq!((seconds, meter.verdict()), (50, Verdict::Close), "ten seconds are left for the goodbye");
}

#[test]
fn what_the_engines_of_an_answer_cost_is_part_of_the_guess_at_the_next() {
    // A million characters cost 50 dollars: an answer of 200 costs a cent.
    let voice = Price { character: Usd::from_dollars(50e-6), ..Price::FREE };
    let prices = Prices::new(BTreeMap::from([("m".to_owned(), Price::FREE), ("voice".to_owned(), voice)]));
    let plan = SpendPlan { prices, call: Budget { soft: None, hard: Some(Usd::from_dollars(0.05)) } };
    let mut meter = Meter::new(&plan, "m", None);
    let mut answers = 0;
    while meter.verdict() == Verdict::Within {
        meter.worked(&plan, "voice", &Usage { tts_characters: 200, ..Usage::default() });
        meter.response(&Usage::default());
        answers += 1;
    }
    assert_eq!((answers, meter.spent()), (4, Usd::from_dollars(0.04)), "the goodbye fits into the limit");
}

proptest! {
    #[test]
    fn the_hard_limit_is_exceeded_by_less_than_the_two_costliest_responses(
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
        let costliest = price().of_response(&spoken(200));
        if let Some(spent) = spent_at_close {
            // The turn that exceeded the limit, and nothing after it.
            prop_assert!(spent < hard + costliest);
        } else {
            prop_assert!(meter.spent() < hard);
        }
    }

    #[test]
    fn whatever_a_server_counts_nothing_overflows(counts in prop::array::uniform8(any::<u64>())) {
        let [input_text, cached_text, input_audio, cached_audio, input_image, cached_image, output_text, output_audio] = counts;
        let usage = Usage {
            input_text, cached_text, input_audio, cached_audio, input_image, cached_image, output_text, output_audio,
            ..Usage::default()
        };
        let mut meter = meter(1.0, 2.0);
        meter.response(&usage);
        meter.response(&usage);
        meter.verdict();
    }
}
