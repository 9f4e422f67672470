//! Settings of a call: routes, agents and languages become call profiles.

use std::sync::Arc;

use switchboard::service::config::{Config, Profiles, RouteInput, Sources, plan_problems};
use switchboard_actors::carrier::{AudioFormat, twilio};
use switchboard_actors::line::identity::Direction;
use switchboard_actors::profile::{CallProfile, Greeting};
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::openai::plan::TurnDetection;
use switchboard_actors::realtime::plan::Credential;

use crate::{KEY, own, profile, refused, with};

#[test]
fn every_language_has_a_session_of_its_own() {
    let profiles = Profiles::new(&with(&[]), Some("ws://127.0.0.1:4000/v1/realtime"));
    for code in ["en", "hi", "mr", "te", "ta", "ml"] {
        let config = with(&[]);
        let profile = profiles.get("default", code).expect("the default agent speaks it");
        let plan = &profile.model;
        let own = own(&profile);
        assert_eq!(own.address.endpoint.url, "ws://127.0.0.1:4000/v1/realtime");
        assert_eq!(own.address.endpoint.credential, Credential::None);
        assert_eq!(plan.model(), "rehearsal");
        assert_eq!(own.format, AudioFormat::PCM_24K);
        let (agent, language) = (&config.agents["default"], &config.languages[code]);
        assert!(plan.common.instructions.starts_with(&agent.instructions));
        assert!(plan.common.instructions.ends_with(&language.instructions));
        let transcription = plan.common.transcription.as_ref().expect("on by default");
        assert_eq!(transcription.language.as_deref(), Some(code));
        let Greeting::Spoken(greeting) = &profile.greeting else { panic!("the agent greets") };
        assert!(greeting.contains(&language.greeting) && greeting.contains(&language.name));
        // Instructions and tools together may take 16,384 tokens. In any script, a character takes
        // at most one token.
        assert!(plan.common.instructions.chars().count() < 12_000);
    }
}

#[test]
fn calls_of_one_route_share_one_plan_and_know_their_caller() {
    let profiles = Profiles::new(&with(&[]), None);
    let call = call("+15550100001", "+15550100002", &[]);
    let (one, other) = (profiles.for_call(&call), profiles.for_call(&call));
    assert!(Arc::ptr_eq(&one.model, &other.model));
    assert!(one.caller.is_some() && one.caller == other.caller && one.variant.is_none());
}

#[test]
fn tools_are_offered_in_the_flat_form_when_there_is_something_they_can_do() {
    let names = |profile: &CallProfile| -> Vec<String> {
        profile.model.common.tools.iter().map(|tool| tool.name.clone()).collect()
    };
    let all = r#"["end_call", "transfer_call", "switch_language", "save_answer", "send_dtmf"]"#;
    let plain = profile(&with(&[("agents.default.tools", all), ("agents.default.languages", r#"["en"]"#)]));
    assert_eq!(names(&plain), ["end_call", "save_answer"]);

    let settings = [
        ("agents.default.tools", all),
        ("transfers.sales.number", "+14155550100"),
        ("transfers.sales.description", "Prices and offers"),
        ("transfers.desk.carrier", "true"),
        ("agents.default.questions", r#"[{ key = "email", label = "The e-mail address" }]"#),
    ];
    let full = profile(&with(&settings));
    assert_eq!(names(&full), ["end_call", "transfer_call", "switch_language", "save_answer"]);
    for tool in &full.model.common.tools {
        assert_eq!(tool.parameters["type"], "object");
        let required = tool.parameters["required"].as_array().expect("a list").len();
        let properties = tool.parameters["properties"].as_object().expect("a table");
        // Most models omit optional properties, so all but `confirmed` are required.
        assert_eq!(required, properties.keys().filter(|name| *name != "confirmed").count());
    }
    let sent = full.model.configuration()["session"]["tools"].as_array().expect("a list").clone();
    assert_eq!(sent.len(), 4);
    for tool in &sent {
        assert_eq!(tool["type"], "function");
        assert!(tool.get("function").is_none() && tool.get("strict").is_none());
    }
    let parameter =
        |tool: usize, name: &str| full.model.common.tools[tool].parameters["properties"][name]["enum"].clone();
    assert_eq!(parameter(1, "destination"), serde_json::json!(["desk", "sales"]));
    assert_eq!(parameter(2, "language"), serde_json::json!(["en", "hi", "mr", "te", "ta", "ml"]));
    assert_eq!(parameter(3, "key"), serde_json::json!(["email"]));
    // The model chooses a name; it never sees the number.
    assert!(!format!("{:?}", full.model.common.tools).contains("4155550100"));
}

#[test]
fn a_voice_that_was_chosen_goes_before_one_that_was_shipped() {
    let voice = |settings: &[(&str, &str)]| own(&profile(&with(settings))).voice.clone();
    assert_eq!(voice(&[]), "marin");
    assert_eq!(voice(&[("agents.default.voice", "cedar")]), "cedar");
    assert_eq!(voice(&[("languages.en.voice", "sage")]), "sage");
    assert_eq!(voice(&[("agents.default.voice", "cedar"), ("languages.en.voice", "sage")]), "sage");
}

#[test]
fn an_agent_may_greet_with_words_of_its_own_or_not_at_all() {
    let greeting = |value: &str| profile(&with(&[("agents.default.greeting", value)])).greeting.clone();
    assert_eq!(greeting(""), Greeting::None);
    assert!(matches!(greeting("Ahoy!"), Greeting::Spoken(words) if words.contains("Ahoy!")));
    assert!(matches!(greeting(r#"{ en = "Ahoy!" }"#), Greeting::Spoken(words) if words.contains("Ahoy!")));
    assert!(
        matches!(greeting(r#"{ hi = "सुनिए!" }"#), Greeting::Spoken(words) if words.contains("thank you for calling"))
    );
}

#[test]
fn a_provider_of_another_protocol_gets_its_own_plan_and_refuses_what_it_does_not_know() {
    let config = |settings: &[(&str, &str)]| {
        Config::from_sources(&Sources::default().variables(&[("GEMINI_API_KEY", KEY)]).overrides(settings))
    };
    let plain = config(&[("realtime.provider", "gemini")]).unwrap_or_else(|error| panic!("{error}"));
    let model = profile(&plain).model.clone();
    let ProviderPlan::Gemini(own) = &model.provider else { panic!("{:?}", model.provider) };
    assert!(own.address.endpoint.url.ends_with(".v1beta.GenerativeService.BidiGenerateContent"));
    assert_eq!(own.address.endpoint.credential, Credential::ApiKey(KEY.to_owned().into()));
    assert_eq!((own.address.model.as_str(), own.voice.as_str()), ("gemini-3.8-live", "Kore"));
    assert_eq!(model.check(), Ok(()));
    for (key, value) in [("realtime.speed", "1.2"), ("realtime.audio_format", "g711")] {
        let refused = config(&[("realtime.provider", "gemini"), (key, value)]).expect_err("it knows no such setting");
        let refused = refused.to_string();
        assert!(refused.contains(key) && refused.contains("gemini"), "{refused}");
    }
}

#[test]
fn a_provider_takes_a_model_of_its_own_where_nobody_chose_one() {
    let models = [("openai", "gpt-realtime-2.1"), ("openai_live", "gpt-live-1.1"), ("gemini", "gemini-3.8-live")];
    for (provider, expected) in models {
        let keys = [("GEMINI_API_KEY", KEY), ("OPENAI_API_KEY", KEY)];
        let sources = Sources::default().variables(&keys).overrides(&[("realtime.provider", provider)]);
        let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}"));
        let model = profile(&config).model.clone();
        assert_eq!((model.model(), model.check()), (expected, Ok(())), "{provider}");
    }
}

#[test]
fn a_real_provider_gets_its_address_and_its_key() {
    let plan = |settings: &[(&str, &str)]| {
        let sources = Sources::default().variables(&[("OPENAI_API_KEY", KEY)]).overrides(settings);
        let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}"));
        own(&profile(&config)).clone()
    };
    let openai = plan(&[("realtime.provider", "openai"), ("realtime.audio_format", "g711"), ("realtime.speed", "1.2")]);
    assert_eq!(openai.address.endpoint.url, "wss://api.openai.com/v1/realtime");
    assert_eq!(openai.address.endpoint.credential, Credential::Bearer(KEY.to_owned().into()));
    assert_eq!(openai.address.endpoint.key_variable.as_deref(), Some("OPENAI_API_KEY"));
    assert_eq!((openai.format, openai.speed), (AudioFormat::MULAW_8K, Some(1.2)));
    let url = "wss://firm.openai.azure.com/openai/v1/realtime";
    let azure = plan(&[("realtime.provider", "azure"), ("realtime.url", url), ("realtime.model", "my-deployment")]);
    assert_eq!(azure.address.endpoint.url, url);
    assert_eq!(azure.address.endpoint.credential, Credential::ApiKey(KEY.to_owned().into()));
    assert_eq!(azure.address.model, "my-deployment");
    // A self-hosted server has its own voices and models.
    let settings =
        [("realtime.provider", "openai"), ("realtime.url", "ws://10.0.0.5/v1/realtime"), ("languages.en.voice", "ara")];
    assert_eq!(plan(&settings).voice, "ara");
}

#[test]
fn gpt_live_at_azure_has_deployments_and_one_format() {
    let url = "wss://firm.openai.azure.com/openai/v1/live/sessions";
    let read = |settings: &[(&str, &str)]| {
        let own = [("realtime.provider", "azure_live"), ("realtime.url", url), ("realtime.model", "my-voice")];
        let all: Vec<_> = own.iter().chain(settings).copied().collect();
        Config::from_sources(&Sources::default().variables(&[("OPENAI_API_KEY", KEY)]).overrides(&all))
    };
    let config = read(&[("realtime.backend_model", "my-worker")]).unwrap_or_else(|error| panic!("{error}"));
    let ProviderPlan::OpenAiLive(live) = profile(&config).model.provider.clone() else { panic!("GPT-Live") };
    assert_eq!((live.address.endpoint.url.as_str(), live.address.model.as_str()), (url, "my-voice"));
    assert_eq!(live.address.endpoint.credential, Credential::ApiKey(KEY.to_owned().into()));
    assert_eq!((live.address.provider, live.format), ("azure_live", AudioFormat::PCM_24K));
    let problems = plan_problems(&read(&[]).unwrap_or_else(|error| panic!("{error}")));
    assert!(problems[0].message.contains("backend_model"), "a deployment has to be named: {problems:?}");
    for (key, value) in [("realtime.audio_format", "g711"), ("realtime.url", "wss://x/openai/live/sessions")] {
        let error = read(&[(key, value)]).expect_err(key);
        assert_eq!(error.problems[0].key, key, "{error}");
    }
}

#[test]
fn semantic_turn_detection_has_none_of_the_other_kind() {
    let config =
        with(&[("realtime.turn_detection.type", "semantic_vad"), ("realtime.turn_detection.eagerness", "low")]);
    let expected =
        TurnDetection::Semantic { eagerness: "low".to_owned(), create_response: true, interrupt_response: true };
    assert_eq!(config.realtime.options.turn_detection, expected);
    let error =
        refused(&[("realtime.turn_detection.type", "semantic_vad"), ("realtime.turn_detection.threshold", "0.6")]);
    assert_eq!(error.problems[0].key, "realtime.turn_detection.threshold");
}

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

#[test]
fn a_route_matches_its_number_however_the_carrier_writes_it() {
    let language = |settings: &[(&str, &str)], to: &str| with(settings).route(&call("", to, &[])).language;
    let exact = ("routes", r#"[{ to = "+912250000000", language = "hi" }]"#);
    let open = ("routes", r#"[{ to = "+91225*", language = "hi" }]"#);
    let india = ("numbers.country", "IN");
    for to in ["+912250000000", "912250000000", "00912250000000", "+91 22 5000 0000", "sip:+912250000000@h;user=phone"]
    {
        for route in [exact, open] {
            assert_eq!(language(&[route], to), "hi", "{to}");
            assert_eq!(language(&[route, india], to), "hi", "{to} in India");
        }
    }
    for to in ["02250000000", "2250000000", "(022) 5000-0000"] {
        for route in [exact, open] {
            assert_eq!(language(&[route], to), "en", "{to}: nobody knows of where");
            assert_eq!(language(&[route, india], to), "hi", "{to} in India");
        }
    }
    // Spellings that an operator may use.
    for written in ["02250000000", "2250000000", "022 5000 0000", "0225*", "225*", "9122*", "0091 22*"] {
        let route = format!(r#"[{{ to = "{written}", language = "hi" }}]"#);
        assert_eq!(language(&[("routes", &route), india], "+912250000000"), "hi", "{written}");
        assert_eq!(language(&[("routes", &route), india], "+914450000000"), "en", "{written}");
    }
    let by = |from: &str, pattern: &str| {
        with(&[("routes", &format!(r#"[{{ from = "{pattern}", language = "hi" }}]"#))])
            .route(&call(from, "", &[]))
            .language
    };
    assert_eq!(by("sip:anonymous@anonymous.invalid", "anonymous"), "hi");
    assert_eq!(by("client:alice", "client:*"), "hi");
    assert_eq!(by("sip:alice@PBX.example.com:5061", "sip:alice@pbx.example.com"), "hi");
    assert_eq!(by("+15550100001", "*"), "hi");
    assert_eq!(by("anonymous", "+1*"), "en");
}

#[test]
fn a_number_without_its_country_is_noted_and_a_country_that_is_none_is_refused() {
    let notes = |settings: &[(&str, &str)]| with(settings).notes.join("; ");
    for written in ["02250000000", "022*"] {
        let route = format!(r#"[{{ to = "{written}", language = "hi" }}]"#);
        assert!(notes(&[("routes", &route)]).contains("numbers.country"), "{written}");
        assert!(!notes(&[("routes", &route), ("numbers.country", "in")]).contains("numbers.country"), "{written}");
    }
    for fine in ["+912250000000", "912250000000", "1001", "*", "client:0123456789"] {
        let route = format!(r#"[{{ to = "{fine}", language = "hi" }}]"#);
        assert!(!notes(&[("routes", &route)]).contains("numbers.country"), "{fine}");
    }
    assert!(refused(&[("numbers.country", "India")]).to_string().contains("two letters"));
}

#[test]
fn the_caller_of_an_external_diallers_call_is_the_one_who_was_called() {
    let profiles = Profiles::new(&with(&[]), None);
    let called = |to: &str| {
        let call = RouteInput { direction: Direction::Outbound, ..call("+15550100002", to, &[]) };
        profiles.for_call(&call).caller.clone()
    };
    let (one, other) = (called("+15550177001"), called("+15550177002"));
    assert!(one.is_some() && one != other);
    assert_eq!(called("15550177001"), one);
    assert_eq!(profiles.for_call(&call("+15550177001", "+15550100002", &[])).caller, one, "whoever called whom");
    assert_eq!(profiles.for_call(&call("sip:anonymous@192.0.2.7", "+15550100002", &[])).caller, None);
}

pub(crate) fn call(from: &str, to: &str, parameters: &[(&str, &str)]) -> RouteInput {
    RouteInput {
        carrier: twilio::CARRIER,
        direction: Direction::Inbound,
        from: from.to_owned().into(),
        to: to.to_owned().into(),
        parameters: parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    }
}

#[test]
fn a_fallback_is_a_plan_of_its_own_provider() {
    let fallbacks = r#"[{ provider = "rehearsal" }, { provider = "azure", model = "mine", voice = "cedar",
        url = "wss://firm.openai.azure.com/openai/v1/realtime" }]"#;
    let load = |more: &[(&str, &str)]| {
        let settings = [&[("realtime.provider", "openai"), ("realtime.fallbacks", fallbacks)], more].concat();
        Config::from_sources(&Sources::default().variables(&[("OPENAI_API_KEY", KEY)]).overrides(&settings))
    };
    let config = load(&[]).unwrap_or_else(|error| panic!("{error}"));
    assert!(config.realtime.needs_embedded());
    let embedded = "ws://127.0.0.1:7/v1/realtime";
    let plan = Profiles::new(&config, Some(embedded)).get("default", "en").expect("a profile").model.clone();
    let [first, second, third] = plan.addresses().try_into().expect("three candidates");
    assert_eq!(first.endpoint.url, "wss://api.openai.com/v1/realtime");
    assert_eq!((second.endpoint.url.as_str(), second.model.as_str()), (embedded, "rehearsal"));
    assert_eq!((second.endpoint.credential, second.endpoint.key_variable), (Credential::None, None));
    assert_eq!((third.endpoint.credential, third.model.as_str()), (Credential::ApiKey(KEY.to_owned().into()), "mine"));
    let outside = [("server.public_url", "https://voice.example.com"), ("twilio.verify", "off")];
    let refused = load(&outside).expect_err("callers would hear it");
    assert!(refused.problems.iter().any(|it| it.key == "realtime.fallbacks[0].provider"), "{refused}");
}

#[test]
fn a_model_that_will_be_shut_down_is_reported_wherever_it_stands() {
    let shut = "gpt-realtime-mini is shut down on 2027-01-20; gpt-realtime-2.1-mini takes its place";
    let fallback = r#"[{ model = "gpt-realtime-mini" }]"#;
    for (key, value, note) in [
        ("realtime.model", "gpt-realtime-mini", "realtime.model"),
        ("realtime.fallback_models", r#"["gpt-realtime-mini"]"#, "realtime.fallback_models"),
        ("realtime.fallbacks", fallback, "realtime.fallbacks[0].model"),
        ("agents.default.model", "gpt-realtime-mini", "agents.default.model"),
        ("languages.hi.model", "gpt-realtime-mini", "languages.hi.model"),
    ] {
        let notes = with(&[(key, value)]).notes;
        assert!(notes.contains(&format!("{note}: {shut}")), "{key}: {notes:?}");
    }
}
