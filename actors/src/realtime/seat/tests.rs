use std::collections::BTreeSet;

use super::*;

#[test]
fn a_provider_is_found_by_its_word() {
    for provider in Provider::all() {
        let same = Provider::all().filter(|other| *other == provider).count();
        assert_eq!((Provider::named(provider.word()), same), (Some(provider), 1), "no two of one word");
        let plain = |c: u8| c.is_ascii_lowercase() || c == b'_';
        assert!(provider.word().bytes().all(plain), "{provider:?} is a value of a setting");
    }
    assert_eq!(Provider::named("nobody"), None);
}

#[test]
fn what_a_row_says_fits_together() {
    for provider in Provider::all() {
        let (seat, names) = (provider.0, provider.names());
        assert!(seat.key.is_none() || !seat.embedded, "{provider:?}: who is here needs no key");
        assert!(seat.embedded || seat.key.is_some(), "{provider:?}: whoever pays shows a key");
        let default = seat.address.default.map(|url| Url::parse(url).expect("a URL"));
        assert!(default.is_none_or(|url| (seat.address.refuses)(&url).is_none()), "{provider:?} refuses its own");
        for key in seat.knows {
            let is_table = KEYS.iter().any(|known| known.starts_with(&format!("{key}.")));
            assert!(KEYS.contains(key) || is_table, "{provider:?} knows {key}, which no setting is called");
        }
        assert!(seat.models_at == Servers::None || names.models.iter().any(|it| it.name == names.model));
        assert!(seat.voices_at == Servers::None || names.voices.contains(&names.voice), "{provider:?}");
        let futures = names.models.iter().map(|it| it.future).chain(names.transcribers.iter().map(|it| it.future));
        for future in futures {
            let Future::Leaves { on, successor } = future else { continue };
            assert!(chrono::NaiveDate::parse_from_str(on, "%Y-%m-%d").is_ok(), "{provider:?}: {on}");
            let next = names.models.iter().find(|it| it.name == successor).map(|it| it.future);
            let next = next.or_else(|| names.transcriber(successor).map(|it| it.future));
            assert_eq!(next, Some(Future::Stays), "{provider:?}: {successor} takes a place and leaves too");
        }
        let priced: BTreeSet<_> = names.prices.iter().map(|(name, _)| name).collect();
        assert_eq!(priced.len(), names.prices.len(), "{provider:?}: a price twice");
    }
}

#[test]
fn every_setting_is_known_to_some_provider() {
    for key in KEYS {
        assert!(Provider::all().any(|provider| provider.knows(key)), "{key}");
    }
    assert!(Provider::all().all(|provider| provider.knows("failover_patience")), "it depends on no provider");
}

#[test]
fn a_variable_is_listed_once() {
    let variables: Vec<&str> = Provider::keys().map(|key| key.variable).collect();
    let distinct: BTreeSet<&str> = variables.iter().copied().collect();
    assert_eq!(distinct.len(), variables.len(), "{variables:?}");
    assert!(Provider::all().filter_map(Provider::key).all(|key| distinct.contains(key.variable)));
}

#[test]
fn a_code_that_a_server_makes_up_has_no_count_of_its_own() {
    for made_up in ["call +15550100 back", "", "Server_Error", "e4711"] {
        assert_eq!(Provider::counter_of(made_up), complaints::OTHER);
    }
    for known in Provider::codes() {
        assert_eq!(Provider::counter_of(known), known);
    }
    assert!(complaints::CODES.iter().all(|code| Provider::codes().contains(code)));
}

#[test]
fn a_snapshots_date_is_no_part_of_its_name() {
    assert_eq!(undated("pigeon-2025-08-28"), "pigeon");
    for whole in ["pigeon", "pigeon-2.1", "-2025-08-28x", "é2025-08-28", ""] {
        assert_eq!(undated(whole), whole);
    }
}
