//! Settings of sessions: overrides for agents, and a thousand invalid values.

use proptest::prelude::*;
use proptest::test_runner::{Config as Cases, RngAlgorithm, TestRng, TestRunner};
use switchboard::service::config::{Config, Profiles, Sources};
use switchboard_actors::money::Usd;
use switchboard_actors::realtime::openai::options::{Effort, ToolChoice};
use switchboard_actors::realtime::openai::plan::{NoiseReduction, TurnDetection};

use crate::{own, problem, profile, refused, with};

#[test]
fn an_agent_may_have_session_options_of_its_own() {
    let config = with(&[
        ("realtime.speed", "1.2"),
        ("realtime.turn_detection.threshold", "0.7"),
        ("agents.default.languages", r#"["en"]"#),
        (
            "agents.sales",
            r#"{ instructions = "Sell.", languages = ["hi"], realtime = { noise_reduction = "off",
                reasoning_effort = "high", tool_choice = "none", turn_detection = { type = "semantic_vad" } } }"#,
        ),
    ]);
    let profiles = Profiles::new(&config, None);
    let (webhook_api, sales) =
        (profiles.get("default", "en").expect("there"), profiles.get("sales", "hi").expect("there"));
    assert_eq!(own(&webhook_api).options.reasoning, None);
    assert!(matches!(own(&webhook_api).turn_detection, TurnDetection::Server { threshold, .. } if threshold == 0.7));
    assert_eq!((own(&sales).speed, own(&sales).noise_reduction), (Some(1.2), None), "what it leaves open is inherited");
    assert_eq!(own(&sales).options.reasoning, Some(Effort::High));
    assert_eq!(own(&sales).options.tool_choice, ToolChoice::None);
    assert!(matches!(own(&sales).turn_detection, TurnDetection::Semantic { .. }), "what was inherited is no choice");
    assert_eq!(own(&webhook_api).noise_reduction, Some(NoiseReduction::NearField));
}

#[test]
fn a_prompt_of_a_language_takes_the_place_of_the_instructions() {
    let config = with(&[("agents.default.prompts", r#"{ hi = "सिर्फ़ संदेश लें।" }"#)]);
    let profiles = Profiles::new(&config, None);
    let hindi = profiles.get("default", "hi").expect("there");
    assert!(hindi.model.common.instructions.starts_with("सिर्फ़ संदेश लें।\n\n# Language: Hindi"));
    assert!(!profiles.get("default", "en").expect("there").model.common.instructions.contains("संदेश"));
    let error = refused(&[("agents.default.languages", r#"["en"]"#), ("agents.default.prompts", r#"{ hi = "x" }"#)]);
    problem(&error, "agents.default.prompts");
}

#[test]
fn a_tool_server_gets_its_secrets_from_the_environment_and_nobody_sees_them() {
    let settings = [
        (
            "mcp.crm",
            r#"{ url = "https://crm.example/mcp", token_env = "CRM_TOKEN", headers = { X-Site = "CRM_SITE" } }"#,
        ),
        ("realtime.mcp", r#"["crm"]"#),
    ];
    let sources = Sources::default().overrides(&settings);
    let known = sources.clone().variables(&[("CRM_TOKEN", "opensesame"), ("CRM_SITE", "b")]);
    let config = Config::from_sources(&known).unwrap_or_else(|error| panic!("{error}"));
    let profile = profile(&config);
    assert_eq!(own(&profile).options.mcp[0].declaration()["authorization"], "opensesame");
    let shown = profile.model.configuration().to_string();
    assert!(shown.contains("crm.example") && !shown.contains("opensesame"), "{shown}");
    let error = Config::from_sources(&sources).expect_err("the variables are not there");
    assert!(problem(&error, "mcp.crm.token_env").message.contains("set CRM_TOKEN"));
    problem(&error, "mcp.crm.headers");
}

#[test]
fn a_model_is_chosen_by_route_then_agent_then_language() {
    let model = |settings: &[(&str, &str)], to: &str| {
        let profiles = Profiles::new(&with(settings), None);
        profiles.for_call(&crate::calls::call("+15550100001", to, &[])).model.model().to_owned()
    };
    let language = ("languages.en.model", "gpt-realtime-2");
    let agent = ("agents.default.model", "gpt-realtime-2.1-mini");
    let route = ("routes", r#"[{ to = "+1555*", model = "gpt-realtime-1.5" }]"#);
    assert_eq!(model(&[], "+15550100002"), "rehearsal");
    assert_eq!(model(&[("realtime.model", "gpt-realtime-2.1")], "+15550100002"), "gpt-realtime-2.1");
    assert_eq!(model(&[language], "+15550100002"), "gpt-realtime-2");
    assert_eq!(model(&[language, agent], "+15550100002"), "gpt-realtime-2.1-mini");
    assert_eq!(model(&[language, agent, route], "+15550100002"), "gpt-realtime-1.5");
    assert_eq!(model(&[language, agent, route], "+44000"), "gpt-realtime-2.1-mini");
}

#[test]
fn an_experiment_takes_its_share_of_callers_and_each_always_meets_the_same() {
    let experiments = r#"[{ name = "cedar", percent = 20, set = { voice = "cedar", realtime = { speed = 1.3 } } },
        { name = "mini", percent = 30, agents = ["default"], set = { model = "gpt-realtime-2.1-mini" } }]"#;
    let sources = Sources::default().variables(&[("SWITCHBOARD_CALLER_SALT", "salt")]);
    let config = Config::from_sources(&sources.overrides(&[("experiments", experiments)]));
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    let (profiles, again) = (Profiles::new(&config, None), Profiles::new(&config, None));
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for caller in 0..2_000 {
        let call = crate::calls::call(&format!("+1555{caller:07}"), "+15550100002", &[]);
        let profile = profiles.for_call(&call);
        assert_eq!(profile.variant, again.for_call(&call).variant, "a restart changes nothing");
        let variant = profile.variant.clone().expect("experiments concern every caller");
        let (voice, model) = (own(&profile).voice.as_str(), profile.model.model());
        match variant.as_str() {
            "cedar" => assert_eq!((voice, own(&profile).speed, model), ("cedar", Some(1.3), "rehearsal")),
            "mini" => assert_eq!((voice, own(&profile).speed, model), ("marin", None, "gpt-realtime-2.1-mini")),
            other => assert_eq!((other, voice, model), ("control", "marin", "rehearsal")),
        }
        *seen.entry(variant).or_default() += 1;
    }
    for (variant, share) in [("cedar", 400), ("mini", 600), ("control", 1_000)] {
        assert!(seen[variant].abs_diff(share) < 100, "{seen:?}");
    }
}

#[test]
fn experiments_are_checked_like_the_agents_they_change() {
    for (experiments, key) in [
        (r#"[{ name = "a", percent = 10, set = { voice = "nobody" } }]"#, "experiments[0].set.voice"),
        (r#"[{ name = "a", percent = 10, set = { colour = "red" } }]"#, "experiments[0].set.colour"),
        (r#"[{ name = "a", percent = 10, set = { realtime = { speed = 9 } } }]"#, "experiments[0].set.realtime.speed"),
        (r#"[{ name = "a", percent = 0, set = {} }]"#, "experiments[0].percent"),
        (r#"[{ name = "control", percent = 5, set = {} }]"#, "experiments[0].name"),
        (r#"[{ name = "a", percent = 5, agents = ["nobody"], set = {} }]"#, "experiments[0].agents"),
        (
            r#"[{ name = "a", percent = 60, set = {} }, { name = "b", percent = 41, set = {} }]"#,
            "experiments[1].percent",
        ),
        (r#"[{ name = "a", percent = 6, set = {} }, { name = "a", percent = 4, set = {} }]"#, "experiments[1].name"),
    ] {
        problem(&refused(&[("experiments", experiments)]), key);
    }
}

#[test]
fn prices_are_those_of_the_reference_and_limits_are_what_is_written() {
    let config = with(&[("spend.call_soft", "0.25"), ("spend.call_hard", "0.5"), ("spend.day_hard", "100")]);
    let spend = &profile(&config).spend;
    assert_eq!(spend.call.hard, Some(Usd::from_dollars(0.5)));
    assert_eq!(config.spend.limits.day.hard, Some(Usd::from_dollars(100.0)));
    let price = spend.prices.of("gpt-realtime-2.1");
    // $32 per million tokens.
    assert_eq!(price.audio_in, Usd::from_billionths(32_000));
    assert_eq!(spend.prices.of("gpt-realtime-2.1-mini").text_cached, Usd::from_billionths(60));
    assert_eq!(spend.prices.of("our-deployment").audio_out, price.audio_out, "the highest price");
    problem(&refused(&[("spend.day_soft", "9"), ("spend.day_hard", "8")]), "spend.day_soft");
}

/// Settings by their keys: an invalid one, and those that make it invalid.
type Setting = Vec<(&'static str, String)>;

/// One invalid setting. The error must name its first key.
fn wrong() -> impl Strategy<Value = Setting> {
    let all = [wrong_speech(), wrong_turns(), wrong_servers()];
    prop::strategy::Union::new(all.into_iter().flatten())
}

/// The model, its voice and its answers.
fn wrong_speech() -> Vec<BoxedStrategy<Setting>> {
    let plain: &[(&str, &str)] = &[("realtime.model", "gpt-realtime-1.5")];
    let efforts: &[&str] = &["minimal", "low", "medium", "high", "xhigh"];
    vec![
        one("realtime.speed", beyond(0.25, 1.5)),
        one("realtime.max_output_tokens", prop_oneof![Just(0u32), 4097..u32::MAX].prop_map(|n| n.to_string()).boxed()),
        one("realtime.retention_ratio", beyond(0.1, 1.0)),
        because(
            "realtime.retention_tokens",
            (1..9_999u32).prop_map(|n| n.to_string()).boxed(),
            &[("realtime.retention_ratio", "auto")],
        ),
        one("realtime.noise_strength", beyond(0.0, 1.0)),
        because(
            "realtime.noise_strength",
            (0.0..1.0f64).prop_map(|n| format!("{n:.3}")).boxed(),
            &[("realtime.noise_reduction", "off")],
        ),
        one("realtime.noise_reduction", text(&["on", "none", "both"])),
        one("realtime.reasoning_effort", text(&["none", "maximal", "LOW", "3"])),
        because("realtime.reasoning_effort", text(efforts), plain),
        because("realtime.parallel_tool_calls", text(&["true", "false"]), plain),
        one("realtime.tool_choice", text(&["required", "any", "end_call"])),
        one("realtime.tool_choices.answer", text(&["auto", "any", "end_call"])),
        one("realtime.tool_choices.notice", text(&["required", "auto"])),
        one("realtime.tracing", text(&["on", "{}", "{ name = \"x\" }", "{ metadata = 1 }"])),
        one("realtime.mcp", text(&["[\"nobody\"]", "crm", "[1]"])),
        one("realtime.voice", "[a-z]{3,9}x".boxed()),
        one("realtime.model", text(&["gpt-4o-realtime-preview", "gpt-audio-1.5", "gpt-4o-mini-realtime-preview"])),
    ]
}

/// The caller's turns and words.
fn wrong_turns() -> Vec<BoxedStrategy<Setting>> {
    let semantic: &[(&str, &str)] = &[("realtime.turn_detection.type", "semantic_vad")];
    let whisper: &[(&str, &str)] = &[("realtime.transcription.model", "whisper-1")];
    vec![
        one("realtime.turn_detection.threshold", beyond(0.0, 1.0)),
        one("realtime.turn_detection.prefix_padding", ms(5_001..60_000)),
        one("realtime.turn_detection.silence_duration", prop_oneof![ms(0..100), ms(10_001..60_000)].boxed()),
        one("realtime.turn_detection.idle_timeout", prop_oneof![ms(0..5_000), ms(30_001..90_000)].boxed()),
        one("realtime.turn_detection.eagerness", text(&["eager", "max", "LOW"])),
        because("realtime.turn_detection.threshold", (0.0..1.0f64).prop_map(|n| format!("{n:.3}")).boxed(), semantic),
        because("realtime.turn_detection.silence_duration", ms(200..9_000), semantic),
        because("realtime.turn_detection.idle_timeout", ms(5_000..30_000), semantic),
        one("realtime.transcription.model", text(&["gpt-realtime-whisper"])),
        because("realtime.transcription.keywords", text(&["[\"Pune\"]"]), whisper),
        because("realtime.transcription.languages", text(&["[\"hi\", \"en\"]"]), whisper),
        one("realtime.transcription.languages", text(&["[\"hindi\"]", "[\"EN\"]", "en"])),
        because(
            "realtime.transcription.prompt",
            "[a-z]{1,9}".boxed(),
            &[("realtime.transcription.model", "gpt-4o-transcribe-diarize")],
        ),
    ]
}

/// Languages and tool servers.
fn wrong_servers() -> Vec<BoxedStrategy<Setting>> {
    vec![
        one("languages.en.transcription_language", "[a-z]{3,5}".boxed()),
        one("mcp.crm.url", text(&["http://crm.example", "crm", "https://u:p@crm.example"])),
        because("mcp.crm.require_approval", text(&["always", "sometimes"]), &[("mcp.crm.url", "https://crm.example")]),
        because("mcp.crm.allowed_tools", text(&["[]", "find"]), &[("mcp.crm.url", "https://crm.example")]),
        because(
            "mcp.crm.token_env",
            text(&["NOT_SET_ANYWHERE", "lower case"]),
            &[("mcp.crm.url", "https://crm.example")],
        ),
    ]
}

/// Any of `words`.
fn text(words: &'static [&'static str]) -> BoxedStrategy<String> {
    prop::sample::select(words).prop_map(str::to_owned).boxed()
}

/// A number outside `low..=high`.
fn beyond(low: f64, high: f64) -> BoxedStrategy<String> {
    let outside = prop_oneof![(high + 0.01)..(high + 50.0), (low - 50.0)..(low - 0.01)];
    outside.prop_map(|number| format!("{number:.3}")).boxed()
}

fn ms(range: std::ops::Range<u32>) -> BoxedStrategy<String> {
    range.prop_map(|ms| format!("{ms}ms")).boxed()
}

/// A setting that is invalid by itself.
fn one(key: &'static str, value: BoxedStrategy<String>) -> BoxedStrategy<Setting> {
    because(key, value, &[])
}

/// A setting that is invalid because of others.
fn because(
    key: &'static str,
    value: BoxedStrategy<String>,
    also: &'static [(&'static str, &'static str)],
) -> BoxedStrategy<Setting> {
    let also = also.iter().map(|(key, value)| (*key, (*value).to_owned()));
    value.prop_map(move |value| [(key, value)].into_iter().chain(also.clone()).collect()).boxed()
}

/// The same settings for a single agent, if agents have them.
fn of_an_agent(settings: &[(&'static str, String)]) -> Option<Vec<(String, String)>> {
    let own = |key: &str| {
        let rest = key.strip_prefix("realtime.")?;
        (!matches!(rest, "voice" | "model")).then(|| format!("agents.default.realtime.{rest}"))
    };
    settings.iter().map(|(key, value)| Some((own(key)?, value.clone()))).collect()
}

#[test]
fn a_thousand_wrong_settings_are_refused_by_name() {
    let cases = 1_000;
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Cases { cases, failure_persistence: None, ..Cases::default() }, random);
    let outcome = runner.run(&wrong(), |settings| {
        let must_name = |settings: &[(String, String)]| {
            let pairs: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
            let error = Config::builtin_with(&pairs).err().ok_or_else(|| TestCaseError::fail("accepted"))?;
            let named = error.problems.iter().find(|problem| problem.key == settings[0].0);
            prop_assert!(named.is_some(), "nothing on {} in: {error}", settings[0].0);
            let message = &named.expect("there").message;
            prop_assert!(message.contains("expected") || message.contains("set "), "no next step: {message}");
            Ok(())
        };
        let owned: Vec<(String, String)> =
            settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
        must_name(&owned)?;
        if let Some(own) = of_an_agent(&settings) {
            must_name(&own)?;
        }
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn what_is_shipped_keeps_the_rules_of_the_server() {
    for profile in Profiles::new(&with(&[]), Some("ws://127.0.0.1:1/v1/realtime")).iter() {
        assert_eq!(profile.model.check(), Ok(()));
    }
}
