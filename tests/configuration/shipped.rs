//! The built-in configuration: `config.toml` and its six languages.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use switchboard::service::config::{Config, DEFAULTS, Provider, Sources, level_tables, sections};
use switchboard_actors::carrier::control::Target;
use switchboard_actors::delivery::notice::Kind;
use switchboard_actors::profile::{AnswerKind, InterruptionPlan, KeyAction};

use crate::with;

#[test]
fn the_built_in_defaults_are_valid_and_give_nothing_to_worry_about() {
    let config = with(&[]);
    assert_eq!(config.notes, Vec::<String>::new());
    assert!(config.is_local());
    assert_eq!(config.summary()["twilio"]["verify"], "off");
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.bind.to_string(), "127.0.0.1:9090");
    assert_eq!(config.limits.start_timeout, Duration::from_secs(5));
    assert_eq!(config.limits.max_message, 65_536);
    assert!(config.server.workers >= 1);
    assert_eq!(config.interruption, InterruptionPlan::default());
}

#[test]
fn config_toml_says_every_key_there_is_with_a_line_of_reason() {
    let written = keys_of(DEFAULTS);
    let known = Config::known_keys();
    for key in &known {
        let table = known.iter().any(|other| other.starts_with(&format!("{key}.")));
        let documented = written.get(key.as_str());
        assert!(table || documented.is_some(), "config.toml does not say `{key}`");
        assert!(table || documented == Some(&true), "config.toml gives no reason for `{key}`");
    }
    for key in written.keys() {
        assert!(known.contains(key), "config.toml speaks of `{key}`, which nobody reads");
    }
}

#[test]
fn what_config_toml_leaves_commented_out_is_valid_too() {
    let sample: String = DEFAULTS
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .filter(|line| line.starts_with('[') || line.split_once(" = ").is_some_and(|(key, _)| is_key(key)))
        // A destination has one target, but the sample shows all four. Of the two ways to inform
        // the callee, the sample keeps one. The built-in model is no model behind a voice.
        .filter(|line| {
            !["sip = ", "client = ", "carrier = true", "whisper = ", "backend_instructions = "]
                .iter()
                .any(|other| line.starts_with(other))
        })
        // The agent's keys follow those of the server.
        .fold(String::new(), |all, line| {
            all + line + if line.starts_with("key_env = \"AZURE") { "\n[agents.default]\n" } else { "\n" }
        });
    let variables = [
        ("TWILIO_ACCOUNT_SID", "AC1"),
        ("TWILIO_AUTH_TOKEN", "one"),
        ("CRM_AUTHORIZATION", "Bearer abc"),
        ("AZURE_OPENAI_KEY", "sk"),
        ("CALENDAR_TOKEN", "abc"),
        ("DEEPGRAM_API_KEY", "abc"),
        ("CARTESIA_API_KEY", "abc"),
        ("CHAT_KEY", "abc"),
        ("CALENDAR_TENANT", "one"),
        ("CRM_KEY", "abc"),
        ("SWITCHBOARD_TOKEN_ASHA", "0123456789abcdef"),
        ("CRM_TOKEN", "abc"),
        ("CRM_WEBHOOK_SECRET", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="),
    ];
    let sources = Sources::default().file("sample.toml", &sample).variables(&variables);
    let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}\n{sample}"));
    assert_eq!(config.realtime.fallbacks[0].provider, Provider::named("azure").expect("a provider"));
    assert_eq!(config.agents["default"].questions.len(), 1);
    assert_eq!(config.agents["default"].questions[0].kind, AnswerKind::Telephone);
    assert_eq!(config.agents["default"].keypad["1"], KeyAction::Transfer("sales".to_owned()));
    assert_eq!(config.agents["default"].keypad.len(), 5);
    assert_eq!(config.routes.len(), 1);
    assert!(matches!(config.transfers["sales"].destination.target, Target::Number(_)));
    assert!(config.transfers["sales"].destination.hours.is_some());
    assert!(config.transfers["sales"].destination.briefing.is_some());
    assert_eq!(config.tools["order_status"].parameters["required"][0], "number");
    assert_eq!(config.webhooks.endpoints[0].events, [Kind::TranscriptReady]);
}

#[test]
fn the_examples_are_valid_and_serve_every_language() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy/examples");
    let files =
        std::fs::read_dir(folder).expect("a readable folder").map(|file| file.expect("a readable folder").path());
    let mut checked = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a readable file");
        let mut variables = vec![("TWILIO_ACCOUNT_SID", "AC1"), ("TWILIO_AUTH_TOKEN", "one")];
        // What runs in the house needs no key.
        if !file.ends_with("cascade-self-hosted.toml") {
            variables.push(("SARVAM_API_KEY", "abc"));
        }
        let sources = Sources::default().file("config.toml", &text).variables(&variables);
        let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(config.realtime.provider, Provider::named("cascade").expect("a provider"));
        assert_eq!(config.languages.len(), 6, "{}", file.display());
        checked += 1;
    }
    assert_eq!(checked, 2);
}

#[test]
fn a_copy_of_config_toml_changes_nothing() {
    let copy = Config::from_sources(&Sources::default().file("config.toml", DEFAULTS)).expect("the defaults are valid");
    assert_eq!(Config { file: None, ..copy }, with(&[]));
    // A value that a copy repeats does not count as chosen, so it does not conflict with other
    // settings.
    let sources = Sources::default().file("config.toml", DEFAULTS);
    let semantic = sources.clone().variables(&[("SWITCHBOARD__REALTIME__TURN_DETECTION__TYPE", "semantic_vad")]);
    assert!(Config::from_sources(&semantic).is_ok());
    let moved = sources.variables(&[("SWITCHBOARD__SERVER__BIND", "127.0.0.1:9000")]);
    let moved = Config::from_sources(&moved).expect("a loopback address");
    assert_eq!(moved.server.public_url.as_str(), "http://127.0.0.1:9000/");
}

/// Between which sections of `config.toml` the carriers' sections stand, and their tables of
/// `[audio]`.
const CARRIERS: (&str, &str) = ("[admin]", "[audio]");
const LEVELS: (&str, &str) = ("[audio]", "[realtime]");

#[test]
fn config_toml_has_every_carriers_sections_as_its_seat_gives_them() {
    let text = with_sections(&with_sections(DEFAULTS, CARRIERS, &sections()), LEVELS, &level_tables());
    if std::env::var_os("WRITE_PAGES").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config.toml");
        std::fs::write(path, &text).expect("the page can be written");
        return;
    }
    assert!(DEFAULTS == text, "write it again: WRITE_PAGES=1 cargo test --test configuration shipped");
}

/// `text` with `sections` between the end of one section and the beginning of another.
fn with_sections(text: &str, (after, before): (&str, &str), sections: &str) -> String {
    let at = text.find(&format!("\n{after}\n")).expect("the section before") + 1;
    let from = at + text[at..].find("\n\n[").expect("another section") + 2;
    let to = text.find(&format!("\n{before}\n")).expect("the section after") + 1;
    [&text[..from], sections, &text[to..]].concat()
}

#[test]
fn the_prices_of_config_toml_are_those_of_the_providers() {
    let config = with(&[]);
    for (model, price) in Provider::all().flat_map(|provider| provider.names().prices) {
        assert!(DEFAULTS.contains(&format!("[prices.{model:?}]")), "config.toml has no price of {model}");
        assert_eq!(config.prices.of(model), *price, "{model}");
    }
}

#[test]
fn every_language_speaks_in_its_own_script() {
    let config = with(&[]);
    let scripts = [
        ("en", "English", 'A'..='z'),
        ("hi", "Hindi", '\u{900}'..='\u{97f}'),
        ("mr", "Marathi", '\u{900}'..='\u{97f}'),
        ("te", "Telugu", '\u{c00}'..='\u{c7f}'),
        ("ta", "Tamil", '\u{b80}'..='\u{bff}'),
        ("ml", "Malayalam", '\u{d00}'..='\u{d7f}'),
    ];
    assert_eq!(config.languages.len(), scripts.len());
    for (code, name, script) in scripts {
        let language = &config.languages[code];
        assert_eq!((language.name.as_str(), language.transcription_language.as_str()), (name, code));
        assert!(language.instructions.contains(&format!("Speak only {name}.")), "{code} is not pinned");
        let lines = [&language.greeting, &language.goodbye, &language.apology, &language.filler];
        for line in lines.into_iter().chain(&language.idle_prompts) {
            let own = |c: char| script.contains(&c) || !c.is_alphabetic();
            assert!(line.chars().all(|c| own(c) || c == '\u{200c}'), "{code}: {line}");
        }
        let native = language.instructions.chars().filter(|c| script.contains(c)).count();
        assert!(native > 150, "{code}: its instructions have {native} signs of its own script");
        assert!(language.voice.is_some());
    }
}

#[test]
fn marathi_texts_are_not_the_hindi_ones() {
    let config = with(&[]);
    assert!(config.languages["mr"].greeting.contains("तुमची"));
    assert!(config.languages["hi"].greeting.contains("आपकी"));
}

/// The keys that a document sets or shows commented out, with `<name>` in place of chosen names,
/// and whether each has a comment line before it. Sections of languages are documented together,
/// above the first.
fn keys_of(document: &str) -> BTreeMap<String, bool> {
    let mut keys = BTreeMap::new();
    let (mut section, mut documented, mut in_text) = (String::new(), false, false);
    for line in document.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if in_text {
            in_text = !bare.ends_with("\"\"\"");
        } else if let Some(name) = bare.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = pattern(name.trim_start_matches('[').trim_end_matches(']'));
            documented = false;
        } else if let Some((key, value)) = bare.split_once(" = ").filter(|(key, _)| is_key(key)) {
            in_text = value.starts_with("\"\"\"") && !value[3..].contains("\"\"\"");
            let shared = section == "languages.<name>" && document.contains(&format!("#   {key} "));
            *keys.entry(format!("{section}.{key}")).or_default() |= documented || shared;
            documented = false;
        } else {
            documented =
                line.starts_with("# ") && line.ends_with(|c: char| c.is_alphanumeric() || ".,:;\"".contains(c));
        }
    }
    keys
}

fn pattern(section: &str) -> String {
    if section.starts_with("prices.") {
        return "prices.<name>".to_owned();
    }
    let mut parts: Vec<&str> = section.split('.').collect();
    if ["agents", "languages", "transfers", "tools", "mcp"].contains(&parts[0]) {
        parts[1] = "<name>";
    }
    parts.join(".")
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}
