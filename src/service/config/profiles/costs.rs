//! The prices that a call is charged by, and the engines of which nobody knows the price. Pure.

use switchboard_actors::profile::spending::Prices;
use switchboard_actors::realtime::plan::{ModelAddress, SessionPlan};
use switchboard_actors::realtime::seat::Provider;

use super::{Config, Profiles};

/// The prices for a call with `plan`. A rehearsal is free unless limits are rehearsed too; then it
/// counts as a model without a price. An engine without one is free, because it may be a server of
/// the operator's own.
pub(super) fn prices(config: &Config, plan: &SessionPlan) -> Prices {
    let asked = config.spend.limits_anything() || config.prices.know(&config.realtime.model);
    if config.realtime.is_free() && !asked {
        return Prices::default();
    }
    let unpriced = engines(plan).into_iter().filter(|(.., model)| !config.prices.know(model));
    config.prices.with_free(unpriced.map(|(.., model)| model))
}

/// The engines that no record and no limit counts.
pub(super) fn notes(config: &Config, profiles: &Profiles) -> Vec<String> {
    let mut notes = Vec::new();
    let of_all = profiles.iter().flat_map(|profile| engines(&profile.model));
    for (part, price, model) in of_all.filter(|(.., model)| !config.prices.know(model)) {
        let note = format!(
            "{part}.model: the price of {model:?} is unknown, so records and the limits of [spend] count nothing for it; \
             set {price} in [prices.{model:?}], to 0 if the server is your own"
        );
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    notes
}

/// The engines of a plan: their settings, the keys of their prices, and their models.
fn engines(plan: &SessionPlan) -> Vec<(String, &'static str, String)> {
    let section = Provider::of_engines().map(Provider::word).unwrap_or_default();
    let parts = [("stt", "minute"), ("llm", "text_in, text_cached and text_out"), ("tts", "characters")];
    let of_candidate = |lists: [&[ModelAddress]; 3]| {
        let named = parts.into_iter().zip(lists);
        let all = named.flat_map(|((part, price), list)| {
            list.iter().map(move |it| (format!("{section}.{part}"), price, it.model.clone()))
        });
        all.collect::<Vec<_>>()
    };
    let candidates = plan.candidates();
    let joined = candidates.iter().filter_map(|candidate| candidate.parts()).flat_map(of_candidate);
    let clips = plan.common.clips.as_ref().filter(|_| plan.needs_clips());
    let rendering = clips.and_then(|clips| clips.rendering.as_ref());
    let recorder = rendering.map(|rendering| ("clips".to_owned(), "characters", rendering.source.model.clone()));
    joined.chain(recorder).collect()
}

#[cfg(test)]
mod tests {
    use switchboard_actors::money::Usd;
    use switchboard_actors::realtime::report::Usage;

    use super::*;

    const OWN: [(&str, &str); 5] = [
        ("realtime.provider", "cascade"),
        ("cascade.stt.url", "http://127.0.0.1:9/v1"),
        ("cascade.llm.url", "http://127.0.0.1:9/v1"),
        ("cascade.tts.url", "http://127.0.0.1:9/v1"),
        ("cascade.tts.model", "kokoro"),
    ];

    fn of(overrides: &[(&str, &str)]) -> (Config, Profiles) {
        let config = Config::builtin_with(overrides).unwrap_or_else(|error| panic!("{error}"));
        let profiles = Profiles::new(&config, None);
        (config, profiles)
    }

    #[test]
    fn an_engine_without_a_price_is_named_once_and_costs_nothing() {
        let (config, profiles) = of(&OWN);
        let notes = notes(&config, &profiles);
        assert_eq!(notes.len(), 1, "{notes:?}");
        assert!(notes[0].starts_with("cascade.tts.model: ") && notes[0].contains("[prices.\"kokoro\"]"), "{notes:?}");
        let prices = &profiles.get("default", "en").expect("a profile").spend.prices;
        let used = Usage { stt_ms: 60_000, tts_characters: 1_000, ..Usage::default() };
        assert_eq!(prices.of("kokoro").of_response(&used), Usd::ZERO);
        assert_eq!(prices.of("nova-3").of_response(&used), Usd::from_dollars(0.0058), "it hears and does not speak");
        assert!(prices.of("our-deployment").audio_out > Usd::ZERO, "a model is no engine");
    }

    #[test]
    fn a_price_that_somebody_set_is_known() {
        let priced = [&OWN[..], &[("prices.kokoro.characters", "0.0")]].concat();
        let (config, profiles) = of(&priced);
        assert_eq!(notes(&config, &profiles), Vec::<String>::new());
        let (config, profiles) = of(&[]);
        assert_eq!(notes(&config, &profiles), Vec::<String>::new(), "there are no engines");
    }
}
