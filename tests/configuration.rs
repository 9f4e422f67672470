//! Configuration: what is accepted, what is refused and in which words, and what becomes of it.

use std::collections::BTreeMap;

use switchboard::config::{Briefs, Config, RouteInput};
use switchboard_actors::wire::Carrier;

#[test]
fn the_built_in_defaults_are_valid_and_say_nothing_to_worry_about() {
    let config = Config::builtin_with(&[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(config.notes, Vec::<String>::new());
    assert_eq!(config.languages.len(), 6);
    let call = RouteInput {
        carrier: Carrier::Twilio,
        from: "+15550100001".to_owned().into(),
        to: "+15550100002".to_owned().into(),
        parameters: BTreeMap::new(),
    };
    let brief = Briefs::new(&config, Some("ws://127.0.0.1:1/v1/realtime")).for_call(&call);
    assert_eq!((brief.agent.as_str(), brief.language.as_str()), ("default", "en"));
}
