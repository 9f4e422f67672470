//! Configuration: what is accepted, what is refused and in which words, and what becomes of it.

use std::collections::BTreeMap;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use switchboard::config::{Briefs, Config, ConfigError, DEFAULTS, Problem, RouteInput, Sources, Target, Verify};
use switchboard_actors::call::brief::{Brief, Greeting};
use switchboard_actors::realtime::plan::{Credential, TurnDetection};
use switchboard_actors::wire::{AudioFormat, Carrier};

/// A key that OpenAI would take for one of its own, by its form.
const KEY: &str = "sk-proj-0123456789abcdefghij";
/// Twilio's and our own tokens look like this.
const TOKEN: &str = "f0e1d2c3b4a5968778695a4b3c2d1e0f";

// What is built in.

#[test]
fn the_built_in_defaults_are_valid_and_give_nothing_to_worry_about() {
    let config = with(&[]);
    assert_eq!(config.notes, Vec::<String>::new());
    assert!(config.is_local());
    assert_eq!(config.twilio.verify, Verify::Off);
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.admin.bind.to_string(), "127.0.0.1:9090");
    assert_eq!(config.limits.start_timeout, Duration::from_secs(5));
    assert_eq!(config.limits.max_message, 65_536);
    assert!(config.server.workers >= 1);
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
        // A destination has one target, and the sample shows all three.
        .filter(|line| !line.starts_with("sip = ") && !line.starts_with("carrier = true"))
        .fold("[agents.default]\n".to_owned(), |all, line| all + line + "\n");
    let config = Config::from_sources(&Sources::default().file("sample.toml", &sample))
        .unwrap_or_else(|error| panic!("{error}\n{sample}"));
    assert_eq!(config.agents["default"].questions.len(), 1);
    assert_eq!(config.routes.len(), 1);
    assert!(matches!(config.transfers["sales"].target, Target::Number(_)));
    assert!(config.transfers["sales"].hours.is_some());
    assert_eq!(config.tools["order_status"].parameters["required"][0], "number");
    assert_eq!(config.webhooks.endpoints[0].events, ["transcript.ready"]);
}

#[test]
fn a_copy_of_config_toml_changes_nothing() {
    let copy = Config::from_sources(&Sources::default().file("config.toml", DEFAULTS)).expect("the defaults are valid");
    assert_eq!(Config { file: None, ..copy }, with(&[]));
    // What a copy repeats was not chosen: it hinders no other setting.
    let sources = Sources::default().file("config.toml", DEFAULTS);
    let semantic = sources.clone().variables(&[("SWITCHBOARD__REALTIME__TURN_DETECTION__TYPE", "semantic_vad")]);
    assert!(Config::from_sources(&semantic).is_ok());
    let moved = sources.variables(&[("SWITCHBOARD__SERVER__BIND", "127.0.0.1:9000")]);
    let moved = Config::from_sources(&moved).expect("a loopback address");
    assert_eq!(moved.server.public_url.as_str(), "http://127.0.0.1:9000/");
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
        let lines = [&language.greeting, &language.goodbye, &language.apology];
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
fn marathi_is_not_hindi() {
    let config = with(&[]);
    assert!(config.languages["mr"].greeting.contains("तुमची"));
    assert!(config.languages["hi"].greeting.contains("आपकी"));
}

// What calls are held by.

#[test]
fn every_language_has_a_session_of_its_own() {
    let briefs = Briefs::new(&with(&[]), Some("ws://127.0.0.1:4000/v1/realtime"));
    for code in ["en", "hi", "mr", "te", "ta", "ml"] {
        let config = with(&[]);
        let brief = briefs.get("default", code).expect("the default agent speaks it");
        let plan = &brief.model;
        assert_eq!(plan.endpoint.url, "ws://127.0.0.1:4000/v1/realtime");
        assert_eq!(plan.endpoint.credential, Credential::None);
        assert_eq!(plan.model, "gpt-realtime-2.1");
        assert_eq!(plan.format, AudioFormat::PCM_24K);
        let (agent, language) = (&config.agents["default"], &config.languages[code]);
        assert!(plan.instructions.starts_with(&agent.instructions));
        assert!(plan.instructions.ends_with(&language.instructions));
        let transcription = plan.transcription.as_ref().expect("on by default");
        assert_eq!(transcription.language.as_deref(), Some(code));
        let Greeting::Spoken(greeting) = &brief.greeting else { panic!("the agent greets") };
        assert!(greeting.contains(&language.greeting) && greeting.contains(&language.name));
        // Instructions and tools together may take 16,384 tokens; no script takes more than one token a sign.
        assert!(plan.instructions.chars().count() < 12_000);
    }
}

#[test]
fn calls_of_one_route_share_one_brief() {
    let briefs = Briefs::new(&with(&[]), None);
    let call = call("+15550100001", "+15550100002", &[]);
    assert!(std::sync::Arc::ptr_eq(&briefs.for_call(&call), &briefs.for_call(&call)));
}

#[test]
fn tools_are_offered_in_the_flat_form_when_there_is_something_they_can_do() {
    let names = |brief: &Brief| -> Vec<String> {
        brief.model.tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    };
    let all = r#"["end_call", "transfer_call", "switch_language", "save_answer", "send_dtmf"]"#;
    let plain = brief(&with(&[("agents.default.tools", all), ("agents.default.languages", r#"["en"]"#)]));
    assert_eq!(names(&plain), ["end_call", "save_answer", "send_dtmf"]);

    let settings = [
        ("agents.default.tools", all),
        ("transfers.sales.number", "+14155550100"),
        ("transfers.sales.description", "Prices and offers"),
        ("transfers.desk.carrier", "true"),
        ("agents.default.questions", r#"[{ key = "email", label = "The e-mail address" }]"#),
    ];
    let full = brief(&with(&settings));
    assert_eq!(names(&full), ["end_call", "transfer_call", "switch_language", "save_answer", "send_dtmf"]);
    for tool in &full.model.tools {
        assert_eq!(tool["type"], "function");
        assert!(tool.get("function").is_none() && tool.get("strict").is_none());
        assert_eq!(tool["parameters"]["type"], "object");
        let required = tool["parameters"]["required"].as_array().expect("a list").len();
        assert_eq!(required, tool["parameters"]["properties"].as_object().expect("a table").len());
    }
    let parameter = |tool: usize, name: &str| full.model.tools[tool]["parameters"]["properties"][name]["enum"].clone();
    assert_eq!(parameter(1, "destination"), serde_json::json!(["desk", "sales"]));
    assert_eq!(parameter(2, "language"), serde_json::json!(["en", "hi", "mr", "te", "ta", "ml"]));
    assert_eq!(parameter(3, "key"), serde_json::json!(["email"]));
    // The model picks a name; it never sees the number.
    assert!(!serde_json::to_string(&full.model.tools).expect("JSON").contains("4155550100"));
}

#[test]
fn a_voice_that_was_chosen_goes_before_one_that_was_shipped() {
    let voice = |settings: &[(&str, &str)]| brief(&with(settings)).model.voice.clone();
    assert_eq!(voice(&[]), "marin");
    assert_eq!(voice(&[("agents.default.voice", "cedar")]), "cedar");
    assert_eq!(voice(&[("languages.en.voice", "sage")]), "sage");
    assert_eq!(voice(&[("agents.default.voice", "cedar"), ("languages.en.voice", "sage")]), "sage");
}

#[test]
fn an_agent_may_greet_with_words_of_its_own_or_not_at_all() {
    let greeting = |value: &str| brief(&with(&[("agents.default.greeting", value)])).greeting.clone();
    assert_eq!(greeting(""), Greeting::None);
    assert!(matches!(greeting("Ahoy!"), Greeting::Spoken(words) if words.contains("Ahoy!")));
    assert!(matches!(greeting(r#"{ en = "Ahoy!" }"#), Greeting::Spoken(words) if words.contains("Ahoy!")));
    assert!(
        matches!(greeting(r#"{ hi = "सुनिए!" }"#), Greeting::Spoken(words) if words.contains("thank you for calling"))
    );
}

#[test]
fn a_real_provider_gets_its_address_and_its_key() {
    let plan = |settings: &[(&str, &str)]| {
        let sources = Sources::default().variables(&[("OPENAI_API_KEY", KEY)]).overrides(settings);
        let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}"));
        brief(&config).model.clone()
    };
    let openai = plan(&[("realtime.provider", "openai"), ("realtime.audio_format", "g711"), ("realtime.speed", "1.2")]);
    assert_eq!(openai.endpoint.url, "wss://api.openai.com/v1/realtime");
    assert_eq!(openai.endpoint.credential, Credential::Bearer(KEY.to_owned().into()));
    assert_eq!((openai.format, openai.speed), (AudioFormat::MULAW_8K, Some(1.2)));
    let url = "wss://firm.openai.azure.com/openai/v1/realtime";
    let azure = plan(&[("realtime.provider", "azure"), ("realtime.url", url), ("realtime.model", "my-deployment")]);
    assert_eq!(azure.endpoint.url, url);
    assert_eq!(azure.endpoint.credential, Credential::ApiKey(KEY.to_owned().into()));
    assert_eq!(azure.model, "my-deployment");
    // A server of one's own has voices and models of its own.
    let own =
        [("realtime.provider", "openai"), ("realtime.url", "ws://10.0.0.5/v1/realtime"), ("languages.en.voice", "ara")];
    assert_eq!(plan(&own).voice, "ara");
}

#[test]
fn semantic_turn_detection_has_none_of_the_other_kind() {
    let config =
        with(&[("realtime.turn_detection.type", "semantic_vad"), ("realtime.turn_detection.eagerness", "low")]);
    let expected =
        TurnDetection::Semantic { eagerness: "low".to_owned(), create_response: true, interrupt_response: true };
    assert_eq!(config.realtime.turn_detection, expected);
    let error =
        refused(&[("realtime.turn_detection.type", "semantic_vad"), ("realtime.turn_detection.threshold", "0.6")]);
    assert_eq!(error.problems[0].key, "realtime.turn_detection.threshold");
}

// Routes.

#[test]
fn the_first_route_that_matches_wins_and_leaves_the_rest_open() {
    let config = with(&[(
        "routes",
        r#"[{ to = "+9122 5000-0000", language = "mr" }, { from = "+91*", language = "hi" },
            { parameters = { campaign = "spring" }, language = "ta" }, { carrier = "waybeo", language = "ml" }]"#,
    )]);
    let language =
        |from: &str, to: &str, parameters: &[(&str, &str)]| config.route(&call(from, to, parameters)).language;
    assert_eq!(language("+919800000000", "+912250000000", &[]), "mr");
    assert_eq!(language("+91 98000 00000", "+15550100002", &[]), "hi");
    assert_eq!(language("+15550100001", "+15550100002", &[("campaign", "spring")]), "ta");
    assert_eq!(language("client:alice", "+15550100002", &[]), "en");
    assert_eq!(language("", "", &[("language", "te")]), "te");
    assert_eq!(language("+919800000000", "", &[("language", "te")]), "hi");
    assert_eq!(language("", "", &[("language", "klingon"), ("agent", "nobody")]), "en");
    let decision = config.route(&call("+15550100001", "+15550100002", &[]));
    assert_eq!(decision.route, None);
    assert!(
        decision.because[0].contains("routes[0] does not match: to is not +9122 5000-0000"),
        "{:?}",
        decision.because
    );
}

#[test]
fn a_parameter_chooses_among_the_agents_there_are() {
    let config = with(&[("agents.sales.instructions", "Sell."), ("agents.sales.languages", r#"["hi", "en"]"#)]);
    let decision = config.route(&call("", "", &[("agent", "sales")]));
    assert_eq!((decision.agent.as_str(), decision.language.as_str()), ("sales", "hi"));
    assert_eq!(config.agents["sales"].tools, ["end_call"]);
}

// Layers.

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
    assert_eq!((config.server.max_calls, config.server.drain_timeout), (7, Duration::from_secs(60)));
    let TurnDetection::Server { threshold, interrupt_response, silence_duration_ms, .. } =
        config.realtime.turn_detection
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
fn a_problem_is_told_with_the_place_it_was_written() {
    let file = Sources::default().file("my.toml", "[server]\n\nmax_calls = \"many\"\n[limts]\na = 1");
    let sources = file.variables(&[("SWITCHBOARD__SERVER__BNID", "x"), ("SWITCHBOARD____BIND", "x")]);
    let error = Config::from_sources(&sources).expect_err("four problems");
    let told = error.to_string();
    for expected in [
        "server.max_calls (my.toml, line 3): found \"many\", expected a whole number from 1 to 100000",
        "limts (my.toml, line 4): unknown key; the nearest known one is `limits`",
        "server.bnid (variable SWITCHBOARD__SERVER__BNID): unknown key; the nearest known one is `server.bind`",
        "SWITCHBOARD____BIND (variable SWITCHBOARD____BIND): names no key",
    ] {
        assert!(told.contains(expected), "{expected}\nis not in\n{told}");
    }
    assert_eq!(error.problems.len(), 4, "{told}");
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
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

// What is refused.

#[test]
fn hundreds_of_wrong_settings_are_refused_by_name() {
    let mut tried = 0;
    for key in Config::known_keys() {
        let (before, name) = placed(&key);
        let (_, leaf) = key.rsplit_once('.').unwrap_or(("", &key));
        for value in ["{ x = 1 }", "[[1]]", "1979-05-27"] {
            must_refuse(&format!("{before}{leaf} = {value}\n"), &name);
            tried += 1;
        }
        if leaf.len() >= 5 {
            let misspelt = format!("{}{}", &leaf[..2], &leaf[3..]);
            let wrong = name.strip_suffix(leaf).expect("a name ends in its key").to_owned() + &misspelt;
            let error = must_refuse(&format!("{before}{misspelt} = 1\n"), &wrong);
            let message = &problem(&error, &wrong).message;
            assert!(message.contains(&format!("nearest known one is `{name}`")), "{wrong}: {message}");
            tried += 1;
        }
    }
    for (key, values) in WRONG {
        for value in *values {
            let overrides = [(*key, *value)];
            let error = Config::builtin_with(&overrides).err().unwrap_or_else(|| panic!("{key} = {value} is accepted"));
            let message = &problem(&error, key).message;
            assert!(message.contains("expected") || message.contains("set "), "{key}: {message}");
            tried += 1;
        }
    }
    assert!(tried > 400, "{tried}");
}

/// Values that have the right type and are wrong all the same.
const WRONG: &[(&str, &[&str])] = &[
    ("server.bind", &["localhost:8080", "127.0.0.1", "8080", "", "127.0.0.1:70000"]),
    (
        "server.public_url",
        &["voice.example.com", "ftp://x", "https://", "https://me:pass@x.com", "https://x/#a", "http://127.0.0.1/?a=b"],
    ),
    ("server.workers", &["0", "-1", "many", "1.5"]),
    ("server.max_calls", &["0", "-1", "100001", "1e3"]),
    ("server.drain_timeout", &["30", "-1s", "2h", "soon"]),
    ("admin.bind", &["0.0.0.0:9090", "[::]:9090", "127.0.0.1:8080"]),
    ("twilio.verify", &["yes", "true", "require", "OFF"]),
    ("twilio.api_url", &["api.twilio.com", "wss://api.twilio.com"]),
    ("twilio.token_lifetime", &["0s", "60", "1h"]),
    ("twilio.playout_lead", &["0ms", "10s"]),
    ("waybeo.enabled", &["1", "yes"]),
    ("waybeo.inactivity", &["1s", "2days"]),
    ("waybeo.transfer_command", &["", " "]),
    ("realtime.provider", &["gemini", "openai", "azure", ""]),
    (
        "realtime.url",
        &[
            "https://api.openai.com/v1/realtime",
            "wss://x/?model=y",
            "wss://x.openai.azure.com/openai/realtime?api-version=1",
        ],
    ),
    ("realtime.model", &["", "gpt-4o-realtime-preview", "gpt-4o-mini-realtime-preview-2024-12-17", "gpt-audio-1.5"]),
    ("realtime.fallback_models", &["[\"gpt-4o-realtime-preview\"]", "gpt-realtime-2.1", "[1]"]),
    ("realtime.audio_format", &["pcm16", "g711_ulaw", "pcmu"]),
    ("realtime.voice", &["nova", "Marin", ""]),
    ("realtime.speed", &["0.2", "1.6", "fast", "NaN", "inf"]),
    ("realtime.max_output_tokens", &["0", "4097", "-1"]),
    ("realtime.retention_ratio", &["0", "1.1", "none"]),
    ("realtime.noise_reduction", &["on", "true", "null"]),
    ("realtime.silence_timeout", &["20s", "1h"]),
    ("realtime.turn_detection.type", &["none", "vad", "semantic"]),
    ("realtime.turn_detection.threshold", &["-0.1", "1.1", "50"]),
    ("realtime.turn_detection.prefix_padding", &["300", "6s"]),
    ("realtime.turn_detection.silence_duration", &["500", "50ms", "11s"]),
    ("realtime.turn_detection.idle_timeout", &["4s", "31s", "6000"]),
    ("realtime.turn_detection.eagerness", &["eager", "high"]),
    ("realtime.turn_detection.create_response", &["yes", "0"]),
    ("realtime.transcription.model", &["gpt-realtime-whisper", ""]),
    ("agents.default.instructions", &["", "  "]),
    ("agents.default.languages", &["[]", "[\"fr\"]", "en", "[\"en\", 3]"]),
    ("agents.default.tools", &["[\"hang_up\"]", "[\"\"]", "end_call"]),
    ("agents.default.voice", &["nova"]),
    ("agents.default.model", &["gpt-4o-realtime-preview"]),
    ("agents.default.greeting", &["{ fr = \"Bonjour\" }", "{ en = 3 }"]),
    ("agents.sales.instructions", &[""]),
    ("languages.en.transcription_language", &["eng", "en-US", "EN", ""]),
    ("languages.en.idle_prompts", &["[]", "[\"\"]", "hello"]),
    ("languages.en.voice", &["nova"]),
    ("languages.en.greeting", &[""]),
    ("transfers.sales.number", &["911", "4155550100", "+0123456789", "+1 415 555 0100", "sip:x"]),
    ("transfers.sales.sip", &["sales@pbx", "sip:", "sip:a b"]),
    ("transfers.sales.hours", &["always", "mon-fri 9-5", "[\"mon 09:00-10:00\"]"]),
    ("transfers.sales.timeout", &["1s", "1h"]),
    ("tools.orders.url", &["orders", "ftp://x"]),
    ("tools.orders.method", &["post", "FETCH"]),
    ("tools.orders.parameters", &["{ type = \"string\" }"]),
    ("tools.orders.headers_env", &["{ Authorization = \"Bearer abc\" }"]),
    ("tools.orders.max_result", &["16", "16KB", "1B", "99999999999999999999MiB", "100MiB"]),
    ("records.dir", &["", " "]),
    ("webhooks.retry.initial", &["1ms", "2h"]),
    ("limits.max_call_duration", &["5s", "2days", "1800"]),
    ("limits.idle_prompts", &["[\"1s\"]", "10s", "[\"5s\",\"5s\",\"5s\",\"5s\",\"5s\",\"5s\"]"]),
    ("limits.max_message", &["65536", "1KiB", "1GiB", "64kb"]),
    ("limits.sockets_per_address", &["0"]),
];

#[test]
fn names_must_lead_somewhere_and_be_writable_everywhere() {
    for (settings, key) in [
        ([("routes", r#"[{ agent = "defalt" }]"#)].as_slice(), "routes[0].agent"),
        (&[("routes", r#"[{ to = "+1*" }]"#)], "routes[0].agent"),
        (&[("routes", r#"[{ language = "fr" }]"#)], "routes[0].language"),
        (&[("routes", r#"[{ to = "+1*2", agent = "default" }]"#)], "routes[0].to"),
        (&[("routes", r#"[{ carrier = "telnyx", agent = "default" }]"#)], "routes[0].carrier"),
        (
            &[("routes", r#"[{ agent = "default", language = "hi" }]"#), ("agents.default.languages", r#"["en"]"#)],
            "routes[0].language",
        ),
        (&[("agents.Sales.instructions", "Sell."), ("agents.Sales.languages", r#"["en"]"#)], "agents.Sales"),
        (&[("transfers.sales.announce", "Hello")], "transfers.sales.number"),
        (&[("transfers.sales.number", "+14155550100"), ("transfers.sales.carrier", "true")], "transfers.sales.number"),
        (&[("tools.end_call.url", "https://x"), ("tools.end_call.description", "x")], "tools.end_call"),
        (
            &[("webhooks.endpoints", r#"[{ name = "a", url = "https://x", secret_env = "s3cr3t" }]"#)],
            "webhooks.endpoints[0].secret_env",
        ),
        (
            &[("webhooks.endpoints", r#"[{ name = "a", url = "https://x" }, { name = "a", url = "https://y" }]"#)],
            "webhooks.endpoints",
        ),
        (&[("agents.default.questions", r#"[{ key = "E Mail", label = "x" }]"#)], "agents.default.questions[0].key"),
        (
            &[("agents.default.questions", r#"[{ key = "a", label = "x" }, { key = "a", label = "y" }]"#)],
            "agents.default.questions",
        ),
    ] {
        problem(&refused(settings), key);
    }
    let message = problem(&refused(&[("routes", r#"[{ agent = "defalt" }]"#)]), "routes[0].agent").message.clone();
    assert!(message.contains("the nearest known one is \"default\""), "{message}");
}

// Trust.

#[test]
fn signatures_are_required_as_soon_as_a_stranger_could_call() {
    let verify = |settings: &[(&str, &str)], token: bool| {
        let token = if token { [("TWILIO_AUTH_TOKEN", "one, two")].as_slice() } else { &[] };
        Config::from_sources(&Sources::default().variables(token).overrides(settings))
            .map(|config| config.twilio.verify)
    };
    assert_eq!(verify(&[], false), Ok(Verify::Off));
    assert_eq!(verify(&[], true), Ok(Verify::Require));
    assert_eq!(verify(&[("twilio.verify", "off")], true), Ok(Verify::Off));
    let outside = [[("server.bind", "0.0.0.0:8080")], [("server.public_url", "https://voice.example.com")]];
    for outside in outside {
        assert_eq!(verify(&outside, true), Ok(Verify::Require));
        let unsigned = verify(&outside, false).expect_err("a stranger could call");
        assert!(problem(&unsigned, "twilio.verify").message.contains("TWILIO_AUTH_TOKEN"));
        for token in [true, false] {
            let off = verify(&[outside[0], ("twilio.verify", "off")], token).expect_err("a stranger could call");
            assert!(problem(&off, "twilio.verify").message.contains(outside[0].0), "{off}");
        }
    }
    let unready = verify(&[("twilio.verify", "require")], false).expect_err("nothing to verify with");
    problem(&unready, "twilio.verify");
}

#[test]
fn what_needs_a_secret_is_refused_without_it() {
    let load = |settings: &[(&str, &str)], variables: &[(&str, &str)]| {
        Config::from_sources(&Sources::default().variables(variables).overrides(settings))
    };
    let openai = [("realtime.provider", "openai")];
    assert!(problem(&load(&openai, &[]).expect_err("no key"), "realtime.provider").message.contains("OPENAI_API_KEY"));
    assert!(load(&openai, &[("OPENAI_API_KEY", " ")]).is_err(), "a blank key is no key");
    assert!(load(&openai, &[("OPENAI_API_KEY", KEY)]).is_ok());
    let admin = [("admin.bind", "0.0.0.0:9090")];
    assert!(
        problem(&load(&admin, &[]).expect_err("no token"), "admin.bind").message.contains("SWITCHBOARD_ADMIN_TOKEN")
    );
    assert!(load(&admin, &[("SWITCHBOARD_ADMIN_TOKEN", "0123456789abcdef")]).is_ok());
    let waybeo = [("waybeo.enabled", "true"), ("server.bind", "0.0.0.0:8080")];
    let variables = [("TWILIO_AUTH_TOKEN", "t")];
    problem(&load(&waybeo, &variables).expect_err("no stream token"), "waybeo.enabled");
    let two = load(&[], &[("TWILIO_AUTH_TOKEN", "one, two,")]).expect("valid").secrets.twilio_auth_tokens;
    assert_eq!(two, ["one".to_owned().into(), "two".to_owned().into()]);
}

#[test]
fn a_secret_in_a_file_is_refused_and_not_repeated() {
    for (text, key, variable) in [
        (format!("[realtime]\napi_key = \"{KEY}\""), "realtime.api_key", "OPENAI_API_KEY"),
        (format!("openai_api_key = \"{KEY}\""), "openai_api_key", "OPENAI_API_KEY"),
        (format!("[twilio]\nauth_token = \"{TOKEN}\""), "twilio.auth_token", "TWILIO_AUTH_TOKEN"),
        (format!("[twilio]\naccount_sid = \"{TOKEN}\""), "twilio.account_sid", "TWILIO_ACCOUNT_SID"),
        (format!("[admin]\ntoken = \"{TOKEN}\""), "admin.token", "SWITCHBOARD_ADMIN_TOKEN"),
        (format!("[waybeo]\nstream_token = \"{TOKEN}\""), "waybeo.stream_token", "WAYBEO_STREAM_TOKEN"),
        (format!("[realtime]\nmodel = \"{KEY}\""), "realtime.model", "OPENAI_API_KEY"),
        (format!("[realtime]\nvoice = \"{KEY}\""), "realtime.voice", "OPENAI_API_KEY"),
    ] {
        let error = Config::from_sources(&Sources::default().file("my.toml", &text)).expect_err("a secret in a file");
        let message = &problem(&error, key).message;
        assert!(
            message.contains("secrets come only from the environment") && message.contains(variable),
            "{key}: {message}"
        );
        assert!(
            !error.to_string().contains(KEY) && !error.to_string().contains(TOKEN),
            "{key}: the secret is repeated"
        );
    }
}

#[test]
fn secrets_are_never_shown() {
    let secrets = [
        ("OPENAI_API_KEY", KEY),
        ("TWILIO_AUTH_TOKEN", "hunter2hunter2"),
        ("SWITCHBOARD_ADMIN_TOKEN", "swordfish-swordfish"),
    ];
    let sources = Sources::default().variables(&secrets).overrides(&[("realtime.provider", "openai")]);
    let config = Config::from_sources(&sources).expect("valid");
    let shown = format!("{config:?} {:?} {} {:?}", config.describe(), config.summary(), brief(&config));
    for (name, secret) in secrets {
        assert!(!shown.contains(secret), "{name} is shown");
        assert_eq!(config.summary()["secrets"][name], "present");
    }
    assert_eq!(config.summary()["secrets"]["WAYBEO_AUTH_TOKEN"], "absent");
}

// The command.

#[test]
fn check_says_what_would_run() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join(".env"), "SOMEBODY_ELSES=x\nTWILIO_AUTH_TOKEN=swordfish\nSWITCHBOARD__SERVER__MAX_CALLS=3\nSWITCHBOARD__SERVER__WORKERS=2\n").expect("a file");
    let output = check(dir.path(), &["--json"], &[("SWITCHBOARD__SERVER__WORKERS", "5")]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["server"]["max_calls"], 3);
    assert_eq!(told["server"]["workers"], 5, "a variable that is set wins over .env");
    assert_eq!(told["twilio"]["verify"], "require");
    assert_eq!(told["secrets"]["TWILIO_AUTH_TOKEN"], "present");

    let words = check(dir.path(), &["--route", "+912250000000", "--parameter", "language=hi"], &[]);
    let text = String::from_utf8(words.stdout).expect("text");
    assert!(
        text.contains("default: en hi mr te ta ml") && text.contains("language hi: by the call's parameter"),
        "{text}"
    );
    assert!(!text.contains("swordfish") && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn check_leaves_with_2_and_all_that_is_wrong_on_stderr() {
    let dir = tempfile::tempdir().expect("a folder");
    std::fs::write(dir.path().join("config.toml"), "[server]\nbnd = 1\nmax_calls = 0\n").expect("a file");
    let output = check(dir.path(), &[], &[]);
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    assert!(text.contains("server.bnd (config.toml, line 2)") && text.contains("server.max_calls"), "{text}");
    let output = check(dir.path(), &["--json"], &[]);
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((told["valid"].as_bool(), told["problems"].as_array().map(Vec::len)), (Some(false), Some(2)));

    let missing = check(dir.path(), &["--config", "nowhere.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("nowhere.toml"));
    assert_eq!(check(dir.path(), &["--jsn"], &[]).status.code(), Some(2));
    assert_eq!(check(dir.path(), &["--help"], &[]).status.code(), Some(0));
}

// Helpers.

fn with(settings: &[(&str, &str)]) -> Config {
    Config::builtin_with(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(settings: &[(&str, &str)]) -> ConfigError {
    Config::builtin_with(settings).err().unwrap_or_else(|| panic!("{settings:?} is accepted"))
}

fn problem<'e>(error: &'e ConfigError, key: &str) -> &'e Problem {
    error.problems.iter().find(|problem| problem.key == key).unwrap_or_else(|| panic!("nothing on {key} in: {error}"))
}

/// The file is refused, and a problem names this key or something within it.
fn must_refuse(text: &str, name: &str) -> ConfigError {
    let error = Config::from_sources(&Sources::default().file("my.toml", text)).err();
    let error = error.unwrap_or_else(|| panic!("accepted:\n{text}"));
    let named = |problem: &&Problem| problem.key.starts_with(name);
    assert!(error.problems.iter().any(|problem| named(&problem)), "nothing on {name} in: {error}\n{text}");
    error
}

/// How a known key is written in a file: what stands before it, and its name in messages.
fn placed(key: &str) -> (String, String) {
    let names = [("agents", "default"), ("languages", "en"), ("transfers", "desk"), ("tools", "orders")];
    let concrete = names.iter().fold(key.to_owned(), |key, (section, name)| {
        key.replace(&format!("{section}.<name>"), &format!("{section}.{name}"))
    });
    let (section, leaf) = concrete.rsplit_once('.').unwrap_or(("", &concrete));
    match section {
        "" => (String::new(), leaf.to_owned()),
        "routes" | "webhooks.endpoints" | "agents.default.questions" => {
            (format!("[[{section}]]\n"), format!("{section}[0].{leaf}"))
        }
        section => (format!("[{section}]\n"), format!("{section}.{leaf}")),
    }
}

fn brief(config: &Config) -> std::sync::Arc<Brief> {
    let first = &config.agents["default"].languages[0];
    Briefs::new(config, None).get("default", first).expect("a language that the agent speaks")
}

fn call(from: &str, to: &str, parameters: &[(&str, &str)]) -> RouteInput {
    RouteInput {
        carrier: Carrier::Twilio,
        from: from.to_owned().into(),
        to: to.to_owned().into(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

fn check(dir: &std::path::Path, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_switchboard"));
    command.arg("check").args(arguments).current_dir(dir).env_clear().envs(variables.iter().copied());
    command.output().expect("the program runs")
}

/// The keys a document sets or shows commented out, with `<name>` where people choose names, and whether a comment line stands
/// before each. Sections of languages are documented together, above the first.
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
    let mut parts: Vec<&str> = section.split('.').collect();
    if ["agents", "languages", "transfers", "tools"].contains(&parts[0]) {
        parts[1] = "<name>";
    }
    parts.join(".")
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_')
}
