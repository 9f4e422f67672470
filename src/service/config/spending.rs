//! The costs of calls: `[spend]` and `[prices.<model>]`. Pure.

use std::collections::BTreeMap;
use std::path::PathBuf;

use switchboard_actors::money::Usd;
use switchboard_actors::profile::spending::{Budget, Price, Prices};
use switchboard_actors::realtime::seat::Provider;
use switchboard_actors::supervisor::ledger::SpendLimits;

use super::kinds::{any_text, flag, number, or_word};
use super::reader::Section;

/// `[spend]`: limits of what calls may cost.
#[derive(Debug, Clone, PartialEq)]
pub struct Spend {
    /// Limits for one call.
    pub call: Budget,
    /// Limits for the calls of a day.
    pub limits: SpendLimits,
    /// The file with the spending of the day; `None` stores none.
    pub file: Option<PathBuf>,
}

impl Spend {
    pub(super) fn read(section: &Section<'_>) -> Option<Self> {
        let call = read_budget(section, "call_soft", "call_hard");
        let caller = read_budget(section, "caller_soft", "caller_hard");
        let day = read_budget(section, "day_soft", "day_hard");
        let killed = section.read("kill", flag);
        let file = section.read("file", any_text);
        if killed == Some(true) {
            section.note("kill", "no call is taken");
        }
        let file = file.map(|file| file.trim().to_owned())?;
        Some(Self {
            call: call?,
            limits: SpendLimits { caller: caller?, day: day?, killed: killed? },
            file: (!file.is_empty()).then(|| PathBuf::from(file)),
        })
    }

    /// Whether there is any limit.
    pub fn limits_anything(&self) -> bool {
        let budgets = [self.call, self.limits.caller, self.limits.day];
        budgets.iter().any(|budget| budget.soft.is_some() || budget.hard.is_some())
    }
}

fn read_budget(section: &Section<'_>, soft: &'static str, hard: &'static str) -> Option<Budget> {
    let amount = or_word("off", number(0.001..=1_000_000.0));
    let read = |key| section.read(key, &amount).map(|amount| amount.map(dollars));
    let budget = Budget { soft: read(soft)?, hard: read(hard)? };
    if let (Some(low), Some(high)) = (budget.soft, budget.hard)
        && low > high
    {
        section.problem(soft, format!("found {}, expected at most {hard}, which is {}", low.dollars(), high.dollars()));
    }
    Some(budget)
}

/// Rounds an amount to a hundredth of a cent, which is precise enough for a limit.
fn dollars(amount: f32) -> Usd {
    Usd::from_dollars((f64::from(amount) * 1e4).round() / 1e4)
}

/// Reads `[prices.<model>]` over the prices that providers list.
pub(super) fn read_prices(sections: &[(String, Section<'_>)]) -> Option<Prices> {
    let listed = Provider::all().flat_map(|provider| provider.names().prices);
    let mut table: BTreeMap<String, Price> = listed.map(|(model, price)| ((*model).to_owned(), *price)).collect();
    let read = |(model, section): &(String, Section<'_>)| {
        let price = read_price(section, table.get(model).copied().unwrap_or_default());
        (model.clone(), price)
    };
    let all: Vec<_> = sections.iter().map(read).collect();
    for (model, price) in all {
        table.insert(model, price?);
    }
    Some(Prices::new(table))
}

fn read_price(section: &Section<'_>, listed: Price) -> Option<Price> {
    // Converts dollars per million to dollars for each, rounded to billionths.
    let token = |key, listed: Usd| {
        let dollars = section.read_if_set(key, number(0.0..=10_000.0))?;
        Some(dollars.map_or(listed, |dollars| Usd::from_dollars((f64::from(dollars) * 1e3).round() / 1e9)))
    };
    let (text_in, text_cached) = (token("text_in", listed.text_in), token("text_cached", listed.text_cached));
    let (text_out, audio_in) = (token("text_out", listed.text_out), token("audio_in", listed.audio_in));
    let (audio_cached, audio_out) = (token("audio_cached", listed.audio_cached), token("audio_out", listed.audio_out));
    let (image_in, image_cached) = (token("image_in", listed.image_in), token("image_cached", listed.image_cached));
    let minute = section.read_if_set("minute", number(0.0..=1_000.0));
    let character = token("characters", listed.character);
    Some(Price {
        text_in: text_in?,
        text_cached: text_cached?,
        text_out: text_out?,
        audio_in: audio_in?,
        audio_cached: audio_cached?,
        audio_out: audio_out?,
        image_in: image_in?,
        image_cached: image_cached?,
        minute: minute?.map_or(listed.minute, dollars),
        character: character?,
    })
}
