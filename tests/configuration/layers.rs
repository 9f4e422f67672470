//! Order of the configuration layers, and the places given in problems.

use std::time::Duration;

use switchboard::service::config::{Config, Sources};
use switchboard_actors::realtime::openai::plan::TurnDetection;

#[test]
fn the_environment_goes_before_the_file_and_the_file_before_the_defaults() {
    let sources = Sources::default()
        .file("my.toml", "[server]\nmax_calls = 5\ndrain_timeout = \"1m\"\n[agents.default]\ngreeting = \"Ahoy!\"")
        .variables(&[
            ("SWITCHBOARD__SERVER__MAX_CALLS", "7"),
            ("SWITCHBOARD__REALTIME__TURN_DETECTION__THRESHOLD", "0.6"),
            ("SWITCHBOARD__REALTIME__TURN_DETECTION__INTERRUPT_RESPONSE", "false"),
            ("SWITCHBOARD__AGENTS__DEFAULT__LANGUAGES", r#"["hi", "en"]"#),
            ("SWITCHBOARD__LIMITS__IDLE_PROMPTS", r#"["5s"]"#),
            ("SWITCHBOARD__TRANSFERS__SALES__NUMBER", "+14155550100"),
            ("SOMEBODY_ELSES", "business"),
        ]);
    let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((config.server.max_calls, config.server.drain_timeout), (7, Some(Duration::from_secs(60))));
    let TurnDetection::Server { threshold, interrupt_response, silence_duration_ms, .. } =
        config.realtime.options.turn_detection
    else {
        panic!("server_vad is the default")
    };
    assert_eq!((threshold, interrupt_response, silence_duration_ms), (0.6, false, 500));
    assert_eq!(config.agents["default"].languages, ["hi", "en"]);
    assert_eq!(config.limits.idle_prompts, [Duration::from_secs(5)]);
    assert!(config.transfers.contains_key("sales"));
    let above = Config::from_sources(&sources.overrides(&[("server.max_calls", "9")])).expect("valid");
    assert_eq!(above.server.max_calls, 9);
}

#[test]
fn a_problem_is_reported_with_its_place_in_the_file() {
    let file = Sources::default().file("my.toml", "[server]\n\nmax_calls = \"many\"\n[limts]\na = 1");
    let sources = file.variables(&[("SWITCHBOARD__SERVER__BNID", "x"), ("SWITCHBOARD____BIND", "x")]);
    let error = Config::from_sources(&sources).expect_err("four problems");
    let message = error.to_string();
    for expected in [
        "server.max_calls (my.toml, line 3): found \"many\", expected a whole number from 1 to 100000",
        "limts (my.toml, line 4): unknown key; the nearest known one is `limits`",
        "server.bnid (variable SWITCHBOARD__SERVER__BNID): unknown key; the nearest known one is `server.bind`",
        "SWITCHBOARD____BIND (variable SWITCHBOARD____BIND): names no key",
    ] {
        assert!(message.contains(expected), "{expected}\nis not in\n{message}");
    }
    assert_eq!(error.problems.len(), 4, "{message}");
}

#[test]
fn invalid_toml_is_reported_with_its_line() {
    let error =
        Config::from_sources(&Sources::default().file("my.toml", "[server]\nbind = \n[admin\n")).expect_err("no TOML");
    assert!(error.to_string().contains("my.toml (my.toml, line 2): not TOML"), "{error}");
}

#[test]
fn any_bytes_in_a_file_are_an_error_and_never_a_panic() {
    proptest::proptest!(|(text in "[\\[\\]a-z_.=\"' {},0-9\n#+-]{0,80}", value in "\\PC{0,40}")| {
        let _ = Config::from_sources(&Sources::default().file("x", &text));
        let _ = Config::from_sources(&Sources::default().variables(&[("SWITCHBOARD__SERVER__BIND", &value)]));
    });
}
