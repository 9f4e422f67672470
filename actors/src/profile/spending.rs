//! Model prices, and how much a call may cost. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::money::Usd;
pub use crate::realtime::price::Price;

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

    /// The same prices, with nothing to pay for these models.
    #[must_use]
    pub fn with_free(&self, models: impl IntoIterator<Item = String>) -> Self {
        let mut models = models.into_iter().peekable();
        if models.peek().is_none() {
            return self.clone();
        }
        let mut table = BTreeMap::clone(&self.0);
        table.extend(models.map(|model| (model, Price::FREE)));
        Self::new(table)
    }

    /// A model's price. A model without an entry (such as a deployment with its own name) is
    /// counted at the highest of all prices: it is better that a limit stops calls too early than
    /// too late.
    pub fn of(&self, model: &str) -> Price {
        let costliest = || self.0.values().copied().fold(Price::default(), Price::costlier);
        self.0.get(model).copied().unwrap_or_else(costliest)
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
mod tests {
    use super::*;

    #[test]
    fn an_unknown_model_is_charged_at_the_highest_price() {
        let cheap = Price { text_out: Usd::from_billionths(1), audio_out: Usd::from_billionths(9), ..Price::default() };
        let costly =
            Price { text_out: Usd::from_billionths(5), audio_out: Usd::from_billionths(2), ..Price::default() };
        let prices = Prices::new(BTreeMap::from([("a".to_owned(), cheap), ("b".to_owned(), costly)]));
        assert_eq!(
            prices.of("c"),
            Price { text_out: Usd::from_billionths(5), audio_out: Usd::from_billionths(9), ..Price::default() }
        );
        assert_eq!(prices.of("a"), cheap);
        assert_eq!(Prices::default().of("c"), Price::default(), "without any price nothing is known");
    }
}
