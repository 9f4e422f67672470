//! Values that are refused, by key.

use switchboard::service::config::{Config, ConfigError, Problem, Sources};

use crate::{problem, refused, with};

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

#[test]
fn an_address_is_refused_for_what_is_wrong_with_it() {
    for (address, lacks) in [
        ("http://10.0.0.7", "begins with redis://"),
        ("redis://:pa55word@h:99999", "port is a number up to 65535"),
        ("redis://10.0.0.7:port/0", "port is a number up to 65535"),
        ("redis:///0", "a host behind its `://`"),
        ("redis://[::1/0", "host is a name or an IP address"),
        ("redis://user@10.0.0.7", "without a user and a password"),
        ("redis://10.0.0.7/0#x", "without a `#` part"),
        ("redis://10.0.0.7/orders", "path is the number of a database"),
        ("redis://10.0.0.7/0/1", "path is the number of a database"),
    ] {
        let error = Config::builtin_with(&[("delivery.redis_url", address)]).expect_err(address);
        let message = &problem(&error, "delivery.redis_url").message;
        assert!(message.contains(lacks) && !message.contains("pa55word"), "{address}: {message}");
    }
    for address in ["redis://10.0.0.7", "redis://[::1]:6379/", "redis://cache.internal/15"] {
        with(&[("delivery.redis_url", address), ("delivery.backend", "redis")]);
    }
}

#[test]
fn what_this_version_does_not_do_is_said_and_stops_nothing() {
    for (settings, note) in [
        ([("agents.default.tools", r#"["send_dtmf"]"#)].as_slice(), "agents.default.tools: send_dtmf"),
        (&[("interruption.min_speech", "200ms")], "interruption.min_speech"),
        (&[("interruption.greeting_protection", "1s")], "interruption.greeting_protection"),
        (&[("agents.default.notice", "This call may be recorded.")], "agents.default.notice"),
        (&[("waybeo.enabled", "true")], "waybeo.enabled"),
        (&[("tools.crm.url", "http://crm.example.com"), ("tools.crm.description", "x")], "tools.crm.url"),
        (
            &[("webhooks.endpoints", r#"[{ name = "a", url = "http://crm.in/", payload = "singleinterface_v2" }]"#)],
            "webhooks.endpoints[0].url",
        ),
        (&[("realtime.model", "gpt-realtime")], "realtime.model: gpt-realtime is shut down"),
        (&[("realtime.transcription.model", "whisper-1")], "realtime.transcription.model"),
        (&[("realtime.turn_detection.create_response", "false")], "realtime.turn_detection.create_response"),
        (&[("routes", r#"[{ agent = "default" }, { from = "+1*", language = "hi" }]"#)], "routes[0]"),
        (&[("agents.default.questions", r#"[{ key = "a", label = "b" }]"#)], "agents.default.questions"),
    ] {
        let notes = with(settings).notes;
        assert!(notes.iter().any(|found| found.starts_with(note)), "{note} is not in {notes:?}");
    }
}

/// Values of the right type that are still invalid.
const WRONG: &[(&str, &[&str])] = &[
    ("server.bind", &["localhost:8080", "127.0.0.1", "8080", "", "127.0.0.1:70000"]),
    (
        "server.public_url",
        &["voice.example.com", "ftp://x", "https://", "https://me:pass@x.com", "https://x/#a", "http://127.0.0.1/?a=b"],
    ),
    ("server.workers", &["0", "-1", "many", "1.5"]),
    ("server.max_calls", &["0", "-1", "100001", "1e3"]),
    ("server.drain_timeout", &["30", "-1s", "25h", "soon"]),
    ("server.overload", &["on", "true", ""]),
    ("server.watch", &["10", "0s", "2h", "on"]),
    ("admin.bind", &["0.0.0.0:9090", "[::]:9090", "127.0.0.1:8080"]),
    ("twilio.verify", &["yes", "true", "require", "OFF"]),
    ("twilio.api_url", &["api.twilio.com", "wss://api.twilio.com"]),
    ("twilio.token_lifetime", &["0s", "60", "1h"]),
    ("twilio.playout_lead", &["0ms", "10s"]),
    ("waybeo.enabled", &["1", "yes"]),
    ("signalwire.enabled", &["1", "yes"]),
    ("signalwire.token_lifetime", &["0s", "60", "1h"]),
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
    ("realtime.tool_choices.keypad", &["auto", "end_call"]),
    ("realtime.tool_choices.goodbye", &["required"]),
    ("realtime.warm_sessions", &["-1", "17", "many"]),
    ("realtime.warm_max_age", &["1s", "1h"]),
    ("realtime.ping_timeout", &["100ms", "30s"]),
    ("realtime.turn_detection.detector", &["auto", "own", ""]),
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
    ("languages.en.filler", &["", "[1]"]),
    ("languages.en.greeting_audio", &["/nowhere/greeting.wav", "/", "Cargo.toml"]),
    ("interruption.min_speech", &["200", "-1ms", "6s"]),
    ("interruption.greeting_protection", &["2m", "1"]),
    ("interruption.policy", &["resume", "Pause", "", "pause"]),
    ("interruption.resume_after", &["0ms", "1m", "700"]),
    ("speech_detector.enabled", &["yes", "on", ""]),
    ("speech_detector.threshold", &["0.4", "1", "high"]),
    ("speech_detector.min_speech", &["0ms", "2s", "32"]),
    ("speech_detector.min_silence", &["100ms", "6s", "600"]),
    ("keypad.inter_digit", &["0s", "1500", "1m"]),
    ("keypad.terminator", &["", "5", "##"]),
    ("agents.default.notice", &["", "{ fr = \"Bonjour\" }", "{ en = \"Hello\" }"]),
    ("agents.default.keypad", &["repeat", "[1]"]),
    (
        "agents.default.keypad.1",
        &["", "jump", "transfer", "transfer nowhere", "language fr", "language", "say", "hang"],
    ),
    ("agents.default.keypad.a", &["repeat"]),
    ("agents.default.keypad.1#", &["repeat"]),
    ("transfers.sales.number", &["911", "4155550100", "+0123456789", "+1 415 555 0100", "sip:x"]),
    ("transfers.sales.sip", &["sales@pbx", "sip:", "sip:a b"]),
    ("transfers.sales.hours", &["always", "mon-fri 9-5", "[\"mon 09:00-10:00\"]"]),
    ("transfers.sales.timeout", &["1s", "1h"]),
    ("tools.orders.url", &["orders", "ftp://x"]),
    ("tools.orders.method", &["post", "FETCH", "DELETE"]),
    ("tools.orders.timeout", &["5", "1ms", "2m"]),
    ("tools.orders.headers", &["{ Authorization = \"Bearer abc\" }", "{ Authorization = \"NOT_SET_ANYWHERE\" }"]),
    ("tools.orders.allowed_private", &["10.0.0.5", "[\"10.0.0.0/8\"]", "[\"crm.internal\"]"]),
    ("tools.orders.max_result", &["16", "16KB", "1B", "99999999999999999999MiB", "100MiB"]),
    ("records.dir", &["", " "]),
    ("webhooks.retry.initial", &["1ms", "2h"]),
    ("webhooks.keep", &["1s", "7"]),
    ("delivery.backend", &["disk", "Redis"]),
    ("delivery.redis_url", &["10.0.0.7", "http://10.0.0.7", "redis://:secret@10.0.0.7"]),
    ("cluster.backend", &["files", "Redis", "on", "redis"]),
    ("cluster.url", &["10.0.0.7", "http://10.0.0.7", "redis://:secret@10.0.0.7"]),
    ("cluster.node", &["", "a/b", "..", "a b", "\u{e4}"]),
    ("cluster.advertise", &["10.0.0.7:9090", "redis://10.0.0.7", ""]),
    ("limits.calls_per_caller", &["0", "-1", "none"]),
    ("limits.max_call_duration", &["5s", "2days", "1800"]),
    ("limits.idle_prompts", &["[\"1s\"]", "10s", "[\"5s\",\"5s\",\"5s\",\"5s\",\"5s\",\"5s\"]"]),
    ("limits.idle_after", &["1s", "10", "1h"]),
    ("limits.longest_without_words", &["5s", "2h", "180"]),
    ("limits.model_answer", &["3s", "12", "3m"]),
    ("limits.late_answer", &["100ms", "5", "3m"]),
    ("limits.max_message", &["65536", "1KiB", "1GiB", "64kb"]),
    ("limits.sockets_per_address", &["0"]),
];

/// Settings, each valid by itself, that lead nowhere or contradict each other; and the key that the
/// problem names.
const ASTRAY: &[(&[(&str, &str)], &str)] = &[
    (&[("routes", r#"[{ agent = "defalt" }]"#)], "routes[0].agent"),
    (&[("routes", r#"[{ to = "+1*" }]"#)], "routes[0].agent"),
    (&[("limits.on_model_loss", "transfer nobody")], "limits.on_model_loss"),
    (&[("limits.on_model_loss", "pray")], "limits.on_model_loss"),
    (&[("realtime.fallbacks", "[{}]")], "realtime.fallbacks[0]"),
    (&[("realtime.fallbacks", r#"[{ key_env = "sk-123" , provider = "openai" }]"#)], "realtime.fallbacks[0].key_env"),
    (&[("realtime.fallbacks", r#"[{ provider = "azure" }]"#)], "realtime.fallbacks[0].url"),
    (&[("routes", r#"[{ language = "fr" }]"#)], "routes[0].language"),
    (&[("routes", r#"[{ to = "+1*2", agent = "default" }]"#)], "routes[0].to"),
    (&[("routes", r#"[{ carrier = "pigeon", agent = "default" }]"#)], "routes[0].carrier"),
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
    (&[("webhooks.endpoints", r#"[{ name = "a", url = "https://x" }]"#)], "webhooks.endpoints[0].secret_env"),
    (
        &[("webhooks.endpoints", r#"[{ name = "a", url = "https://x", payload = "waybeo_data_record" }]"#)],
        "webhooks.endpoints[0].bearer_env",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2", headers = { X-API-Key = "hunter2" } }]"#,
        )],
        "webhooks.endpoints[0].headers",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2", headers = { X-API-Key = "NOT_SET" } }]"#,
        )],
        "webhooks.endpoints[0].headers",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2", headers = { Host = "HOST" } }]"#,
        )],
        "webhooks.endpoints[0].headers",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2", headers = { Content-Length = "HOST" } }]"#,
        )],
        "webhooks.endpoints[0].headers",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2", headers = { webhook-signature = "HOST" } }]"#,
        )],
        "webhooks.endpoints[0].headers",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2", headers = { "X API" = "HOST" } }]"#,
        )],
        "webhooks.endpoints[0].headers",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2", events = ["call.ended"] }]"#,
        )],
        "webhooks.endpoints[0].events",
    ),
    (
        &[("webhooks.endpoints", r#"[{ name = "a", url = "http://10.0.0.5/", payload = "singleinterface_v2" }]"#)],
        "webhooks.endpoints[0].url",
    ),
    (
        &[(
            "webhooks.endpoints",
            r#"[{ name = "a", url = "https://x", payload = "singleinterface_v2" }, { name = "a", url = "https://y", payload = "singleinterface_v2" }]"#,
        )],
        "webhooks.endpoints",
    ),
    (&[("agents.default.questions", r#"[{ key = "E Mail", label = "x" }]"#)], "agents.default.questions[0].key"),
    (
        &[("agents.default.questions", r#"[{ key = "a", label = "x", kind = "number", choices = ["1"] }]"#)],
        "agents.default.questions[0].choices",
    ),
    (
        &[("agents.default.questions", r#"[{ key = "a", label = "x", min_length = 6, max_length = 4 }]"#)],
        "agents.default.questions[0].min_length",
    ),
    (&[("tools.crm.url", "http://10.0.0.5/"), ("tools.crm.description", "x")], "tools.crm.url"),
    (
        &[
            ("tools.crm.url", "https://x"),
            ("tools.crm.description", "x"),
            ("tools.crm.parameters", r#"{ type = "object", properties = { a = { type = "nonsense" } } }"#),
        ],
        "tools.crm.parameters",
    ),
    (
        &[
            ("tools.crm.url", "https://x"),
            ("tools.crm.description", "x"),
            ("tools.crm.parameters", r#"{ type = "string" }"#),
        ],
        "tools.crm.parameters",
    ),
    (
        &[("agents.default.questions", r#"[{ key = "a", label = "x" }, { key = "a", label = "y" }]"#)],
        "agents.default.questions",
    ),
];

#[test]
fn names_must_exist_and_be_valid_in_every_place() {
    for (settings, key) in ASTRAY {
        problem(&refused(settings), key);
    }
    let message = problem(&refused(&[("routes", r#"[{ agent = "defalt" }]"#)]), "routes[0].agent").message.clone();
    assert!(message.contains("the nearest known one is \"default\""), "{message}");
    for (settings, key, added) in [
        (("routes", r#"[{ agent = "sales" }]"#), "routes[0].agent", "or add [agents.sales]"),
        (("routes", r#"[{ language = "kn" }]"#), "routes[0].language", "or add [languages.kn]"),
        (("agents.default.tools", r#"["book"]"#), "agents.default.tools", "or add [tools.book]"),
    ] {
        let message = problem(&refused(&[settings]), key).message.clone();
        assert!(!message.contains("nearest") && message.contains(added), "{message}");
    }
}

#[test]
fn a_message_says_what_is_taken_and_its_example_is() {
    let message = |key: &str, value: &str| problem(&refused(&[(key, value)]), key).message.clone();
    assert!(message("records.retention.queue_age", "1s").contains("from 1m to 36500days"));
    assert!(message("records.retention.queue_age", "1s").contains("unit: \"1m\""));
    assert!(message("limits.max_call_duration", "1s").contains("from 10s to 1day"));
    assert!(message("limits.idle_prompts", "10s").contains(r#"["30s", "30s"]"#));
    assert!(message("realtime.created_timeout", "90").contains("from 100ms to 1m"));
    assert!(message("spend.day_hard", "0.0001").contains("from 0.001 to 1000000.0"));
}

#[test]
fn a_file_that_is_no_toml_is_reported_once() {
    for text in ["[server\nbind = \"127.0.0.1:8080\"\n", "[server]\nbind = \"127.0.0.1:8080\nmax_calls = 3\n"] {
        let error = Config::from_sources(&Sources::default().file("my.toml", text)).expect_err("no TOML");
        assert!(error.problems.iter().all(|problem| problem.message.starts_with("not TOML")), "{error}");
        assert_eq!(error.problems.len(), 1, "{error}");
    }
}

/// Checks that the file is refused and that a problem names this key or one inside it.
fn must_refuse(text: &str, name: &str) -> ConfigError {
    let error = Config::from_sources(&Sources::default().file("my.toml", text)).err();
    let error = error.unwrap_or_else(|| panic!("accepted:\n{text}"));
    let named = |problem: &&Problem| problem.key.starts_with(name);
    assert!(error.problems.iter().any(|problem| named(&problem)), "nothing on {name} in: {error}\n{text}");
    error
}

/// How a known key is written in a file: the text before it, and its name in messages.
fn placed(key: &str) -> (String, String) {
    let names = [
        ("agents", "default"),
        ("languages", "en"),
        ("transfers", "desk"),
        ("tools", "orders"),
        ("mcp", "crm"),
        ("prices", "m"),
    ];
    let concrete = names.iter().fold(key.to_owned(), |key, (section, name)| {
        key.replace(&format!("{section}.<name>"), &format!("{section}.{name}"))
    });
    let (section, leaf) = concrete.rsplit_once('.').unwrap_or(("", &concrete));
    match section {
        "" => (String::new(), leaf.to_owned()),
        "routes"
        | "experiments"
        | "webhooks.endpoints"
        | "agents.default.questions"
        | "realtime.fallbacks"
        | "admin.tokens" => (format!("[[{section}]]\n"), format!("{section}[0].{leaf}")),
        section => (format!("[{section}]\n"), format!("{section}.{leaf}")),
    }
}
