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
    for provider in SEATS.into_iter().map(Provider) {
        let (seat, names) = (provider.0, provider.names());
        assert_ne!(
            seat.key.is_some() || !seat.engines.is_empty(),
            seat.embedded.is_some(),
            "{provider:?}: whoever pays, and only they, shows a key"
        );
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
fn the_embedded_model_is_one_provider_with_many_protocols() {
    let embedded: Vec<Provider> = Provider::all().filter(|provider| provider.is_embedded()).collect();
    let [first] = embedded[..] else { panic!("one word for all: {embedded:?}") };
    let protocols: Vec<&str> = Provider::protocols().collect();
    assert_eq!(first.0.embedded, protocols.first().copied(), "the first protocol is the default");
    let distinct: BTreeSet<&str> = protocols.iter().copied().collect();
    assert_eq!(distinct.len(), protocols.len(), "a protocol twice: {protocols:?}");
    for protocol in protocols {
        let speaking = first.speaking(protocol);
        assert_eq!((speaking, speaking.0.embedded), (first, Some(protocol)));
    }
    assert_eq!(first.speaking("semaphore").0.embedded, first.0.embedded);
    let usual = Provider::usual();
    assert!(Provider::protocols().all(|protocol| usual.speaking(protocol).0.embedded.is_none()));
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
