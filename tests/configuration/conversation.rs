//! Settings of a conversation after its start: languages, interruptions, keys, questions, tools and
//! recordings.

use std::io::Cursor;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use switchboard::service::config::{Config, ConfigError, Profiles, Sources, plan_notes};
use switchboard_actors::audio::detector::DetectorPlan;
use switchboard_actors::profile::{AnswerKind, Greeting, InterruptionPolicy, KeyAction};
use switchboard_actors::tools::plan::ToolMethod;

use crate::{problem, profile, refused, with};

#[test]
fn a_call_can_go_on_in_every_language_of_its_agent() {
    let config = with(&[("languages.ta.voice", "sage")]);
    let profiles = Profiles::new(&config, None);
    for code in ["en", "hi", "mr", "te", "ta", "ml"] {
        let profile = profiles.get("default", code).expect("the default agent speaks it");
        assert_eq!(profile.languages.len(), 6);
        for (other, language) in profile.languages.iter() {
            let own = profiles.get("default", other).expect("a brief of its own");
            // A switch to a language has the same result as a call that began in it.
            assert_eq!(language.instructions, own.model.common.instructions);
            assert_eq!(language.voice, crate::own(&own).voice);
            assert_eq!(language.transcription, own.model.common.transcription);
            assert_eq!(language.greeting, own.greeting);
            let transcription = language.transcription.as_ref().expect("on by default");
            assert_eq!(transcription.language.as_ref(), Some(other));
            assert!(language.instructions.contains(&format!("Speak only {}.", language.name)));
            assert!(language.instructions.contains("switch_language"));
            assert!(!language.goodbye.is_empty() && !language.apology.is_empty() && !language.filler.is_empty());
            assert_eq!(language.idle_prompt(0), Some(language.idle_prompts[0].as_str()));
            assert_eq!(language.idle_prompt(9), language.idle_prompts.last().map(String::as_str));
        }
        assert_eq!(profile.languages["ta"].voice, "sage");
        assert_eq!(crate::own(&profile).voice, if code == "ta" { "sage" } else { "marin" });
    }
    let alone = profile(&with(&[("agents.default.languages", r#"["hi"]"#)]));
    assert_eq!(alone.languages.keys().collect::<Vec<_>>(), ["hi"]);
    assert!(!alone.model.common.instructions.contains("switch_language"), "there is nothing to switch to");
}

#[test]
fn an_interruption_may_pause_only_where_the_server_leaves_it_to_us() {
    let pause = [("interruption.policy", "pause"), ("interruption.resume_after", "900ms")];
    let error = refused(&pause);
    assert!(problem(&error, "interruption.policy").message.contains("realtime.turn_detection.interrupt_response"));
    let left_to_us = ("realtime.turn_detection.interrupt_response", "false");
    let config = with(&[
        pause[0],
        pause[1],
        left_to_us,
        ("interruption.min_speech", "250ms"),
        ("interruption.greeting_protection", "2s"),
    ]);
    assert_eq!(config.notes, Vec::<String>::new());
    let plan = profile(&config).interruption;
    assert_eq!(plan.policy, InterruptionPolicy::PauseAndConfirm { resume_after: Duration::from_millis(900) });
    assert_eq!((plan.min_speech, plan.greeting_protection), (Duration::from_millis(250), Duration::from_secs(2)));
    let error = refused(&[("interruption.policy", "model")]);
    assert!(problem(&error, "interruption.policy").message.contains("does not listen while it speaks"));
}

#[test]
fn a_model_that_listens_while_it_speaks_decides_by_itself_unless_told_otherwise() {
    let live = ("realtime.rehearsal_protocol", "live");
    let policy = |config: &Config| profile(config).interruption.policy;
    assert_eq!(policy(&with(&[])), InterruptionPolicy::Immediate);
    assert_eq!(policy(&with(&[live])), InterruptionPolicy::Model);
    assert_eq!(policy(&with(&[live, ("interruption.policy", "immediate")])), InterruptionPolicy::Immediate);
}

#[test]
fn a_server_that_always_interrupts_leaves_nothing_to_pause() {
    let read = |settings: &[_]| {
        let all: Vec<_> = [("realtime.provider", "xai")].iter().chain(settings).copied().collect();
        Config::from_sources(&Sources::default().variables(&[("XAI_API_KEY", "xai-1")]).overrides(&all))
    };
    let message = |policy| {
        let error = read(&[("interruption.policy", policy)]).expect_err("it cannot be had");
        problem(&error, "interruption.policy").message.clone()
    };
    let pause = message("pause");
    assert!(pause.contains("\"immediate\"") && !pause.contains("interrupt_response"), "it has no such key: {pause}");
    assert!(message("model").contains("does not listen while it speaks"));
    let config = read(&[("interruption.min_speech", "250ms")]).expect("a key");
    assert_eq!(profile(&config).interruption.policy, InterruptionPolicy::Immediate);
    assert!(config.notes.iter().any(|note| note.contains("has no setting against it")), "{:?}", config.notes);
}

#[test]
fn our_own_detector_of_speech_is_on_unless_it_is_turned_off() {
    let detector = |settings: &[_]| profile(&with(settings)).model.common.detector;
    assert_eq!(detector(&[]), Some(DetectorPlan::default()), "the page says what the detector is judged with");
    assert_eq!(detector(&[("speech_detector.enabled", "false")]), None);
    let slow = [
        ("speech_detector.enabled", "true"),
        ("speech_detector.threshold", "0.8"),
        ("speech_detector.min_speech", "64ms"),
        ("speech_detector.min_silence", "1s"),
    ];
    let (min_speech, min_silence) = (Duration::from_millis(64), Duration::from_secs(1));
    let plan = DetectorPlan { threshold: 0.8, min_speech, min_silence };
    assert_eq!(detector(&slow), Some(plan));
    let second_opinion = |settings: &[_]| profile(&with(settings)).second_opinion;
    assert_eq!(second_opinion(&slow), Some(plan));
    assert_eq!(second_opinion(&[]), None, "it is asked for");
    assert_eq!(second_opinion(&[("speech_detector.enabled", "false")]), None);
}

#[test]
fn a_notice_is_owed_to_callers_of_every_language() {
    let same = with(&[("agents.default.notice", "This call may be recorded.")]);
    let table = with(&[
        ("agents.default.languages", r#"["en", "hi"]"#),
        ("agents.default.notice", r#"{ en = "This call may be recorded.", hi = "यह कॉल रिकॉर्ड की जा सकती है।" }"#),
    ]);
    let notice = |config: &Config, code: &str| {
        Profiles::new(config, None).get("default", code).expect("a language of the agent").notice.clone()
    };
    assert_eq!(notice(&same, "ml").as_deref(), Some("This call may be recorded."));
    assert_eq!(notice(&table, "hi").as_deref(), Some("यह कॉल रिकॉर्ड की जा सकती है।"));
    assert_eq!(notice(&with(&[]), "en"), None);
    let error = refused(&[("agents.default.notice", r#"{ en = "Recorded." }"#)]);
    assert!(problem(&error, "agents.default.notice").message.contains("every language"));
}

#[test]
fn the_no_input_steps_have_their_times_from_the_limits() {
    let settings = [
        ("limits.idle_prompts", r#"["5s", "7s"]"#),
        ("limits.idle_after", "9s"),
        ("limits.longest_without_words", "2m"),
    ];
    let no_input = profile(&with(&settings)).no_input.clone();
    assert_eq!(no_input.before_prompts, [Duration::from_secs(5), Duration::from_secs(7)]);
    assert_eq!(no_input.before_goodbye, Duration::from_secs(9));
    assert_eq!(no_input.longest_without_words, Duration::from_secs(120));
    assert_eq!(profile(&with(&[])).no_input, Default::default());
}

#[test]
fn keys_do_what_the_agent_says() {
    let keys = r##"{ "1" = "transfer sales", "*" = "repeat", "3" = "language hi", "0" = "hang up", "99" = "say  Hello there. ",
        "#" = "repeat" }"##;
    let settings =
        [("agents.default.keypad", keys), ("transfers.sales.number", "+14155550100"), ("keypad.inter_digit", "2s")];
    let keypad = profile(&with(&settings)).keypad.clone();
    assert_eq!((keypad.inter_digit, keypad.terminator), (Duration::from_secs(2), '#'));
    assert_eq!(keypad.actions["1"], KeyAction::Transfer("sales".to_owned()));
    assert_eq!(keypad.actions["*"], KeyAction::Repeat);
    assert_eq!(keypad.actions["3"], KeyAction::Language("hi".to_owned()));
    assert_eq!(keypad.actions["0"], KeyAction::HangUp);
    assert_eq!(keypad.actions["99"], KeyAction::Say("Hello there.".to_owned()));
    assert_eq!(keypad.actions.len(), 6);
    assert_eq!(profile(&with(&[])).keypad, Default::default());
    // A different terminator makes the first one available again.
    with(&[("agents.default.keypad", r##"{ "12#" = "repeat" }"##), ("keypad.terminator", "*")]);
}

#[test]
fn a_wrong_key_is_reported_with_its_line() {
    let text = "[agents.default.keypad]\n\"1\" = \"repeat\"\n\"2\" = \"transfer nowhere\"\n";
    let error = Config::from_sources(&Sources::default().file("my.toml", text)).expect_err("no such transfer");
    assert!(problem(&error, "agents.default.keypad.2").origin.to_string().contains('3'), "{error}");
}

#[test]
fn questions_say_what_they_take_for_an_answer() {
    let questions = r#"[{ key = "order", label = "The order's number", kind = "digits", min_length = 6, max_length = 6 },
        { key = "when", label = "Time of day", choices = ["morning", "evening"] }, { key = "why", label = "The reason" }]"#;
    let tools = ("agents.default.tools", r#"["save_answer"]"#);
    let profile = profile(&with(&[("agents.default.questions", questions), tools]));
    let [order, when, why] = profile.questions.as_slice() else { panic!("three questions") };
    assert_eq!((order.kind, order.validation.length.clone()), (AnswerKind::Digits, 6..=6));
    assert_eq!(when.validation.choices, ["morning", "evening"]);
    assert_eq!((why.kind, why.validation.length.clone()), (AnswerKind::Text, 1..=1000));
    let parameters = &profile.model.common.tools[0].parameters;
    assert_eq!(parameters["required"], serde_json::json!(["key", "value"]));
    assert_eq!(parameters["properties"]["confirmed"]["type"], "boolean");
    let description = &profile.model.common.tools[0].description;
    assert!(description.contains("- order: The order's number (6 digits)"), "{description}");
    assert!(description.contains("- when: Time of day (one of morning, evening)"), "{description}");
    assert!(description.ends_with("- why: The reason"), "{description}");
}

#[test]
fn an_operators_tool_is_offered_to_the_agents_that_list_it() {
    let settings = [
        ("tools.orders.url", "http://10.0.0.5/orders"),
        ("tools.orders.description", "Looks up an order."),
        ("tools.orders.allowed_private", r#"["10.0.0.5"]"#),
        ("tools.orders.headers", r#"{ Authorization = "CRM_AUTHORIZATION" }"#),
        ("tools.weather.url", "https://weather.example.com/"),
        ("tools.weather.description", "Tells the weather."),
        ("tools.weather.method", "GET"),
        ("agents.default.tools", r#"["orders", "end_call"]"#),
    ];
    let sources = Sources::default().overrides(&settings);
    let error = Config::from_sources(&sources).expect_err("the variable is not set");
    let message = &problem(&error, "tools.orders.headers").message;
    assert!(message.contains("CRM_AUTHORIZATION") && message.contains("Authorization"), "{message}");
    assert!(Config::from_sources(&sources.clone().variables(&[("CRM_AUTHORIZATION", "a\nb")])).is_err());

    let config = Config::from_sources(&sources.variables(&[("CRM_AUTHORIZATION", "Bearer hunter2")]));
    let config = config.unwrap_or_else(|error| panic!("{error}"));
    let profile = profile(&config);
    assert_eq!(profile.tools.keys().collect::<Vec<_>>(), ["orders"]);
    assert_eq!(profile.model.common.tools[0], profile.tools["orders"].spec());
    assert_eq!(profile.model.common.tools[1].name, "end_call");
    let tool = &profile.tools["orders"];
    assert_eq!((tool.timeout, tool.max_result, tool.method), (Duration::from_secs(5), 4096, ToolMethod::Post));
    assert!(tool.may_reach(IpAddr::from([10, 0, 0, 5])) && !tool.may_reach(IpAddr::from([10, 0, 0, 6])));
    assert_eq!(tool.headers[0].1.expose(), "Bearer hunter2");
    assert_eq!(config.tools["weather"].method, ToolMethod::Get);
    let shown = format!("{config:?} {profile:?} {} {:?}", config.summary(), config.describe());
    assert!(!shown.contains("hunter2"), "a header's value is shown");
}

#[test]
fn a_recorded_greeting_is_read_once_beside_its_file() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // Stereo at 48 kHz becomes the line's 8 kHz.
    write_wav(&folder.path().join("hello.wav"), 48_000, 2, 2 * 48_000);
    let config = load(folder.path(), "hello.wav", "").unwrap_or_else(|error| panic!("{error}"));
    let profiles = Profiles::new(&config, None);
    let clip = |code: &str| match &profiles.get("default", "en").expect("English").languages[code].greeting {
        Greeting::Clip { text, pcm } => Some((text.clone(), pcm.clone())),
        Greeting::Spoken(_) | Greeting::None => None,
    };
    let (text, pcm) = clip("en").expect("a recording");
    assert!(text.contains("thank you for calling"), "{text}");
    assert!((15_990..=16_010).contains(&pcm.len()), "{}", pcm.len());
    assert!(pcm.iter().any(|sample| sample.unsigned_abs() > 1000));
    assert!(clip("hi").is_none());
    let first = profiles.get("default", "en").expect("English");
    assert!(matches!(&first.greeting, Greeting::Clip { pcm: same, .. } if Arc::ptr_eq(same, &pcm)));
    // An agent with its own greeting does not use the recording of another one.
    let own = load(folder.path(), "hello.wav", "[agents.default]\ngreeting = \"Ahoy!\"\n");
    let own = profile(&own.unwrap_or_else(|error| panic!("{error}")));
    assert!(matches!(&own.greeting, Greeting::Spoken(words) if words.contains("Ahoy!")));
}

#[test]
fn a_recording_that_cannot_be_played_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    write_wav(&folder.path().join("long.wav"), 8_000, 1, 31 * 8_000);
    write_wav(&folder.path().join("empty.wav"), 8_000, 1, 0);
    std::fs::write(folder.path().join("text.wav"), "this is no sound").expect("a writable folder");
    for (name, what) in [
        ("missing.wav", "no file"),
        ("long.wav", "31 s of sound"),
        ("empty.wav", "no sound"),
        ("text.wav", "not a WAV file"),
        (".", "no sound file"),
    ] {
        let error = load(folder.path(), name, "").expect_err("nothing to play");
        let message = &problem(&error, "languages.en.greeting_audio").message;
        assert!(message.contains(what) && message.contains("expected a WAV file of at most 30 s"), "{name}: {message}");
    }
}

fn load(folder: &Path, audio: &str, more: &str) -> Result<Config, ConfigError> {
    let path = folder.join("my.toml");
    let text = format!("{more}[languages.en]\ngreeting_audio = \"{audio}\"\n");
    Config::from_sources(&Sources::default().file(path.to_str().expect("a plain path"), &text))
}

/// Writes a hum of this many samples.
fn write_wav(path: &Path, rate: u32, channels: u16, samples: usize) {
    let spec =
        hound::WavSpec { channels, sample_rate: rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut bytes = Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut bytes, spec).expect("a good format");
    for at in 0..samples {
        for _ in 0..channels {
            let hum = (std::f32::consts::TAU * 200.0 * at as f32 / rate as f32).sin();
            writer.write_sample((hum * 8_000.0) as i16).expect("memory takes it");
        }
    }
    writer.finalize().expect("memory takes it");
    std::fs::write(path, bytes.into_inner()).expect("a writable folder");
}

#[test]
fn the_report_says_who_finds_the_turns() {
    let turns =
        |settings: &[_]| with(settings).summary()["realtime"]["turn_detection"].as_str().unwrap_or("?").to_owned();
    assert!(turns(&[]).starts_with("server_vad, threshold"), "{}", turns(&[]));
    let both = turns(&[("speech_detector.enabled", "true")]);
    assert!(both.starts_with("server_vad") && both.contains("second opinion: ours, threshold 0.9"), "{both}");
    let live = ("realtime.rehearsal_protocol", "live");
    assert_eq!(turns(&[live]), "ours, threshold 0.9, speech 32 ms, silence 600 ms");
    assert_eq!(turns(&[live, ("speech_detector.enabled", "false")]), "by the loudness of the line");
    let gemini = ("realtime.rehearsal_protocol", "gemini");
    assert!(!turns(&[gemini]).starts_with("ours"));
    assert!(turns(&[gemini, ("realtime.turn_detection.detector", "ours")]).starts_with("ours"));
}

#[test]
fn a_fallback_with_which_a_call_cannot_pause_is_noted() {
    let pausing = [
        ("realtime.turn_detection.interrupt_response", "false"),
        ("interruption.policy", "pause"),
        ("realtime.fallbacks", r#"[{ provider = "xai" }]"#),
    ];
    let read = |settings: &[(&str, &str)]| {
        let sources = Sources::default().variables(&[("XAI_API_KEY", "xai-1")]).overrides(settings);
        plan_notes(&Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}")))
    };
    let notes = read(&pausing);
    assert!(notes.iter().any(|it| it.contains("interruption.policy") && it.contains("\"xai\"")), "{notes:?}");
    let notes = read(&pausing[2..]);
    assert!(!notes.iter().any(|it| it.contains("interruption.policy")), "{notes:?}");
}
