//! The model behind a full-duplex voice, the tool that does its work, and the key of a server.

use std::sync::Arc;

use switchboard::service::config::{Config, ConfigError, Profiles, Sources, plan_notes};
use switchboard_actors::profile::CallProfile;
use switchboard_actors::realtime::conversation::ProviderPlan;
use switchboard_actors::realtime::openai_live::plan::{Delegation, OpenAiLivePlan};
use switchboard_actors::realtime::plan::Credential;

use crate::{KEY, problem, refused};

const TOOL: &str = r#"{ description = "Looks things up.", url = "https://crm.example/look", method = "POST" }"#;

fn live(settings: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let first = [("realtime.provider", "openai_live")];
    let settings: Vec<_> = first.into_iter().chain(settings.iter().copied()).collect();
    Config::from_sources(&Sources::default().variables(&[("OPENAI_API_KEY", KEY)]).overrides(&settings))
}

fn config(settings: &[(&str, &str)]) -> Config {
    live(settings).unwrap_or_else(|error| panic!("{error}"))
}

fn profile(config: &Config, language: &str) -> Arc<CallProfile> {
    Profiles::new(config, None).get("default", language).expect("a language that the agent speaks")
}

fn plan(profile: &CallProfile) -> &OpenAiLivePlan {
    let ProviderPlan::OpenAiLive(plan) = &profile.model.provider else { panic!("another provider") };
    plan
}

#[test]
fn the_model_behind_the_voice_is_the_chosen_one() {
    let model = |config: &Config| {
        let profile = profile(config, "en");
        assert_eq!(profile.model.check(), Ok(()));
        let Delegation::Responses(backend) = &plan(&profile).delegation else { panic!("a model does the work") };
        backend.model.clone()
    };
    assert_eq!(model(&config(&[])), "gpt-5.6-luna");
    assert_eq!(model(&config(&[("realtime.backend_model", "gpt-5.6-terra")])), "gpt-5.6-terra");
    let own = ("agents.default.realtime", r#"{ backend_model = "gpt-6" }"#);
    assert_eq!(model(&config(&[("realtime.backend_model", "gpt-5.6-terra"), own])), "gpt-6");
}

#[test]
fn sessions_that_run_by_audio_are_noted_as_not_waiting() {
    let notes = |settings: &[(&str, &str)]| {
        let noted = plan_notes(&config(settings)).into_iter().filter(|note| !note.starts_with("clips:"));
        noted.collect::<Vec<_>>().join("; ")
    };
    let warm = ("realtime.warm_sessions", "2");
    assert!(notes(&[warm]).starts_with("realtime.warm_sessions: has no effect with \"openai_live\""));
    assert_eq!(notes(&[]), "");
    let other = ("realtime.fallbacks", r#"[{ provider = "openai" }]"#);
    assert_eq!(notes(&[warm, other]), "", "the fallback's sessions wait");
}

#[test]
fn voice_and_backend_have_a_prompt_each_in_every_language() {
    let plain = profile(&config(&[]), "en");
    assert_eq!(plain.model.common.backend, None, "both are told the same");
    let both = config(&[
        ("agents.default.backend_instructions", "Use order_status for orders."),
        ("languages.hi.backend_instructions", "Write Hindi in Devanagari."),
    ]);
    let english = profile(&both, "en");
    let backend = english.model.common.backend.clone().expect("a prompt of its own");
    assert!(backend.starts_with("Use order_status for orders.\n\n# Language: English\n\n"), "{backend}");
    assert!(backend.contains("Speak only English"), "what is left out is as for the voice: {backend}");
    assert!(!english.model.common.instructions.contains("order_status"));
    let hindi = &english.languages["hi"];
    let backend = hindi.backend.clone().expect("a prompt of its own");
    assert!(backend.ends_with("Write Hindi in Devanagari.") && !backend.contains("Speak only Hindi"), "{backend}");
    assert!(hindi.instructions.contains("Speak only Hindi"));
    let one = config(&[("agents.default.backend_instructions", r#"{ hi = "सिर्फ़ ऑर्डर।" }"#)]);
    let english = profile(&one, "en");
    assert_eq!(english.model.common.backend, None);
    assert!(english.languages["hi"].backend.as_ref().is_some_and(|text| text.starts_with("सिर्फ़ ऑर्डर।")));
    let error =
        live(&[("agents.default.languages", r#"["en"]"#), ("agents.default.backend_instructions", r#"{ hi = "x" }"#)]);
    problem(&error.expect_err("it speaks no Hindi"), "agents.default.backend_instructions");
}

#[test]
fn with_client_one_tool_of_ours_does_the_work() {
    let tool = |config: &Config| {
        let Delegation::Client { tool } = plan(&profile(config, "en")).delegation.clone() else { panic!("a model") };
        tool
    };
    let client = ("realtime.delegation", "client");
    let tools = ("agents.default.tools", r#"["end_call", "look_up"]"#);
    let one = config(&[client, tools, ("tools.look_up", TOOL)]);
    assert_eq!(tool(&one).as_deref(), Some("look_up"), "the only one that an operator has added");
    let both = ("agents.default.tools", r#"["look_up", "look_out"]"#);
    let two = [client, both, ("tools.look_up", TOOL), ("tools.look_out", TOOL)];
    let unclear = config(&two);
    assert_eq!(tool(&unclear), None);
    assert!(unclear.notes.iter().any(|note| note.contains("name the one in delegation_tool")), "{:?}", unclear.notes);
    let named = config(&[&two[..], &[("realtime.delegation_tool", "look_out")]].concat());
    assert_eq!(tool(&named).as_deref(), Some("look_out"));
    assert!(!named.notes.iter().any(|note| note.contains("delegation_tool")), "{:?}", named.notes);
    let absent = live(&[client, tools, ("tools.look_up", TOOL), ("realtime.delegation_tool", "look_out")]);
    let error = absent.map(|config| switchboard::service::config::plan_problems(&config));
    let problems = error.unwrap_or_else(|error| panic!("{error}"));
    assert!(problems.iter().any(|problem| problem.message.contains("delegation_tool: `look_out`")), "{problems:?}");
}

#[test]
fn settings_that_do_not_fit_are_refused_by_name() {
    for (settings, key) in [
        (&[("realtime.delegation", "server")][..], "realtime.delegation"),
        (&[("realtime.delegation_tool", "look_up")], "realtime.delegation_tool"),
        (&[("realtime.delegation", "client"), ("realtime.backend_model", "gpt-6")], "realtime.backend_model"),
        (&[("agents.default.backend_instructions", "")], "agents.default.backend_instructions"),
        (&[("realtime.key_env", "sk-not-a-name")], "realtime.key_env"),
        (&[("realtime.key_env", "NOT_THERE")], "realtime.key_env"),
    ] {
        problem(&live(settings).expect_err(key), key);
    }
    for (key, value) in [
        ("realtime.delegation", "client"),
        ("realtime.backend_model", "gpt-6"),
        ("agents.default.backend_instructions", "Look things up."),
        ("languages.hi.backend_instructions", "Hindi."),
        ("realtime.key_env", "OPENAI_API_KEY"),
    ] {
        let error = refused(&[(key, value)]);
        let message = &problem(&error, key).message;
        assert!(message.contains("\"rehearsal\""), "{message}");
    }
}

#[test]
fn a_prompt_that_only_a_fallback_reads_is_kept() {
    let settings = [
        ("realtime.provider", "openai"),
        ("realtime.fallbacks", r#"[{ provider = "openai_live" }]"#),
        ("agents.default.backend_instructions", "Look things up."),
    ];
    let sources = Sources::default().variables(&[("OPENAI_API_KEY", KEY)]).overrides(&settings);
    let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}"));
    assert!(profile(&config, "en").model.common.backend.is_some());
}

#[test]
fn the_key_of_the_first_server_is_in_the_variable_that_key_env_names() {
    let keys = [("SPARE_KEY", "sk-spare"), ("OPENAI_API_KEY", KEY)];
    let credential = |keys: &[(&str, &str)], settings: &[(&str, &str)]| {
        let sources = Sources::default().variables(keys).overrides(settings);
        let config = Config::from_sources(&sources).unwrap_or_else(|error| panic!("{error}"));
        let addresses = profile(&config, "en").model.addresses();
        addresses.into_iter().map(|it| (it.endpoint.credential, it.endpoint.key_variable)).collect::<Vec<_>>()
    };
    let settings = [("realtime.provider", "openai_live"), ("realtime.key_env", "SPARE_KEY")];
    let spare = (Credential::Bearer("sk-spare".to_owned().into()), Some("SPARE_KEY".to_owned()));
    assert_eq!(credential(&keys, &settings), std::slice::from_ref(&spare));
    assert_eq!(credential(&keys[..1], &settings), std::slice::from_ref(&spare), "its own variable is not needed");
    let fallback = [settings[0], settings[1], ("realtime.fallbacks", r#"[{ model = "gpt-live-1" }]"#)];
    let own = (Credential::Bearer(KEY.to_owned().into()), Some("OPENAI_API_KEY".to_owned()));
    assert_eq!(credential(&keys, &fallback), [spare.clone(), own]);
    assert_eq!(credential(&keys[..1], &fallback), [spare.clone(), spare]);
}
