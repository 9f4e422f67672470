use switchboard_actors::realtime::seat::{Address, Key, Names, Seat, Sent, Servers};

use super::*;
use crate::service::config::reader::Reader;
use crate::service::config::sources::Sources;

/// A provider that knows little.
const PIGEON: Provider = Provider::of(&Seat {
    word: "pigeon",
    embedded: None,
    names: &Names {
        of: "Pigeon",
        model: "homing-2",
        voice: "coo",
        models: &[],
        voices: &[],
        own_voice: None,
        transcribers: &[],
        prices: &[],
        codes: &[],
    },
    models_at: Servers::None,
    voices_at: Servers::None,
    key: Some(Key { variable: "PIGEON_API_KEY", sent: Sent::Bearer, begins: None }),
    address: Address { default: None, example: "wss://loft.example", refuses: |_| None },
    knows: &["speed", "turn_detection.silence_duration", "transcription"],
    lacks: |_| None,
    engines: &[],
    plan: |_| unreachable!("no plan is made"),
});

/// The keys of `[realtime]` with these overrides that [`PIGEON`] refuses.
fn refused(overrides: &[(&str, &str)]) -> Vec<String> {
    refused_beside(overrides, &[])
}

/// The same, with fallbacks of these providers.
fn refused_beside(overrides: &[(&str, &str)], fallbacks: &[Provider]) -> Vec<String> {
    let (tree, problems) = Sources::default().overrides(overrides).laid().expect("a tree");
    assert!(problems.is_empty(), "{problems:?}");
    let reader = Reader::default();
    {
        let top = reader.top(&tree);
        At { provider: PIGEON, url: None }.check_settings(&top.table("realtime"), fallbacks);
    }
    let (problems, ..) = reader.finish();
    let about = problems.into_iter().filter(|it| it.message.contains("provider \"pigeon\" does not know"));
    about.map(|problem| problem.key).collect()
}

#[test]
fn a_setting_that_the_provider_does_not_know_is_refused_if_it_was_chosen() {
    assert_eq!(refused(&[]), Vec::<String>::new(), "defaults are left out");
    let known = [("realtime.speed", "1.2"), ("realtime.transcription.model", "ear"), ("realtime.model", "racing-1")];
    assert_eq!(refused(&known), Vec::<String>::new());
    let foreign = [
        ("realtime.noise_reduction", "off"),
        ("realtime.turn_detection.silence_duration", "300ms"),
        ("realtime.turn_detection.threshold", "0.6"),
        ("realtime.tool_choices", "{ greeting = \"none\" }"),
    ];
    let expected = ["realtime.noise_reduction", "realtime.turn_detection.threshold", "realtime.tool_choices.greeting"];
    assert_eq!(refused(&foreign), expected);
}

#[test]
fn a_setting_that_a_fallback_knows_is_for_that_one() {
    let noise = [("realtime.noise_reduction", "off")];
    assert_eq!(refused_beside(&noise, &[PIGEON]), ["realtime.noise_reduction"]);
    assert_eq!(refused_beside(&noise, &[PIGEON, Provider::usual()]), Vec::<String>::new());
}

#[test]
fn an_address_is_asked_for_where_there_is_no_default() {
    let (tree, _) = Sources::default().laid().expect("a tree");
    let reader = Reader::default();
    {
        let top = reader.top(&tree);
        assert_eq!(read_url(&top.table("realtime"), PIGEON, None), None);
    }
    let (problems, ..) = reader.finish();
    let found = problems.iter().find(|problem| problem.key == "realtime.url").expect("a problem");
    assert!(found.message.contains("wss://loft.example with realtime.provider = \"pigeon\""), "{found:?}");
}
